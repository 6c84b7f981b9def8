"""Next steps have the operator's own names, and are told one by one."""

from pathlib import Path

import pytest

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.config.service import Service
from redis_runbook.redact import KNOWN
from redis_runbook.session.next_steps import named, steps_in, steps_of
from redis_runbook.session.subjects import Subject
from redis_runbook.wire.endpoint import Endpoint
from tests.support.loading import config_of
from tests.support.places import CHECKS

BY_COMPOSE = """
[containers.queue]
service = "queue"
project = "docugen"
compose_service = "redis-q"
[containers.worker]
kind = "worker"
service = "queue"
project = "docugen"
compose_service = "worker"
[containers.other]
kind = "worker"
service = "queue"
container = "worker-2"
[containers.exporter]
kind = "exporter"
container = "the exporter"
[containers.off]
enabled = false
kind = "worker"
service = "queue"
container = "worker-3"
[containers.cache]
service = "cache"
container = "cache-1"
[containers.of-cache]
kind = "worker"
service = "cache"
container = "worker-4"
"""
TWO = "".join(
    f'[containers.{name}]\nkind = "worker"\nservice = "queue"\ncontainer = "{name}"\n'
    for name in ("a", "b")
)
OTHER = "".join(
    f'[containers.{name}]\nkind = "worker"\nservice = "queue"\nproject = "of-{name}"\n'
    f'compose_service = "{name}"\n'
    for name in ("one", "two")
)
FOREIGN = '[containers.e]\nkind = "exporter"\nservice = "cache"\ncontainer = "e"\n'
OWN = '[operator]\ncompose = "pnpm compose:"\n'


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(step: str, text: str = "", check: str = "memory.used_ratio", name: str = "queue") -> str:
    """A step about the service queue, as a finding has it."""
    config = config_of(text)
    service = Service(name="queue", settings=config.services["queue"], endpoint=None)
    queue = name if check.startswith("queue.") else None
    subject = Subject(name=name, service=service, queue=queue, configured_as=queue or "")
    (step,) = named([step], CATALOGUE[check], subject, config)
    return step


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("`docker compose restart SERVICE`", "", "`docker compose restart redis-queue`"),
        ("`docker compose restart SERVICE`", BY_COMPOSE,
         "`docker compose -p docugen restart redis-q`"),
        ("`docker compose restart SERVICE`", OWN, "`pnpm compose:restart redis-queue`"),
        ("`docker compose ps SERVICE`", OWN + BY_COMPOSE, "`pnpm compose:ps redis-q`"),
        ("`docker compose ps SERVICE`", '[operator]\ncompose = "podman-compose"\n',
         "`podman-compose ps redis-queue`"),
        ("`docker compose logs EXPORTER`", "", "`docker compose logs redis-exporter`"),
        ("`docker compose logs EXPORTER`", BY_COMPOSE, "`docker logs 'the exporter'`"),
        ("`docker compose ps WORKERS`", "", "`docker compose ps`"),
        ("`docker compose restart WORKERS`", "", "`docker compose restart WORKERS`"),
        ("`docker compose up -d WORKERS`", OWN, "`pnpm compose:up -d WORKERS`"),
        ("`docker compose ps WORKERS`", BY_COMPOSE,
         "`docker compose -p docugen ps worker`, `docker inspect worker-2`"),
        ("`docker compose logs WORKERS`", TWO, "`docker logs a`, `docker logs b`"),
        ("`docker compose ps WORKERS`", OTHER, "`docker compose ps one two`"),
        ("`docker compose logs EXPORTER`", FOREIGN, "`docker logs e`"),
        ("`docker compose logs SERVICE`", '[operator]\ncompose = "infra/"\n',
         "`infra/logs redis-queue`"),
        ("`docker compose logs SERVICE`", '[operator]\ncompose = "compose-"\n',
         "`compose-logs redis-queue`"),
        ("`docker compose up -d WORKERS`", BY_COMPOSE,
         "`docker compose -p docugen up -d worker`, `docker start worker-2`"),
        ("`docker compose up -d`", BY_COMPOSE, "`docker compose up -d`"),
        ("`docker compose restart SERVICES`", "",
         "`docker compose restart redis-queue redis-cache`"),
        ("`docker compose restart SERVICES`", OWN,
         "`pnpm compose:restart redis-queue redis-cache`"),
        ("`docker compose restart SERVICES`", BY_COMPOSE,
         "`docker compose -p docugen restart redis-q`, `docker restart cache-1`"),
        ("`docker compose restart SERVICES`", "[services.cache]\nenabled = false\n",
         "`docker compose restart redis-queue`"),
        ("`SLOWLOG GET 20`: what is slow?", "",
         "`docker compose exec redis-queue redis-cli SLOWLOG GET 20`: what is slow?"),
        ("`BGSAVE`", BY_COMPOSE, "`docker compose -p docugen exec redis-q redis-cli BGSAVE`"),
        ("`INFO memory`", OWN, "`pnpm compose:exec redis-queue redis-cli INFO memory`"),
        ("`CONFIG SET activedefrag yes`", '[containers.q]\nservice = "queue"\ncontainer = "a b"\n',
         "`docker exec -it 'a b' redis-cli CONFIG SET activedefrag yes`"),
        ("`redis-cli --bigkeys`", "", "`docker compose exec redis-queue redis-cli --bigkeys`"),
        ("`redis-cli --scan --pattern 'jwt:*'` lists", "",
         "`docker compose exec redis-queue redis-cli --scan --pattern 'jwt:*'` lists"),
        ("`CONFIG SET`, `ACL SETUSER`, `EXPIRE`", "", "`CONFIG SET`, `ACL SETUSER`, `EXPIRE`"),
        ("a NAME of 5 SERVICEs", BY_COMPOSE, "A NAME of 5 SERVICEs"),
    ],
)  # fmt: skip
def test_commands_have_the_names_of_the_configuration(step: str, text: str, expected: str) -> None:
    assert told(step, text) == expected


def test_what_a_finding_of_a_container_is_about_is_that_container() -> None:
    step = "`docker compose restart SERVICE`"
    worker = told(step, BY_COMPOSE, "incident.workers_reconnected", "worker")
    assert worker == "`docker compose -p docugen restart worker`"
    other = told(step, BY_COMPOSE, "incident.container", "other")
    assert other == "`docker restart worker-2`"
    # A service that is called like the entry of another one is no container.
    named = told(step, '[containers.queue]\nservice = "cache"\ncontainer = "x"\n')
    assert named == "`docker compose restart redis-queue`"


def test_a_command_of_redis_is_left_as_it_is_where_no_container_is_known() -> None:
    config = config_of('[services.mail]\nrole = "queue"\n')
    service = Service(name="mail", settings=config.services["mail"], endpoint=None)
    subject = Subject(name="mail", service=service)
    spec = CATALOGUE["latency.slowlog"]
    assert named(["`SLOWLOG GET 20`"], spec, subject, config) == ("`SLOWLOG GET 20`",)
    known = config_of(
        '[services.mail]\nrole = "queue"\n[containers.m]\nservice = "mail"\ncontainer = "m"\n'
    )
    shown = named(["`SLOWLOG GET 20`"], spec, subject, known)
    assert shown == ("`docker exec -it m redis-cli SLOWLOG GET 20`",)
    nobody = Subject(name="prometheus", service=None)
    assert named(["`BGSAVE`"], None, nobody, config) == ("`BGSAVE`",)


def test_a_queue_is_called_by_its_name_and_no_shell_reads_more() -> None:
    step = "`redis-runbook queue show NAME`"
    assert told(step, check="queue.depth", name="bundle:render").endswith("show bundle:render`")
    assert told(step, check="queue.depth", name="a;b $(c)").endswith("show 'a;b $(c)'`")
    assert "planted" not in told(step, check="queue.depth", name="token=planted")
    assert told(step, check="queue.depth", name="-rf").endswith("show -- -rf`")


def test_what_looks_like_a_secret_in_a_name_is_masked() -> None:
    prefix = '[operator]\ncompose = "compose --token=planted"\n'
    container = '[containers.q]\nservice = "queue"\ncontainer = "token=planted"\n'
    for text in (prefix, container):
        assert "planted" not in told("`docker compose ps SERVICE`", text)


def test_a_password_that_is_a_word_spoils_no_command() -> None:
    KNOWN.learn(["redis", "docker", "queue"])
    try:
        own = '[operator]\ncompose = "docker compose -f x.yml"\n'
        step = "`docker compose ps SERVICE`"
        assert told(step, own + BY_COMPOSE) == "`docker compose -f x.yml ps redis-q`"
    finally:
        KNOWN.forget()


def test_steps_are_split_where_they_are_numbered_only() -> None:
    assert steps_in("1. This, in 2.5 s. 2. That.") == ("This, in 2.5 s.", "That.")
    assert steps_in("look at 3 logs.") == ("look at 3 logs.",)

    def check() -> None:
        """Holds.

        Next:
            1. Look, and
            see.
            2. Restart.
        """

    assert steps_of(check) == ("Look, and see.", "Restart.")
    assert steps_of(None) == ()


def test_no_check_names_a_command_that_is_not_known_here() -> None:
    for file in CHECKS.glob("test_*.py"):
        for command in file.read_text().split("`"):
            if command.startswith("docker compose"):
                shown = told(f"`{command}`", BY_COMPOSE, "incident.container", "queue")
                assert not any(word.strip("`").isupper() for word in shown.split()), command


def test_commands_of_ours_name_the_configuration_that_was_named() -> None:
    step = "`redis-runbook smoke --wait 120` tells; `redis-runbook judge x` does not"
    spec, config = CATALOGUE["connectivity.reachable"], config_of()
    service = Service(name="queue", settings=config.services["queue"], endpoint=None)
    subject = Subject(name="queue", service=service)
    (step_told,) = named([step], spec, subject, config, "/etc/my runbook.toml")
    assert step_told == (
        "`redis-runbook smoke --config '/etc/my runbook.toml' --wait 120` tells; "
        "`redis-runbook judge x` does not"
    )
    assert named([step], spec, subject, config) == (step,)


def test_redis_cli_asks_for_a_password_where_there_is_one() -> None:
    spec, config = CATALOGUE["latency.slowlog"], config_of()
    at = Endpoint(scheme="redis", host="h", username="me", password="secret")
    service = Service(name="queue", settings=config.services["queue"], endpoint=at)
    (step_told,) = named(["`SLOWLOG GET 20`"], spec, Subject(name="queue", service=service), config)
    assert step_told == (
        "`docker compose exec redis-queue redis-cli --user me --askpass SLOWLOG GET 20`"
    )

"""Which queues a run looks at, and what they are called: hostile, many, gone, or out of reach."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from redis_runbook.config.profiles import PROFILES
from redis_runbook.wire.ports import free_port
from tests.redis.test_hostile import replies
from tests.support import product
from tests.support.bullmq_actors import HAS_PYTHON_LIBRARY, acting
from tests.support.queue_runs import config, watching_reads
from tests.support.requirements import require
from tests.support.servers import Server, running, wait_until

CHECKS = ("depth", "latency", "workers", "overdue", "stalled", "schedulers", "failures", "paused")
MARKUP = "<hostile onclick=alert(1)>"
LONG = b"long-" + b"n" * 1000
HOSTILE = (
    MARKUP.encode(),
    b"clear\x1b[2J\x1b]0;title\x07\r\nPASS     queue.depth[forged]",
    b"bytes\xff\xfe\xc3\x28",
    "direction\u202egnp".encode(),
    b"\"quotes' & ]]>-->",
    b"a::b[c]",
    b"control" + b"\x01" * 100,
    b"control" + b"\x01" * 100 + b"!",
    LONG,
    LONG + b"!",
    b"back\\slash",
    b"token:refresh",
    b"token:revoke",
)
QUEUES = 1_000
pytestmark = pytest.mark.timeout(120)


def fill(server: Server, name: bytes, *, waiting: int = 1, prefix: bytes = b"bull") -> None:
    """A queue with so many jobs, which are named as it is, and one that failed."""
    key, now_ms = b":".join((prefix, name)), int(time.time() * 1000)
    pipe = server.client().pipeline(transaction=False)
    pipe.hset(key + b":meta", "version", "bullmq:5.81.5")
    for number in range(waiting):
        job = b"%d-%b" % (number, name)
        pipe.lpush(key + b":wait", job)
        pipe.hset(
            key + b":" + job,
            mapping={b"name": name, b"timestamp": now_ms, b"failedReason": name},
        )
    pipe.zadd(key + b":failed", {b"0-" + name: now_ms})
    pipe.execute()


# Names


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[product.Outcome]:
    """A run on hostile names, during which two other queues are deleted and one is not."""
    limits: dict[str, Any] = {
        "kept": {"depth": 5},
        "gone": {"depth": 5},
        "back\\slash": {"depth": 1},
        LONG.decode(): {"depth": 1},
        "token:refresh": {"depth": 1},
        "token:revoke": {"depth": 9},
    }
    with running("--maxmemory", "200mb") as server:
        for name in (*HOSTILE, b"kept", b"gone", b"gone-too"):
            fill(server, name, waiting=3)
        with deleting(server, b"bull:gone:*", b"bull:gone-too:*"):
            yield product.run(
                tmp_path_factory.mktemp("named"),
                *("smoke", "--select", "queue"),
                env=product.urls(server.url),
                config=config(limits),
            )


@contextlib.contextmanager
def deleting(server: Server, *patterns: bytes) -> Iterator[None]:
    """Delete keys as soon as queues have been read for the first time."""
    raw = server.client()

    def delete() -> None:
        wait_until(lambda: reads, 30)
        for pattern in patterns:
            raw.delete(*raw.scan_iter(pattern))

    with watching_reads(server) as reads:
        thread = threading.Thread(target=delete, daemon=True)
        thread.start()
        yield
        thread.join(30)


def test_every_queue_has_every_check_and_a_name_of_its_own(named: product.Outcome) -> None:
    names = [test["name"] for test in named.results["tests"]]
    assert len(set(names)) == len(names) == len(CHECKS) * (len(HOSTILE) + 3)
    assert all(name.isprintable() and len(name) < 250 for name in names)
    assert "queue.depth[bytes\\xff\\xfe\\xc3(]" in names
    assert f"queue.depth[{MARKUP}]" in names


def test_hostile_names_change_nothing_but_their_own_line(named: product.Outcome) -> None:
    assert [char for char in named.out + named.err if not char.isprintable() and char != "\n"] == []
    assert "\nPASS     queue.depth[forged]" not in named.out
    assert "<hostile" not in named.html  # neither in the table nor in what a script would insert
    assert "&lt;hostile onclick=alert(1)&gt;" in named.html
    cases = ET.fromstring(named.junit).iter("testcase")  # noqa: S314  # our own
    assert [case.get("name") for case in cases] == list(named.verdicts)
    text = json.dumps(named.results, ensure_ascii=False)
    assert [char for char in text if not char.isprintable()] == []


def test_limits_are_found_by_the_name_as_it_is_configured(named: product.Outcome) -> None:
    assert named.verdicts["queue.depth[back\\\\slash]"] == "fail"
    over = [name for name, verdict in named.verdicts.items() if verdict == "fail"]
    assert len([name for name in over if name.startswith("queue.depth[long-nnn")]) == 1


def test_of_two_names_that_look_like_secrets_neither_hides_the_other(
    named: product.Outcome,
) -> None:
    depths = {name: found for name, found in named.verdicts.items() if "depth[token" in name}
    assert list(depths.values()) == ["fail", "pass"]
    assert "refresh" not in named.everything


def test_a_queue_that_is_deleted_meanwhile_is_unknown(named: product.Outcome) -> None:
    for queue in ("gone", "gone-too"):
        for check in CHECKS:
            found = named.finding(f"queue.{check}[{queue}]")
            assert found["verdict"] == "unknown"
            assert found["message"] == f"{queue} was deleted while it was looked at"
    assert named.finding("queue.depth[kept]")["observed"] == 3


# Services


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[product.Outcome]:
    """A run on services that have queues of one name, that are out of reach, or have no queue."""
    require(HAS_PYTHON_LIBRARY, "the Python package bullmq is not installed")
    with running() as one, running() as other, running() as empty, acting() as begin:
        python = begin("python", one.port)
        python.tell("worker", queue="bundle:render")
        python.tell("add", queue="bundle:render")
        wait_until(lambda: python.ends)
        fill(one, b"render", waiting=3)
        fill(other, b"render", waiting=1)
        fill(other, b"render", waiting=2, prefix=b"bull:bundle")
        fill(other, b"not-listed")
        urls = {
            "queue": one.url,
            "billing": other.url,
            "bundle": other.url,
            "dead": f"redis://127.0.0.1:{free_port()}",
            "mute": f"redis://127.0.0.1:{free_port()}",
            "empty": empty.url,
            "unlisted": other.url,
        }
        more = {
            "queue": 'queues = ["render", "bundle:render"]',
            "billing": 'queues = ["render"]\ndiscover = false',
            "bundle": 'prefix = "bull:bundle"',
            "dead": 'queues = ["render", "bundle:render"]',
            "unlisted": "discover = false",
        }
        tables = [
            f'[services.{name}]\nrole = "queue"\nurl = "{url}"\n{more.get(name, "")}\n'
            for name, url in urls.items()
        ]
        yield product.run(
            tmp_path_factory.mktemp("services"),
            *("smoke", "--select", "queue"),
            env=product.urls(one.url),
            config="[exporter]\nenabled = false\n[queues.render]\ndepth = 2\n" + "\n".join(tables),
        )


def test_queues_of_one_name_are_told_apart_by_their_service(services: product.Outcome) -> None:
    depths = {
        name: (found["verdict"], found["observed"])
        for name in ("queue/render", "billing/render", "bundle/render")
        for found in [services.finding(f"queue.depth[{name}]")]
    }
    assert depths == {
        "queue/render": ("fail", 3),
        "billing/render": ("pass", 1),
        "bundle/render": ("pass", 2),
    }


def test_a_python_worker_of_a_queue_with_a_colon_is_seen(services: product.Outcome) -> None:
    found = services.finding("queue.workers[queue/bundle:render]")
    assert (found["verdict"], found["observed"]) == ("pass", 1)
    assert services.verdicts["queue.workers[queue/render]"] == "unknown"  # since a moment ago


def test_queues_out_of_reach_stand_and_are_unknown(services: product.Outcome) -> None:
    for subject in ("dead/render", "dead/bundle:render", "mute"):
        for check in CHECKS:
            found = services.finding(f"queue.{check}[{subject}]")
            assert (found["verdict"], found["service"]) == ("unknown", subject.partition("/")[0])
            assert "is not reachable" in found["message"]


def test_a_service_without_a_queue_is_said_to_have_none(services: product.Outcome) -> None:
    found = services.finding("queue.latency[empty]")
    assert found["verdict"] == "not_applicable"
    assert found["message"] == "empty has no BullMQ queue with the prefix bull"
    found = services.finding("queue.latency[unlisted]")
    assert found["verdict"] == "not_applicable"
    assert found["message"] == "no queue of unlisted is listed, and discovery is switched off"


def test_a_queue_service_with_an_empty_database_is_a_warning_that_names_the_full_one(
    folder: Path,
) -> None:
    with running() as server:
        env = {"REDIS_QUEUE_URL": server.url, "REDIS_CACHE_URL": server.url}
        arguments = ("smoke", "--select", "queue")
        empty = product.run(folder / "empty", *arguments, env=env)
        part = product.run(
            folder / "part", "smoke", "--select", "queue.paused", "queue.overdue", env=env
        )
        elsewhere = server.client(db=3)
        elsewhere.hset("bull:render:meta", "version", "bullmq:5.81.5")
        wrong = product.run(folder / "wrong", *arguments, env=env)
        server.client().set("jwt:1", "{}")
        other = product.run(folder / "other", *arguments, env=env)
        right = {**env, "REDIS_QUEUE_URL": f"{server.url}/3"}
        found = product.run(folder / "found", *arguments, env=right)
    name, prefix = "queue.depth[queue]", "queue has no BullMQ queue with the prefix bull, and"
    assert empty.message(name) == f"{prefix} no key at all in database 0: is it the right one?"
    assert wrong.message(name) == (
        f"{prefix} no key at all in database 0 (1 key in 3): is it the right one?"
    )
    assert other.message(name) == (
        f"{prefix} 1 other key in database 0 (1 key in 3): is it the right one?"
    )
    assert part.verdicts == {
        "queue.overdue[queue]": "warn",
        "queue.paused[queue]": "not_applicable",
    }
    for done in (empty, wrong, other):
        assert [done.verdicts[name], done.verdicts["queue.latency[queue]"]] == [
            "warn",
            "not_applicable",
        ]
    assert "warn" not in found.verdicts.values()
    assert "queue.depth[render]" in found.verdicts


def test_a_throwaway_service_that_looks_for_no_queue_has_none_and_nobody_is_warned(
    folder: Path,
) -> None:
    alone = '[services.queue]\nrole = "queue"\ndiscover = false\n'
    done = product.run(folder, "smoke", "--target", "embedded", "--select", "queue", config=alone)
    assert set(done.verdicts.values()) == {"not_applicable"}


def test_what_is_not_listed_is_not_looked_at_without_discovery(services: product.Outcome) -> None:
    billing = [name for name in services.verdicts if "[billing/" in name]
    assert billing == [f"queue.{check}[billing/render]" for check in CHECKS]


@pytest.mark.parametrize(
    ("denied", "scan_s", "because"),
    [
        ([], 0.0, ""),
        (["-scan"], 0.0, "no permission for SCAN"),
        ([], 0.05, "there are more keys than could be scanned in the time for it"),
    ],
    ids=["allowed", "denied", "slow"],
)
def test_a_scan_without_an_end_is_one_warning_about_a_healthy_queue(
    denied: list[str], scan_s: float, because: str, folder: Path
) -> None:
    with running("--enable-debug-command", "yes") as server:
        server.client(socket_timeout=60).execute_command("DEBUG", "POPULATE", 100_000, "key", 1)
        fill(server, b"render", waiting=0)
        user = server.user("ops", "needed-password", "~*", "&*", "+@all", *denied)
        with replies(server, {}, {b"SCAN": scan_s}) as near:
            done = product.run(
                folder,
                *("smoke", "--select", "queue.depth", "queue.overdue"),
                env=product.urls(near.replace("redis://", f"{user.rpartition('@')[0]}@")),
                config="[queues.render]\ndepth = 2\nworkers_min = 0\n"
                '[services.queue]\nrole = "queue"\nqueues = ["render"]\n'
                "[exporter]\nenabled = false\n",
            )
    others = {name: one for name, one in done.verdicts.items() if "others" in name}
    found = {name: one for name, one in done.verdicts.items() if name not in others}
    assert found == {"queue.depth[render]": "pass", "queue.overdue[render]": "pass"}
    assert others == ({"queue.depth[queue: others]": "warn"} if because else {})
    assert not because or because in done.message("queue.depth[queue: others]")
    assert done.code == 0, done.out


# Many


@pytest.mark.quiet
def test_a_thousand_queues_are_judged_before_the_deadline(folder: Path) -> None:
    crowded = QUEUES // 2
    limits = {f"q{number}": {"depth": 1, "latency_s": 600} for number in range(QUEUES)}
    with running("--maxmemory", "200mb") as server:
        for number in range(QUEUES):
            fill(server, b"q%d" % number, waiting=2 if number == crowded else 1)
        done = product.run(
            folder,
            # Three checks of the eight: pytest's own time for a finding is the same for each.
            *("smoke", "--select", "queue.depth", "queue.latency", "queue.stalled"),
            env=product.urls(server.url),
            config=config(limits, window_s=300),
            most_mb=200,  # of which 3,000 findings take half
        )
    summary = done.results["summary"]
    assert (summary["tests"], summary["other"]) == (3 * QUEUES, 0)
    over = [name for name, verdict in done.verdicts.items() if verdict == "fail"]
    assert over == [f"queue.depth[q{crowded}]"]
    assert (summary["stop"] - summary["start"]) / 1000 < PROFILES["smoke"].rest_s

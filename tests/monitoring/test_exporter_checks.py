"""`exporter.reachable` and `exporter.truthful` on real exporters and their real faults.

One run looks at a service for each fault beside the healthy twin. FAKE servers stand for what no
real exporter does.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from redis_runbook.wire.http import http_get
from redis_runbook.wire.http_url import parse_http_url
from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.exporters import exporting
from tests.support.fake_tcp import drip_body, endless, fake, reply, silence
from tests.support.servers import Server, running

PASSWORD = "needed-password"
DEFAULTS_OFF = (
    "[services.queue]\nrole = 'queue'\nenabled = false\n"
    "[services.cache]\nrole = 'cache'\nenabled = false\n"
    "[jwt_cache]\nenabled = false\n"
)


@dataclass(frozen=True)
class Seen:
    """The one run that looks at all services, and how long it took."""

    run: product.Outcome
    elapsed_s: float


def tampered(
    url: str, change: Callable[[str], str | None]
) -> contextlib.AbstractContextManager[str]:
    """FAKE: a proxy that passes a real exporter's answer on, line by line, as `change` likes."""

    def answer(connection: socket.socket) -> None:
        body = http_get(parse_http_url(f"{url}/metrics"), timeout_s=5).decode()
        lines = [change(line) for line in body.splitlines()]
        reply("\n".join(line for line in lines if line is not None) + "\n")(connection)

    return fake(answer)


def lying(line: str) -> str:
    return "redis_memory_max_bytes 1" if line.startswith("redis_memory_max_bytes ") else line


def forgetful(line: str) -> str | None:
    return None if line.startswith("redis_uptime_in_seconds ") else line


def anonymous(line: str) -> str:
    return "redis_instance_info 1" if line.startswith("redis_instance_info{") else line


def failing(line: str) -> str:
    if not line.startswith("redis_exporter_last_scrape_error{"):
        return line
    return 'redis_exporter_last_scrape_error{err="no permission for INFO"} 1'


@contextlib.contextmanager
def services(server: Server) -> Iterator[str]:
    """The configuration of one service a fault; all but one are the same healthy server."""
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(running())
        locked = stack.enter_context(running("--requirepass", PASSWORD))
        real = stack.enter_context(exporting(server.url))
        own = {
            "healthy": f"{real}/metrics",
            "swapped": stack.enter_context(exporting(other.url)) + "/metrics",
            "unplugged": stack.enter_context(exporting("redis://127.0.0.1:1")) + "/metrics",
            "aimless": stack.enter_context(exporting("")) + "/metrics",
            "down": f"http://127.0.0.1:{free_port()}/metrics",
            "no-path": real,
            "web-page": stack.enter_context(fake(reply("<html>Welcome</html>"))),
            "empty": stack.enter_context(fake(reply(""))),
            "endless": stack.enter_context(fake(endless)),
            "dripping": stack.enter_context(fake(drip_body)),
            "silent": stack.enter_context(fake(silence)),
            "lying": stack.enter_context(tampered(real, lying)),
            "forgetful": stack.enter_context(tampered(real, forgetful)),
            "anonymous": stack.enter_context(tampered(real, anonymous)),
            "failing": stack.enter_context(tampered(real, failing)),
        }
        locked_out = stack.enter_context(exporting(locked.url, "-redis.password", "wrong"))
        shared = stack.enter_context(exporting(server.url))
        sections = [section(name, server.url, f"exporter_url = '{at}'") for name, at in own.items()]
        yield "\n".join(
            (
                DEFAULTS_OFF,
                *sections,
                section(
                    "locked-out",
                    f"redis://:{PASSWORD}@127.0.0.1:{locked.port}",
                    f"exporter_url = '{locked_out}/metrics'",
                ),
                section("shared-first", server.url),
                section("shared-second", other.url),
                f"[exporter]\nurl = '{shared}/metrics'",
            )
        )


def section(name: str, url: str, *more: str) -> str:
    return "\n".join((f"[services.{name}]", "role = 'cache'", f"url = '{url}'", *more))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    with running("--maxmemory", "100mb") as server, services(server) as config:
        started = time.monotonic()
        done = product.run(
            tmp_path_factory.mktemp("exporters"), "smoke", "--select", "exporter", config=config
        )
        return Seen(done, time.monotonic() - started)


NOTHING = ("unknown", "nothing to compare")
TRUE = ("pass", "watches this server")


@pytest.mark.parametrize(
    ("service", "reachable", "truthful"),
    [
        ("healthy", ("pass", "redis_up is 1 by /metrics"), TRUE),
        ("shared-first", ("pass", "redis_up is 1 by /metrics"), TRUE),
        ("shared-second", ("pass", "redis_up is 1 by /scrape?target="), TRUE),
        (
            "swapped",
            ("fail", "for another instance"),
            ("fail", "the exporter of swapped: it watches another instance"),
        ),
        ("unplugged", ("fail", "redis_up is 0"), NOTHING),
        ("locked-out", ("fail", "redis_up is 0"), NOTHING),
        ("aimless", ("fail", "redis_up is missing"), NOTHING),
        ("down", ("fail", "refused the connection"), NOTHING),
        ("no-path", ("fail", "a web page: is its path right (/metrics)?"), NOTHING),
        ("web-page", ("fail", "a web page: is its path right (/metrics)?"), NOTHING),
        ("empty", ("fail", "answered with an empty body"), NOTHING),
        ("endless", ("fail", "answered with more than 4 MiB"), NOTHING),
        ("dripping", ("fail", "gave no complete answer in 3 s"), NOTHING),
        ("silent", ("fail", "gave no complete answer in 3 s"), NOTHING),
        (
            "lying",
            ("pass", "redis_up is 1"),
            ("fail", "maxmemory: 1 byte by the exporter, 104857600 bytes by INFO"),
        ),
        ("forgetful", ("pass", "redis_up is 1"), ("fail", "lacks redis_uptime_in_seconds")),
        (
            "anonymous",
            ("pass", "redis_up is 1"),
            ("unknown", "does not tell which server it watches"),
        ),
        ("failing", ("fail", 'with the error "no permission for INFO"'), TRUE),
    ],
)
def test_an_exporter_is_judged_by_what_it_says_of_this_server(
    service: str, reachable: tuple[str, str], truthful: tuple[str, str], seen: Seen
) -> None:
    for check, (verdict, words) in (("reachable", reachable), ("truthful", truthful)):
        name = f"exporter.{check}[{service}]"
        assert (seen.run.verdicts[name], words in seen.run.message(name)) == (verdict, True), (
            seen.run.message(name)
        )


@pytest.mark.quiet
def test_the_slowest_exporter_bounds_the_run_and_a_broken_one_its_exit_code(seen: Seen) -> None:
    assert seen.run.code == 1
    assert seen.elapsed_s < 7
    assert PASSWORD not in seen.run.everything


def test_an_exporter_that_is_switched_off_is_not_applicable_and_no_health(
    healthy: Server, folder: Path
) -> None:
    env = {**product.urls(healthy.url), "REDIS_EXPORTER_URL": "http://127.0.0.1:1/metrics"}
    config = "[exporter]\nenabled = false\n"
    done = product.run(folder, "smoke", "--select", "exporter", env=env, config=config)
    assert set(done.verdicts.values()) == {"not_applicable"}
    assert done.message("exporter.truthful[queue]") == "switched off: [exporter] enabled = false"
    assert done.code == 5


def test_an_exporter_that_nobody_named_is_unknown(healthy: Server, folder: Path) -> None:
    done = product.run(folder, "smoke", "--select", "exporter", env=product.urls(healthy.url))
    assert set(done.verdicts.values()) == {"unknown"}
    assert "REDIS_EXPORTER_URL" in done.message("exporter.reachable[queue]")
    assert done.code == 3


def test_a_family_of_200_000_series_takes_little_memory(healthy: Server, folder: Path) -> None:
    family = "".join(f'm{{a="{number}"}} 1\n' for number in range(200_000))
    with exporting(healthy.url) as real:
        metrics = http_get(parse_http_url(f"{real}/metrics"), timeout_s=5).decode()
        with fake(reply(f"{metrics}# TYPE m gauge\n{family}")) as url:
            done = product.run(
                folder,
                *("smoke", "--select", "exporter"),
                env={**product.urls(healthy.url), "REDIS_EXPORTER_URL": url},
                config="[exporter]\ntimeout_s = 20\n",
            )
    assert done.verdicts["exporter.reachable[queue]"] == "pass"

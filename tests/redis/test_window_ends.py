"""A server that ends, hangs or drops the connection while its latency is sampled."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import product
from tests.support.servers import Server, running, wait_until

pytestmark = pytest.mark.quiet

ROUND_TRIPS = ("smoke", "--select", "latency")


def killed(server: Server) -> None:
    server.process.kill()


def closed(server: Server) -> None:
    with contextlib.suppress(Exception):
        server.client().shutdown(nosave=True)


def frozen(server: Server) -> None:
    server.freeze()


def disconnected(server: Server) -> None:
    server.client().client_kill_filter(_type="normal", skipme=True)


def restarted(server: Server) -> None:
    server.stop()
    server.start(wait=False)


def stalled(server: Server) -> None:
    """For 0.3 s, which is across a second's boundary wherever the window began."""
    server.client().execute_command("DEBUG", "SLEEP", "0.3")


@contextlib.contextmanager
def when_sampled(server: Server, n: int, act: Callable[[Server], None]) -> Iterator[None]:
    """Do something to the server once it has answered `n` PINGs of the sampler."""
    client = server.client()
    client.config_resetstat()

    def wait_and_act() -> None:
        wait_until(lambda: calls() >= n, limit_s=20)
        client.close()
        act(server)

    def calls() -> int:
        return int(client.info("commandstats").get("cmdstat_ping", {}).get("calls", 0))

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (killed, "connection refused: nothing listens there"),
        (closed, "connection refused: nothing listens there"),
        (frozen, "accepts connections but did not answer within 2 s"),
    ],
)
@pytest.mark.parametrize("service", ["queue", "cache"])
def test_a_server_that_is_gone_at_the_end_of_the_window_is_red(
    service: str, act: Callable[[Server], None], words: str, folder: Path
) -> None:
    with running() as server, running() as other:
        urls = (server.url, other.url) if service == "queue" else (other.url, server.url)
        with when_sampled(server, 140, act):
            done = product.run(folder, *ROUND_TRIPS, env=product.urls(*urls))
    name = f"latency.round_trip[{service}]"
    other_name = f"latency.round_trip[{'cache' if service == 'queue' else 'queue'}]"
    assert (done.code, done.verdicts[name]) == (1, "fail"), done.out
    assert f"{service} does not answer any more: {words}" in done.message(name)
    assert done.verdicts[other_name] == "pass"
    if service == "cache":
        assert done.verdicts["latency.command_p95[cache]"] == "fail"
        assert "does not answer any more" in done.message("latency.command_p95[cache]")


def test_a_gate_whose_servers_end_one_after_the_other_is_red(folder: Path) -> None:
    windows = ("--window", "queue=4s", "--window", "cache=4s")
    with (
        running() as queue,
        running() as cache,
        when_sampled(queue, 300, killed),
        when_sampled(cache, 500, frozen),
    ):
        arguments = ("gate", *windows, "--select", "latency")
        done = product.run(folder, *arguments, env=product.urls(queue.url, cache.url))
    assert done.code == 1
    for name in ("latency.round_trip[queue]", "latency.round_trip[cache]"):
        assert done.verdicts[name] == "fail", done.out
        assert "does not answer any more" in done.message(name)


@pytest.mark.parametrize("act", [disconnected, restarted])
def test_a_connection_that_was_lost_and_came_back_is_a_warning_with_how_long(
    act: Callable[[Server], None], folder: Path
) -> None:
    with running() as server, running() as cache, when_sampled(server, 100, act):
        done = product.run(folder, *ROUND_TRIPS, env=product.urls(server.url, cache.url))
    assert done.verdicts["latency.round_trip[queue]"] == "warn", done.out
    assert "no connection for 0." in done.message("latency.round_trip[queue]")
    assert done.verdicts["latency.round_trip[cache]"] == "pass"


def test_a_short_stall_is_a_warning_with_how_long_and_not_over_throughout(folder: Path) -> None:
    """Four times, as it depends on where the stall falls."""
    config = "[services.queue.limits]\nround_trip_ms = 50\n"
    with running("--enable-debug-command", "yes") as server, running() as cache:
        for n in (110, 160, 190, 220):
            with when_sampled(server, n, stalled):
                done = product.run(
                    folder, *ROUND_TRIPS, env=product.urls(server.url, cache.url), config=config
                )
            message = done.message("latency.round_trip[queue]")
            assert done.verdicts["latency.round_trip[queue]"] == "warn", message
            assert any(f"over the limit for {s} s of 2 s" in message for s in ("0.4", "0.6"))

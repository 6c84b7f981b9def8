"""A queue for each tenant: what is found is judged up to `max_queues`, with bounded memory."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support import product
from tests.support.programs import bundled
from tests.support.servers import Server

MOST_S = 40


@contextlib.contextmanager
def holding(queues: int) -> Iterator[Server]:
    """A server with so many queues, of which each is for a tenant."""
    with bundled("--maxmemory", "200mb", "--maxmemory-policy", "noeviction") as server:
        many = server.client().pipeline()
        for number in range(queues):
            many.hset(f"bull:tenant-{number:03d}:meta", mapping={"version": "bullmq:5.81.5"})
        many.execute()
        yield server


def test_as_many_queues_as_max_queues_are_judged_with_little_memory(folder: Path) -> None:
    with holding(700) as server:
        env = product.urls(server.url)
        off = "[jwt_cache]\nenabled = false\n[exporter]\nenabled = false\n"
        done, took_s = product.measured(folder, "smoke", "--read-only", env=env, config=off)
        named = ["tenant-650", "tenant-651"]
        config = f'[services.queue]\nrole = "queue"\nmax_queues = 10\nqueues = {named}\n'
        select = ("smoke", "--select", "queue")
        some = product.run(folder / "some", *select, env=env, config=config)
        listed = f"{config}discover = false\n"
        only = product.run(folder / "only", *select, env=env, config=listed)
    depths = [name for name in done.verdicts if name.startswith("queue.depth[tenant")]
    assert (len(depths), done.code, took_s < MOST_S) == (300, 3, True), done.out[-2000:]
    assert len(done.verdicts) > 2_400
    assert len(done.html) < 2_000_000
    assert done.verdicts["queue.depth[queue: others]"] == "unknown"
    assert "400 of 700 that were found are left out, as max_queues is 300" in (
        done.message("queue.depth[queue: others]")
    )
    # Nothing is known of the others, whatever is asked, unless they are left to the user.
    assert done.verdicts["queue.paused[queue: others]"] == "unknown"
    assert "raise the service's `max_queues`" in done.everything.lower()
    assert some.verdicts["queue.paused[queue: others]"] == "unknown"
    assert not any("others" in name for name in only.verdicts)
    judged = {name for name in some.verdicts if name.startswith("queue.paused[tenant")}
    assert judged == {
        "queue.paused[tenant-650]",
        "queue.paused[tenant-651]",
        *(f"queue.paused[tenant-{number:03d}]" for number in range(10)),
    }


def test_what_may_not_be_read_of_many_queues_takes_little_memory(folder: Path) -> None:
    with holding(250) as server:
        env = product.urls(server.user("shy", "shy-password", "~*", "+@all", "-zrange", "-lrange"))
        select = ("smoke", "--read-only", "--select", "queue")
        done, took_s = product.measured(folder, *select, env=env)
    assert (done.code, took_s < MOST_S) == (3, True), done.out[-2000:]
    assert "no permission for " in done.message("queue.depth[tenant-000]")
    assert len(done.verdicts) == 2_000

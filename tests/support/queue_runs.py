"""Real workers on one server, one story a queue, and what runs of the product say of them."""

import base64
import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import product
from tests.support.bullmq_scene import (
    NODE_LIBRARIES,
    Scene,
    Stage,
    play_bull,
    play_node,
    play_python,
    wait_until_all_are_known,
)
from tests.support.servers import Server, wait_until

WINDOW_S = 10
DENIED = "~* resetchannels -@all +@read -@dangerous +ping +time +info +multi +exec +select".split()
CLOSE_S = 0.3
_BEFORE_S = 7
"""How long before the run jobs are added that will have waited in part of its window."""


def config(queues: Mapping[str, Mapping[str, Any]], *, window_s: float = WINDOW_S) -> str:
    """A runbook.toml for one queue service, with a table for each of these queues."""
    tables = [
        f"[queues.{json.dumps(name)}]\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        for name, settings in queues.items()
    ]
    return "\n".join(
        [
            '[services.queue]\nrole = "queue"\n',
            f"[services.queue.limits]\nqueue_latency_for_s = {window_s}",
            "[exporter]\nenabled = false\n",
            *tables,
        ]
    )


def settings_of_all() -> dict[str, dict[str, Any]]:
    """The queues that are configured; all others are found."""
    shared: dict[str, dict[str, Any]] = {
        "bundle:idle": {"workers_min": 2},
        "bundle:render": {},
        "bundle:rendre": {},
        "bull-paused": {"paused_ok": True},
    }
    stories: dict[str, dict[str, Any]] = {
        "idle": {},
        "lifo": {"depth": 5},
        "priorities": {"depth": 30, "latency_s": 600},
        "busy": {"workers_min": 2},
        "limited": {},
        "paused-locally": {},
        "frozen-idle": {"overdue_grace_s": 600},
        "failed": {"failed_per_hour": 2},
        "now-strict": {"strict_now": True},
    }
    return shared | {
        f"{library}-{story}": settings
        for library in NODE_LIBRARIES
        for story, settings in stories.items()
    }


@dataclass(frozen=True)
class Pass:
    """When queues were read (ms, by the server's clock)."""

    begin_ms: float
    end_ms: float

    def waited_s(self, since_ms: float) -> Any:
        """About how long it had waited by then, whenever in the pass its queue was read."""
        half_ms = (self.end_ms - self.begin_ms) / 2
        waited_ms = self.begin_ms + half_ms - since_ms
        return pytest.approx(waited_ms / 1000, abs=half_ms / 1000 + CLOSE_S)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The scene, and three runs: soon after the server's start, later, and without CLIENT LIST.

    `read` is the last pass of the second of them.
    """

    scene: Scene
    early: product.Outcome
    late: product.Outcome
    denied: product.Outcome
    read: Pass

    def waited_s(self, queue: str) -> Any:
        """About how long the queue's oldest job had waited when the second run read it."""
        return self.read.waited_s(self.scene.true[queue])


def play(server: Server, begin: Callable[..., Any], folder: Path) -> Seen:
    """Start every story, and run the product when there is something to see of each."""
    scene = Scene(server, begin)
    for library in NODE_LIBRARIES:
        play_node(scene, library)
    play_bull(scene)
    play_python(scene)
    every = config(settings_of_all())

    def run(name: str, url: str = server.url, settings: str = every) -> product.Outcome:
        env = product.urls(url)
        return product.run(folder / name, "smoke", "--select", "queue", env=env, config=settings)

    with _unpromoted(server):
        early = run("early")
        wait_until_all_are_known(server, _BEFORE_S)
        for library in NODE_LIBRARIES:
            _play_slow(Stage(scene, library))
        time.sleep(_BEFORE_S)
        for library in NODE_LIBRARIES:
            _play_last(Stage(scene, library))
        with watching_reads(server) as reads:
            late = run("late")
    some = {name: settings_of_all()[name] for name in ("bullmq6-idle", "bullmq6-busy")}
    some |= {"bullmq6-lifo": {}, "bundle:idle": {"workers_min": 2}}
    denied = run("denied", server.user("shy", "shy-password", *DENIED), config(some))
    return Seen(scene=scene, early=early, late=late, denied=denied, read=last_pass(reads))


def _play_slow(stage: Stage) -> None:
    """A job that waits for 3 s behind another, and is then picked up."""
    queue = stage.work("slow")
    stage.actor.add(queue, {"ms": 3000})
    stage.scene.true[queue] = stage.actor.add(queue).at


def _play_last(stage: Stage) -> None:
    """What has just begun to wait, and a scheduler that loses its job."""
    raw = stage.scene.server.client()
    for key in raw.scan_iter(f"bull:{stage.name('orphaned')}:repeat:meta:*"):
        raw.delete(key)
    for story in ("now", "now-strict"):
        queue = stage.name(story)
        stage.scene.true[queue] = stage.actor.add(queue, {"token": "planted-in-data"}).at
    for _ in range(4):
        stage.actor.add(stage.name("served"), {"ms": 300})


@contextlib.contextmanager
def _unpromoted(server: Server) -> Iterator[None]:
    """A worker as of BullMQ 1: it waits for jobs, and leaves promotion to a scheduler, absent."""
    now_ms, key = int(time.time() * 1000), "bull:unpromoted"
    raw = server.client()
    raw.hset(f"{key}:meta", "opts.maxLenEvents", 10_000)
    raw.zadd(f"{key}:delayed", {"1": now_ms * 4096})
    raw.hset(f"{key}:1", mapping={"name": "job", "timestamp": now_ms})
    name = f"bull:{base64.b64encode(b'unpromoted').decode()}"
    worker = server.client(client_name=name, socket_timeout=None)

    def wait() -> None:
        with contextlib.suppress(redis.ConnectionError):
            worker.brpoplpush(f"{key}:wait", f"{key}:active", timeout=0)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        for one in raw.client_list():
            if one["name"] == name:
                raw.client_kill_filter(_id=one["id"])
        thread.join(10)


@contextlib.contextmanager
def watching_reads(server: Server) -> Iterator[list[Pass]]:
    """Gives each time at which queues are read; XINFO STREAM is asked by nobody else."""
    raw, done = server.client(), threading.Event()
    reads: list[Pass] = []

    def look() -> tuple[float, int]:
        pipe = raw.pipeline()
        pipe.time()
        pipe.info("commandstats")
        (seconds, microseconds), stats = pipe.execute()
        calls = stats.get("cmdstat_xinfo|stream", {"calls": 0})["calls"]
        return seconds * 1000 + microseconds / 1000, int(calls)

    def watch() -> None:
        before_ms, known = look()
        while not done.wait(0.02):
            now_ms, count = look()
            if count > known:
                reads.append(Pass(before_ms, now_ms))
            before_ms, known = now_ms, count

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield reads
    finally:
        done.set()
        thread.join(10)


def last_pass(reads: Sequence[Pass]) -> Pass:
    """The second pass over all queues of a run: the longest pause is the one before it.

    A pass is not one read: queues of which more is to be seen are read once more in it.
    """
    pauses_ms = [later.begin_ms - earlier.end_ms for earlier, later in itertools.pairwise(reads)]
    begins_with = reads[pauses_ms.index(max(pauses_ms)) + 1]
    return Pass(begins_with.begin_ms, reads[-1].end_ms)


def end_all_workers(scene: Scene) -> None:
    """Let nobody but us use the server, and no key of it expire."""
    for actor in scene.actors.values():
        actor.end()
    raw = scene.server.client()
    wait_until(lambda: len(raw.client_list()) == 1)
    for key in raw.scan_iter():
        raw.persist(key)


@dataclass(frozen=True)
class Recorded:
    """A run of the product, and what the server saw of it.

    `called` are commands with how often, by INFO commandstats; `asked` every command with its
    arguments as its clients named `redis-runbook` sent it, by SLOWLOG.
    """

    outcome: product.Outcome
    digests: tuple[bytes, bytes]
    called: Mapping[str, int]
    asked: list[list[bytes]]
    denied: list[str]


def recorded(server: Server, run: Callable[[], product.Outcome]) -> Recorded:
    """Have the server record a run, without a MONITOR that would slow it down."""
    raw = server.client()
    raw.config_set("slowlog-log-slower-than", 0)
    raw.acl_log_reset()
    before = raw.execute_command("DEBUG", "DIGEST")
    raw.config_resetstat()
    raw.slowlog_reset()
    outcome = run()
    called = {
        name.removeprefix("cmdstat_"): stat["calls"]
        for name, stat in raw.info("commandstats").items()
    }
    with connected(parse_endpoint(server.url), "queue", timeout_s=10) as client:
        entries = client.ask("SLOWLOG", "GET", -1)
    after = raw.execute_command("DEBUG", "DIGEST")
    return Recorded(
        outcome=outcome,
        digests=(before, after),
        called=called,
        asked=[entry[3] for entry in entries if entry[5] == b"redis-runbook"],
        denied=[str(entry["object"]) for entry in raw.acl_log()],
    )

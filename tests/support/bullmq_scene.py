"""A server with one queue for each thing that real workers do, all at once, and what was seen."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from redis_runbook.judging.cause import Cause, cause
from redis_runbook.probes.bullmq.clients import ClientList, list_clients
from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import WorkerFacts, workers_of
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.bullmq_actors import Actor
from tests.support.servers import Server, wait_until

NODE_LIBRARIES = ("bullmq5", "bullmq6")
LONG = {"ms": 120_000}
KNOWN_S = 25
"""What the product waits for, for the same reason."""


def wait_until_all_are_known(server: Server, in_s: float = 0) -> None:
    """Until a worker that connected and does nothing can be told from one that still connects.

    Or until so long before that.
    """
    raw = server.client()

    def known() -> bool:
        ages_s = [int(one["age"]) for one in raw.client_list() if one["name"].startswith("bull")]
        uptime_s = int(raw.info("server")["uptime_in_seconds"])
        return min([*ages_s, uptime_s]) >= KNOWN_S - in_s

    wait_until(known, 2 * KNOWN_S)


@dataclass
class Scene:
    """The server, the actors, what is true (ms or job ids by queue), and what was seen."""

    server: Server
    begin: Callable[[str, int], Actor]
    actors: dict[str, Actor] = field(default_factory=dict)
    true: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    first: dict[str, QueueFacts] = field(default_factory=dict)
    facts: dict[str, QueueFacts] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    client_lists: list[ClientList] = field(default_factory=list)

    def actor(self, library: str, role: str = "") -> Actor:
        """The process that uses this library, in this role of its own."""
        key = library + role
        if key not in self.actors:
            self.actors[key] = self.begin(library, self.server.port)
        return self.actors[key]

    def look(self) -> None:
        """Discover everything, and read it twice, 2.1 s apart."""
        with connected(parse_endpoint(self.server.url), "queue", timeout_s=10) as client:
            found = discover(client, prefix="bull")
            assert not found.incomplete_because
            self.queues = {queue.title: queue for queue in found.queues}
            for at, reads in enumerate((self.first, self.facts)):
                if at:
                    time.sleep(2.1)
                self.client_lists.append(list_clients(client))
                observed = observe_queues(client, found.queues)
                reads.update({queue.title: facts for queue, facts in observed.items()})

    def workers(self, queue: str) -> WorkerFacts:
        return workers_of(self.queues[queue], self.facts[queue], self.client_lists)

    def cause(self, queue: str) -> Cause:
        return cause(self.facts[queue], self.workers(queue))


@dataclass
class Stage:
    """One Node library's part of the scene, on queues that are named `<library>-<story>`."""

    scene: Scene
    library: str

    @property
    def actor(self) -> Actor:
        return self.scene.actor(self.library)

    def name(self, story: str) -> str:
        return f"{self.library}-{story}"

    def work(self, story: str, **options: object) -> str:
        """Start a worker of the story's queue, and return the queue's name."""
        self.actor.tell("worker", queue=self.name(story), options=options)
        return self.name(story)

    def call(self, queue: str, method: str, *arguments: object) -> None:
        self.actor.tell("queue", queue=queue, call=method, args=arguments)

    def promote(self, queue: str, job: str) -> float:
        """Promote a job, and return when that was done (ms)."""
        return float(self.actor.tell("job", queue=queue, job=job, call="promote")["at"])


def play_node(scene: Scene, library: str) -> None:
    """Everything that Node's BullMQ does."""
    stage = Stage(scene, library)
    for play in (_play_served, _play_late, _play_waiting, _play_held, _play_schedulers, _play_lost):
        play(stage)


def _play_served(stage: Stage) -> None:
    actor, scene = stage.actor, stage.scene
    stage.work("idle", name="render-7")
    actor.tell("listen", queue=stage.name("idle"))

    queue = stage.work("served")
    for _ in range(6):
        scene.true[queue] = actor.add(queue, {"ms": 300}).at

    queue = stage.work("removed")
    for _ in range(3):
        actor.add(queue, {"ms": 200}, removeOnComplete=True)

    queue = stage.work("retried")
    backoff = {"type": "fixed", "delay": 1500}
    scene.jobs[queue] = actor.add(queue, {"fails": 1}, attempts=2, backoff=backoff).job

    queue = stage.work("failed")
    for number in range(3):
        actor.add(queue, {"fails": 9, "reason": f"no file /tmp/{number} for user=joe@example.org"})

    stage.work("parent")
    child = {"name": "child", "queueName": stage.work("child"), "data": {"ms": 1500}}
    queue = stage.name("parent")
    tree = {"name": "parent", "queueName": queue, "data": {}, "children": [child]}
    scene.jobs[queue] = str(actor.tell("flow", tree=tree)["result"])

    child = {"name": "child", "queueName": stage.work("child-failed"), "data": {"fails": 9}}
    queue = stage.work("parent-blocked")
    tree = {"name": "parent", "queueName": queue, "data": {}, "children": [child]}
    scene.jobs[queue] = str(actor.tell("flow", tree=tree)["result"])


def _play_late(stage: Stage) -> None:
    actor, scene = stage.actor, stage.scene
    queue = stage.work("delayed-late")
    actor.add(queue, {"ms": 3000})
    scene.true[queue] = actor.add(queue, delay=1000).at + 1000

    queue = stage.work("promoted")
    actor.add(queue, {"ms": 2000})
    scene.true[queue] = stage.promote(queue, actor.add(queue, delay=60_000).job)

    queue = stage.name("promoted-unseen")
    stage.promote(queue, actor.add(queue, delay=600_000).job)
    stage.call(queue, "trimEvents", 0)


def _play_waiting(stage: Stage) -> None:
    actor, scene = stage.actor, stage.scene
    queue = stage.work("busy")
    actor.add(queue, LONG)
    scene.true[queue] = actor.add(queue).at

    queue = stage.work("overdue-busy")
    actor.add(queue, LONG)
    scene.true[queue] = actor.add(queue, delay=500).at + 500
    actor.add(queue, delay=3_600_000)

    queue = stage.name("overdue")
    scene.true[queue] = actor.add(queue, delay=500).at + 500

    queue = stage.name("lifo")
    scene.true[queue] = actor.add(queue).at
    time.sleep(0.2)
    for _ in range(9):
        actor.add(queue, lifo=True)

    queue = stage.name("priorities")
    scene.true[queue] = actor.add(queue, priority=20).at
    time.sleep(0.2)
    for priority in range(1, 30):
        actor.add(queue, priority=priority)


def _play_held(stage: Stage) -> None:
    actor, scene = stage.actor, stage.scene
    queue = stage.work("paused")
    stage.call(queue, "pause")
    scene.true[queue] = actor.add(queue).at

    queue = stage.work("paused-locally")
    actor.tell("work", name=queue, call="pause")
    scene.true[queue] = actor.add(queue).at

    queue = stage.work("autorun-false", autorun=False)
    scene.true[queue] = actor.add(queue).at

    queue = stage.work("limited", limiter={"max": 1, "duration": 120_000})
    actor.add(queue)
    scene.true[queue] = actor.add(queue).at

    stage.call(stage.name("limited-globally"), "setGlobalRateLimit", 1, 120_000)
    queue = stage.work("limited-globally")
    actor.add(queue)
    scene.true[queue] = actor.add(queue).at

    stage.call(stage.name("concurrency"), "setGlobalConcurrency", 1)
    queue = stage.work("concurrency", concurrency=5)
    actor.add(queue, LONG)
    scene.true[queue] = actor.add(queue).at


def _play_schedulers(stage: Stage) -> None:
    every_second = {"every": 1000}
    stage.call(stage.work("scheduled"), "upsertJobScheduler", "tick", every_second)
    stage.call(stage.name("unscheduled"), "upsertJobScheduler", "tick", every_second)
    stage.call(stage.name("orphaned"), "upsertJobScheduler", "meta", every_second)
    twice = {"every": 300, "limit": 2}
    stage.call(stage.work("schedule-over"), "upsertJobScheduler", "once", twice)


def _play_lost(stage: Stage) -> None:
    """Workers in processes of their own, which are killed or stopped."""
    actor, scene = stage.actor, stage.scene
    short = {"lockDuration": 1500, "stalledInterval": 1_000_000}
    doomed = scene.actor(stage.library, "-doomed")
    for queue in (stage.name("killed"), stage.name("killed-beside-live")):
        doomed.tell("worker", queue=queue, options=short)
        scene.jobs[queue] = actor.add(queue, LONG).job
    frozen = scene.actor(stage.library, "-frozen")
    frozen.tell("worker", queue=stage.name("frozen-idle"))
    queue = stage.name("frozen-busy")
    frozen.tell("worker", queue=queue, options=short)
    scene.jobs[queue] = actor.add(queue, LONG).job
    scene.true[queue] = actor.add(queue).at
    wait_until(lambda: len(frozen.starts) == 1)
    wait_until(lambda: len(doomed.starts) == 2)
    doomed.signal(signal.SIGKILL)
    frozen.signal(signal.SIGSTOP)
    queue = stage.name("frozen-idle")
    scene.true[queue] = actor.add(queue, delay=2000).at + 2000
    stage.work("killed-beside-live", stalledInterval=1_000_000)


def play_bull(scene: Scene) -> None:
    """What Bull 4 does."""
    actor = scene.actor("bull")
    for story in ("idle", "busy"):
        actor.tell("worker", queue=f"bull-{story}")
    actor.add("bull-idle")
    actor.add("bull-busy", LONG)
    scene.true["bull-busy"] = actor.add("bull-busy").at
    scene.true["bull-waiting"] = actor.add("bull-waiting").at
    scene.true["bull-paused"] = actor.add("bull-paused").at
    actor.tell("queue", queue="bull-paused", call="pause")
    scene.true["bull:colon"] = actor.add("bull:colon", delay=500).at + 500


def play_python(scene: Scene) -> None:
    """What BullMQ for Python does, and Node's with a prefix of two parts."""
    actor = scene.actor("python")
    actor.tell("worker", queue="bundle:idle", options={"name": "py"})
    actor.tell("worker", queue="bundle:idle")
    actor.tell("add", queue="bundle:idle")
    actor.tell("worker", queue="bundle:busy")
    actor.tell("add", queue="bundle:busy", data=LONG)
    scene.true["bundle:busy"] = actor.tell("add", queue="bundle:busy")["at"]
    actor.tell("worker", queue="bundle:served")
    for _ in range(3):
        scene.true["bundle:served"] = actor.tell("add", queue="bundle:served", data={"ms": 300})[
            "at"
        ]
    scene.true["bundle:nobody"] = actor.tell("add", queue="bundle:nobody")["at"]
    scene.actor("bullmq6").tell("worker", queue="render", prefix="bull:bundle")

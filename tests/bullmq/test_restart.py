"""Redis restarted under real workers: they are away for a while, and then they work again."""

import pytest

from redis_runbook.judging.queue_latency import LatencyState, judge_latency
from redis_runbook.probes.bullmq.clients import list_clients
from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import WorkerFacts, workers_of
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, acting
from tests.support.bullmq_scene import NODE_LIBRARIES
from tests.support.requirements import require
from tests.support.servers import Server, running, wait_until

pytestmark = pytest.mark.timeout(90)


def _look(server: Server) -> dict[str, tuple[QueueFacts, WorkerFacts]]:
    with connected(parse_endpoint(server.url), "queue", timeout_s=5) as client:
        client_lists = [list_clients(client), list_clients(client)]
        queues = discover(client, prefix="bull").queues
        return {
            queue.title: (facts, workers_of(queue, facts, client_lists))
            for queue, facts in observe_queues(client, queues).items()
        }


def test_workers_come_back_after_a_restart_and_are_not_judged_before() -> None:
    require(HAS_NODE_LIBRARIES, INSTALL)
    with running("--appendonly", "yes", "--appendfsync", "always") as server, acting() as begin:
        actors = {library: begin(library, server.port) for library in NODE_LIBRARIES}
        for library, actor in actors.items():
            actor.tell("worker", queue=library)
            job = actor.add(library, {"ms": 10}).job
            wait_until(lambda actor=actor, run=(library, job): run in actor.ends)
        server.stop()
        wait_until(lambda: all(actor.lost for actor in actors.values()))
        server.start()

        early = _look(server)
        for library in NODE_LIBRARIES:
            assert not early[library][1].settled
            assert "the server started" in early[library][1].reconnecting

        wait_until(lambda: [workers.at_work for _, workers in _look(server).values()] == [1, 1], 40)

        for library, actor in actors.items():
            added = actor.add(library, {"ms": 10})
            wait_until(lambda actor=actor, run=(library, added.job): run in actor.ends, 25)
            true_s = (actor.starts[library, added.job][0] - added.at) / 1000
            facts, _ = _look(server)[library]
            assert facts.pick_ups[-1].waited_ms / 1000 == pytest.approx(true_s, abs=0.1)
            assert true_s < 2
            assert judge_latency(facts, limit_s=2, window_s=300).state is LatencyState.OK

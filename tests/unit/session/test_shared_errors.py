"""An error that many checks are told holds the traceback of one of them, not of all."""

import time
import traceback
from collections.abc import Callable
from unittest import mock

import pytest

from redis_runbook.alerts.probes import RecordedAlerts
from redis_runbook.probes.containers.facts import ContainersFacts, ReconnectFacts
from redis_runbook.probes.memory import MemoryFacts
from redis_runbook.session.facts import Facts
from redis_runbook.session.replay import Replay
from redis_runbook.verdict import CannotLook

DENIED = CannotLook("no permission for INFO on cache", follows_from="connectivity.reachable[cache]")
DENIED_HERE = {"cache": DENIED}


def live() -> object:
    facts = Facts([MemoryFacts], deadline=time.monotonic() + 60, late="late")
    facts.fail(MemoryFacts, DENIED)
    return facts.wait(MemoryFacts)


def saved() -> Replay:
    return Replay(mock.Mock(facts={None: {MemoryFacts: DENIED}}), mock.Mock())


ASKED: dict[str, Callable[[], object]] = {
    "live": live,
    "saved": lambda: saved().facts(None, MemoryFacts),
    "containers": lambda: ContainersFacts(by_name=DENIED_HERE).of("cache"),
    "logs": lambda: ReconnectFacts(looked_at=1, started_at=0, by_name=DENIED_HERE).of("cache"),
    "alerts": lambda: RecordedAlerts(by_title=DENIED_HERE).of("cache"),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_it_does_not_grow_with_each_that_asks(ask: Callable[[], object]) -> None:
    lengths = []
    for _ in range(20):
        with pytest.raises(CannotLook) as caught:
            ask()
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert caught.value.follows_from == DENIED.follows_from
    assert len(set(lengths)) == 1

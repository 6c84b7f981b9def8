"""What two histograms of a server tell of the commands between them."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.probes.latency.histogram import (
    Durations,
    Snapshot,
    take_snapshot,
    traffic_between,
)
from redis_runbook.verdict import CannotLook

ENDS_US = [1, 2, 4, 8, 16, 33, 67, 135, 270, 541, 1082, 2162, 4325, 8650, 17301, 34603, 67633,
           135266, 270532, 541065, 1073741]  # fmt: skip


def p95(durations: list[float]) -> float:
    """Nearest rank, in the plainest way."""
    return sorted(durations)[math.ceil(len(durations) * 95 / 100) - 1]


def holds(durations: Durations | None, truth_ms: float) -> bool:
    assert durations
    return durations.p95_low_ms <= truth_ms <= (durations.p95_high_ms or math.inf)


class Says:
    """FAKE: a client that has one reply to everything."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply

    def ask(self, *command: str) -> Any:
        if command[0] == "INFO":
            raise CannotLook("no permission for INFO on cache")
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@pytest.mark.parametrize(
    "reply",
    [
        b"OK",
        7,
        None,
        [b"get"],
        [b"get", b"calls"],
        [b"get", [b"calls", 1, b"histogram_usec", [1, 2, 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", [8, 2, 4, 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", [4, 3, 8, 2]]],
        [b"get", [b"calls", 1, b"histogram_usec", [-4, 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", [b"x", 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", b"none"]],
        [[b"get"], [b"calls", 1, b"histogram_usec", [1, 1]]],
    ],
)
def test_a_reply_of_another_shape_is_never_a_histogram(reply: Any) -> None:
    found = take_snapshot(Says(reply))  # type: ignore[arg-type]
    assert found == Snapshot(missing="LATENCY HISTOGRAM has a reply of an unknown shape")


def test_a_command_name_with_control_characters_is_harmless() -> None:
    after = recorded({"\x1b[31mget\n": [1], "latency|histogram": [5]})
    found = traffic_between(Snapshot(commands={}), Snapshot(commands=after), sent={})
    assert [name for name, _ in found.by_command] == [r"\x1b[31mget\n"]


def recorded(durations: Mapping[str, list[int]]) -> dict[str, dict[int, int]]:
    """Buckets of durations in microseconds, as a server keeps them."""
    return {
        command: Counter(next(end for end in ENDS_US if duration <= end) for duration in own)
        for command, own in durations.items()
    }


COMMANDS = st.dictionaries(
    st.sampled_from(["get", "getrange", "keys"]), st.lists(st.integers(1, 900_000), max_size=30)
)


@given(earlier=COMMANDS, others=COMMANDS, ours=st.lists(st.integers(1, 900_000), max_size=30))
def test_whatever_ran_before_and_whatever_we_sent_the_p95_of_the_others_is_between_the_ends(
    earlier: dict[str, list[int]], others: dict[str, list[int]], ours: list[int]
) -> None:
    now = {name: earlier.get(name, []) + others.get(name, []) for name in {*earlier, *others}}
    now["getrange"] = now.get("getrange", []) + ours
    now["latency|histogram"] = [5]
    found = traffic_between(
        Snapshot(run_id="a", commands=recorded(earlier)),
        Snapshot(run_id="a", commands=recorded(now)),
        sent={"getrange": len(ours)},
    )
    assert found.missing == ""
    for name, durations in found.by_command:
        assert durations.n == len(others[name])
        assert holds(durations, p95([us / 1000 for us in others[name]]))
    every = [us / 1000 for own in others.values() for us in own]
    assert (found.total is not None) == bool(every)
    assert not every or holds(found.total, p95(every))

"""The type of a fault, and the table of all of them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from redis_runbook.drills.stand import DrillTarget, Stand

Inject = Callable[[Stand], contextlib.AbstractContextManager[None]]
"""Makes the fault, and repairs it at the end of the block."""

_Steps = Callable[[Any], Iterator[None]]
"""Makes the fault on a stand, yields, and repairs it. Some need a stand of containers."""

ALL_TARGETS: Final[tuple[DrillTarget, ...]] = get_args(DrillTarget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, and which checks must notice it.

    `expected` are, by target, the names of the findings that must not pass:
    `connectivity.reachable[queue]`; those that only follow from one of them are not counted. On
    other targets the fault cannot be made. `may` are others that may notice it as well, by how long
    it lasts. `configuration` is what the checks need in runbook.toml for it. `patience_s` is how
    long it may take until it is noticed, and nothing else with it: a machine that is busy for a
    moment makes a cache slow, too. `certain` is whether the checks must come to know it: an unknown
    verdict is then not enough.
    """

    name: str
    title: str
    inject: Inject
    expected: Mapping[DrillTarget, frozenset[str]]
    configuration: str = ""
    may: frozenset[str] = frozenset()
    patience_s: float = 20.0
    certain: bool = False


FAULTS: Final[dict[str, Fault]] = {}
"""All faults by name, once the modules of `drills.faults` are imported."""


def fault(
    title: str,
    *expected: str,
    in_container: tuple[str, ...] = (),
    targets: tuple[DrillTarget, ...] = ALL_TARGETS,
    may: tuple[str, ...] = (),
    configuration: str = "",
    patience_s: float = 20.0,
    certain: bool = False,
) -> Callable[[_Steps], _Steps]:
    """Add a fault to the table; it is called what the function is, with hyphens.

    `in_container` are those that are expected where the servers run in containers, if these are
    others.
    """

    def add(steps: _Steps) -> _Steps:
        name = steps.__name__.replace("_", "-")
        by_target = {"embedded": expected, "container": in_container or expected}
        FAULTS[name] = Fault(
            name=name,
            title=title,
            inject=contextlib.contextmanager(steps),
            expected={target: frozenset(by_target[target]) for target in targets},
            may=frozenset(may),
            configuration=configuration,
            patience_s=patience_s,
            certain=certain,
        )
        return steps

    return add

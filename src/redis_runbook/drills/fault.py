"""The type of a fault, and the table of all of them."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from redis_runbook.drills.stand import Stand

Inject = Callable[[Stand], contextlib.AbstractContextManager[None]]
"""Makes the fault, and repairs it at the end of the block."""

_Steps = Callable[[Stand], Iterator[None]]
"""Makes the fault, yields, and repairs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, and which checks must notice it.

    `expected` are the names of the findings that must not pass: `connectivity.reachable[queue]`;
    those that only follow from one of them are not counted. `may` are others that may notice it as
    well, by how long it lasts. `configuration` is what the checks need in runbook.toml for it.
    `patience_s` is how long it may take until it can be noticed. `certain` is whether the checks
    must come to know it: an unknown verdict is then not enough.
    """

    name: str
    title: str
    inject: Inject
    expected: frozenset[str]
    configuration: str = ""
    may: frozenset[str] = frozenset()
    patience_s: float = 10.0
    certain: bool = False


FAULTS: Final[dict[str, Fault]] = {}
"""All faults by name, once the modules of `drills.faults` are imported."""


def fault(
    title: str,
    *expected: str,
    may: tuple[str, ...] = (),
    configuration: str = "",
    patience_s: float = 10.0,
    certain: bool = False,
) -> Callable[[_Steps], _Steps]:
    """Add a fault to the table; it is called what the function is, with hyphens."""

    def add(steps: _Steps) -> _Steps:
        name = steps.__name__.replace("_", "-")
        FAULTS[name] = Fault(
            name=name,
            title=title,
            inject=contextlib.contextmanager(steps),
            expected=frozenset(expected),
            may=frozenset(may),
            configuration=configuration,
            patience_s=patience_s,
            certain=certain,
        )
        return steps

    return add

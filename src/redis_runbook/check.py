"""What a check is written with: the `check` mark, and the judge that takes its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypedDict, Unpack

import pytest

MARK: Final = "runbook_check"


def check(check_id: str) -> pytest.MarkDecorator:
    """Mark a test function as the check of that id in the catalogue."""
    return getattr(pytest.mark, MARK)(check_id)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a check concluded about its subject, before a level or a report is involved."""

    message: str
    observed: float | None = None
    limit: float | None = None
    unit: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    next_steps: Sequence[str] = ()
    follows_from: str | None = None


class Details(TypedDict, total=False):
    """What a ruling may say beside its sentence.

    `observed` and `limit` are in the unit that the catalogue names for the check, or in `unit`
    where that depends on the subject. `next_steps` come before the check's own, and only where it
    is broken. `follows_from` names the finding that tells of the same thing, if it is broken, too.
    """

    observed: float | None
    limit: float | None
    unit: str | None
    evidence: Mapping[str, Any]
    next_steps: Sequence[str]
    follows_from: str | None


class Outcome(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # an attribute to mypy
    """How a check ended; `ruling` says why.

    One of pytest's own outcomes, because pytest prepares a traceback of any other exception: some
    20 ms for each finding, and a service may have thousands.
    """

    def __init__(self, ruling: Ruling) -> None:
        """End the check with this ruling."""
        super().__init__(ruling.message, pytrace=False)
        self.ruling = ruling


class Held(Outcome):
    """What the check is about holds."""


class Broken(Outcome):
    """What the check is about does not hold."""


class Advised(Outcome):
    """It holds, but an operator should look at it: a warning whatever the check's level."""


class Unknown(Outcome):
    """The check could not look, or saw too little to tell."""


class NotApplicable(Outcome):
    """The subject does not have what the check is about, or it is configured off."""


def percent(ratio: float, digits: int = 0) -> str:
    """`83.1 %` of 0.831: how messages write a ratio."""
    return f"{ratio * 100:.{digits}f} %"


class Judge:
    """Takes exactly one ruling from a check: each of these ends it."""

    def passes(self, message: str, **details: Unpack[Details]) -> NoReturn:
        """Rule that the invariant holds."""
        raise Held(Ruling(message=message, **details))

    def fails(self, message: str, **details: Unpack[Details]) -> NoReturn:
        """Rule that the invariant is broken."""
        raise Broken(Ruling(message=message, **details))

    def passes_if(
        self,
        holds: bool,  # noqa: FBT001  # reads as the sentence that it is
        message: str,
        **details: Unpack[Details],
    ) -> NoReturn:
        """Rule that the invariant holds or is broken; the message is true in both cases."""
        if holds:
            self.passes(message, **details)
        self.fails(message, **details)

    def advise(self, message: str, **details: Unpack[Details]) -> NoReturn:
        """Rule that the invariant holds and something is worth a look."""
        raise Advised(Ruling(message=message, **details))

    def unknown(self, message: str, **details: Unpack[Details]) -> NoReturn:
        """Rule that nothing can be said, and why."""
        raise Unknown(Ruling(message=message, **details))

    def not_applicable(self, message: str) -> NoReturn:
        """Rule that the check has no subject here, and why."""
        raise NotApplicable(Ruling(message=message))

"""What a check is written with: the `check` mark, and the judge that takes its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import pytest

from redis_runbook.catalogue import CATALOGUE

MARK: Final = "runbook_check"


def check(check_id: str) -> pytest.MarkDecorator:
    """Mark a test function as the check of that id in the catalogue.

    Raises:
        KeyError: the catalogue has no such id.
    """
    return getattr(pytest.mark, MARK)(CATALOGUE[check_id])  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a check concluded about its subject, before a level or a report is involved."""

    message: str
    observed: float | None = None
    limit: float | None = None
    unit: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    next_steps: Sequence[str] = ()


class Outcome(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # an attribute to mypy
    """A check ended with anything but a pass; `ruling` says why.

    One of pytest's own outcomes, because pytest prepares a traceback of any other exception: some
    20 ms for each finding, and a service may have thousands.
    """

    def __init__(self, ruling: Ruling) -> None:
        """End the check with this ruling."""
        super().__init__(ruling.message, pytrace=False)
        self.ruling = ruling


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
    """Takes exactly one ruling from a check.

    A check ends with `passes_if`, or earlier with one of the others, which do not return.
    `observed` and `limit` are in the unit that the catalogue names for the check, or in `unit`
    where that depends on the subject.
    """

    def __init__(self) -> None:
        """Start without a ruling."""
        self.ruling: Ruling | None = None

    def passes_if(
        self,
        holds: bool,  # noqa: FBT001  # reads as the sentence that it is
        message: str,
        *,
        observed: float | None = None,
        limit: float | None = None,
        unit: str | None = None,
        evidence: Mapping[str, Any] | None = None,
        next_steps: Sequence[str] = (),
    ) -> None:
        """Rule that the invariant holds or is broken; the message is true in both cases.

        `next_steps` come before the check's own, and only where it is broken.
        """
        ruling = Ruling(
            message=message,
            observed=observed,
            limit=limit,
            unit=unit,
            evidence=evidence or {},
            next_steps=next_steps,
        )
        if not holds:
            raise Broken(ruling)
        self.ruling = ruling

    def advise(
        self,
        message: str,
        *,
        observed: float | None = None,
        limit: float | None = None,
        unit: str | None = None,
        evidence: Mapping[str, Any] | None = None,
        next_steps: Sequence[str] = (),
    ) -> NoReturn:
        """Rule that the invariant holds and something is worth a look; otherwise as `passes_if`."""
        raise Advised(
            Ruling(
                message=message,
                observed=observed,
                limit=limit,
                unit=unit,
                evidence=evidence or {},
                next_steps=next_steps,
            )
        )

    def unknown(self, message: str, *, evidence: Mapping[str, Any] | None = None) -> NoReturn:
        """Rule that nothing can be said, and why."""
        raise Unknown(Ruling(message=message, evidence=evidence or {}))

    def not_applicable(self, message: str) -> NoReturn:
        """Rule that the check has no subject here, and why."""
        raise NotApplicable(Ruling(message=message))

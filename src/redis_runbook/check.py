"""The API for writing checks: the `check` mark, and the judge, which takes the ruling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypedDict, Unpack

import pytest

from redis_runbook.verdict import LatencyWindow, Verdict

MARK: Final = "runbook_check"


def check(check_id: str) -> pytest.MarkDecorator:
    """Mark a test function as the check of that id in the catalogue."""
    return getattr(pytest.mark, MARK)(check_id)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The conclusion of a check about its subject, before its level is applied."""

    message: str
    observed: float | None = None
    limit: float | None = None
    unit: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    next_steps: Sequence[str] = ()
    only_these_steps: bool = False
    follows_from: str | None = None
    window: LatencyWindow | None = None
    runbook: str | None = None


class Details(TypedDict, total=False):
    """The fields of a ruling in addition to its message.

    `observed` and `limit` are in the unit of the check in the catalogue, or in `unit` if that
    depends on the subject. `next_steps` precede those of the check's docstring, which are shown
    only if the check fails or warns, and not with `only_these_steps`. `follows_from` names the
    finding that tells of the same cause. `window` is what was sampled, for a picture. `runbook`
    is the section to read, where that is another one than the catalogue has.
    """

    observed: float | None
    limit: float | None
    unit: str | None
    evidence: Mapping[str, Any]
    next_steps: Sequence[str]
    only_these_steps: bool
    follows_from: str | None
    window: LatencyWindow | None
    runbook: str | None


class Outcome(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # an attribute to mypy
    """The outcome of a check; `ruling` says why.

    It derives from an outcome of pytest, because pytest formats a traceback for any other
    exception. That takes about 20 ms for each finding, and a service may have thousands.
    """

    def __init__(self, ruling: Ruling) -> None:
        """End the check with this ruling."""
        super().__init__(ruling.message, pytrace=False)
        self.ruling = ruling


class Held(Outcome):
    """The invariant holds."""


class Broken(Outcome):
    """The invariant does not hold."""


class Advised(Outcome):
    """The invariant holds, with a warning for the operator, whatever the check's level."""


class Unknown(Outcome):
    """The check could not observe enough to decide."""


class NotApplicable(Outcome):
    """The check does not apply to the subject, or is switched off."""


def percent(ratio: float, digits: int = 0) -> str:
    """Format a ratio for messages: `83.1 %` for 0.831."""
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
        holds: bool,  # noqa: FBT001  # the condition reads best in first place
        message: str,
        **details: Unpack[Details],
    ) -> NoReturn:
        """Rule that the invariant holds or is broken; the message is true in both cases."""
        if holds:
            self.passes(message, **details)
        self.fails(message, **details)

    def advise(self, message: str, **details: Unpack[Details]) -> NoReturn:
        """Rule that the invariant holds, with a warning."""
        raise Advised(Ruling(message=message, **details))

    def unknown(self, message: str, **details: Unpack[Details]) -> NoReturn:
        """Rule that the outcome is unknown, and why."""
        raise Unknown(Ruling(message=message, **details))

    def rules(self, verdict: Verdict, message: str, **details: Unpack[Details]) -> NoReturn:
        """Rule what a function of `judging` has concluded."""
        match verdict:
            case Verdict.PASS:
                self.passes(message, **details)
            case Verdict.FAIL:
                self.fails(message, **details)
            case Verdict.WARN:
                self.advise(message, **details)
            case Verdict.UNKNOWN:
                self.unknown(message, **details)
            case Verdict.NOT_APPLICABLE:
                self.not_applicable(message)

    def not_applicable(self, message: str) -> NoReturn:
        """Rule that the check does not apply, and why."""
        raise NotApplicable(Ruling(message=message))

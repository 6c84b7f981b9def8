"""Ends a check whose outcome is known in pytest's setup, so that its test function never runs."""

from collections.abc import Generator
from typing import Final

import pytest

from redis_runbook.check import Advised, NotApplicable, Outcome, Ruling, Unknown
from redis_runbook.session.recording import subject_of

_ENDED: Final = pytest.StashKey[Outcome | AssertionError]()
"""The stash key for what a setup ended with."""


class SubjectOutcome:
    """Ends a check whose subject cannot be checked."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Raise the outcome before the fixtures wait for facts."""
        subject = subject_of(item)
        if subject and subject.not_applicable:
            raise NotApplicable(Ruling(message=subject.not_applicable))
        if subject and subject.unknown:
            because, steps = subject.follows_from, subject.next_steps
            raise Unknown(Ruling(message=subject.unknown, next_steps=steps, follows_from=because))
        if subject and subject.advice:
            steps = subject.next_steps
            raise Advised(Ruling(message=subject.advice, next_steps=steps, only_these_steps=True))


class SetupOutcome:
    """Reports an outcome that was raised in setup as the outcome of the call.

    pytest calls the test function whenever the report of the setup says "passed", which is what a
    warning is reported as; the fixtures would then be missing. So the setup passes, and the call
    raises its outcome before anything else is called.
    """

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Keep an outcome that a hook or a fixture raised."""
        try:
            yield
        except (Outcome, AssertionError) as ended:
            item.stash[_ENDED] = ended

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Raise it in place of the test function."""
        ended = item.stash.get(_ENDED, None)
        if ended:
            raise ended

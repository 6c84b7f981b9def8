"""Turns pytest's report of a test into a finding, and redacts the report."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from redis_runbook.catalogue import CATALOGUE, CheckSpec, Level
from redis_runbook.check import MARK, Advised, Broken, Held, NotApplicable, Outcome, Ruling, Unknown
from redis_runbook.redact import Shown, printable, printable_mapping, sentence
from redis_runbook.session.next_steps import named, steps_of, what_to_grant, why_it_matters
from redis_runbook.session.run import Run
from redis_runbook.session.subjects import Subject
from redis_runbook.verdict import OF_COLLECTION, CannotLook, Finding, Verdict

RULING: Final = pytest.StashKey[Ruling]()
"""The stash key for the ruling of an item that passed."""

_WAITED_S: Final = pytest.StashKey[float]()
"""The stash key for how long an item's setup took, which waits for the facts."""

_OUTCOMES: Final[Mapping[type[Outcome], Verdict]] = {
    Held: Verdict.PASS,
    Broken: Verdict.FAIL,
    Advised: Verdict.WARN,
    Unknown: Verdict.UNKNOWN,
    NotApplicable: Verdict.NOT_APPLICABLE,
}


class _Conclusion(NamedTuple):
    verdict: Verdict
    ruling: Ruling
    expected: bool = True
    """False if the check itself went wrong: the report then keeps its traceback."""


def spec_of(item: pytest.Item, run: Run) -> CheckSpec | None:
    """The catalogue's entry of a check; None for any other test.

    Raises:
        ValueError: the item is marked as a check that the catalogue does not have.
    """
    mark = item.get_closest_marker(MARK)
    if mark is None:
        return None
    spec = run.plugins.catalogue.get(str(mark.args[0]))
    if spec is None:
        raise ValueError(f"{item.name} is marked as a check that nobody registered: {mark.args[0]}")
    return spec


def subject_of(item: pytest.Item) -> Subject | None:
    """The subject of a check; None for any other test."""
    callspec = getattr(item, "callspec", None)
    subject = callspec.params.get("subject") if callspec else None
    return subject if isinstance(subject, Subject) else None


def without_traceback(
    ended: pytest.ExceptionInfo[BaseException],
) -> pytest.ExceptionInfo[BaseException]:
    """An outcome of which pytest reads no source: that takes milliseconds, and nobody sees it."""
    outcome = ended.value
    if isinstance(outcome, CannotLook):
        ruling = Ruling(message=str(outcome), follows_from=outcome.follows_from)
        outcome = Unknown(ruling).with_traceback(outcome.__traceback__)
    found = pytest.ExceptionInfo.from_exception(outcome)
    found.traceback = ended.traceback[-1:]
    return found


def record_phase(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, run: Run
) -> Finding | None:
    """Record one phase of an item as a finding, and align pytest's report with it.

    Returns:
        The finding; None for a setup or teardown that passed.
    """
    took_s = call.duration + item.stash.get(_WAITED_S, 0.0)
    conclusion = _conclude(item, call, run)
    if conclusion is None:
        item.stash[_WAITED_S] = took_s
        report.sections = [(name, run.redact(content)) for name, content in report.sections]
        return None
    finding = run.record(_finding(item, conclusion, run, duration_s=took_s))
    _align(report, finding, conclusion, run)
    return finding


def record_late(item: pytest.Item, run: Run) -> Finding:
    """Record an item that was not begun before the run's deadline."""
    message = f"not judged: the run's deadline of {run.deadline_s:g} s had passed"
    conclusion = _Conclusion(Verdict.UNKNOWN, Ruling(message=message))
    return run.record(_finding(item, conclusion, run, duration_s=0.0))


def _conclude(item: pytest.Item, call: pytest.CallInfo[None], run: Run) -> _Conclusion | None:
    error = call.excinfo.value if call.excinfo else None
    if error is None:
        return _passed(item, run) if call.when == "call" else None
    if isinstance(error, Outcome):
        verdict = _at_level(_OUTCOMES[type(error)], item, run)
        return _Conclusion(verdict, error.ruling)
    if isinstance(error, pytest.skip.Exception):
        return _Conclusion(Verdict.NOT_APPLICABLE, Ruling(message=printable(str(error))))
    if isinstance(error, AssertionError | pytest.fail.Exception):
        first_line = (str(error).splitlines() or ["assertion failed"])[0]
        if stopper := _stopper(error, item):
            message = f"the check was stopped by {stopper}: {printable(first_line)}"
            ruling = Ruling(message=message)
            return _Conclusion(Verdict.UNKNOWN, ruling)
        verdict = _at_level(Verdict.FAIL, item, run)
        return _Conclusion(verdict, Ruling(message=first_line), expected=False)
    message = f"the check itself failed ({type(error).__name__}): nothing was determined"
    return _Conclusion(Verdict.UNKNOWN, Ruling(message=message), expected=False)


def _at_level(verdict: Verdict, item: pytest.Item, run: Run) -> Verdict:
    """The verdict at the level of the check: a broken advisory check is a warning."""
    return Verdict.WARN if verdict is Verdict.FAIL and _is_advisory(item, run) else verdict


def _is_advisory(item: pytest.Item, run: Run) -> bool:
    """Whether the item is an advisory check; a test that is no check counts as an invariant."""
    spec = spec_of(item, run)
    return spec is not None and run.level(spec) is Level.ADVISORY


def _stopper(error: BaseException, item: pytest.Item) -> str:
    """The pytest plugin that ended the test by `pytest.fail`; empty if the test itself failed.

    pytest-timeout does that, from a signal handler. pytest's own modules fail on behalf of the test
    (`pytest.raises`), and a conftest.py belongs to the tests.
    """
    if not isinstance(error, pytest.fail.Exception):
        return ""
    frames = [frame.f_globals for frame, _ in traceback.walk_tb(error.__traceback__)]
    callers = [names for names in frames if names.get("__name__") != "_pytest.outcomes"]
    name = str(callers[-1].get("__name__")) if callers else ""
    plugins = {
        plugin.__name__.partition(".")[0]
        for plugin in item.config.pluginmanager.get_plugins()
        if isinstance(plugin, ModuleType)
        and Path(getattr(plugin, "__file__", None) or "").name != "conftest.py"
    }
    return name if name.partition(".")[0] in plugins - {"_pytest"} else ""


def _passed(item: pytest.Item, run: Run) -> _Conclusion:
    if spec_of(item, run) is None:
        return _Conclusion(Verdict.PASS, Ruling(message="passed"))
    ruling = item.stash.get(RULING, None)
    if ruling:
        return _Conclusion(Verdict.PASS, ruling)
    return _Conclusion(Verdict.UNKNOWN, Ruling(message="the check ended without a ruling"))


def _finding(item: pytest.Item, conclusion: _Conclusion, run: Run, *, duration_s: float) -> Finding:
    spec, subject, ruling = spec_of(item, run), subject_of(item), conclusion.ruling
    service = subject.service if subject else None
    role = service.role if service else None
    is_ours = spec is not None and spec.id in CATALOGUE and conclusion.expected

    says: Callable[[str], Shown] = sentence if is_ours else printable
    unit = (ruling.unit or spec.unit) if spec else None
    broken = conclusion.verdict in {Verdict.FAIL, Verdict.WARN}
    function = getattr(item, "function", None)
    usual = steps_of(function) if broken else what_to_grant(ruling.message)
    steps = (*ruling.next_steps, *(() if ruling.only_these_steps else usual))
    return Finding(
        check=sentence(spec.id) if spec else printable(Path(item.path).stem),
        # A subject's name is ours, or was redacted when the subject was made.
        subject=sentence(subject.name) if subject else printable(_name_within_file(item), 200),
        verdict=conclusion.verdict,
        message=says(ruling.message),
        service=sentence(service.name) if service else None,
        role=sentence(role) if role else None,
        observed=ruling.observed,
        limit=ruling.limit,
        unit=says(unit) if unit and ruling.limit is not None else None,
        runbook=says(ruling.runbook or spec.reference_for(role)) if spec else None,
        next_steps=tuple(map(says, named(steps, spec, subject, run.config, run.named_file))),
        evidence=printable_mapping(ruling.evidence),
        duration_s=round(duration_s, 3),
        advisory=_is_advisory(item, run),
        follows_from=says(ruling.follows_from) if ruling.follows_from else None,
        why=says(why) if (why := why_it_matters(function)) else None,
        window=ruling.window,
    )


def _name_within_file(item: pytest.Item) -> str:
    """`TestQueue::test_depth`: the name of a test that is not a check."""
    return item.nodeid.partition("::")[2] or item.name


def _align(report: pytest.TestReport, finding: Finding, conclusion: _Conclusion, run: Run) -> None:
    """Give pytest's report the finding's outcome, and a text without traceback or secret."""
    text: Any = finding.message
    if conclusion.expected:
        report.sections = []
    else:
        text = run.redact(report.longreprtext) or finding.message
        report.sections = [(name, run.redact(content)) for name, content in report.sections]
    if finding.suppressed:
        text = f"{finding.verdict.label}, {finding.suppressed.clause}; {text}"
    match finding.verdict:
        case _ if finding.suppressed:
            _skip(report, text)
        case Verdict.PASS | Verdict.WARN:
            report.outcome = "passed"
            report.longrepr = None
        case Verdict.NOT_APPLICABLE:
            _skip(report, text)
        case Verdict.UNKNOWN if finding.advisory:
            _skip(report, text)  # it changes no exit code, so it is no error and ends no `-x`
        case Verdict.FAIL | Verdict.UNKNOWN:
            report.outcome = "failed"
            report.longrepr = text
            if finding.verdict is Verdict.UNKNOWN:
                # pytest counts a failure in setup as an error, which is what UNKNOWN is.
                report.when = "setup"
    report.user_properties = [
        *report.user_properties,
        ("finding", finding.name),
        ("verdict", finding.verdict.value),
        *([("suppressed", str(finding.suppressed.until))] if finding.suppressed else ()),
    ]


def _skip(report: pytest.TestReport, text: str) -> None:
    report.outcome = "skipped"
    report.longrepr = (report.location[0], report.location[1] or 0, text)


def record_collection_error(report: pytest.CollectReport, run: Run) -> None:
    """Record a check module that could not be collected as undetermined."""
    report.longrepr = run.redact(report.longreprtext)
    run.record(
        Finding(
            check=sentence(OF_COLLECTION),
            subject=printable(Path(report.nodeid).name or "checks", 200),
            verdict=Verdict.UNKNOWN,
            message=sentence("this check file could not be loaded; its checks did not run"),
        )
    )

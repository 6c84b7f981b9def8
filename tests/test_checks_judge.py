"""Every check judged by recorded facts, and what verdicts amount to."""

import ast
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.catalogue import CATALOGUE, Level
from redis_runbook.check import MARK, Broken, Judge, Outcome, Ruling
from redis_runbook.config.model import Check, Config, ServiceSettings
from redis_runbook.config.profiles import PROFILES
from redis_runbook.config.service import Service
from redis_runbook.probes.canary import _refusal
from redis_runbook.probes.connection import Problem
from redis_runbook.probes.slowlog import read_slowlog
from redis_runbook.session.run import Run
from redis_runbook.verdict import ExitCode, Finding, Verdict, count, exit_code
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.check_cases import CASES, HEALTHY, Case, Holds
from tests.servers import running
from tools.docs import parts

ROOT = Path(__file__).resolve().parent.parent


def check_functions() -> Iterator[tuple[str, Callable[..., None]]]:
    """Each test of checks/ with its id: loaded from its file, as nothing imports a check."""
    for path in sorted((ROOT / "checks").glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"judged_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            for mark in getattr(value, "pytestmark", ()) if name.startswith("test_") else ():
                assert mark.name == MARK
                yield mark.args[0].id, value


FUNCTIONS = list(check_functions())
CHECKS = dict(FUNCTIONS)


def judged(case: Case) -> tuple[type, Ruling]:
    """Call the check as pytest does, and take its ruling as the plugin does."""
    settings = ServiceSettings.model_validate({"role": case.role, **case.settings})
    judge = Judge()
    given_: dict[str, Any] = {
        **HEALTHY,
        "service": Service(name=case.role, settings=settings, endpoint=None),
        "judge": judge,
    }
    for name, facts in case.facts.items():
        given_[name] = replace(given_[name], **facts) if isinstance(facts, dict) else facts
    function = CHECKS[case.check]
    try:
        function(**{name: given_[name] for name in inspect.signature(function).parameters})
    except Outcome as outcome:
        return type(outcome), outcome.ruling
    assert judge.ruling is not None
    return Holds, judge.ruling


@pytest.mark.parametrize("case", CASES, ids=str)
def test_facts_lead_to_a_verdict_and_a_sentence(case: Case) -> None:
    outcome, ruling = judged(case)
    assert (outcome, case.words in ruling.message) == (case.outcome, True), ruling.message
    unit = CATALOGUE[case.check].unit
    assert ruling.observed is None or unit is not None
    assert ruling.observed is None or ruling.limit is not None
    if case.check.startswith("latency.") and ruling.observed is not None:
        assert ruling.evidence


def test_every_check_of_a_service_has_cases_of_both_kinds() -> None:
    for spec in CATALOGUE.values():
        outcomes = {case.outcome for case in CASES if case.check == spec.id}
        elsewhere = {"bullmq", "prometheus", "alert", "grafana"}  # not about a service alone
        assert outcomes >= {Holds, Broken} or spec.scope in elsewhere, spec.id


@pytest.mark.parametrize("problem", Problem)
def test_the_first_next_step_is_for_the_problem_at_hand(problem: Problem) -> None:
    facts = {"connection": {"problem": problem, "message": "is away"}}
    _, ruling = judged(Case("connectivity.reachable", Broken, "", facts))
    by_restart = {Problem.REFUSED, Problem.UNREACHABLE, Problem.TIMED_OUT, Problem.CLOSED}
    assert bool(ruling.next_steps) == (problem not in by_restart | {Problem.ERROR})


@pytest.mark.parametrize(
    ("replies", "refusal"),
    [
        ((b"OK", b"token", 1), ""),
        ((b"OK", b"other", 1), "what was written could not be read back"),
        ((b"OK", None, 0), "what was written could not be read back"),
        ((None, None, 0), "SET was not answered with OK"),
        ((b"OK", b"token", 0), "the canary could not be removed"),
    ],
)
def test_a_canary_that_is_not_what_was_written_is_a_refusal(
    replies: tuple[Any, Any, Any], refusal: str
) -> None:
    assert _refusal(*replies, "token") == refusal


def test_a_slowlog_that_keeps_nothing_is_not_taken_for_an_empty_one() -> None:
    with running("--slowlog-max-len", "0") as server:
        endpoint = parse_endpoint(server.url)
        with connected(endpoint, "queue", timeout_s=2) as client:
            disabled = read_slowlog(client)
            server.client().config_set("slowlog-max-len", 128)
            enabled = read_slowlog(client)
    assert (disabled.covers_s, enabled.covers_s) == (0, None)


def test_the_catalogue_and_the_checks_agree() -> None:
    assert sorted(check_id for check_id, _ in FUNCTIONS) == sorted(CATALOGUE)
    assert all(
        Path(inspect.getfile(function)).stem == f"test_{check_id.partition('.')[0]}"
        for check_id, function in FUNCTIONS
    )


@pytest.mark.parametrize("check_id", CATALOGUE)
def test_a_docstring_says_what_must_hold_when_and_what_to_do(check_id: str) -> None:
    said = parts(inspect.getdoc(CHECKS[check_id]) or "")
    assert list(said) == ["", "Passes when", "Fails when", "Next:"]
    assert all(text.endswith(".") for text in said.values())


def test_checks_import_the_product_only_and_nothing_imports_a_check() -> None:
    for path in (*ROOT.glob("checks/*.py"), *ROOT.glob("src/**/*.py"), *ROOT.glob("fixtures/*.py")):
        names = set(imports(ast.parse(path.read_text())))
        assert not any(name.startswith("redis_runbook.checks") for name in names), path
        if path.parent.name == "checks":
            roots = {name.partition(".")[0] for name in names}
            assert roots <= {"redis_runbook", *sys.stdlib_module_names}, path


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def finding(verdict: Verdict, **changes: Any) -> Finding:
    return Finding(check="a.b", subject="c", verdict=verdict, message="d", **changes)


def test_a_finding_is_a_fixed_record_of_finite_numbers() -> None:
    found = finding(Verdict.PASS, observed=1.0, limit=2.0)
    assert found.name == "a.b[c]"
    with pytest.raises(FrozenInstanceError):
        found.verdict = Verdict.FAIL  # type: ignore[misc]
    for number in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="is not a finite number"):
            finding(Verdict.PASS, observed=number)
        with pytest.raises(ValueError, match="is not a finite number"):
            finding(Verdict.PASS, limit=number)


PASS, FAIL, UNKNOWN, WARN, NONE = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.UNKNOWN,
    Verdict.WARN,
    Verdict.NOT_APPLICABLE,
)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 5),
        ([NONE], 5),
        ([PASS], 0),
        ([WARN], 0),
        ([PASS, WARN, NONE], 0),
        ([UNKNOWN], 3),
        ([UNKNOWN, NONE], 3),
        ([PASS, WARN, UNKNOWN], 3),
        ([FAIL], 1),
        ([FAIL, UNKNOWN], 1),
        ([FAIL, UNKNOWN, WARN, PASS, NONE], 1),
    ],
)
def test_the_exit_code_is_what_the_findings_amount_to(verdicts: list[Verdict], code: int) -> None:
    findings = [finding(verdict) for verdict in verdicts]
    assert exit_code(findings) == code
    assert exit_code(findings, interrupted=True) == ExitCode.INTERRUPTED


@given(st.lists(st.sampled_from(Verdict), max_size=30), st.randoms())
def test_the_exit_code_depends_on_which_verdicts_there_are_alone(
    verdicts: list[Verdict], random: Any
) -> None:
    findings = [finding(verdict) for verdict in verdicts]
    code = exit_code(findings)
    random.shuffle(findings)
    assert exit_code([*findings, *findings, finding(NONE)]) == code
    assert (code == 0) == (
        bool({PASS, WARN} & set(verdicts)) and not {FAIL, UNKNOWN} & set(verdicts)
    )
    assert sum(count(findings).values()) == len(findings)


def test_a_configuration_overrides_the_level_of_a_check() -> None:
    config = Config(checks={"memory.fragmentation": Check(level="invariant")})
    run = Run(config, PROFILES["smoke"], environ={})
    assert CATALOGUE["memory.fragmentation"].level is Level.ADVISORY
    assert run.level(CATALOGUE["memory.fragmentation"]) is Level.INVARIANT
    assert run.level(CATALOGUE["memory.used_ratio"]) is Level.INVARIANT
    assert run.level(CATALOGUE["latency.slowlog"]) is Level.ADVISORY

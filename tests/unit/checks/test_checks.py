"""Every check judged by recorded facts, and what each says of itself."""

import ast
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.check import MARK, Broken, Held, Judge, Outcome, Ruling, Unknown
from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.judging.cause import NEXT_STEPS
from redis_runbook.probes.connection import ConnectionFacts, Problem
from redis_runbook.session.next_steps import steps_of
from redis_runbook.wire.endpoint import Endpoint
from tests.support.check_cases import CASES, HEALTHY, Case
from tests.support.places import ROOT
from tools.docs import parts


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
                yield mark.args[0], value


FUNCTIONS = list(check_functions())
CHECKS = dict(FUNCTIONS)


def judged(case: Case) -> tuple[type, Ruling]:
    """Call the check as pytest does, and take its ruling as the plugin does."""
    settings = ServiceSettings.model_validate({"role": case.role, **case.settings})
    judge = Judge()
    endpoint = Endpoint(scheme="redis", host="redis")
    service = Service(name=case.role, settings=settings, endpoint=endpoint)
    given_: dict[str, Any] = {**HEALTHY, "service": service, "used": service, "judge": judge}
    for name, facts in case.facts.items():
        given_[name] = replace(given_[name], **facts) if isinstance(facts, dict) else facts
    function = CHECKS[case.check]
    try:
        function(**{name: given_[name] for name in inspect.signature(function).parameters})
    except Outcome as outcome:
        return type(outcome), outcome.ruling
    raise AssertionError(f"{case.check} ended without a ruling")


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
        assert outcomes >= {Held, Broken} or spec.scope in elsewhere, spec.id


def test_a_room_that_is_not_known_follows_from_what_tells_why() -> None:
    rooms = [case for case in CASES if "maxmemory" in case.words and case.check.endswith("points")]
    followed = {case.outcome: judged(case)[1].follows_from for case in rooms}
    assert followed == {Held: None, Broken: None, Unknown: "connectivity.reachable[queue]"}


@pytest.mark.parametrize("problem", Problem)
def test_the_first_next_step_is_for_the_problem_at_hand(problem: Problem) -> None:
    facts = {"connection": {"problem": problem, "message": "is away"}}
    _, ruling = judged(Case("connectivity.reachable", Broken, "", facts))
    by_restart = {Problem.REFUSED, Problem.UNREACHABLE, Problem.TIMED_OUT, Problem.CLOSED}
    assert bool(ruling.next_steps) == (problem not in by_restart | {Problem.ERROR})


@pytest.mark.parametrize(
    ("problems", "scenario"),
    [
        ((Problem.REFUSED, Problem.DNS), "C"),
        ((Problem.TIMED_OUT, Problem.CLOSED, Problem.ERROR), "C"),
        ((Problem.REFUSED, None), "A"),
        ((Problem.AUTH, Problem.AUTH), "A"),
        ((Problem.REFUSED, Problem.AUTH), "A"),
        ((Problem.REFUSED,), "A"),
    ],
)
def test_where_every_service_is_down_the_steps_are_scenario_c_in_its_order(
    problems: Sequence[Problem | None], scenario: str
) -> None:
    everywhere = [ConnectionFacts(address="r:1", elapsed_ms=3, problem=one) for one in problems]
    facts = {"connection": {"problem": problems[0]}, "connections": everywhere}
    _, ruling = judged(Case("connectivity.reachable", Broken, "", facts))
    assert ruling.only_these_steps is (scenario == "C" or problems[0] is Problem.AUTH)
    if scenario == "C":
        said = " ".join(ruling.next_steps)
        order = ["Scenario C", "restart SERVICES", "EXPORTER", "--wait", "--dry-run", "Grafana"]
        assert sorted(order, key=said.index) == order


@pytest.mark.parametrize(("role", "policy"), [("queue", "noeviction"), ("cache", "allkeys-lru")])
def test_the_policy_to_set_is_that_of_the_role(role: str, policy: str) -> None:
    wrong = {"queue": "allkeys-lru", "cache": "noeviction"}[role]
    facts = {"memory": {"policy": wrong, "maxmemory_bytes": 1}}
    _, ruling = judged(Case("memory.eviction_policy", Broken, "", facts, role=role))
    (step,) = ruling.next_steps
    assert step.startswith(f"`CONFIG SET maxmemory-policy {policy}`")


def test_what_deletes_data_is_no_step_without_its_cost() -> None:
    by_cause = [step for steps in NEXT_STEPS.values() for step in steps]
    for step in [*by_cause, *(step for _, check in FUNCTIONS for step in steps_of(check))]:
        assert "FLUSH" not in step or "every entry must be fetched anew" in step, step
        assert "queue:drain" not in step or "deletes the backlog" in step, step


def test_the_catalogue_and_the_checks_agree() -> None:
    assert sorted(check_id for check_id, _ in FUNCTIONS) == sorted(CATALOGUE)
    assert all(
        Path(inspect.getfile(function)).stem == f"test_{check_id.partition('.')[0]}"
        for check_id, function in FUNCTIONS
    )


@pytest.mark.parametrize("check_id", CATALOGUE)
def test_a_docstring_says_what_must_hold_when_and_what_to_do(check_id: str) -> None:
    said = parts(inspect.getdoc(CHECKS[check_id]) or "")
    assert list(said) == ["", "Passes when", "Fails when", "Why:", "Next:"]
    assert all(text.endswith(".") for text in said.values())


def test_checks_import_the_product_only_and_nothing_imports_a_check() -> None:
    ours = [ROOT.glob(files) for files in ("checks/*.py", "src/**/*.py", "fixtures/*.py")]
    paths = [path for found in ours for path in found]
    assert len(paths) > 50
    for path in paths:
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

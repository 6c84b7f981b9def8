"""What is not shareable text by its type reaches no output."""

import ast
import dataclasses
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.alerts import probes as alerts
from redis_runbook.alerts.rule import AlertRule
from redis_runbook.probes.table import runbook_probes
from redis_runbook.record import Changes, QueueRecord, Recovered, RunRecord
from redis_runbook.redact import KNOWN, MASK, ShownValue, printable, printable_mapping
from redis_runbook.reporting import text
from redis_runbook.reporting.history import index
from redis_runbook.reporting.page.render import render
from redis_runbook.reporting.table import OUTPUTS
from redis_runbook.reporting.terminal import Terminal
from redis_runbook.verdict import Suppression, Verdict
from tests.support.places import CHECKS, ROOT
from tests.unit.reporting.test_record import RECORD
from tests.unit.test_redact import WRITTEN, longest_part

SENTENCES = "a sentence of ours, in which what is from outside is printable"
COMPARED = "compared with what another read says, and made printable where it is shown"
OURS = "a word of ours"
ASKED = "what we asked, as the configuration has it"

NOT_SHOWN: Mapping[str, str] = {
    **{f"AlertRule.{field.name}": OURS for field in dataclasses.fields(AlertRule)},
    "ActiveAlert.labels": COMPARED,
    "ActiveAlert.state": COMPARED,
    "ActiveJob.job_id": COMPARED,
    "ActiveJob.name": COMPARED,
    "CanaryFacts.refusal": SENTENCES,
    "ClusterFacts.why_unknown": SENTENCES,
    "CommandsFacts.ended": ASKED,
    "CommandsFacts.why_unknown": SENTENCES,
    "ConnectionFacts.address": ASKED,
    "ConnectionFacts.message": SENTENCES,
    "ContainersFacts.by_name": ASKED,
    "DashboardFacts.doubts": SENTENCES,
    "DashboardFacts.problems": SENTENCES,
    "DashboardFacts.title": ASKED,
    "Discovery.elsewhere": SENTENCES,
    "Discovery.incomplete_because": SENTENCES,
    "EntryFacts.kind": OURS,
    "Event.job_id": COMPARED,
    "ExporterFacts.also_asked": SENTENCES,
    "ExporterFacts.disagreements": SENTENCES,
    "ExporterFacts.missing": OURS,
    "ExporterFacts.problem_text": SENTENCES,
    "ExporterFacts.via": ASKED,
    "GivenUrl.given_by": SENTENCES,
    "GivenUrl.problem": SENTENCES,
    "Implied.stated": OURS,
    "InfoReply.fields": COMPARED,
    "InstanceIdentity.run_id": COMPARED,
    "InstanceIdentity.version": COMPARED,
    "JwtRefreshFacts.login": SENTENCES,
    "LatencyFacts.error": SENTENCES,
    "LatencyFacts.workload": OURS,
    "LoadedRule.labels": COMPARED,
    "LoadedRule.query": COMPARED,
    "LogFacts.why_unknown": SENTENCES,
    "ObservedQueue.configured_as": ASKED,
    "PersistenceFacts.why_no_age": SENTENCES,
    "PersistenceFacts.why_unknown": SENTENCES,
    "PickUp.job_id": COMPARED,
    "PubsubFacts.refusal": SENTENCES,
    "QueueFacts.blocked_parents": COMPARED,
    "QueueFacts.flavour": OURS,
    "QueueFacts.problems": SENTENCES,
    "QueueFacts.queue": COMPARED,
    "QueuesFacts.by_name": COMPARED,
    "ReconnectFacts.by_name": ASKED,
    "RecordedAlert.missing": SENTENCES,
    "RecordedAlert.settling": SENTENCES,
    "RecordedAlerts.by_title": OURS,
    "RecordedSeries.about": COMPARED,
    "RulesFacts.recorded": COMPARED,
    "RulesFacts.series": COMPARED,
    "RulesFacts.settling": SENTENCES,
    "Scheduler.scheduler_id": COMPARED,
    "ServerFacts.run_id": COMPARED,
    "SlowlogFacts.why_no_uptime": SENTENCES,
    "SlowlogFacts.why_unknown": SENTENCES,
    "TargetsFacts.settling": SENTENCES,
    "TargetsFacts.unseen": SENTENCES,
    "Traffic.missing": SENTENCES,
    "WaitingJob.job_id": COMPARED,
    "WaitingJob.name": COMPARED,
    "WaitingJob.since_by": OURS,
    "WaitingJob.state": OURS,
    "WaitingJob.unknown_because": SENTENCES,
    "WorkerFacts.because": SENTENCES,
    "WorkerFacts.reconnecting": SENTENCES,
    "WorkerLog.why_unknown": SENTENCES,
}
"""Every text in the facts that is not shareable by its type, and why."""


def _mentioned(hint: object) -> Iterator[object]:
    """A type and all types in its brackets."""
    yield hint
    inside = () if typing.get_origin(hint) is Literal else typing.get_args(hint)
    for inner in inside:
        yield from _mentioned(inner)


def _texts(kind: type, seen: set[type]) -> Iterator[str]:
    """The fields of a dataclass, and of those in it, that may hold a text which is not `Shown`."""
    if kind in seen:
        return
    seen.add(kind)
    hints = typing.get_type_hints(kind, localns={"array": list})  # `array` takes no type here
    for name, hint in hints.items():
        for mentioned in _mentioned(hint):
            if mentioned in {str, Any, object}:
                yield f"{kind.__name__}.{name}"
            elif isinstance(mentioned, type) and dataclasses.is_dataclass(mentioned):
                yield from _texts(mentioned, seen)


def test_a_record_holds_shareable_text_only() -> None:
    assert set(_texts(RunRecord, set())) == set()
    assert "str" not in str(ShownValue)


def test_every_other_text_in_the_facts_has_a_reason() -> None:
    seen: set[type] = set()
    probes = (*runbook_probes(), *alerts.PROBES)
    texts = {text for probe in probes for text in _texts(probe.facts, seen)}
    assert texts <= set(NOT_SHOWN)
    assert {text for text in NOT_SHOWN if "AlertRule" not in text} <= texts


def _uses(name: str) -> set[str]:
    """The functions that use `name` as a value, under whatever other name, and not as a type."""
    found = set()
    for folder in (ROOT / "src", CHECKS, ROOT / "fixtures"):
        for path in folder.rglob("*.py"):
            tree = ast.parse(path.read_text())
            types = {
                id(inner)
                for node in ast.walk(tree)
                for hint in (getattr(node, "annotation", None), getattr(node, "returns", None))
                if hint
                for inner in ast.walk(hint)
            }
            for scope in ast.walk(tree):
                if isinstance(scope, ast.FunctionDef):
                    found |= {
                        f"{(path.parent if path.stem == '__init__' else path).stem}.{scope.name}"
                        for node in ast.walk(scope)
                        if id(node) not in types
                        and (
                            (isinstance(node, ast.Name) and node.id == name)
                            or (isinstance(node, ast.Attribute) and node.attr == name)
                            or (isinstance(node, ast.Constant) and node.value == name)
                        )
                    }
    return found


def test_only_the_boundary_makes_it() -> None:
    made_by = {"distinct", "document", "masked", "vetted", "_one_line"}
    # Facts are saved and read by their types: there it is named, and not called.
    by_types = {
        *("encoding._text", "encoding._no_facts", "encoding._key", "encoding._member"),
        *("decoding._no_facts", "evidence.evidence_of", "saved.load_saved"),
    }
    assert _uses("Shown") == by_types | {f"redact.{name}" for name in made_by}
    # What is shown as it is: the schema, the rules, known words, and numbers of facts as text.
    in_evidence = {f"encoding.{name}" for name in ("encode", "_text", "_word", "_no_facts")}
    assert _uses("vetted") == in_evidence | {
        *("config_show.run", "rules.run", "server.word", "reasons._masked")
    }


@pytest.mark.parametrize(
    "expression",
    [
        "Finding(check=shown, subject=shown, verdict=Verdict.PASS, message=raw)",
        "ServerRecord(product=shown, version=shown, mode=raw, run_id=shown)",
        "LastSeen(run_id=raw, at=at)",
        "answer(raw, 'a text')",
    ],
)
def test_mypy_refuses_what_is_not(tmp_path: Path, expression: str) -> None:
    module = tmp_path / "raw.py"
    module.write_text(
        "import datetime as dt\n"
        "from redis_runbook.commands.answer import answer\n"
        "from redis_runbook.record import LastSeen, ServerRecord\n"
        "from redis_runbook.redact import printable\n"
        "from redis_runbook.verdict import Finding, Verdict\n"
        "at, raw = dt.datetime.now(dt.UTC), input()\n"
        "shown = printable(raw)\n"
        f"{expression.replace('raw', 'shown')}\n"
        f"{expression}\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    errors = [line for line in checked.stdout.splitlines() if "error:" in line]
    assert [line.split(":")[1] for line in errors] == ["9"], checked.stdout


def _on_the_terminal(record: RunRecord) -> str:
    written: list[str] = []
    reporter = SimpleNamespace(
        write=lambda text, **_: written.append(text),
        write_line=lambda text, **_: written.append(f"{text}\n"),
        ensure_newline=lambda: None,
    )
    manager = SimpleNamespace(getplugin=lambda _: reporter)
    terminal = Terminal(
        cast(
            "pytest.Config",
            SimpleNamespace(pluginmanager=manager, option=SimpleNamespace(verbose=1)),
        )
    )
    terminal.begin(record)
    for finding in record.findings:
        terminal.show(finding)
    terminal.close(record, {})
    return "".join([*written, text.attempt(record) or ""])


ESCAPES = [way for way in WRITTEN if "bas" not in way]
RENDERED: Mapping[str, Callable[[RunRecord], str]] = {
    **{output.name: output.render for output in OUTPUTS},
    "page": lambda record: render(record, title="", own=None),
    "index": lambda record: index.render(record, (), Path()),
    "terminal": _on_the_terminal,
}


def _record_of(outside: str) -> RunRecord:
    """A record that has a text from outside wherever it has text."""
    shown = printable(outside)
    finding = dataclasses.replace(
        RECORD.findings[0],
        subject=shown,
        message=shown,
        next_steps=(shown,),
        evidence=printable_mapping({outside: [outside, {"a": outside}]}),
        why=shown,
    )
    suppressed = Suppression(reason=shown, owner=shown, until=None)
    queue = QueueRecord(service=shown, name=shown, longest_wait_s=1, backlog=1, workers_at_work=1)
    return dataclasses.replace(
        RECORD,
        announcement=shown,
        services=(dataclasses.replace(RECORD.services[0], name=shown, address=shown),),
        queues=(queue,),
        findings=[
            dataclasses.replace(finding, verdict=verdict, suppressed=why)
            for verdict in Verdict
            for why in (None, suppressed)
        ],
        timeline=(Recovered(at_s=1, event=shown, subject=shown),),
        unwritten=(shown,),
        configured_by=shown,
        logins=(shown,),
        changes=Changes(
            since=RECORD.started_at,
            newly_broken=(shown,),
            repaired=(shown,),
            still_broken={shown: RECORD.started_at},
            unclear=(shown,),
        ),
        trends=(dataclasses.replace(RECORD.trends[0], name=shown, unit=shown),),
    )


@pytest.mark.parametrize("output", sorted(RENDERED))
@given(
    secret=st.text("QXZJ&<'\"/+ Ωж", min_size=1, max_size=300).filter(str.strip),
    cut=st.integers(1, 300),
    way=st.sampled_from(sorted(WRITTEN)),
)
def test_no_output_shows_a_part_of_a_secret(output: str, secret: str, cut: int, way: str) -> None:
    """Wherever a record has text, however the secret is written, and wherever it was cut."""
    if "bas" in way and len(secret) < 6:  # a shorter one is any word
        way = "raw"
    written, render = WRITTEN[way](secret), RENDERED[output]
    KNOWN.forget()
    KNOWN.learn([secret])
    try:
        shown = render(_record_of(f"a {written[:cut]}... b {written} c")).replace(MASK, "")
        without = render(_record_of("a ... b c"))
    finally:
        KNOWN.forget()
    if "bas" in way:
        # Two characters in front of it, and three of its own.
        assert longest_part(written, shown) <= 8
    assert f"b {written} c" not in shown
    for at in range(len(secret) - 3):
        part = secret[at : at + 4]
        for form in {part, *(WRITTEN[escape](part) for escape in ESCAPES)}:
            assert form in without or form not in shown, form

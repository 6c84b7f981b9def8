"""Makes `evidence.json` of a run: all its facts, redacted, with what judges them again."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from redis_runbook import __version__
from redis_runbook.alerts.match import selectors_in
from redis_runbook.alerts.probes import RecordedAlerts
from redis_runbook.config.kept import NAMED, kept
from redis_runbook.config.layers import Leaf, tree
from redis_runbook.config.service import Service
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.evidence import Gathered
from redis_runbook.probes.prometheus.rules import RulesFacts
from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.redact import Shown, ShownValue, sentence, shown_value
from redis_runbook.session.encoding import Encoder
from redis_runbook.session.masks import Masks
from redis_runbook.session.needs import MISSING, NEEDS_OF_ITS_OWN
from redis_runbook.session.run import Run
from redis_runbook.session.saved import (
    FORMAT,
    MAX_BYTES,
    MAX_ELEMENTS,
    VERSION,
    Outcomes,
    SavedEndpoint,
    SavedFinding,
    SavedRun,
    SavedService,
)
from redis_runbook.verdict import CannotLook

_OUR_WORDS: Final = frozenset({"wait", "paused", "prioritized", "delayed", "bullmq", "bull"})
"""What facts call states and libraries; no check must find another word there."""

_OF_PROMQL: Final = frozenset({RulesFacts, RecordedAlerts})
"""They are compared with our alerts, word for word."""

_MAX_CHARACTERS: Final = MAX_BYTES * 3 // 4
_MAX_ELEMENTS: Final = MAX_ELEMENTS * 3 // 4
"""Of facts, of what may be read in all."""


def evidence_of(run: Run, record: RunRecord) -> ShownValue:
    """The document; None for a run that observed nothing.

    What cannot be saved has a sentence in its place, as facts have that could not be observed.
    """
    if not run.observation:
        return None
    masks = Masks()
    for name in run.config.commands:
        masks.text(name)  # first, as findings are numbered in this order
    masks.keep(_compared(run))
    outcomes = run.observation.outcomes()
    for facts in outcomes.values():
        found = facts.get(Discovery)
        if isinstance(found, Discovery):
            masks.learn((*found.queues, *found.absent, *found.elsewhere))
    encoder = Encoder(mask=masks.text)
    about: dict[str | None, ShownValue] = {
        name: dict(_facts(facts, run, encoder, masks, service=name is not None))
        for name, facts in outcomes.items()
    }
    written: dict[str, ShownValue] = {
        "format": sentence(FORMAT),
        "version": VERSION,
        "generated_by": sentence(f"redis-runbook {__version__}"),
        "run": encoder.encode(SavedRun, _saved_run(run, record)),
        "configuration": _configuration(run, masks),
        "gathered": encoder.encode(Mapping[Shown, Gathered], run.gathered),
        "facts": {
            sentence("monitoring"): about.pop(None, {}),
            sentence("services"): {sentence(str(name)): facts for name, facts in about.items()},
        },
    }
    return {sentence(name): value for name, value in written.items()}


def _compared(run: Run) -> Iterator[str]:
    """What facts name and checks compare: words of ours, of the configuration and of its alerts.

    Not names of queues, commands, programs and keys: findings have these redacted.
    """
    config = run.config
    yield from (*_OUR_WORDS, *config.services, *config.containers, *run.implied.stated)
    for key, value in kept(config):
        if "queues" not in key and key[-1] not in {"run", "pattern"}:
            yield from _texts_in(value)
    for rule in itertools.chain(*run.implied.stated.values()):
        yield from (rule.name, rule.value, rule.looked or "", *selectors_in(rule.value))


def _facts(
    outcomes: Outcomes, run: Run, encoder: Encoder, masks: Masks, *, service: bool
) -> Iterator[tuple[Shown, ShownValue]]:
    for probe in run.probes.values():
        if (probe.about == "service") is service and probe.facts in outcomes:
            encoder.mask = masks.words if probe.facts in _OF_PROMQL else masks.text
            yield (
                sentence(probe.name),
                _outcome(probe.name, probe.facts, outcomes[probe.facts], encoder),
            )


def _outcome(name: str, kind: type, outcome: object, encoder: Encoder) -> ShownValue:
    """The facts, or why there are none: the sentence that a judgement will give."""
    before = encoder.characters, encoder.elements
    try:
        if isinstance(outcome, CannotLook):
            return encoder.encode(CannotLook, outcome)
        if isinstance(outcome, Exception):
            why = f"the probe {name} failed ({type(outcome).__name__}): nothing was determined"
            return encoder.encode(CannotLook, CannotLook(why))
        written = encoder.encode(kind, outcome)
        if encoder.characters <= _MAX_CHARACTERS and encoder.elements <= _MAX_ELEMENTS:
            return written
        why = "they are too large"
    except (TypeError, AttributeError, ValueError) as error:
        why = f"they cannot be written ({type(error).__name__})"
    encoder.characters, encoder.elements = before
    return encoder.encode(CannotLook, CannotLook(f"the facts of {name} were not saved: {why}"))


def _saved_run(run: Run, record: RunRecord) -> SavedRun:
    assert run.target is not None  # noqa: S101  # it is observed
    services: Mapping[str, ServiceRecord] = {service.name: service for service in record.services}
    return SavedRun(
        profile=cast("Any", run.profile.name),
        target=run.target.kind,
        announcement=record.announcement,
        started_at=run.started_at,
        elapsed_s=record.elapsed_s,
        selected=record.selected,
        services={
            sentence(service.name): SavedService(
                endpoint=_endpoint(service),
                missing=sentence(service.missing),
                window_s=services[service.name].window_s,
                previous=run.previous.get(service.name),
            )
            for service in run.services
        },
        missing={sentence(need): sentence(MISSING[need](run)) for need in NEEDS_OF_ITS_OWN},
        baseline=run.baseline,
        findings=[
            SavedFinding(check=found.check, subject=found.subject, verdict=found.verdict)
            for found in record.findings
        ],
    )


def _endpoint(service: Service) -> SavedEndpoint | None:
    at = service.endpoint
    if at is None:
        return None
    return SavedEndpoint(
        scheme=at.scheme,
        host=sentence(at.host),
        port=at.port,
        path=sentence(at.path),
        database=at.database,
        has_login=at.has_login,
    )


def _configuration(run: Run, masks: Masks) -> Any:
    """The configuration; what the user named is called as in the facts."""
    leaves = {}
    for key, value in kept(run.config):
        named = key[0] in NAMED
        written = (key[0], masks.text(key[1]), *key[2:]) if named else key
        leaves[written] = Leaf(shown_value(value, masks.text), "")
    return tree(leaves)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from itertools.chain(*map(_texts_in, value))
    elif isinstance(value, dict):  # of a list of tables, in which a subject may be a queue's name
        yield from value
        yield from (text for name, text in value.items() if name != "subject")

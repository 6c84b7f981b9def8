"""`evidence.json`: what it holds, and how it is read. It is hostile until it was read."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from redis_runbook.config.error import ConfigError
from redis_runbook.config.kept import is_kept, refuse_other_questions
from redis_runbook.config.keys import effective
from redis_runbook.config.load import Loaded, load
from redis_runbook.judging.data_kept import Baseline
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.evidence import Gathered
from redis_runbook.probes.probe import Probe
from redis_runbook.record import ServiceRecord
from redis_runbook.redact import Shown, harmless, printable
from redis_runbook.session.decoding import decode
from redis_runbook.session.typed import CANNOT_LOOK
from redis_runbook.targets.target import Kind
from redis_runbook.verdict import CannotLook, Verdict
from redis_runbook.wire.files import read_text
from redis_runbook.wire.json import most_elements

FORMAT: Final = "redis-runbook evidence"
VERSION: Final = 1
"""Of the format; a file of another one is refused."""

MAX_BYTES: Final = 12 << 20
MAX_ELEMENTS: Final = 300_000
_MAX_CONFIGURATION: Final = 262_144
_MAX_LEAVES: Final = 4_000
_MAX_ELAPSED_S: Final = 30 * 86_400
_MAX_SERVICES: Final = 200
_MAX_QUEUES: Final = 1_000
_MAX_GATHERED: Final = 1_000
_MAX_NOT_JUDGED: Final = 1_000

Outcomes = Mapping[type, object]
"""The facts of each kind, or the CannotLook in their place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedEndpoint:
    """Where a service was, and whether it had a login; as `wire.endpoint.Endpoint`."""

    scheme: Literal["redis", "rediss", "unix"]
    host: Shown
    port: int
    path: Shown
    database: int
    has_login: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedService:
    """A service of the run; `previous` is what the run before it knew of it."""

    endpoint: SavedEndpoint | None
    missing: Shown
    window_s: float
    previous: ServiceRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFinding:
    """A finding of the run, without its words: what was judged, and how."""

    check: Shown
    subject: Shown
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRun:
    """The run that left the evidence.

    `missing` says, by what checks need, why it was not there for the run; empty: it was. `baseline`
    is the snapshot that it was compared with.
    """

    profile: Literal["smoke", "gate", "nightly"]
    target: Kind
    announcement: Shown | None
    started_at: dt.datetime
    elapsed_s: float
    selected: Sequence[Shown]
    services: Mapping[Shown, SavedService]
    missing: Mapping[Shown, Shown]
    findings: Sequence[SavedFinding]
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Evidence as it was read: the run, its facts by service (None: the monitoring), and more.

    `file` is where it was read from, `gathered` what was gathered by service.
    """

    file: Shown
    run: SavedRun
    facts: Mapping[str | None, Outcomes]
    gathered: Mapping[Shown, Gathered]

    @property
    def previous(self) -> Mapping[str, ServiceRecord]:
        """The services of the run before that one, by name."""
        services = self.run.services
        return {name: known.previous for name, known in services.items() if known.previous}


def load_saved(
    file: Path, config_file: Path | None, options: Mapping[str, Any]
) -> tuple[Loaded, Saved]:
    """The evidence, and its configuration, into which that of `config_file` is merged.

    No plugin is loaded because the evidence names it, and no variable is looked at.

    Raises:
        ConfigError: the evidence or the configuration cannot be used; the text says which, why.
    """
    try:
        document = _document(file)
        configuration = document["configuration"]
        loaded = load(config_file, {}, options, evidence=configuration)
        refuse_other_questions(configuration, loaded.config)
        services = {*loaded.config.services}
        if unknown := set(document["gathered"]) - services:
            raise _not_configured(unknown)
        saved = Saved(
            file=printable(str(file)),
            run=decode(SavedRun, document["run"]),
            facts=_facts(document["facts"], loaded.plugins.probes, services),
            gathered=decode(Mapping[Shown, Gathered], document["gathered"]),
        )
        _refuse_too_much(saved, loaded)
    except ValueError as error:
        raise _unusable(file, str(error)) from None
    except (LookupError, TypeError, AttributeError, RecursionError):
        raise _unusable(file, "is no evidence of redis-runbook's") from None
    return loaded, saved


def _refuse_too_much(saved: Saved, loaded: Loaded) -> None:
    """Refuse what would be judged for too long; each limit is far beyond what a run leaves.

    Raises:
        ValueError: there is too much of it; the text says of what.
    """
    config, catalogue = loaded.config, loaded.plugins.catalogue
    if not 0 <= saved.run.elapsed_s <= _MAX_ELAPSED_S:
        raise ValueError("has a run that took impossibly long")
    queues = 0
    for name in config.services:
        listed = {*config.queues_of(name)}
        found = saved.facts.get(name, {}).get(Discovery)
        if isinstance(found, Discovery):  # a queue that is listed is among them
            known = (*found.queues, *found.absent, *found.elsewhere)
            listed.update(queue.title for queue in known)
        queues += len(listed)
    not_judged = sum(found.check not in catalogue for found in saved.run.findings)
    for number, most, what in (
        (len(config.services), _MAX_SERVICES, "services"),
        (queues, _MAX_QUEUES, "queues"),
        (sum(map(len, saved.gathered.values())), _MAX_GATHERED, "pieces of gathered evidence"),
        (not_judged, _MAX_NOT_JUDGED, "findings that nothing here can judge"),
    ):
        if number > most:
            raise ValueError(f"has more than {most:,} {what}")


def _not_configured(names: set[str]) -> ValueError:
    name = harmless(min(names), 60)
    return ValueError(f"has facts about {name}, which its configuration does not have")


def _unusable(file: Path, why: str) -> ConfigError:
    return ConfigError([f"evidence {printable(str(file))}: {why}"])


def _document(file: Path) -> Any:
    text = read_text(file, max_bytes=MAX_BYTES)
    if most_elements(text) > MAX_ELEMENTS:
        raise ValueError(f"has more than {MAX_ELEMENTS:,} elements")
    try:
        document = json.loads(text)
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("is no evidence of redis-runbook's")
    if document["version"] != VERSION:
        by = harmless(str(document.get("generated_by")), 60)
        raise ValueError(f"has a format that this version does not read: it was written by {by}")
    configuration = document["configuration"]
    if len(json.dumps(configuration)) > _MAX_CONFIGURATION:
        raise ValueError("has a configuration that is too large")
    keys = [key for key, _ in effective(configuration)]
    if len(keys) > _MAX_LEAVES or not all(map(is_kept, keys)):
        raise ValueError("has keys in its configuration that evidence never has")
    return document


def _facts(
    tables: Any, probes: Mapping[str, Probe], services: set[str]
) -> dict[str | None, Outcomes]:
    """The facts of each service, and of the monitoring; those of plugins that are not here: not."""
    if unknown := set(tables["services"]) - services:
        raise _not_configured(unknown)
    about: dict[str | None, Any] = {**tables["services"], None: tables["monitoring"]}
    return {
        name: {
            probe.facts: _outcome(probe, table[probe.name])
            for probe in probes.values()
            if probe.name in table and (probe.about == "service") is (name is not None)
        }
        for name, table in about.items()
    }


def _outcome(probe: Probe, value: Any) -> object:
    kind: type = CannotLook if CANNOT_LOOK in value else probe.facts
    return decode(kind, value)

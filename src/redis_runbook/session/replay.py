"""An observation that was saved: the facts of that run, and nothing is observed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from redis_runbook.alerts.implied import Implied
from redis_runbook.alerts.probes import RecordedAlerts
from redis_runbook.catalogue import Catalogue
from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.probes.latency.recording import Glance
from redis_runbook.redact import MASK, sentence
from redis_runbook.session.saved import Outcomes, Saved, SavedService
from redis_runbook.targets.saved import open_saved
from redis_runbook.targets.target import Target
from redis_runbook.verdict import CannotLook, Finding, Verdict, or_raise
from redis_runbook.wire.endpoint import Endpoint

_T = TypeVar("_T")


class Replay:
    """Gives saved facts, as `Observation` gives those that it observes."""

    def __init__(self, saved: Saved, implied: Implied) -> None:
        """Give the facts of this run; what Prometheus recorded is judged by the alerts of now."""
        self._facts: dict[str | None, Outcomes] = dict(saved.facts)
        monitoring = dict(self._facts.get(None, {}))
        recorded = monitoring.get(RecordedAlerts)
        if isinstance(recorded, RecordedAlerts):
            monitoring[RecordedAlerts] = recorded.judged_by(implied)
        self._facts[None] = monitoring

    def start(self) -> None:
        """Do nothing: it was observed before."""

    def stop(self) -> None:
        """Do nothing, as `start`."""

    def measure_latency(self, *, wanted: bool) -> None:
        """Do nothing, as `start`."""

    def facts(
        self,
        service: Service | None,
        kind: type[_T],
        *,
        on_wait: Callable[[], None] = lambda: None,  # noqa: ARG002  # nothing is waited for
    ) -> _T:
        """Facts about a service, or (None) about the monitoring.

        Raises:
            CannotLook: the run could not look, or the evidence does not have these facts.
        """
        name = service.name if service else None
        found = or_raise(self._facts.get(name, {}).get(kind))
        if found is None:
            about = f"about {name}" if name else "about the monitoring"
            raise CannotLook(f"the evidence does not have these facts {about}: {kind.__name__}")
        return cast("_T", found)

    def known(self, service_name: str, kind: type[_T]) -> _T | None:
        """The facts of that kind about a service; None if there are none."""
        found = self._facts.get(service_name, {}).get(kind)
        return None if isinstance(found, CannotLook) else cast("_T | None", found)

    def outcomes(self) -> Mapping[str | None, Outcomes]:
        """All that is known, by service."""
        return self._facts

    def glances(self) -> Sequence[tuple[Service, Glance]]:
        """No window is being sampled."""
        return ()


def saved_target(saved: Saved, config: Config) -> Target:
    """The target that the run had, so far as a judgement needs it."""
    run = saved.run
    when = f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC"
    about = f"judged from evidence saved by a run of {when}; nothing was looked at now"
    services = run.services
    return open_saved(
        config,
        run.target,
        endpoints={name: _endpoint(service) for name, service in services.items()},
        missing={name: service.missing for name, service in services.items()},
        announcement=sentence(f"{run.announcement}; {about}" if run.announcement else about),
    )


def not_judged(saved: Saved, catalogue: Catalogue) -> Iterator[Finding]:
    """A finding for each of the run that nothing here can judge: a plugin's, or a user's test."""
    for found in saved.run.findings:
        if found.check not in catalogue:
            why = f"not judged again: nothing here has this check; the run said {found.verdict}"
            yield Finding(
                check=found.check,
                subject=found.subject,
                verdict=Verdict.UNKNOWN,
                message=sentence(why),
            )


def _endpoint(service: SavedService) -> Endpoint | None:
    saved = service.endpoint
    if saved is None:
        return None
    return Endpoint(
        scheme=saved.scheme,
        host=saved.host,
        port=saved.port,
        path=saved.path,
        database=saved.database,
        password=MASK if saved.has_login else None,
    )

"""Schedules the probes of a run: each once, services in parallel, latency after all others."""

import itertools
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from redis_runbook.config.service import Service
from redis_runbook.probes.latency.recording import Glance
from redis_runbook.probes.probe import Probe
from redis_runbook.session.facts import Facts
from redis_runbook.session.lane import Lane, Scene
from redis_runbook.wire.background import in_background

_T = TypeVar("_T")


class Observation:
    """Runs the probes of the services and of the monitoring, and keeps their facts.

    Probes start with `start`. Undisturbed probes, which measure latency, wait for `measure_latency`
    and until all other probes have settled, so that they do not measure our own load.
    """

    def __init__(
        self,
        scene: Scene,
        probes: Collection[Probe],
        *,
        wants: Callable[[Probe, Service | None], bool],
        windows_s: Mapping[str, float],
    ) -> None:
        """Prepare the probes that some check needs.

        `wants` says whether a check needs a probe for a service, or (None) for the monitoring;
        `windows_s` is how long latency is sampled, by service.
        """
        self._scene = scene
        self._may_measure = threading.Event()
        self._subjects = {
            service.name if service else None: _SubjectProbes(
                scene,
                [probe for probe in probes if (probe.about == "service") is bool(service)],
                service=service,
                wants=wants,
                window_s=windows_s[service.name] if service else 0.0,
            )
            for service in (*scene.target.services, None)
        }

    def start(self) -> None:
        """Start the probes in the background, except for the undisturbed ones."""
        for subject in self._subjects.values():
            subject.start()
        in_background(self._measure)

    def measure_latency(self, *, wanted: bool) -> None:
        """Start the undisturbed probes if wanted; otherwise release those that wait for them."""
        if wanted:
            self._may_measure.set()
        else:
            self._release()

    def stop(self) -> None:
        """Stop latency sampling, and release the probes that wait for it."""
        self._scene.stop.set()
        self._may_measure.set()
        self._release()

    def _release(self) -> None:
        for subject in self._subjects.values():
            subject.measured.set()

    def facts(
        self,
        service: Service | None,
        kind: type[_T],
        *,
        on_wait: Callable[[], None] = lambda: None,
    ) -> _T:
        """Wait for facts about a service, or (None) about the monitoring; see `Facts.wait`.

        Raises:
            CannotLook: the facts could not be observed.
        """
        subject = self._subjects[service.name if service else None]
        subject.start_late(kind)
        return subject.facts.wait(kind, on_wait=on_wait)

    def known(self, service_name: str, kind: type[_T]) -> _T | None:
        """The facts of that kind about a service if they are there already, without waiting."""
        return self._subjects[service_name].facts.known(kind)

    def outcomes(self) -> Mapping[str | None, Mapping[type, object]]:
        """What is known by now: by service (None: the monitoring) and kind, facts or the error."""
        return {name: subject.facts.outcomes() for name, subject in self._subjects.items()}

    def glances(self) -> Sequence[tuple[Service, Glance]]:
        """The progress of each latency window that is being sampled."""
        return [
            (lane.service, lane.loop.glance())
            for subject in self._subjects.values()
            for lane in subject.undisturbed
            if lane.loop and not lane.settled.is_set()
        ]

    def _measure(self) -> None:
        self._may_measure.wait()
        for subject in self._subjects.values():
            for lane in subject.lanes:
                lane.wait_until_settled()
        for subject in self._subjects.values():
            in_background(subject.measure)


class _SubjectProbes:
    """The lanes of probes about one subject, and the facts of these probes."""

    def __init__(
        self,
        scene: Scene,
        probes: Sequence[Probe],
        *,
        service: Service | None,
        wants: Callable[[Probe, Service | None], bool],
        window_s: float,
    ) -> None:
        name = service.name if service else "the monitoring"
        self.facts: Final = Facts(
            [probe.facts for probe in probes],
            deadline=scene.deadline,
            late=f"{name} was not observed before the run's deadline",
        )
        self.measured: Final = threading.Event()
        self._scene = scene
        self._service = service
        self._window_s = window_s
        self._of_kind = {probe.facts: probe for probe in probes}
        self._scheduled: set[type] = set()
        self._schedule([probe for probe in probes if wants(probe, service)])
        chosen = [probe for probe in probes if probe.facts in self._scheduled]
        self.lanes: Final = self._lanes(probe for probe in chosen if not probe.undisturbed)
        self.undisturbed: Final = self._lanes(probe for probe in chosen if probe.undisturbed)

    def start(self) -> None:
        """Start the lanes, except for the undisturbed ones."""
        for lane in self.lanes:
            lane.start()

    def measure(self) -> None:
        """Run the undisturbed lanes in parallel, and wait for them."""
        for lane in self.undisturbed:
            lane.start()
        for lane in self.undisturbed:
            lane.settled.wait()
        self.measured.set()

    def start_late(self, kind: type) -> None:
        """Run a probe that was not scheduled, because a check asks for its facts after all."""
        late = self._schedule([self._of_kind[kind]])
        for lane in self._lanes(late):
            lane.start()

    def _schedule(self, probes: Iterable[Probe]) -> list[Probe]:
        """Schedule these probes and those that they need; return the newly scheduled ones."""
        pending, added = list(probes), set[type]()
        while pending:
            probe = pending.pop()
            if probe.facts not in self._scheduled:
                self._scheduled.add(probe.facts)
                added.add(probe.facts)
                pending += [self._of_kind[kind] for kind in probe.needs]
        return [probe for probe in self._of_kind.values() if probe.facts in added]

    def _lanes(self, probes: Iterable[Probe]) -> list[Lane]:
        by_lane = sorted(probes, key=lambda probe: probe.lane)  # stable: the table's order
        return [
            Lane(
                list(group),
                self.facts,
                self._scene,
                service=self._service,
                window_s=self._window_s,
                measured=self.measured,
            )
            for _, group in itertools.groupby(by_lane, key=lambda probe: probe.lane)
        ]

"""Schedules the probes of a run: each once, all services at once, latency when all is quiet."""

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
    """What is seen of the services of one run, and of what watches them.

    Probes start with `start`; undisturbed ones, which measure latency, wait for `measure_latency`
    and for all other probes to be done, so that they measure the server and not us.
    """

    def __init__(
        self,
        scene: Scene,
        probes: Collection[Probe],
        *,
        wants: Callable[[Probe, Service | None], bool],
        windows_s: Mapping[str, float],
    ) -> None:
        """Prepare to observe what is wanted.

        `wants` tells of a probe whether some check needs it, for a service or (None) for what
        watches them; `windows_s` is how long latency is sampled, by service.
        """
        self._scene = scene
        self._may_measure = threading.Event()
        self._watches = {
            service.name if service else None: _Watch(
                scene,
                [probe for probe in probes if (probe.about == "service") is bool(service)],
                service=service,
                wants=wants,
                window_s=windows_s[service.name] if service else 0.0,
            )
            for service in (*scene.target.services, None)
        }

    def start(self) -> None:
        """Begin to observe, in the background."""
        for watch in self._watches.values():
            watch.start()
        in_background(self._measure)

    def measure_latency(self, *, wanted: bool) -> None:
        """Let undisturbed probes begin, or go on without them."""
        if wanted:
            self._may_measure.set()
        else:
            self._release()

    def stop(self) -> None:
        """End what still runs; facts that are not there by now will not come."""
        self._scene.stop.set()
        self._may_measure.set()
        self._release()

    def _release(self) -> None:
        for watch in self._watches.values():
            watch.measured.set()

    def facts(
        self,
        service: Service | None,
        kind: type[_T],
        *,
        on_wait: Callable[[], None] = lambda: None,
    ) -> _T:
        """The facts of that kind, about a service or what watches them; see `Facts.wait`.

        Raises:
            CannotLook: they could not be observed.
        """
        watch = self._watches[service.name if service else None]
        watch.start_late(kind)
        return watch.facts.wait(kind, on_wait=on_wait)

    def known(self, service_name: str, kind: type[_T]) -> _T | None:
        """The facts of that kind about a service if they are there already, without waiting."""
        return self._watches[service_name].facts.known(kind)

    def glances(self) -> Sequence[tuple[Service, Glance]]:
        """The windows that are in progress."""
        return [
            (lane.service, lane.loop.glance())
            for watch in self._watches.values()
            for lane in watch.undisturbed
            if lane.loop and not lane.settled.is_set()
        ]

    def _measure(self) -> None:
        self._may_measure.wait()
        for watch in self._watches.values():
            for lane in watch.lanes:
                lane.wait_until_settled()
        for watch in self._watches.values():
            in_background(watch.measure)


class _Watch:
    """The probes about one subject, by lane, and the facts that they will have."""

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
        """Run all but the undisturbed."""
        for lane in self.lanes:
            lane.start()

    def measure(self) -> None:
        """Run the undisturbed, one lane beside the other, and wait for them."""
        for lane in self.undisturbed:
            lane.start()
        for lane in self.undisturbed:
            lane.settled.wait()
        self.measured.set()

    def start_late(self, kind: type) -> None:
        """Run a probe that no check said it wants, where one asks for its facts all the same."""
        late = self._schedule([self._of_kind[kind]])
        for lane in self._lanes(late):
            lane.start()

    def _schedule(self, probes: Iterable[Probe]) -> list[Probe]:
        """Note these and all that they need; those that were not noted before, in their order."""
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

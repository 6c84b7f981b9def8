"""The state of one run: its configuration, its target, its observation and its findings."""

import datetime as dt
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

from redis_runbook.alerts.implied import Implied, implied_alerts
from redis_runbook.catalogue import CheckSpec, Level, selects
from redis_runbook.config.commands import needed_s
from redis_runbook.config.implied_file import FILE
from redis_runbook.config.load import Loaded
from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.config.profiles import Profile
from redis_runbook.config.resolve import secrets
from redis_runbook.config.service import Service
from redis_runbook.config.windows import window_lengths_s
from redis_runbook.judging.data_kept import Baseline
from redis_runbook.probes.evidence import Gathered
from redis_runbook.probes.probe import Probe
from redis_runbook.record import LastSeen, ServiceRecord
from redis_runbook.redact import KNOWN, Shown, environment_secrets, printable
from redis_runbook.session.lane import Scene
from redis_runbook.session.observation import Observation
from redis_runbook.session.recovery import Waited
from redis_runbook.session.suppressing import Suppressions, with_cause, with_causes
from redis_runbook.targets.choose import open_target
from redis_runbook.targets.target import Target
from redis_runbook.verdict import (
    OF_COLLECTION,
    SEVERITY,
    CannotLook,
    ExitCode,
    Finding,
    exit_code,
)

if TYPE_CHECKING:  # only to judge saved evidence
    from redis_runbook.session.replay import Replay
    from redis_runbook.session.saved import Saved

_F = TypeVar("_F")


class Run:
    """The state of one run, from its configuration to its findings.

    `target` and `observation` are None until `begin`. `findings` are by name, in order of arrival.
    `windows_s` is how long each service is sampled. `on_wait` is called about once a second while
    a check waits for facts. `previous` holds the services of the last run, by name. `left_out`
    counts the deselected tests. `found_s` is when each finding was made, in seconds since the run
    started; `waited` is what `--wait` has seen so far, None without it; `baseline` is the snapshot
    to compare with, None without `--baseline`; `gathered` is evidence by service, once something is
    broken; `saves_always` is whether evidence is written even if nothing is.
    """

    def __init__(
        self,
        loaded: Loaded,
        profile: Profile,
        *,
        environ: Mapping[str, str],
        windows: Sequence[str] = (),
        previous: Mapping[str, ServiceRecord] | None = None,
        saved: "Saved | None" = None,
    ) -> None:
        """Prepare a run without opening anything. `windows` are values of `--window`.

        With `saved` it observes nothing, and judges these facts.

        Raises:
            ValueError: a window is malformed, or names no service.
            ConfigError: a plugin's probes cannot be used.
        """
        self.config: Final = loaded.config
        self.plugins: Final = loaded.plugins
        self.probes: Final = loaded.plugins.probes
        self.profile: Final = profile
        self.saved: Final = saved
        self.saves_always = False
        self.gathered: Mapping[Shown, Gathered] = saved.gathered if saved else {}
        self.started_at: Final = saved.run.started_at if saved else dt.datetime.now(dt.UTC)
        self.redact: Final = KNOWN
        self.redact.forget()
        self.redact.shows_job_details = self.config.privacy.job_details
        self.redact.learn(secrets(self.config, environ) | environment_secrets(environ))
        self.configured_by: Final = printable(str(loaded.file)) if loaded.file else None
        self.named_file: Final = "" if saved else _named_file(loaded)
        self.findings: dict[str, Finding] = {}
        self.suppressions: Final = Suppressions(
            self.config.suppress,
            profile=profile.name,
            today=self.started_at.astimezone(dt.UTC).date(),
            checks=self.plugins.catalogue,
        )
        self.found_s: dict[str, float] = {}
        self.interrupted = False
        self.internal_error = False
        self.target: Target | None = None
        self.windows_s: Final[Mapping[str, float]] = (
            {name: service.window_s for name, service in saved.run.services.items()}
            if saved
            else window_lengths_s(
                profile, (service for service in self.services if service.settings.enabled), windows
            )
        )
        longest_s = max(self.windows_s.values(), default=0.0)
        self.deadline_s: Final = self.config.deadline_s or max(
            longest_s + profile.rest_s,
            needed_s(self.config.commands.values(), self.config.jwt_cache.login, profile.name),
        )
        self.on_wait: Callable[[], None] = lambda: None
        self.observation: Observation | Replay | None = None
        self.previous: Final = (saved.previous if saved else previous) or {}
        self.left_out = 0
        self.waited: Waited | None = None
        self.baseline: Baseline | None = saved.run.baseline if saved else None
        self.selected: Sequence[str] = ()
        self._environ = environ
        self._started = time.monotonic()

    def begin(self, wants: "Callable[[Run, Probe, Service | None], bool]") -> None:
        """Open the target and start to observe it; `wants` is `subjects.wants`.

        Raises:
            TargetError: the target cannot be opened; its text is for the user.
        """
        if self.saved:
            from redis_runbook.session.replay import Replay, saved_target  # noqa: PLC0415

            self.target = saved_target(self.saved, self.config)
            self.observation = Replay(self.saved, self.implied)
            return
        self.target = open_target(
            self.config, self._environ, requested=self.config.target, profile=self.profile.name
        )
        self.redact.learn(
            service.endpoint.password
            for service in self.target.services
            if service.endpoint and service.endpoint.password
        )
        self.observation = Observation(
            Scene(
                config=self.config,
                profile=self.profile.name,
                target=self.target,
                deadline=self._started + self.deadline_s,
            ),
            self.probes.values(),
            wants=functools.partial(wants, self),
            windows_s=self.windows_s,
        )
        self.observation.start()

    def end(self) -> None:
        """Stop observing and close the target; safe to call at any time, and again."""
        if self.observation:
            self.observation.stop()
        if self.target:
            self.target.close()

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed: what was not judged by then is not judged any more."""
        return time.monotonic() > self._started + self.deadline_s

    def select(self, wanted: Sequence[str]) -> None:
        """Limit the run to checks with these ids, or with ids that begin so; empty means all.

        Raises:
            ValueError: one of them means no check; the text names the nearest id.
        """
        catalogue = self.plugins.catalogue
        prefixes = {check_id.partition(".")[0] for check_id in catalogue}
        for selected in wanted:
            if not any(selects(selected, check_id, catalogue) for check_id in catalogue):
                hint = the_nearest_is(selected, [*catalogue, *prefixes])
                raise ValueError(f"--select {selected}: there is no such check{hint}")
        self.selected = wanted

    def selects(self, check_id: str) -> bool:
        """Whether the run includes the check; an empty id stands for a test that is no check."""
        catalogue = self.plugins.catalogue
        return not self.selected or any(
            selects(selected, check_id, catalogue) for selected in self.selected
        )

    def not_judged(self) -> Sequence[Finding]:
        """What the run that left the evidence found by tests that are not here."""
        if self.saved is None:
            return ()
        from redis_runbook.session.replay import not_judged  # noqa: PLC0415

        found = not_judged(self.saved, self.plugins.catalogue)
        return [finding for finding in found if self.selects(finding.check)]

    def facts(self, service: Service | None, kind: type[_F]) -> _F:
        """Wait for facts about a service, or (None) about the monitoring.

        Raises:
            CannotLook: the facts could not be observed.
        """
        if self.observation is None:
            raise CannotLook("nothing was observed")
        return self.observation.facts(service, kind, on_wait=self.on_wait)

    def known(self, service_name: str, kind: type[_F]) -> _F | None:
        """Facts about a service if they are there already; None otherwise."""
        return self.observation.known(service_name, kind) if self.observation else None

    def last_seen(self, service: Service) -> LastSeen | None:
        """Who answered in the last run that got an answer from there; None on throwaway servers."""
        before = self.previous.get(service.name)
        address = service.endpoint.address if service.endpoint else None
        is_live = self.target is not None and self.target.kind == "live"
        return before.last_seen if is_live and before and before.address == address else None

    @functools.cached_property
    def implied(self) -> Implied:
        """The alerts that the configuration implies."""
        return implied_alerts(self.config)

    @property
    def services(self) -> tuple[Service, ...]:
        """The services to check: those of the target if it is open, else the configured ones."""
        if self.target:
            return self.target.services
        return tuple(
            Service(name=name, settings=settings, endpoint=None)
            for name, settings in self.config.services.items()
        )

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run started."""
        return time.monotonic() - self._started

    def exit_code(self, *, reported: bool = True) -> ExitCode:
        """The exit code for the findings so far; `reported`: every report could be written."""
        return exit_code(
            with_causes(self.findings),
            interrupted=self.interrupted,
            incomplete=self.internal_error or not reported,
        )

    def remarks(self, *, cut_short: bool) -> Sequence[Finding]:
        """What the run says of its suppressions; `cut_short`: pytest stopped before the end."""
        is_live = self.target is not None and self.target.kind == "live"
        all_loaded = not any(finding.check == OF_COLLECTION for finding in self.findings.values())
        in_part = bool(self.selected or self.left_out)
        stopped = cut_short or self.interrupted or self.internal_error
        found = list(self.findings.values())
        complete = is_live and all_loaded and not in_part and not stopped
        return list(self.suppressions.remarks(found, complete=complete))

    def level(self, spec: CheckSpec) -> Level:
        """The check's level: the configuration's, else the catalogue's."""
        return self.config.level(spec)

    def record(self, finding: Finding) -> Finding:
        """Keep a finding; of several with the same name, keep the worst.

        Returns:
            The finding, suppressed if the configuration says so.
        """
        finding = self.suppressions.applied(finding)
        if (through := with_cause(finding, self.findings)).suppressed:
            finding = replace(finding, suppressed=through.suppressed)
        self.found_s[finding.name] = self.elapsed_s
        kept = self.findings.get(finding.name, finding)
        self.findings[finding.name] = min(
            finding, kept, key=lambda candidate: SEVERITY.index(candidate.verdict)
        )
        return finding


def _named_file(loaded: Loaded) -> str:
    """The path of the configuration where a command has to name it; else empty."""
    file = loaded.file
    return str(file.absolute()) if file and file != FILE else ""


RUN: Final = pytest.StashKey[Run]()
"""The stash key for the run in progress, in pytest's configuration."""

"""One run of the checks: what it was asked, what it looks at and what it found."""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from redis_runbook.catalogue import CATALOGUE, CheckSpec, Level, covers
from redis_runbook.config.model import Config, ConfigError
from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.config.profiles import Profile
from redis_runbook.config.resolve import secrets
from redis_runbook.config.service import Service
from redis_runbook.config.windows import window_lengths_s
from redis_runbook.redact import Redactor, environment_secrets
from redis_runbook.reporting.previous import read_previous
from redis_runbook.session.monitoring import Monitoring
from redis_runbook.session.observation import Observation
from redis_runbook.targets.choose import open_target
from redis_runbook.targets.target import Target, TargetError
from redis_runbook.verdict import SEVERITY, CannotLook, ExitCode, Finding, exit_code

_F = TypeVar("_F")


class Run:
    """The state of one run, from its configuration to its findings.

    `target`, `observation` and `monitoring` are None until `begin`. Findings are kept by name, in
    the order in which they came. `windows_s` is how long each service is sampled, `window_s` the
    longest of them. `meanwhile` is called about once a second while facts are waited for.
    """

    def __init__(
        self,
        config: Config,
        profile: Profile,
        *,
        environ: Mapping[str, str],
        windows: Sequence[str] = (),
    ) -> None:
        """Prepare a run; nothing is opened yet. `windows` are as `--window` takes them.

        Raises:
            ValueError: one of the windows is no window of a service.
        """
        self.config: Final = config
        self.profile: Final = profile
        self.started_at: Final = dt.datetime.now(dt.UTC)
        self.redact: Final = Redactor(secrets(config, environ) | environment_secrets(environ))
        self.findings: dict[str, Finding] = {}
        self.interrupted = False
        self.internal_error = False
        self.unreported = False
        self.target: Target | None = None
        self.windows_s: Final = window_lengths_s(
            profile, (one for one in self.services if one.settings.enabled), windows
        )
        self.window_s: Final = max(self.windows_s.values(), default=0.0)
        self.deadline_s: Final = config.deadline_s or self.window_s + profile.rest_s
        self.meanwhile: Callable[[], None] = lambda: None
        self.observation: Observation | None = None
        self.monitoring: Monitoring | None = None
        self.report_dir: Final = Path(config.report_dir)
        self.previous: Final = read_previous(self.report_dir)
        self.left_out = 0
        self.attempt = 1
        self.waited_s = 0.0
        self._selected: Sequence[str] = ()
        self._environ = environ
        self._started = time.monotonic()

    def begin(self) -> None:
        """Open the target and start to observe it.

        Raises:
            TargetError: there is nothing to look at; its text is for the user.
        """
        self.target = open_target(
            self.config, self._environ, requested=self.config.target, profile=self.profile.name
        )
        self.redact.learn(
            service.endpoint.password
            for service in self.target.services
            if service.endpoint and service.endpoint.password
        )
        wanted = [check_id for check_id in CATALOGUE if self.selects(check_id)]
        deadline = self._started + self.deadline_s
        try:
            self.monitoring = Monitoring(
                self.config,
                self._environ,
                throwaway=self.target.kind != "live",
                wanted=wanted,
                deadline=deadline,
            )
        except ConfigError as error:
            raise TargetError(str(error)) from None
        self.observation = Observation(
            self.target,
            self.config,
            wanted=wanted,
            deadline=deadline,
            windows_s=self.windows_s,
            beside=self.monitoring.quiet,
        )
        self.observation.start()
        self.monitoring.start()

    def end(self) -> None:
        """Stop observing and close the target; safe to call at any time, and again."""
        if self.observation:
            self.observation.stop()
        if self.target:
            self.target.close()

    def select(self, wanted: Sequence[str]) -> None:
        """Limit the run to checks with these ids or prefixes of ids; none means all.

        Raises:
            ValueError: one of them selects nothing; its text names the nearest id.
        """
        prefixes = {check_id.partition(".")[0] for check_id in CATALOGUE}
        for one in wanted:
            if not any(covers(one, check_id) for check_id in CATALOGUE):
                hint = the_nearest_is(one, [*CATALOGUE, *prefixes])
                raise ValueError(f"--select {one}: there is no such check{hint}")
        self._selected = wanted

    def selects(self, check_id: str) -> bool:
        """Whether the run is to include the check; an empty id is a test that is not ours."""
        return not self._selected or any(covers(one, check_id) for one in self._selected)

    def facts(self, service: Service, kind: type[_F]) -> _F:
        """Wait for facts about a service.

        Raises:
            CannotLook: they could not be observed.
        """
        if self.observation is None:
            raise CannotLook("nothing was observed")
        return self.observation.facts(service, kind, meanwhile=self.meanwhile)

    def known(self, service_name: str, kind: type[_F]) -> _F | None:
        """Facts about a service that are there already; None where they are not."""
        return self.observation.known(service_name, kind) if self.observation else None

    @property
    def services(self) -> tuple[Service, ...]:
        """The services to check: the opened target's, else the configured ones."""
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

    @property
    def exit_code(self) -> ExitCode:
        """What the findings amount to; never healthy where a report could not be written."""
        if self.unreported and self.outcome is ExitCode.HEALTHY:
            return ExitCode.UNDETERMINED
        return self.outcome

    @property
    def outcome(self) -> ExitCode:
        """What the findings so far amount to."""
        code = exit_code(self.findings.values(), interrupted=self.interrupted)
        if self.internal_error and code is ExitCode.HEALTHY:
            return ExitCode.UNDETERMINED
        return code

    def level(self, spec: CheckSpec) -> Level:
        """The check's level: the configuration's, else the catalogue's."""
        return self.config.level(spec)

    def record(self, finding: Finding) -> None:
        """Keep a finding; of several of the same name, the worst."""
        known = self.findings.get(finding.name, finding)
        self.findings[finding.name] = min(
            finding, known, key=lambda one: SEVERITY.index(one.verdict)
        )

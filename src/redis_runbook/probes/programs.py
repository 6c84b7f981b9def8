"""Runs what the configuration names: the commands that must succeed, each once, side by side."""

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from signal import Signals
from typing import Final, Literal

from redis_runbook.config.commands import Command, JwtLogin
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.redact import Shown, harmless
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.background import in_background
from redis_runbook.wire.process import programs_environment
from redis_runbook.wire.program import Ended, Program, StartError, run_program

BEFORE_DEADLINE_S: Final = 0.5
"""What a run ends with its own sentence, it ends so long before its deadline."""
LIMIT_S: Final = 15.0
"""So long does latency sampling wait for what is run: both at once would disturb each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFacts:
    """How a program ended: by itself with `code`, by somebody's signal `code`, or by its timeout.

    `last_lines` are of what it wrote, of `output_bytes` in all.
    """

    by: Literal["exit", "signal", "timeout"]
    code: int
    elapsed_s: float
    timeout_s: float
    last_lines: Sequence[Shown] = ()
    output_bytes: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether it exited with 0 in time."""
        return self.by == "exit" and self.code == 0

    @property
    def summary(self) -> str:
        """How it ended, as a clause."""
        if self.by == "timeout":
            return f"did not end within {self.timeout_s:g} s, and was killed"
        how = f"exited with {self.code}" if self.by == "exit" else f"was ended by {self._signal}"
        return f"{how} after {self.elapsed_s:.1f} s (limit {self.timeout_s:g} s)"

    @property
    def _signal(self) -> str:
        named = self.code in {known.value for known in Signals}
        return Signals(self.code).name if named else f"signal {self.code}"

    @property
    def evidence(self) -> Mapping[str, object]:
        """What it wrote, for a finding."""
        return {"output": f"{self.output_bytes:,} bytes", "last lines": self.last_lines}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandsFacts:
    """How each command ended, by its name; or why that is not known."""

    ended: Mapping[str, ProgramFacts]
    why_unknown: Mapping[str, str]

    def of(self, name: str) -> ProgramFacts:
        """How that command ended; raises CannotLook where that is not known."""
        if name not in self.ended:
            raise CannotLook(self.why_unknown.get(name, "the command was not run"))
        return self.ended[name]


def look_at_commands(look: Look) -> CommandsFacts:
    """Run the commands of the profile, and wait for all of them."""
    running = {
        name: in_background(functools.partial(observe_program, look, command, harmless(name)))
        for name, command in look.config.commands.items()
        if not command.not_run(name, look.profile)
    }
    ended: dict[str, ProgramFacts] = {}
    why_unknown: dict[str, str] = {}
    for name, future in running.items():
        try:
            ended[name] = future.result()
        except CannotLook as error:
            why_unknown[name] = str(error)
    return CommandsFacts(ended=ended, why_unknown=why_unknown)


def observe_program(look: Look, settings: Command | JwtLogin, name: str) -> ProgramFacts:
    """Run one program; `name` is what sentences call it.

    Raises:
        CannotLook: it cannot be started, which says nothing about the services, or the run ended.
    """
    missing = [variable for variable in settings.env_from if variable not in os.environ]
    if missing:
        raise CannotLook(f"{name} was not started: {harmless(missing[0])} (env_from) is not set")
    given = {name: value.get_secret_value() for name, value in settings.env.items()}
    program = Program(
        run=settings.run or (),
        cwd=settings.cwd,
        environment={**programs_environment(("HOME", *settings.env_from)), **given},
    )
    left_s = max(0.0, look.time_left_s - BEFORE_DEADLINE_S)
    try:
        ended = run_program(program, timeout_s=settings.timeout, time_left_s=left_s, stop=look.stop)
    except StartError as error:
        raise CannotLook(f"{name} {error}") from None
    return _facts(ended, settings.timeout, name)


def _facts(ended: Ended, timeout_s: float, name: str) -> ProgramFacts:
    if ended.by == "run":
        raise CannotLook(
            f"{name} was killed after {ended.elapsed_s:.1f} s of its {timeout_s:g} s, as the run "
            "ended: give it a longer --deadline"
        )
    return ProgramFacts(
        by=ended.by,
        code=ended.code,
        elapsed_s=ended.elapsed_s,
        timeout_s=timeout_s,
        last_lines=ended.last_lines,
        output_bytes=ended.output_bytes,
    )


PROBES: Final = (
    Probe(
        name="commands",
        facts=CommandsFacts,
        look=look_at_commands,
        about="monitoring",
        wanted_by=("incident.smoke_command",),
        lane="commands",
        limit_s=LIMIT_S,
    ),
)

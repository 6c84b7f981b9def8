"""What a command says, where standard output may be full or closed; and its exit code."""

import sys
from typing import TextIO

from redis_runbook.verdict import ExitCode
from redis_runbook.wire.process import silence


def answer(text: str, what: str) -> int:
    """Print what a command is for: `what`, which has not succeeded where that cannot be.

    A reader that went away (`| head`) has seen what it wanted, and is told nothing.
    """
    problem = _print(text, sys.stdout)
    if problem is None:
        return ExitCode.HEALTHY
    if not isinstance(problem, BrokenPipeError):
        complain(f"cannot write {what}: {problem.strerror}")
    return ExitCode.UNDETERMINED


def say(text: str) -> None:
    """Print something on the way. A reader that went away or a full disk is no failure here."""
    _print(text, sys.stdout)


def complain(text: object) -> None:
    """Print what is wrong."""
    _print(str(text), sys.stderr)


def misused(error: object) -> int:
    """Print why the command cannot be what is meant: bad usage or configuration."""
    complain(error)
    return ExitCode.USAGE


def _print(text: str, stream: TextIO) -> OSError | None:
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        silence(stream)
        return error
    return None

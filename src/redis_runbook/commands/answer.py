"""Prints the output of a command, which may fail, and returns its exit code."""

import sys
from typing import TextIO

from redis_runbook.redact import Shown, document
from redis_runbook.verdict import ExitCode
from redis_runbook.wire.process import silence


def answer(text: Shown, what: str) -> int:
    """Print the result of a command (`what`, for the error message); returns the exit code.

    The command has failed if the result cannot be printed. A reader that closed the pipe (`| head`)
    gets no error message.
    """
    problem = _print(text, sys.stdout)
    if problem is None:
        return ExitCode.HEALTHY
    if not isinstance(problem, BrokenPipeError):
        complain(f"cannot write {what}: {problem.strerror}")
    return ExitCode.UNDETERMINED


def say(text: Shown) -> None:
    """Print a progress message; a closed pipe or a full disk is ignored."""
    _print(text, sys.stdout)


def complain(text: object) -> None:
    """Print an error message, without the secrets that are known."""
    _print(document(str(text)), sys.stderr)


def misused(error: object) -> int:
    """Print an error of usage or configuration; returns the exit code."""
    complain(error)
    return ExitCode.USAGE


def _print(text: Shown, stream: TextIO) -> OSError | None:
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        silence(stream)
        return error
    return None

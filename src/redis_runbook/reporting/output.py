"""The type of an output: it renders the record of a run, and says where that goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from redis_runbook.record import RunRecord
from redis_runbook.wire.files import append_once, write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """A file of somebody else's that an output is appended to, if it was asked for without a path.

    `variable` names the environment variable that has the file's path. The file holds `most_bytes`
    at most, and `render` makes a text of so many bytes at most.
    """

    variable: str
    most_bytes: int
    render: Callable[[RunRecord, int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One format: `--output name` writes it to `file` in the report folder.

    `render` is a pure function of the record. `final`: the output contains the exit code, which
    depends on whether the other outputs could be written, so it is written after them. `mode` is
    what the file permits at most: reports are for the user and the group.

    `stdout`: without a path it is printed, among what the run says. `alone`: standard output has
    nothing but it then, and what the run says goes to standard error, as for every output that is
    asked for as `NAME=-`. `appended` is where it goes, too, without a path.
    """

    name: str
    file: str
    render: Callable[[RunRecord], str]
    final: bool = False
    mode: int = 0o640
    stdout: bool = False
    alone: bool = False
    appended: Appended | None = None


def write_output(output: Output, record: RunRecord, paths: Sequence[Path]) -> list[str]:
    """Write one output to these paths.

    Returns:
        A sentence that says why it could not be written; empty if it was written.
    """
    try:
        text = output.render(record)
    except Exception as error:  # noqa: BLE001  # a plugin's output must not prevent the others
        return [_failed(output, error)]
    return write_text(text, paths, mode=output.mode)


def write_text(text: str, paths: Sequence[Path], *, mode: int) -> list[str]:
    """Write the same text to each of the paths; returns as `write_output` does."""
    whole = text.encode("utf-8", errors="backslashreplace")
    for path in paths:
        try:
            write_whole(path, whole, mode=mode)
        except OSError as error:
            return [f"cannot write {path}: {error.strerror}"]
    return []


def print_output(output: Output, record: RunRecord, stream: TextIO) -> list[str]:
    """Print one output; returns as `write_output` does."""
    try:
        text = output.render(record)
    except Exception as error:  # noqa: BLE001  # as above
        return [_failed(output, error)]
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(text.encode(encoding, errors="backslashreplace").decode(encoding))
        stream.flush()
        problem = getattr(stream, "problem", None)
    except OSError as error:
        problem = error
    if problem is None:
        return []
    return [f"cannot write the output {output.name} to standard output: {problem.strerror}"]


def append_output(output: Output, record: RunRecord, appended: Appended, path: Path) -> list[str]:
    """Append one output, in place of what this process has appended before; returns the same."""

    def fitting(used_bytes: int) -> bytes:
        text = appended.render(record, appended.most_bytes - used_bytes)
        return text.encode("utf-8", errors="backslashreplace")

    try:
        append_once(path, fitting)
    except OSError as error:
        return [f"cannot append to {path} (${appended.variable}): {error.strerror}"]
    except ValueError as error:
        return [f"cannot append to {path} (${appended.variable}): {error}"]
    except Exception as error:  # noqa: BLE001  # as above
        return [_failed(output, error)]
    return []


def _failed(output: Output, error: Exception) -> str:
    return f"cannot write the output {output.name}: it failed ({type(error).__name__})"

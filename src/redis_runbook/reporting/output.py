"""The type of an output: it renders the record of a run, and is written atomically."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis_runbook.record import RunRecord
from redis_runbook.wire.files import write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One format: `--output name` writes it to `file` in the report folder.

    `render` is a pure function of the record. `final`: the output contains the exit code, which
    depends on whether the other outputs could be written, so it is written after them. `mode` is
    what the file permits at most: reports are for the user and the group.
    """

    name: str
    file: str
    render: Callable[[RunRecord], str]
    final: bool = False
    mode: int = 0o640


def write_output(output: Output, record: RunRecord, paths: Sequence[Path]) -> list[str]:
    """Write one output to these paths.

    Returns:
        A sentence that says why it could not be written; empty if it was written.
    """
    try:
        text = output.render(record)
    except Exception as error:  # noqa: BLE001  # a plugin's output must not prevent the others
        return [f"cannot write the output {output.name}: it failed ({type(error).__name__})"]
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

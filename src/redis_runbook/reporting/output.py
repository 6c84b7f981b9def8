"""What an output is: a run's record in some format, written whole or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis_runbook.record import RunRecord
from redis_runbook.wire.files import write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One format: `--output name` writes it to `file` in the report folder.

    `render` is a pure function of the record. `final`: it tells the exit code, and is therefore
    written after all that are not, on which the exit code depends.
    """

    name: str
    file: str
    render: Callable[[RunRecord], str]
    final: bool = False


def write_output(output: Output, record: RunRecord, paths: Sequence[Path]) -> list[str]:
    """Write one output to these paths.

    Returns:
        Why it could not be written, as a sentence; empty when it is there.
    """
    try:
        text = output.render(record)
    except Exception as error:  # noqa: BLE001  # an output of a plugin's must not lose the others
        return [f"cannot write the output {output.name}: it failed ({type(error).__name__})"]
    return write_text(text, paths)


def write_text(text: str, paths: Sequence[Path]) -> list[str]:
    """Write the same text to each of the paths; returns as `write_output` does."""
    whole = text.encode("utf-8", errors="backslashreplace")
    for path in paths:
        try:
            write_whole(path, whole)
        except OSError as error:
            return [f"cannot write {path}: {error.strerror}"]
    return []

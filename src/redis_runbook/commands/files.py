"""Writes the files of the commands that make some from the configuration."""

from pathlib import Path

from redis_runbook.config.error import ConfigError
from redis_runbook.wire.files import write_whole


def write(path: Path, text: str, what: str, *, mode: int = 0o644) -> str:
    """Write a file atomically, and create its folder if it is missing.

    By default Prometheus and others may read it.

    Returns:
        A line that says that the file was written, with `what` to do with it.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), mode=mode)
    except OSError as error:
        raise ConfigError([f"cannot write {path}: {error.strerror}"]) from None
    return f"wrote {path}: {what}"

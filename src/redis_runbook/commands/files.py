"""What the commands have in common that write files from the configuration."""

from collections.abc import Mapping
from pathlib import Path

from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import load
from redis_runbook.config.model import Config
from redis_runbook.wire.files import write_whole


def configuration(file: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration in effect.

    Raises:
        ConfigError: it is wrong.
    """
    return load(file, environ, {}).config


def write(path: Path, text: str, what: str) -> str:
    """Write a file, whole or not at all; its folder is made where it is missing.

    Returns:
        The line that says so, with `what` to do with it.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise ConfigError([f"cannot write {path}: {error.strerror}"]) from None
    return f"wrote {path}: {what}"

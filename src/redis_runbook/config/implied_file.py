"""Which configuration file is meant where no option names one, and whether it can be trusted."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from redis_runbook.config.keys import VARIABLE_PREFIX, Key, dotted
from redis_runbook.config.sources import given_by, names_a_variable
from redis_runbook.redact import printable

FILE: Final = Path("runbook.toml")
"""The file that is read in the current folder, if no other is named."""

FILE_VARIABLE: Final = f"{VARIABLE_PREFIX}CONFIG"
_OUR_VARIABLES: Final = ("REDIS_", "PROMETHEUS_", "GRAFANA_")
_SENT: Final = frozenset({"username", "password", "token"})
_TRUST: Final = "name it with --config if you trust it"


def named_file(environ: Mapping[str, str]) -> Path | None:
    """The file that the environment names."""
    named = environ.get(FILE_VARIABLE, "").strip()
    return Path(named) if named else None


def usual_file() -> Path | None:
    """`runbook.toml` in the current folder, if it is there."""
    return FILE if FILE.exists() or FILE.is_symlink() else None


def _not_only_ours(path: Path) -> str:
    """Why somebody else may have written a file, or the link to it; empty where nobody has."""
    try:
        link, file = path.lstat(), path.stat()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not {link.st_uid, file.st_uid} <= {os.geteuid(), 0}:
        return "belongs to another user"
    return "can be written by every user" if file.st_mode & stat.S_IWOTH else ""


def refuse_a_strangers(file: Path, layer: Mapping[Key, tuple[object, str]]) -> None:
    """Refuse a file that only lay in the current folder, where it could send variables elsewhere.

    `layer` holds what it sets: values, with where they are from.

    Raises:
        ValueError: another user owns it, a link to it, or a plugin that it names, or may write one
            of them; or it names a variable that is not ours.
    """
    if why := _not_only_ours(file):
        raise ValueError(f"{why}: {_TRUST}")
    named, _ = layer.get(("plugins",), ((), ""))
    for plugin in named if isinstance(named, list | tuple) else ():
        path = file.parent / str(plugin)
        if path.suffix == ".py" and path.exists() and (why := _not_only_ours(path)):
            raise ValueError(f"names the plugin {printable(str(plugin))}, which {why}: {_TRUST}")
    for key, (value, _) in layer.items():
        is_sent = names_a_variable(str(key[-1])) and given_by(str(key[-1])) in _SENT
        if is_sent and not str(value).startswith(_OUR_VARIABLES):
            ours = ", ".join(f"{prefix}…" for prefix in _OUR_VARIABLES)
            raise ValueError(f"{dotted(key)} names a variable other than {ours}: {_TRUST}")

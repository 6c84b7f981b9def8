"""The keys of a configuration: which exist, how to write them, which is nearest to a typo."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from redis_runbook.config.model import Config
from redis_runbook.redact import printable

Key = tuple[str, ...]
"""A key after the tables that it is in: `("services", "queue", "role")`."""

VARIABLE_PREFIX: Final = "REDIS_RUNBOOK_"
_MAX_SHOWN: Final = 60


def dotted(key: Key) -> str:
    """The key as TOML writes it: `checks."memory.used_ratio".level`."""
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part) else _quoted(part) for part in key
    )


def _quoted(part: str) -> str:
    """A key that a file may hold: anything, even a URL that slipped to the wrong side of `=`."""
    return '"***"' if "@" in part else json.dumps(printable(part, _MAX_SHOWN))


def variable(key: Key) -> str:
    """The environment variable that sets the key; what no variable can hold becomes `_`."""
    return VARIABLE_PREFIX + "__".join(re.sub(r"\W", "_", part.upper()) for part in key)


def tables_and_keys(names: Mapping[str, Iterable[str]]) -> Iterator[tuple[Key, bool]]:
    """All that may be set, and whether it is a table.

    `names` holds what is called as the user likes: the services' names and the checks' ids.
    """
    return _of_model(Config, (), names)


def _of_model(
    model: type[BaseModel], at: Key, names: Mapping[str, Iterable[str]]
) -> Iterator[tuple[Key, bool]]:
    for name, field in model.model_fields.items():
        key = (*at, name)
        if get_origin(field.annotation) is dict:
            yield key, True
            for chosen in names.get(name, ()):
                yield (*key, chosen), True
                yield from _of_model(get_args(field.annotation)[1], (*key, chosen), names)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield key, True
            yield from _of_model(field.annotation, key, names)
        else:
            yield key, False


def effective(table: BaseModel | Mapping[str, Any], at: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every key of a configuration that has a value, with it."""
    for name, value in table.items() if isinstance(table, Mapping) else table:
        if isinstance(value, BaseModel | Mapping):
            yield from effective(value, (*at, name))
        elif value is not None:
            yield (*at, name), value

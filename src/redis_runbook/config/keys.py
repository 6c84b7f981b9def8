"""The keys of a configuration, and how TOML and environment variables write them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from redis_runbook.config.model import Config
from redis_runbook.redact import printable

Key = tuple[str, ...]
"""The path of a key, with its tables: `("services", "queue", "role")`."""

VARIABLE_PREFIX: Final = "REDIS_RUNBOOK_"
_MAX_SHOWN: Final = 60


LISTS: Final = frozenset({"suppress", "notify"})
"""The keys that hold a list of tables; in a key, the place in the list follows, from 0."""


def dotted(key: Key) -> str:
    """The key as TOML writes it: `checks."memory.used_ratio".level`.

    In a list of tables it says which: `[[suppress]] no. 2 reason`.
    """
    if key[0] in LISTS and key[1:] and key[1].isdigit():
        return f"[[{key[0]}]] no. {int(key[1]) + 1} {dotted(key[2:]) if key[2:] else ''}".rstrip()
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part) else _quoted(part) for part in key
    )


def _quoted(part: str) -> str:
    """A quoted key; masked if it may be a URL on the wrong side of `=`."""
    return '"***"' if "@" in part else json.dumps(printable(part, _MAX_SHOWN))


def variable(key: Key) -> str:
    """The environment variable of the key; characters that a variable cannot have become `_`."""
    return VARIABLE_PREFIX + "__".join(re.sub(r"\W", "_", part.upper()) for part in key)


def tables_and_keys(names: Mapping[str, Iterable[str]]) -> Iterator[tuple[Key, bool]]:
    """All keys that may be set, and whether each is a table.

    `names` holds the names that the user chooses, by table: services, and ids of checks.
    """
    return _of_model(Config, (), names)


def _of_model(
    model: type[BaseModel], at: Key, names: Mapping[str, Iterable[str]]
) -> Iterator[tuple[Key, bool]]:
    for name, field in model.model_fields.items():
        key = (*at, name)
        if name in LISTS:
            yield key, True
            for place in names.get(name, ()):
                yield from _of_model(get_args(field.annotation)[0], (*key, place), names)
        elif get_origin(field.annotation) is dict:
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
    """Every key of a configuration that has a value, with its value."""
    for name, value in table.items() if isinstance(table, Mapping) else table:
        if isinstance(value, BaseModel | Mapping):
            yield from effective(value, (*at, name))
        elif is_list_of_tables(value):
            for place, inner in enumerate(value):
                yield from effective(inner, (*at, name, str(place)))
        elif value is not None:
            yield (*at, name), value


def is_list_of_tables(value: Any) -> bool:
    """Whether this is a list, not empty, of nothing but tables."""
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(inner, BaseModel | Mapping) for inner in value)
    )

"""Facts from JSON, by the types of their fields: nothing else is ever made of a file.

What is missing, unknown or of another type is refused.
"""

import datetime as dt
import enum
import types
import typing
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from redis_runbook.redact import Shown, reread
from redis_runbook.session.typed import (
    CANNOT_LOOK,
    COLLECTIONS,
    FOLLOWS_FROM,
    TEXTS,
    Array,
    each_type,
    fields_of,
    is_named_tuple,
    little_endian,
    parts,
    text_as_bytes,
)
from redis_runbook.verdict import CannotLook
from redis_runbook.words import counted

_LARGEST: Final = 2**64
_MAX_SHOWN: Final = 4_096
_YEARS: Final = range(2_000, 2_200)
_TYPECODES: Final = ("d", "f")
_T = TypeVar("_T")

Json: TypeAlias = Any
"""A value as `json.loads` makes it."""


def decode(hint: Any, value: Json) -> Any:
    """The value of this type that `Encoder` wrote.

    Raises:
        ValueError: it is none; the text names the field, and quotes nothing.
    """
    try:
        return _decode(hint, value)
    except (TypeError, LookupError, OverflowError, AttributeError):
        raise ValueError(f"{getattr(hint, '__name__', 'a value')} has another form") from None


def _decode(hint: Any, value: Json) -> Any:
    origin, inside = parts(hint)
    if origin is typing.Union:
        return _first_that_fits(inside, value)
    if hint in _READERS:
        return _READERS[hint](value)
    if origin is Literal:
        return _checked(value, "a known word", fits=any(value == known for known in inside))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if origin is Mapping:
        key, item = inside
        in_pairs = key not in TEXTS
        _checked(value, "a table", fits=isinstance(value, list if in_pairs else dict))
        pairs = value if in_pairs else value.items()
        return {_decode(key, name): _decode(item, inner) for name, inner in pairs}
    if origin in COLLECTIONS:
        _checked(value, "a list", fits=isinstance(value, list))
        each = zip(each_type(inside, value), value, strict=True)
        decoded = (_decode(item, one) for item, one in each)
        return frozenset(decoded) if origin is frozenset else tuple(decoded)
    return _read_fields(hint, value)


def _read_fields(hint: Any, value: Json) -> Any:
    """A dataclass or a named tuple; what has a default may be missing."""
    fields, name = fields_of(hint), hint.__name__
    if is_named_tuple(hint):
        _checked(value, "a tuple", fits=isinstance(value, list))
        value = dict(zip(fields, value, strict=True))
    _checked(value, "a table", fits=isinstance(value, dict))
    if unknown := set(value) - set(fields):
        raise ValueError(
            f"{name} has {counted(len(unknown), 'field that is', 'fields that are')} not known"
        )
    made = {}
    for field, kind in fields.items():
        if field in value:
            try:
                made[field] = _decode(kind, value[field])
            except (TypeError, LookupError, OverflowError, ValueError) as error:
                why = error if isinstance(error, ValueError) else "has another form"
                raise ValueError(f"{name}.{field}: {why}") from None
    try:
        return hint(**made)
    except TypeError:
        raise ValueError(f"{name} lacks a field") from None


def _first_that_fits(kinds: Sequence[Any], value: Json) -> Any:
    problem: Exception = ValueError("is nothing known")
    for kind in kinds:
        try:
            return _decode(kind, value)
        except (TypeError, LookupError, OverflowError, ValueError) as error:
            if kind is not types.NoneType:
                problem = error
    raise problem


def _checked(value: _T, what: str, *, fits: bool) -> _T:
    if not fits:
        raise ValueError(f"is not {what}")
    return value


def _integer(value: Json) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return cast("int", _checked(value, "an integer", fits=whole and abs(value) <= _LARGEST))


def _float(value: Json) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number and abs(value) <= _LARGEST  # so that what is computed of it is finite
    return cast("float", _checked(value, "a number", fits=fits))


def _str(value: Json) -> str:
    return cast("str", _checked(value, "a text", fits=isinstance(value, str)))


def _shown(value: Json) -> Shown:
    text = _str(value)
    _checked(text, f"at most {_MAX_SHOWN} characters long", fits=len(text) <= _MAX_SHOWN)
    return reread(text)


def _moment(value: Json) -> dt.datetime:
    moment = dt.datetime.fromisoformat(_str(value))
    _checked(moment, "a moment with its time zone", fits=moment.tzinfo is not None)
    return _checked(moment, "a moment of these years", fits=moment.year in _YEARS)


def _array(value: Json) -> "array[float]":
    typecode, _, digits = _str(value).partition(":")
    _checked(typecode, "an array", fits=typecode in _TYPECODES)
    values = little_endian(array(typecode, bytes.fromhex(digits)))
    return _checked(values, "numbers", fits=all(abs(one) <= _LARGEST for one in values))


def _no_facts(value: Json) -> CannotLook:
    because = _decode(Shown | None, value[FOLLOWS_FROM])
    return CannotLook(_shown(value[CANNOT_LOOK]), follows_from=because)


_READERS: Final[Mapping[Any, Callable[[Json], Any]]] = {
    types.NoneType: lambda value: _checked(value, "nothing", fits=value is None),
    bool: lambda value: _checked(value, "true or false", fits=isinstance(value, bool)),
    int: _integer,
    float: _float,
    str: _str,
    Shown: _shown,
    bytes: lambda value: text_as_bytes(_str(value)),
    dt.datetime: _moment,
    Array: _array,
    CannotLook: _no_facts,
}
"""How each type is read that has no others in it."""

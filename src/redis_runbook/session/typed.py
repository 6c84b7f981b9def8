"""The types of facts, as their JSON is written and read: both go by the types of the fields."""

import dataclasses
import functools
import re
import sys
import types
import typing
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis_runbook.redact import Shown

COLLECTIONS: Final = (tuple, list, Sequence, frozenset)
TEXTS: Final = (str, Shown)
CANNOT_LOOK: Final = "cannot_look"
"""The key of the sentence that says why there are no facts."""

FOLLOWS_FROM: Final = "follows_from"

_ESCAPED: Final = re.compile(rb"\\(\\|x[0-9a-f]{2})")


class Array:
    """Stands for `array` in annotations: it takes no type in Python 3.11."""

    def __class_getitem__(cls, _: object) -> type:
        """The same, whatever it is an array of."""
        return cls


def bytes_as_text(raw: bytes) -> str:
    r"""Bytes as text from which they can be made again: a backslash is doubled, `\xff` no UTF-8."""
    return raw.replace(b"\\", rb"\\").decode(errors="backslashreplace")


def text_as_bytes(text: str) -> bytes:
    """The bytes of which `bytes_as_text` made this text."""
    return _ESCAPED.sub(_unescaped, text.encode())


def _unescaped(found: re.Match[bytes]) -> bytes:
    return b"\\" if found[1] == b"\\" else bytes([int(found[1][1:], 16)])


def parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The generic type and what is in its brackets; `X | Y` is a Union, too."""
    origin = typing.get_origin(hint)
    return typing.Union if origin is types.UnionType else origin, typing.get_args(hint)


def each_type(inside: Sequence[Any], value: Sequence[Any]) -> Sequence[Any]:
    """The type of each element: `tuple[X, Y]` has one for each, all others have the same."""
    same = len(inside) == 1 or inside[-1] is Ellipsis
    return [inside[0]] * len(value) if same else inside


def is_named_tuple(hint: Any) -> bool:
    """Whether it is a type of tuples whose elements have names."""
    return isinstance(hint, type) and issubclass(hint, tuple)


@functools.cache
def fields_of(kind: Any) -> Mapping[str, Any]:
    """The types of a dataclass's or a named tuple's fields, by name."""
    if not (dataclasses.is_dataclass(kind) or is_named_tuple(kind)):
        raise TypeError(f"{getattr(kind, '__name__', kind)} cannot be saved")
    return typing.get_type_hints(kind, localns={"array": Array})


def little_endian(values: "array[float]") -> "array[float]":
    """The numbers in the order of bytes that a file has, or from it."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values

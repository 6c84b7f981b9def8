"""Facts as JSON, by the types of their fields.

A type says how a text is written: `Shown` was redacted when it was made, any other text is not.
"""

import dataclasses
import datetime as dt
import enum
import math
import typing
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from redis_runbook.redact import Shown, ShownValue, document, sentence, vetted
from redis_runbook.session.typed import (
    CANNOT_LOOK,
    COLLECTIONS,
    FOLLOWS_FROM,
    TEXTS,
    Array,
    bytes_as_text,
    each_type,
    fields_of,
    is_named_tuple,
    little_endian,
    parts,
)
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.json import most_elements

_LONGEST_NUMBER: Final = 24
_LONGEST_ESCAPE: Final = len(r"\ud83d\ude00")


@dataclasses.dataclass(slots=True, kw_only=True)
class Encoder:
    """Writes values of annotated types as JSON; `mask` redacts a text that is not `Shown`.

    `characters` and `elements` are at least what was written so far, as a file has them.
    """

    mask: Callable[[str], Shown]
    characters: int = 0
    elements: int = 0

    def encode(self, hint: Any, value: Any) -> ShownValue:
        """The value, which is of this type.

        Raises:
            TypeError, ValueError: a type, or a number, is none that can be saved.
        """
        self.elements += 1
        self.characters += _LONGEST_NUMBER
        origin, inside = parts(hint)
        if origin is typing.Union:
            return self.encode(_member(inside, value), value)
        if value is None or isinstance(value, bool | int):
            return value
        if (text := self._text(hint, value)) is not None:
            self.elements += most_elements(text)
            self.characters += len(text) * (1 if text.isascii() else _LONGEST_ESCAPE)
            return text
        if isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError("not a number that JSON has")
            return value
        self.elements += 1
        if isinstance(value, CannotLook):
            return self._no_facts(value)
        if origin is Mapping:
            key, item = inside
            return self._table(key, item, value)
        if origin in COLLECTIONS:
            each = zip(each_type(inside, value), value, strict=True)
            return [self.encode(item, one) for item, one in each]
        fields = fields_of(hint)
        self.characters += sum(map(len, fields))
        if is_named_tuple(hint):
            return [self.encode(kind, getattr(value, name)) for name, kind in fields.items()]
        return {
            vetted(name): self.encode(kind, getattr(value, name)) for name, kind in fields.items()
        }

    def _text(self, hint: Any, value: Any) -> Shown | None:
        """What is written as a text; None for anything else."""
        match value:
            case enum.Enum():
                return vetted(str(value.value))
            case str():
                return document(value) if hint is Shown else self._word(hint, value)
            case bytes():
                return self.mask(bytes_as_text(value))
            case dt.datetime():
                return vetted(value.isoformat())
            case array():
                return vetted(f"{value.typecode}:{little_endian(value).tobytes().hex()}")
        return None

    def _word(self, hint: Any, value: str) -> Shown:
        return vetted(value) if typing.get_origin(hint) is Literal else self.mask(value)

    def _no_facts(self, why: CannotLook) -> ShownValue:
        return {
            vetted(CANNOT_LOOK): self.encode(Shown, sentence(str(why))),
            vetted(FOLLOWS_FROM): self.encode(Shown | None, why.follows_from),
        }

    def _key(self, hint: Any, name: str) -> Shown:
        self.encode(hint, name)  # counts
        return document(name) if hint is Shown else self.mask(name)

    def _table(self, key: Any, item: Any, table: Mapping[Any, Any]) -> ShownValue:
        if key in TEXTS:
            return {self._key(key, name): self.encode(item, inner) for name, inner in table.items()}
        self.elements += len(table)
        return [[self.encode(key, name), self.encode(item, inner)] for name, inner in table.items()]


def _member(kinds: Sequence[Any], value: Any) -> Any:
    """Which of a union's types a value has."""
    for kind in kinds:
        runtime = str if kind is Shown else typing.get_origin(kind) or kind
        runtime = str if runtime is Literal else array if runtime is Array else runtime
        if isinstance(value, runtime) or (runtime is float and type(value) is int):
            return kind
    raise TypeError(f"{type(value).__name__} is not a type of the union")

"""Reads a URL, a user name or a secret from the configuration, a variable or a file.

There are three ways to give such an `x` in the configuration: `x` itself, `x_env`, the name of an
environment variable, and `x_file`, the path of a file that contains it. Only this module knows
these suffixes and their meaning.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationInfo, field_validator

from redis_runbook.wire.files import read_text

_VARIABLE: Final = "_env"
_FILE: Final = "_file"
_WAYS: Final = ("", _VARIABLE, _FILE)
_BY_NAME: Final = re.compile(f"(?:{_VARIABLE}|{_FILE})$")
_MAX_FILE_BYTES: Final = 65_536
_T = TypeVar("_T")


def given_by(key: str) -> str:
    """The name of the value that a key gives: `url` for `url`, `url_env` and `url_file`."""
    return _BY_NAME.sub("", key)


def names_a_variable(key: str) -> bool:
    """Whether the value of that key is the name of an environment variable."""
    return key.endswith(_VARIABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One value of the configuration: given itself, by variable, by file, or not at all.

    `key` is its dotted key (`services.queue.url`); at most one of `value`, `variable` and `file` is
    set.
    """

    key: str
    value: str | None = field(default=None, repr=False)
    variable: str | None = None
    file: str | None = None

    @property
    def wanted(self) -> bool:
        """Whether the configuration gives it in any way, even if the variable or file is empty."""
        return any((self.value, self.variable, self.file))

    @property
    def origin(self) -> str | None:
        """The key, file key or variable to name in a message; None if it is not given."""
        if self.value is not None:
            return self.key
        return f"{self.key}{_FILE}" if self.file else self.variable

    def given(self, environ: Mapping[str, str]) -> bool:
        """Whether the user gave a value; an empty variable counts as not set."""
        return bool(environ.get(self.variable, "").strip()) if self.variable else self.wanted

    def read(self, environ: Mapping[str, str], *, fallback: str | None = None) -> str | None:
        """Read the value; None if it is not given. `fallback` replaces a variable that is not set.

        Raises:
            ValueError: the file or the variable cannot be used; its text is one sentence that
                begins with the origin and quotes nothing.
        """
        if self.value is not None:
            return self.value
        if self.file:
            return self._contents(self.file)
        if self.variable is None:
            return None
        value = environ.get(self.variable, "")
        if not value.isascii() and any("\udc80" <= char <= "\udcff" for char in value):
            raise ValueError(f"{self.origin}: the value is not UTF-8")
        return value if value.strip() else fallback

    def _contents(self, file: str) -> str:
        try:
            text = read_text(Path(file), max_bytes=_MAX_FILE_BYTES).rstrip("\r\n")
        except ValueError as error:
            raise ValueError(f"{self.origin}: the file {error}") from None
        if not text.strip():
            raise ValueError(f"{self.origin}: the file is empty")
        return text

    def parsed(
        self,
        parse: Callable[[str], _T],
        environ: Mapping[str, str],
        *,
        fallback: str | None = None,
    ) -> _T | None:
        """Read and parse the value; None if it is not given.

        Raises:
            ValueError: as `read`, or because `parse` refused it.
        """
        text = self.read(environ, fallback=fallback)
        if text is None:
            return None
        try:
            return parse(text.strip())
        except ValueError as error:
            raise ValueError(f"{self.origin}: {error}") from None

    def missing(self, what: str) -> str:
        """A sentence that says what to set."""
        name = self.key.rpartition(".")[2]
        ways = f"{self.key}, {name}{_VARIABLE} or {name}{_FILE}"
        return f"no {what} is set: set {self.origin or ways}"


class Section(BaseModel):
    """One table of `runbook.toml`; a value with a source has a field for each way to give it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        defer_build=True,  # each would be built by itself, and again as a part of the whole
    )

    @field_validator("*")
    @classmethod
    def _one_way(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse more than one of `x`, `x_env` and `x_file`: none has precedence."""
        key = str(info.field_name)
        for other in (given_by(key) + way for way in _WAYS):
            if value is not None and other != key and info.data.get(other) is not None:
                raise ValueError(f"cannot be set beside {other}: keep one of them")
        return value

    def source(self, name: str, where: str = "") -> Source:
        """The source of the value of that name; empty if the table has no such key.

        `where` is the name of the table: `services.queue`.
        """
        value, variable, file = (getattr(self, name + way, None) for way in _WAYS)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        return Source(key=f"{where}.{name}", value=value, variable=variable, file=file)

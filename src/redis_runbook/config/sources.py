"""Where a URL, a user name or a secret is from: the configuration, a variable or a file.

Wherever the configuration asks for such an `x`, there are three ways to give it: `x` itself,
`x_env`, the name of an environment variable, and `x_file`, the path of a file that holds it. This
module alone knows how they are called and what they mean.
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
    """What a key gives: `url` of `url`, `url_env` and `url_file`."""
    return _BY_NAME.sub("", key)


def names_a_variable(key: str) -> bool:
    """Whether the value of that key is the name of an environment variable."""
    return key.endswith(_VARIABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the configuration says of one value: itself, or where to find it, or nothing.

    `key` is where it would stand, dotted (`services.queue.url`); of `value`, `variable` and `file`
    one is set at most.
    """

    key: str
    value: str | None = field(default=None, repr=False)
    variable: str | None = None
    file: str | None = None

    @property
    def wanted(self) -> bool:
        """Whether the configuration says anything of it, even if nothing is found there."""
        return any((self.value, self.variable, self.file))

    @property
    def origin(self) -> str | None:
        """What to name where the value is wrong or missing; None where nothing is said of it."""
        if self.value is not None:
            return self.key
        return f"{self.key}{_FILE}" if self.file else self.variable

    def given(self, environ: Mapping[str, str]) -> bool:
        """Whether the user gave it; a variable that is empty counts as not set."""
        return bool(environ.get(self.variable, "").strip()) if self.variable else self.wanted

    def read(self, environ: Mapping[str, str], *, fallback: str | None = None) -> str | None:
        """The value; None where there is none. `fallback` is for a variable that is not set.

        Raises:
            ValueError: the file or the variable has no such value; one sentence that begins with
                the origin and quotes nothing.
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
        """What `parse` makes of the value; None where there is none.

        Raises:
            ValueError: as `read` does, or `parse` refused it.
        """
        text = self.read(environ, fallback=fallback)
        if text is None:
            return None
        try:
            return parse(text.strip())
        except ValueError as error:
            raise ValueError(f"{self.origin}: {error}") from None

    def missing(self, what: str) -> str:
        """The sentence that says what to set."""
        name = self.key.rpartition(".")[2]
        ways = f"{self.key}, {name}{_VARIABLE} or {name}{_FILE}"
        return f"no {what} is set: set {self.origin or ways}"


class Section(BaseModel):
    """One table of `runbook.toml`; of what it has a source, each way to give it is a field."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )

    @field_validator("*")
    @classmethod
    def _one_way(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `x_env` beside `x` or `x_file`: which of them counts would be a guess."""
        key = str(info.field_name)
        for other in (given_by(key) + way for way in _WAYS):
            if value is not None and other != key and info.data.get(other) is not None:
                raise ValueError(f"cannot be set beside {other}: keep one of them")
        return value

    def source(self, name: str, where: str = "") -> Source:
        """Where the value of that name is from; a table without such a key asks for nothing.

        `where` is how the table itself is called: `services.queue`.
        """
        value, variable, file = (getattr(self, name + way, None) for way in _WAYS)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        return Source(key=f"{where}.{name}", value=value, variable=variable, file=file)

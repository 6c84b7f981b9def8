"""`[[notify]]` of `runbook.toml`: who is told when a run has found a change."""

import importlib.util
import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qsl, unquote

from pydantic import AfterValidator, Field, SecretStr, model_validator

from redis_runbook.config.sources import Section, Source
from redis_runbook.config.values import Secret, ValueFile, VariableName

Event = Literal["broken", "recovered", "unknown"]
"""What is told: an invariant is newly broken, all is healthy again, or cannot be determined."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://.")
_HOST: Final = re.compile(r"(?:localhost|[^/@]*\.[^/@]*|\[[^/@]*\])(?::\d+)?")
_MIN_SECRET: Final = 8
_MAX_ENTRIES: Final = 20


def _notify_url(value: SecretStr) -> SecretStr:
    if not _SCHEME.match(value.get_secret_value().strip()):
        raise ValueError("must be a URL of apprise, such as ntfys://ntfy.example.org/topic")
    return value


class Notify(Section):
    """Where a notification is sent, and of what."""

    url: Annotated[Secret, AfterValidator(_notify_url)] | None = None
    url_env: VariableName | None = None
    url_file: ValueFile | None = None
    on: tuple[Event, ...] = Field(("broken", "recovered"), description="What is told")
    profiles: tuple[Literal["smoke", "gate", "nightly"], ...] = Field(
        ("nightly",), description="Which runs tell it"
    )

    @model_validator(mode="after")
    def _is_ever_sent(self) -> Self:
        if not self.source("url").wanted:
            raise ValueError("url_env, url_file or url is missing")
        if not {"broken", "unknown"} & {*self.on}:
            raise ValueError('on: nothing recovers that was not told: add "broken" or "unknown"')
        return self

    def address(self, number: int) -> Source:
        """Where its URL comes from; `number` counts the entries from 1."""
        return self.source("url", f"[[notify]] no. {number}")


Notifies = Annotated[tuple[Notify, ...], Field(max_length=_MAX_ENTRIES)]


def missing_extra(entries: Notifies) -> list[str]:
    """What is wrong where entries need a package that is not installed."""
    if not entries or importlib.util.find_spec("apprise"):
        return []
    return ["[[notify]] needs apprise, which is missing: pip install 'redis-runbook[notify]'"]


def masked_url(text: str) -> str:
    """What may be shown of a URL: its scheme, as any other part of it may be a token."""
    scheme = _SCHEME.match(text.strip())
    return f"{scheme[1]}://***" if scheme else "***"


def url_secrets(url: str) -> Iterator[str]:
    """What may be a secret in the URL of a notification: itself, and each part that is no host."""
    rest = url.partition("://")[2]
    if not rest:
        return
    yield from (url, rest)
    path, _, query = rest.partition("?")
    login, _, path = path.rpartition("@")
    host, _, path = path.partition("/")
    parts = [login, *login.split(":"), *path.split("/"), *(value for _, value in parse_qsl(query))]
    if not _HOST.fullmatch(host):
        parts.append(host)
    for part in parts:
        if len(part) >= _MIN_SECRET:
            yield from (part, unquote(part))

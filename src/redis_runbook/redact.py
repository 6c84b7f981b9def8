"""Makes text safe to print: without secrets and control characters, of bounded length."""

import html
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK: Final = "[redacted]"
_MAX_TEXT: Final = 2_000
_MAX_QUOTED: Final = 200

_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}")
_USERINFO: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20}://)[^\s@'\"<>]{1,4096}@")
_SCHEME_AND_TOKEN: Final = re.compile(r"(?i)\b(bearer|basic)\s+(?!auth)[\w.~+/=-]{8,}")
_ASSIGNED: Final = re.compile(
    r"(?i)\b((?:\w*[-_.])?(?:password|passwd|pwd|token|secret|api[-_]?key|authorization"
    r"|requirepass|masterauth))"
    r"([\"']?\s*[=:]\s*[\"']?|(?<=requirepass)\s+|(?<=masterauth)\s+)"
    r"(?!\[redacted\])([^\s\"',;&<>]+)"
)
_SECRET_NAME: Final = re.compile(
    r"(?i)token|secret|passw(or)?d|pwd|api_?key|private_?key|credential|(^|_)auth"
)
_MIN_ENVIRONMENT_SECRET: Final = 6
_MIN_PART_OF_WORD: Final = 4
# Words in our own reports. A password equal to one of them is masked only in text from outside, as
# masking it in whole documents would destroy them.
_OWN_WORDS: Final = frozenset(
    """cache check container default docker embedded exporter fail false gate guest html json
    latency limit live localhost master memory message nightly none null observed pass password
    queue redis redis-cache redis-exporter redis-queue redis-runbook report root runbook secret
    service smoke status style table target test tests token true unknown user valkey value
    verdict warn""".split()
)


def printable(text: str | bytes, limit: int = _MAX_TEXT) -> str:
    r"""One line of printable text: other characters are escaped (`\x1b`), a long text is cut.

    All text from servers, files and networks passes through here before it enters a message.
    """
    size = f"{len(text)} {'bytes' if isinstance(text, bytes) else 'characters'}"
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", errors="backslashreplace")
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[: limit + 1]
    )
    return shown if len(text) <= limit else f"{shown[:limit]}… ({size})"


class Redactor:
    """Replaces known secrets, and text that looks like a secret, with `[redacted]`."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Redact these secrets, also in their quoted and escaped forms."""
        self._secrets: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Redact these secrets, too."""
        self._secrets.update(secrets)
        self._everywhere = _any_of(self._secrets)
        self._in_documents = _any_of(
            secret
            for secret in self._secrets
            if len(secret) >= _MIN_PART_OF_WORD and secret.lower() not in _OWN_WORDS
        )

    def __call__(self, text: str) -> str:
        """Redact a text from outside."""
        return self._apply(text, self._everywhere)

    def document(self, text: str) -> str:
        """Redact a text that we wrote, in case that a secret is still in it."""
        return self._apply(text, self._in_documents)

    def value(self, value: Any) -> Any:
        """Make every text in a JSON-like value printable and redacted, keys too."""
        if isinstance(value, str | bytes):
            return printable(self(_text(value)))
        if isinstance(value, Mapping):
            return {self.value(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [self.value(item) for item in value]
        return value

    @staticmethod
    def _apply(text: str, known: re.Pattern[str] | None) -> str:
        if known:
            text = known.sub(MASK, text)
        text = _USERINFO.sub(rf"\1{MASK}@", text)
        text = _JWT.sub(MASK, text)
        text = _SCHEME_AND_TOKEN.sub(rf"\1 {MASK}", text)
        return _ASSIGNED.sub(rf"\1\2{MASK}", text)


def harmless(text: str, limit: int = _MAX_QUOTED) -> str:
    """A text from outside for a message: printable, and without what looks like a secret."""
    return printable(Redactor()(text.strip()), limit)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", errors="backslashreplace")


def _any_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    if not forms:
        return None
    # Longest first, so that a secret which contains another is replaced as a whole. A short secret
    # is only replaced as a whole word.
    ordered = sorted(forms, key=len, reverse=True)
    return re.compile(
        "|".join(
            re.escape(form)
            if len(form) >= _MIN_PART_OF_WORD
            else rf"(?<!\w){re.escape(form)}(?!\w)"
            for form in ordered
        )
    )


def _forms(secret: str) -> set[str]:
    escaped = {secret, json.dumps(secret)[1:-1], html.escape(secret), repr(secret)[1:-1]}
    return (
        escaped
        | {html.escape(form) for form in escaped}
        | {
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
        }
    )


def environment_secrets(environ: Mapping[str, str] = os.environ) -> set[str]:
    """Values of variables that are secrets by name (`CI_JOB_TOKEN`), and passwords in URLs."""
    found: set[str] = set()
    for name, value in environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _MIN_ENVIRONMENT_SECRET:
            found.add(value)
        if "://" in value and "@" in value:
            userinfo = value.partition("://")[2].rpartition("@")[0]
            password = userinfo.partition(":")[2] or userinfo
            found |= {
                text for text in (password, unquote(password)) if len(text) >= _MIN_PART_OF_WORD
            }
    return {value for value in found if not value.startswith("/")}


def without_credentials(url: str) -> str:
    """The parts of a URL that may be printed: scheme, host, port and path."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return printable(f"{parts.scheme}://{host}{parts.path}")

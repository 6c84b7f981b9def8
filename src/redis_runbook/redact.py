"""Makes text safe to print: without secrets and control characters, of bounded length."""

import base64
import html
import json
import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NewType, TypeAlias
from urllib.parse import quote, quote_plus, unquote, urlsplit

Shown = NewType("Shown", str)
"""Text that may leave the process. Only the functions of this module make it, and a record holds
nothing else, so that no text gets into an output without having been here (mypy checks it).

Which function is right is for the caller to know: `printable` for every text from outside, the
others for what we wrote ourselves.
"""

ShownValue: TypeAlias = (
    "Shown | float | bool | Sequence[ShownValue] | Mapping[Shown, ShownValue] | None"
)
"""The same for a value as JSON can hold it."""

NO_TEXT: Final = Shown("")
MASK: Final = "[redacted]"
_MAX_TEXT: Final = 2_000
_MAX_QUOTED: Final = 200

_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}")
# To the last `@`, as a password may contain one; or to a cut, behind which the `@` may have been.
_USERINFO: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]{0,20}://)"
    r"(?:[^\s'\"<>]{1,4096}@"
    r"|[^\s/@'\"<>]{0,4096}:(?!\d{1,5}(?:[^\w@]|$))[^\s@'\"<>]{0,4096}(?=…|\.\.\.))"
)
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
_MAX_SEARCHED: Final = 65_536
_CUT: Final = re.compile(r"…|\.\.\.|'")
"""Where a text may have been cut: by us, by Redis (`... (9 more bytes)`, `'…'`) or by another."""

# A word such as our own sentences have. A password that is one is masked only in what comes from
# outside, as masking it in whole documents would destroy them.
_WORD: Final = re.compile(
    r"[a-z]{1,8}|.{1,3}|container|localhost|redis-(?:queue|cache|exporter|runbook)", re.DOTALL
)


class Redactor:
    """Replaces known secrets, and text that looks like a secret, with `[redacted]`."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Redact these secrets, also in their quoted and escaped forms."""
        self.shows_job_details = True
        """Whether ids, names and failure reasons of jobs may be shown: `[privacy] job_details`."""
        self._secrets: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Redact these secrets, too."""
        self._secrets.update(secrets)
        self._everywhere = _Known(self._secrets)
        self._in_documents = _Known(
            (secret for secret in self._secrets if not _WORD.fullmatch(secret)), cut=False
        )

    def forget(self) -> None:
        """Know no secrets any more."""
        self.shows_job_details = True
        self._secrets.clear()
        self.learn(())

    def __call__(self, text: str) -> str:
        """Redact a text from outside."""
        text = _without_unmistakable(self._everywhere.hidden(text))
        text = _SCHEME_AND_TOKEN.sub(rf"\1 {MASK}", text)
        return _ASSIGNED.sub(rf"\1\2{MASK}", text)

    def document(self, text: str) -> str:
        """Redact a text that we wrote, in case that a secret is still in it.

        What merely looks like one is not searched for: our own words would fall victim to that.
        """
        return _without_unmistakable(self._in_documents.hidden(text))


class _Known:
    """Secrets to look for, in all their forms; with `cut`, in part where a text was cut, too."""

    def __init__(self, secrets: Iterable[str], *, cut: bool = True) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        # Longest first, so that a secret which contains another is replaced as a whole.
        ordered = sorted(forms, key=len, reverse=True)
        self._whole = _any_of(ordered)
        self._by_beginning: dict[str, list[str]] = {}
        for form in ordered if cut else ():
            if len(form) > _MIN_PART_OF_WORD:
                self._by_beginning.setdefault(form[:_MIN_PART_OF_WORD], []).append(form)
        beginnings = "|".join(map(re.escape, self._by_beginning))
        self._beginnings = re.compile(f"(?=({beginnings}))") if beginnings else None

    def hidden(self, text: str) -> str:
        """The text without them."""
        if self._whole is None:
            return text
        return self._without_beginnings(self._whole.sub(MASK, text))

    def _without_beginnings(self, text: str) -> str:
        shown, at = "", 0
        for found in self._beginnings.finditer(text) if self._beginnings else ():
            begin = found.start()
            if begin < at:
                continue
            ends = (
                begin + _same(secret, text[begin : begin + len(secret)])
                for secret in self._by_beginning[found[1]]
            )
            if end := max((end for end in ends if _CUT.match(text, end)), default=0):
                shown, at = f"{shown}{text[at:begin]}{MASK}", end
        return shown + text[at:]


def _same(text: str, other: str) -> int:
    """How many characters are the same at the beginning of both."""
    pairs = enumerate(zip(text, other, strict=False))
    return next((at for at, (one, two) in pairs if one != two), min(len(text), len(other)))


def _without_unmistakable(text: str) -> str:
    return _JWT.sub(MASK, _USERINFO.sub(rf"\1{MASK}@", text))


def _any_of(forms: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern of all forms; of a short one only as a whole word."""
    if not forms:
        return None
    return re.compile(
        "|".join(
            re.escape(form)
            if len(form) >= _MIN_PART_OF_WORD
            else rf"(?<!\w){re.escape(form)}(?!\w)"
            for form in forms
        )
    )


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as JSON, Python, HTML, XML, URLs and base64 write it."""
    escaped = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    escaped |= {json.dumps(secret, ensure_ascii=False)[1:-1]}
    marked_up = {html.escape(form) for form in escaped}
    marked_up |= {form.replace("&#x27;", "&apos;") for form in marked_up}
    plain = {html.escape(form, quote=False) for form in escaped}
    marked_up |= plain | {form.replace('"', "&quot;") for form in plain}
    in_urls = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return escaped | marked_up | in_urls | set(_in_base64(secret))


def _in_base64(secret: str) -> Iterator[str]:
    """What is the same in base64 wherever in the encoded text the secret begins."""
    raw = secret.encode(errors="surrogateescape")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        last_is_mixed = (before + len(raw)) % 3 != 0
        form = encoded[-(-before * 8 // 6) : len(encoded) - last_is_mixed]
        if len(form) > _MIN_PART_OF_WORD:
            yield form
            yield form.replace("+", "-").replace("/", "_")


KNOWN: Final = Redactor()
"""The secrets of this process: of its configuration, its environment and its target."""


def printable(text: str | bytes, limit: int = _MAX_TEXT) -> Shown:
    r"""One line of a text from outside that may be shown: the boundary that all of it passes.

    Known secrets are replaced first, then other characters are escaped (`\x1b`), and then a long
    text is cut: in another order a cut would hide a part of a secret from the search.
    """
    is_cut = len(text) > _MAX_SEARCHED
    searched = KNOWN(_text(text[:_MAX_SEARCHED]) + "…" * is_cut)
    size = f"{len(text)} {'bytes' if isinstance(text, bytes) else 'characters'}"
    return _one_line(searched, limit, size, is_cut=is_cut)


def sentence(text: str, limit: int = _MAX_TEXT) -> Shown:
    """One line that we wrote, in which what is from outside has passed `printable` before.

    It is escaped and cut as by `printable`, and searched for what is known to be a secret only.
    """
    return _one_line(KNOWN.document(text), limit)


def document(text: str) -> Shown:
    """A text of several lines that we wrote, searched as by `sentence`, and shown as it is."""
    return Shown(KNOWN.document(text))


def reread(text: str) -> Shown:
    """A text of a record that we wrote once: it is not cut again."""
    return sentence(text, limit=len(text))


def vetted(text: str) -> Shown:
    """A text that holds nothing but our own words and names that the configuration validates.

    It is shown as it is: alert rules and the schema must not change with a password.
    """
    return Shown(text)


def shortened(text: Shown, limit: int) -> Shown:
    """The text, cut at `limit` characters."""
    return _one_line(text, limit)


def _one_line(text: str, limit: int, size: str = "", *, is_cut: bool = False) -> Shown:
    """A text that is redacted: escaped, and cut at `limit`."""
    if len(text) <= limit and not is_cut:
        return Shown(escape(text))
    return Shown(f"{escape(text[:limit])[:limit]}… ({size or f'{len(text)} characters'})")


def escape(text: str) -> str:
    r"""Escape what is not printable (`\x1b`), and show the rest as it is.

    It hides no secret: only for a name that is still compared, and redacted before it is shown.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def harmless(text: str, limit: int = _MAX_QUOTED) -> Shown:
    """A short text from outside for a message, without the space around it."""
    return printable(text.strip(), limit)


def printable_mapping(
    value: Mapping[str, object], show: Callable[[str], Shown] = printable
) -> dict[Shown, ShownValue]:
    """A mapping as JSON can hold it, with every text in it shown by `show`, keys too."""
    return {show(str(key)): _printable_value(item, show) for key, item in value.items()}


def _printable_value(value: object, show: Callable[[str], Shown]) -> ShownValue:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        return printable_mapping(value, show)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_printable_value(item, show) for item in value]
    return show(_text(value) if isinstance(value, bytes) else str(value))


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", errors="backslashreplace")


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


def without_credentials(url: str) -> Shown:
    """The parts of a URL that may be printed: scheme, host, port and path."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return printable(f"{parts.scheme}://{host}{parts.path}")

"""Secrets that are known by their value: where they are from, and how a text may write them."""

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote, quote_plus, unquote

MASK: Final = "[redacted]"
_SECRET_NAME: Final = re.compile(
    r"(?i)token|secret|passw(or)?d|(^|_)pass(phrase)?(_|$)|pwd|api_?key|private_?key|credential"
    r"|(^|_)auth"
)
_ENCODED: Final = re.compile(r"%[0-9A-F]{2}")
_MIN_ENVIRONMENT_SECRET: Final = 6
_MIN_LINE: Final = 16
_PATH: Final = re.compile(r"(?:/[\w.@-]+){2,}/?")
_MIN_PART_OF_WORD: Final = 4
_CUT: Final = re.compile(r"…|\.\.\.|'")
"""Where a text may have been cut: by us, by Redis (`... (9 more bytes)`, `'…'`) or by another."""


class Known:
    """Secrets to look for, in all their forms; with `cut`, in part where a text was cut, too."""

    def __init__(self, secrets: Iterable[str], *, cut: bool = True) -> None:
        """Prepare to look for these."""
        forms = {form for secret in secrets if secret for form in forms_of(secret)}
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
                begin + size
                for secret in self._by_beginning[found[1]]
                for size in _sizes(secret, text[begin : begin + len(secret)])
            )
            if end := max((end for end in ends if _CUT.match(text, end)), default=0):
                shown, at = f"{shown}{text[at:begin]}{MASK}", end
        return shown + text[at:]


def _sizes(secret: str, text: str) -> range:
    """How long a beginning of the secret the text may begin with, at most and a little less.

    Less, as the secret may go on like the mark of a cut: `a.b` and `a...`.
    """
    pairs = enumerate(zip(secret, text, strict=False))
    most = next((at for at, (one, two) in pairs if one != two), min(len(secret), len(text)))
    return range(most, max(_MIN_PART_OF_WORD, most - 3) - 1, -1)


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


def forms_of(secret: str) -> set[str]:
    """A secret as it is, and as JSON, Python, HTML, XML, URLs and base64 write it."""
    escaped = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    escaped |= {json.dumps(secret, ensure_ascii=False)[1:-1]}
    marked_up = {html.escape(form) for form in escaped}
    marked_up |= {form.replace("&#x27;", "&apos;") for form in marked_up}
    plain = {html.escape(form, quote=False) for form in escaped}
    marked_up |= plain | {form.replace('"', "&quot;") for form in plain}
    strange = "surrogateescape"  # bytes of the environment that are no text
    in_urls = {quote(secret, safe, errors=strange) for safe in ("/", "")}
    in_urls.add(quote_plus(secret, errors=strange))
    in_urls |= {_ENCODED.sub(lambda found: found[0].lower(), form) for form in in_urls}
    # Where names are compared, a backslash is doubled.
    doubled = {form.replace("\\", "\\\\") for form in escaped}
    as_bytes = as_text(secret.encode(errors=strange))
    return {as_bytes} | escaped | doubled | marked_up | in_urls | set(_in_base64(secret))


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


def environment_secrets(environ: Mapping[str, str] = os.environ) -> set[str]:
    """Values of variables that are secrets by name (`CI_JOB_TOKEN`), and passwords in URLs."""
    found: set[str] = set()
    for name, value in environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _MIN_ENVIRONMENT_SECRET:
            found.add(value)
            # A log has the lines of a key one by one.
            found |= {line for line in value.splitlines() if len(line) >= _MIN_LINE}
        for url in {value, *value.split(","), *value.split()} if "://" in value else ():
            userinfo = url.partition("://")[2].rpartition("@")[0]
            password = userinfo.partition(":")[2] or userinfo
            found |= {
                text for text in (password, unquote(password)) if len(text) >= _MIN_PART_OF_WORD
            }
    return {value for value in found if not _PATH.fullmatch(value)}


def as_text(value: str | bytes) -> str:
    """A text as it is; bytes that are none, escaped."""
    return value if isinstance(value, str) else value.decode("utf-8", errors="backslashreplace")

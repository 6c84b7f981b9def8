"""Secrets that are known by their value: where they are from, and how a text may write them."""

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from redis_runbook.redact.noise import NOISE, OVERWRITTEN, WRAPPED, without
from redis_runbook.redact.parts import MIN_PART, Parts, Span

MASK: Final = "[redacted]"
_SECRET_NAME: Final = re.compile(
    r"(?i)token|secret|passw(or)?d|(^|_)pass(phrase)?(_|$)|pwd|credential"
    r"|(api|private|access|account|encryption|master)_?key"
    r"|(^|_)auth"
)
_ENCODED: Final = re.compile(r"%[0-9A-F]{2}")
_MIN_ENVIRONMENT_SECRET: Final = 6
_MIN_LINE: Final = 16
_PATH: Final = re.compile(r"(?:/[\w.@-]+){2,}/?")


class Known:
    """Secrets to look for, in all their forms."""

    def __init__(self, secrets: Iterable[str], *, outside: bool = True) -> None:
        """Prepare to look for these; in a text from `outside` also for what is left of them.

        Such a text may hold a part of a secret, or have control characters within it.
        """
        forms = {form for secret in secrets if secret for form in forms_of(secret)}
        # Longest first, so that a secret which contains another is replaced as a whole.
        ordered = sorted(forms, key=len, reverse=True)
        self._whole = _any_of(ordered)
        self._parts = Parts(ordered) if outside else None
        self._forms = ordered if outside else []

    @cached_property
    def _through_noise(self) -> re.Pattern[str] | None:
        """The forms as they are without what is noise in them."""
        plain = {form: without(NOISE, form)[0] for form in self._forms}
        kept = {text for form, text in plain.items() if text == form or len(text) >= MIN_PART}
        return _any_of(sorted(kept, key=len, reverse=True))

    def hidden(self, text: str) -> str:
        """The text without them."""
        if self._whole is None:
            return text
        text = self._whole.sub(MASK, text)
        if self._parts is None:
            return text
        if "\\" in text or not text.isprintable():
            text = self._without_split(text, self._parts)
        return _without(self._parts.spans(text), text)

    def _without_split(self, text: str, parts: Parts) -> str:
        """Without those that have something between their letters."""
        for noise, is_in in ((WRAPPED, "\n"), (OVERWRITTEN, "\b"), (NOISE, "")):
            if is_in not in text:
                continue
            read, places = without(noise, text)
            spans = [] if noise is WRAPPED else parts.spans(read)
            if self._through_noise:
                spans += [found.span() for found in self._through_noise.finditer(read)]
            text = _without([(places[at], places[end - 1] + 1) for at, end in spans], text)
        return text


def _without(spans: Iterable[Span], text: str) -> str:
    """The text with a mask for each span, and for those that overlap one."""
    shown: list[str] = []
    at = 0
    for begin, end in sorted(spans):
        if begin >= at:
            shown += text[at:begin], MASK
        at = max(at, end)
    return "".join([*shown, text[at:]])


def _any_of(forms: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern of all forms; of a short one only as a whole word."""
    if not forms:
        return None
    return re.compile(
        "|".join(
            re.escape(form) if len(form) >= MIN_PART else rf"(?<!\w){re.escape(form)}(?!\w)"
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
    in_urls |= {form.replace("%", "%25") for form in in_urls}  # an address within an address
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
        if len(form) > MIN_PART:
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
            found |= {text for text in (password, unquote(password)) if len(text) >= MIN_PART}
    return {value for value in found if not _PATH.fullmatch(value)}


def as_text(value: str | bytes) -> str:
    """A text as it is; bytes that are none, escaped."""
    return value if isinstance(value, str) else value.decode("utf-8", errors="backslashreplace")

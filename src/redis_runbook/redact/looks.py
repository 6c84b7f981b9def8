"""What looks like a secret, whether or not it is known to be one."""

import re
from typing import Final

from redis_runbook.redact.known import MASK

_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}")
_WORDS: Final = re.compile(r"([\s'\"<>]+)")
_USER: Final = re.compile(r"[^/@:]{0,4096}:(?!\d{1,5}(?:[^\w@]|$))")
_SCHEME_AND_TOKEN: Final = re.compile(r"(?i)\b(bearer|basic)\s+(?!auth)[\w.~+/=-]{8,}")
_MARKS: Final = r"(?:\x1b\[[\d;]{0,20}m|\\{0,4}[\"']){0,4}"
"""Quotes around a name or a value, which may be escaped, and colours of a terminal."""

_ASSIGNED: Final = re.compile(
    r"(?i)\b(\w*(?:password|passwd|passphrase|_pass|pwd|token|secret|requirepass|masterauth"
    r"|(?:api|private|secret|access)[-_]?key))"
    rf"({_MARKS}\s*(?:=>|[=:])\s*{_MARKS}|(?<=requirepass)\s+|(?<=masterauth)\s+)"
    r"(?!\[redacted\])((?<=\")[^\"]+|(?<=')[^']+|[^\s\"',;&<>]+)"
)
_HEADER: Final = re.compile(
    rf"(?i)\b(\w*(?:authorization|cookie(?:s(?=\W{{0,8}}[{{\[]))?))({_MARKS}\s*(?:=>|[=:])\s*{_MARKS})"
    r"((?<=\")[^\"]+|(?<=')[^']+|[^\r\n]+)"
)
"""Without quotes it goes on to the end of the line: a scheme and a token, or several cookies."""

_OPTION: Final = re.compile(
    r"(?i)(?<![\w-])(--?(?:[\w-]{0,40}(?:password|passwd|pass|token|secret|api-?key))\s+)(?![-\s])[^\s\"',;]+"
)
"""`--password x`: an option of a command line, with its value as the next word."""

_AUTH: Final = re.compile(
    r"(?<![\w-])(AUTH[\"']?\s+)(?!<|failed|error|command|called|required|is\b|[\"']?\[redacted)"
    r"(?:\"[^\"]+\"|'[^']+'|\S+)"
    r"(?:(\s+)\"[^\"]+\")?"
)
"""The command of Redis, in a log; a second text in quotes is the password of the user before it."""

_TOKEN: Final = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}"
    r"|npm_[A-Za-z0-9]{16,}|AKIA[A-Z0-9]{12,})"
)
"""Tokens that say by how they begin that they are one."""

_ENCODED_URL: Final = re.compile(r"(?i)(%3A%2F%2F)[^\s/?#\"'<>]{1,2048}%40")
_PRIVATE_KEY: Final = re.compile(
    r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----).*?(?=-----END|$)", re.DOTALL
)


def without_lookalikes(text: str) -> str:
    """A text from outside without anything that looks like a secret."""
    text = _SCHEME_AND_TOKEN.sub(rf"\1 {MASK}", without_unmistakable(text))
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _AUTH.sub(rf"\1{MASK}", _OPTION.sub(rf"\1{MASK}", text))
    return _ASSIGNED.sub(rf"\1\2{MASK}", text)


def without_unmistakable(text: str) -> str:
    """A text without private keys, JWTs, known tokens and users and passwords in URLs."""
    text = _PRIVATE_KEY.sub(rf"\1{MASK}", text)
    text = _TOKEN.sub(MASK, _ENCODED_URL.sub(rf"\1{MASK}%40", text))
    return _JWT.sub(MASK, _without_userinfo(text) if "://" in text else text)


def _without_userinfo(text: str) -> str:
    """Without the user and password of each URL.

    They end at the last `@`, as a password may contain one; or at a cut, behind which the `@` may
    have been. No pattern does it, as a hostile text would have it search for a long time.
    """
    return "".join(
        _without_its_userinfo(word) if "://" in word else word for word in _WORDS.split(text)
    )


def _without_its_userinfo(url: str) -> str:
    scheme, _, rest = url.partition("://")
    before, at, host = rest.rpartition("@")
    if at and before:
        return f"{scheme}://{MASK}@{host}"
    cut = max(rest.rfind("…"), rest.rfind("..."))
    if cut > 0 and _USER.match(rest[:cut]):
        return f"{scheme}://{MASK}@{rest[cut:]}"
    return url

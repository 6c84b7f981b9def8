"""What looks like a secret, whether or not it is known to be one."""

import re
from typing import Final

from redis_runbook.redact.commands import QUOTE, without_those_of_commands
from redis_runbook.redact.known import MASK

_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}")
_WORDS: Final = re.compile(r"([\s'\"<>]+)")
_USER: Final = re.compile(r"[^/@:]{0,4096}:(?!\d{1,5}(?:[^\w@]|$))")
_SCHEME_AND_TOKEN: Final = re.compile(r"(?i)\b(bearer|basic)\s+(?!auth)[\w.~+/=-]{8,}")
_MARKS: Final = rf"(?:\x1b\[[\d;]{{0,20}}m|{QUOTE}){{0,4}}+"
"""Quotes around a name or a value, which may be escaped, and colours of a terminal."""

_ASSIGNED: Final = re.compile(
    r"(?i)\b(\w*(?:password|passwd|passphrase|_pass|(?-i:[a-z]Pass)|pwd|token|secret|requirepass"
    r"|masterauth|primaryauth|file-pass|(?:redis|valkey)(?:cli)?_auth|SharedAccessSignature"
    r"|(?:api|private|secret|access|account|encryption|master)[-_]?key(?:_base)?))"
    rf"({_MARKS}\s*(?:=>|[=:])\s*{_MARKS}"
    r"|(?:(?<=requirepass)|(?<=masterauth)|(?<=primaryauth)|(?<=file-pass))"
    rf"{_MARKS}\s+{_MARKS})"
    r"(?!\[redacted\])((?<=\")[^\"]+|(?<=')[^']+|[^\s\"',;&<>]+)"
)
_SHORT_NAME: Final = re.compile(
    r"(?i)(?<!first )(?<!second )(?<!single )(?<!last )(?<!\d[nrst][dht] )"
    rf"\b((?:pass|pw|bearer)(?:{_MARKS}\s*=>?|(?:{QUOTE}\s*)?:)\s*{_MARKS}"
    rf"|(?:credentials?|sid|\w*session(?:_?id)?)(?:=>?{_MARKS}|{QUOTE}\s*:\s*{QUOTE})"
    r"|(?<=[?&;])sig=|signature=(?=[\w%+/=-]{16}))"
    r"(?!\[redacted\]|\d{1,6}\b|true\b|false\b|null\b|none\b)"
    r"((?<=\")[^\"]+|(?<=')[^']+|[^\s\"',;&<>]+)"
)
"""Names that are words, too: `pass: 12`, `first pass: begun` and `session = self` hide nothing."""

_SAID: Final = re.compile(
    r"(?i)\b((?:(?:password|passwd|passphrase|token|secret|pass|pw)\s+is:?"
    r"|(?:client|app|api|access|shared)[-_](?:secret|key|token|password))\s+)"
    r"(\"[^\"]+\"|'[^']+'|(?=[^\s\d]{0,200}\d)(?=\S{0,200}[a-z])[^\s\"',;]{8,})"
)
"""In a sentence: in quotes, or with a digit, as `token is expired` hides nothing."""

_HEADER: Final = re.compile(
    rf"(?i)\b(\w*(?:authorization|cookie(?:s(?=\W{{0,8}}[{{\[]))?))({_MARKS}\s*(?:=>|[=:])\s*{_MARKS})"
    r"((?<=\")[^\"]+|(?<=')[^']+|[^\r\n]+)"
)
"""Without quotes it goes on to the end of the line: a scheme and a token, or several cookies."""

_TOKEN: Final = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}"
    r"|npm_[A-Za-z0-9]{16,}|AKIA[A-Z0-9]{12,}|[rs]k_(?:live|test)_\w{10,}|AIza[\w-]{20,})"
)
"""Tokens that say by how they begin that they are one."""

_WEBHOOK: Final = re.compile(
    r"(?i)((?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api(?:/v\d+)?/webhooks)/)"
    r"(?!\[redacted)[\w/-]+"
)
"""Whoever knows the address may write."""

_ENCODED_URL: Final = re.compile(r"(?i)(%3A%2F%2F)[^\s/?#\"'<>]{1,2048}%40")
_PRIVATE_KEY: Final = re.compile(
    r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----).*?(?=-----END|$)", re.DOTALL
)


def without_lookalikes(text: str) -> str:
    """A text from outside without anything that looks like a secret."""
    text = _SCHEME_AND_TOKEN.sub(rf"\1 {MASK}", without_unmistakable(text))
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = without_those_of_commands(text)
    text = _SHORT_NAME.sub(rf"\1{MASK}", _ASSIGNED.sub(rf"\1\2{MASK}", text))
    return _SAID.sub(rf"\1{MASK}", text)


def without_unmistakable(text: str) -> str:
    """A text without private keys, JWTs, known tokens and users and passwords in URLs."""
    text = _PRIVATE_KEY.sub(rf"\1{MASK}", text)
    text = _TOKEN.sub(MASK, _ENCODED_URL.sub(rf"\1{MASK}%40", text))
    text = _WEBHOOK.sub(rf"\1{MASK}", text)
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

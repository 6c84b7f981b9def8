"""Secrets in commands of Redis and of programs, as logs and jobs have them."""

import re
from typing import Final

from redis_runbook.redact.known import MASK

_MASKED: Final = re.escape(MASK)
QUOTE: Final = r"\\{0,4}[\"']"
"""A quote, which may be escaped."""

_VALUE: Final = rf"(?!\[redacted)(?:\"[^\"]+\"|'[^']+'|(?:{QUOTE})?[^\s\"',;\]]+(?:{QUOTE})?)"

# Words that follow in a sentence about AUTH: `AUTH failed: WRONGPASS`, `AUTH pw from 10.0.0.1`.
_SENTENCE: Final = (
    r"(?:and|after|before|but|by|called|command|denied|errors?|fail(?:s|ed|ure)?|for|from|had|has|in|is"
    r"|not|ok|on|or|required|sent|succeeded|the|timed|timeout|to|was|with|without)\b(?![\w-])"
)
_WORD: Final = rf"(?:{_MASKED}|(?!<|…|{_SENTENCE})(?:\"[^\"]+\"|'[^']+'|\S+))"
_USER_AND_PASSWORD: Final = rf"{_WORD}(?P<second>[ \t]+{_WORD})?"
_AUTH: Final = re.compile(rf"(?<![\w-])(AUTH2?[\"']?\s+){_USER_AND_PASSWORD}")
"""The command of Redis, in a log: a password, or a user and a password."""

_TYPED_AUTH: Final = re.compile(
    r"(?i)((?<=[\w\]])>[ \t]+auth[ \t]+"
    r"|\bhello[\"']?[ \t]+[\"']?[23][\"']?[ \t]+[\"']?auth[\"']?[ \t]+"
    r"|\b(?:redis|valkey)-cli\b(?:[ \t]+[^\s|;]{1,200}){0,12}?[ \t]+auth[ \t]+"
    rf"|[\"']auth[\"'][ \t]+(?=[\"'])){_USER_AND_PASSWORD}"
)
"""In small letters it is a word of a sentence, too: only where somebody typed it as a command."""

_DEFAULT_AUTH: Final = re.compile(
    rf"(?i)((?<![\w-])auth[ \t]+default[ \t]+)(?!{_SENTENCE}){_VALUE}"
)

_LISTED: Final = rf"(?:{_MASKED}|{QUOTE}(?!args\b)(?:[^\"'\\]|\\.){{1,4096}}?{QUOTE})"
_LISTED_AUTH: Final = re.compile(
    rf"(?i)((?:\[|name(?:{QUOTE})?:)\s*{QUOTE}auth{QUOTE}\s*,\s*"
    rf"(?:(?:{QUOTE})?args(?:{QUOTE})?:\s*\[\s*)?){_LISTED}(?P<second>\s*,\s*{_LISTED})?"
)
"""As programs print it: `['AUTH', 'x']`, `{ name: 'auth', args: [ 'default', 'x' ] }` (ioredis)."""

_SET_USER: Final = re.compile(r"(?i)(?:\bsetuser\b|\buser[ \t]+\S+[ \t]+(?:on|off)\b)[^\r\n]*")
"""The rules of a user, as ACL SETUSER takes them, and as a file of users has them."""

_RULE: Final = re.compile(
    r"(?<![\w>=-])([\"']?[><#!])(?!\s|\[redacted)((?<=\".)[^\"]+|(?<='.)[^']+|[^\s\"']+)"
)
_MASTER: Final = re.compile(
    rf"(?i)(\bsentinel[\"']?[ \t]+[\"']?auth-pass[\"']?[ \t]+\S+[ \t]+|\bauth-pass[\"']?[ \t]+)"
    rf"(?:{_MASKED}|{_VALUE})"
)

_OPTION: Final = re.compile(
    r"(?i)(?<![\w-])(--?(?:[\w-]{0,40}(?:password|passwd|pass|token|secret|api-?key))\s+)(?![-\s])[^\s\"',;]+"
)
"""`--password x`: an option of a command line, with its value as the next word."""

_BETWEEN: Final = r"(?:[ \t]+[^\s|;]{1,200}){0,12}?[ \t]+"
_SHORT_OPTION: Final = re.compile(
    rf"(\b(?:mysql|mariadb)[\w-]{{0,20}}{_BETWEEN}-p(?=[^\s])"
    rf"|\b(?:redis|valkey)-cli{_BETWEEN}-a[ \t]*"
    rf"|\bsshpass{_BETWEEN}-p[ \t]*"
    rf"|\bcurl{_BETWEEN}(?:-[uU]|--user|--proxy-user)[ \t=]*[\"']?[^\s:\"']{{0,200}}:(?!//))"
    r"(?!\[redacted)(?:\"[^\"]+\"|'[^']+'|[^\s\"']+)"
)
"""What a letter means depends on the program."""


def without_those_of_commands(text: str) -> str:
    """A text from outside without the secrets that a command in it has."""
    lowered = text.lower()  # to look for a word is faster than for a pattern
    if "auth" in lowered:
        for pattern in (_AUTH, _TYPED_AUTH, _LISTED_AUTH):
            text = pattern.sub(_two_masked, text)
        text = _MASTER.sub(rf"\1{MASK}", _DEFAULT_AUTH.sub(rf"\1{MASK}", text))
    if "-" in lowered:
        text = _SHORT_OPTION.sub(rf"\1{MASK}", _OPTION.sub(rf"\1{MASK}", text))
    if "user" in lowered:
        text = _SET_USER.sub(lambda found: _RULE.sub(rf"\1{MASK}", found[0]), text)
    return text


def _two_masked(found: re.Match[str]) -> str:
    """Once for a password, and twice for a user with one: the next search finds the same two."""
    return f"{found[1]}{MASK}" + f" {MASK}" * bool(found["second"])

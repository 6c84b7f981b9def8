"""Makes text safe to print: without secrets and control characters, of bounded length."""

import itertools
import math
import re
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NewType, TypeAlias
from urllib.parse import urlsplit

from redis_runbook.redact.known import MASK, Known, as_text, environment_secrets
from redis_runbook.redact.looks import without_lookalikes, without_unmistakable

__all__ = ["MASK", "environment_secrets"]

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
_MAX_TEXT: Final = 2_000
_RUNNER: Final = re.compile(r"##(?=\[|vso\[)")
_COMMAND: Final = re.compile(r"^([ \t]*)::", re.MULTILINE)
_MAX_QUOTED: Final = 200

_MAX_SEARCHED: Final = 65_536
# A word such as our own sentences have. A password that is one is masked only in what comes from
# outside, as masking it in whole documents would destroy them.
_WORD: Final = re.compile(
    r"[a-z]{1,8}|.{1,3}|container|localhost|standalone|noeviction"
    r"|redis-(?:queue|cache|exporter|runbook)",
    re.DOTALL,
)


class Redactor:
    """Replaces known secrets, and text that looks like a secret, with `[redacted]`."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Redact these secrets, also in their quoted and escaped forms."""
        self.shows_job_details = True
        """Whether ids, names and failure reasons of jobs may be shown: `[privacy] job_details`."""
        self._secrets: set[str] = set(secrets)
        self._learning = threading.Lock()  # probes learn what containers are told
        self._prepare()

    def learn(self, secrets: Iterable[str]) -> None:
        """Redact these secrets, too."""
        with self._learning:
            if new := set(secrets) - self._secrets:
                self._secrets |= new
                self._prepare()

    def _prepare(self) -> None:
        self._everywhere = Known(self._secrets)
        self._in_documents = Known(
            (secret for secret in self._secrets if not _WORD.fullmatch(secret)), outside=False
        )

    def forget(self) -> None:
        """Know no secrets any more."""
        self.shows_job_details = True
        self._secrets.clear()
        self._prepare()

    def __call__(self, text: str) -> str:
        """Redact a text from outside."""
        return without_lookalikes(self._everywhere.hidden(text))

    def document(self, text: str) -> str:
        """Redact a text that we wrote, in case that a secret is still in it.

        What merely looks like one is not searched for: our own words would fall victim to that.
        """
        return without_unmistakable(self._in_documents.hidden(text))

    def words(self, text: str) -> str:
        """Redact a text from outside, but for secrets that are plain words: it consists of such."""
        return without_lookalikes(self._in_documents.hidden(text))


KNOWN: Final = Redactor()
"""The secrets of this process: of its configuration, its environment and its target."""


def printable(text: str | bytes, limit: int = _MAX_TEXT) -> Shown:
    r"""One line of a text from outside that may be shown: the boundary that all of it passes.

    Known secrets are replaced first, then other characters are escaped (`\x1b`), and then a long
    text is cut: in another order a cut would hide a part of a secret from the search.
    """
    is_cut = len(text) > _MAX_SEARCHED
    searched = KNOWN(as_text(text[:_MAX_SEARCHED]) + "…" * is_cut)
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
    """A text of a record that we wrote once: searched and escaped again, and not cut."""
    return _one_line(KNOWN.document(text), sys.maxsize)


def masked(text: str, *, words: bool = False) -> Shown:
    """A text from outside for a file that is read again: redacted, neither escaped nor cut.

    With `words` a password that is a plain word is none there: what the configuration has, and
    PromQL, is compared with the same words again.
    """
    return Shown(KNOWN.words(text) if words else KNOWN(text))


def vetted(text: str) -> Shown:
    """A text that holds nothing but our own words and names that the configuration validates.

    It is shown as it is: alert rules and the schema must not change with a password.
    """
    return Shown(text)


def distinct(text: Shown, taken: set[str]) -> Shown:
    """The text, or `text (2)` and so on where it is taken; it is taken from now on.

    It is not redacted again: of some texts the number would be a part of the secret.
    """
    numbered = (Shown(f"{text} ({number})") for number in itertools.count(2))
    found = next(one for one in itertools.chain([text], numbered) if one not in taken)
    taken.add(found)
    return found


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

    But for what runners of GitHub Actions and Azure Pipelines obey wherever it is in a log.

    It hides no secret: only for a name that is still compared, and redacted before it is shown.
    """
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
    return _RUNNER.sub(r"#\\x23", shown)


def unobeyed(lines: str) -> str:
    """Lines of which none begins with `::`, which a runner of GitHub Actions takes for a command.

    Only for what is printed: it would change a document.
    """
    return _COMMAND.sub(r"\1: :", lines)


def harmless(text: str, limit: int = _MAX_QUOTED) -> Shown:
    """A short text from outside for a message, without the space around it."""
    return printable(text.strip(), limit)


def harmless_lines(lines: Iterable[bytes], limit: int = _MAX_QUOTED) -> list[Shown]:
    """Lines from outside for evidence, redacted together: a secret, as a key is, may have several.

    Without those that are empty then.
    """
    text = as_text(b"\n".join(lines))
    return [line for line in (harmless(line, limit) for line in KNOWN(text).split("\n")) if line]


def printable_mapping(
    value: Mapping[str, object], show: Callable[[str], Shown] = printable
) -> dict[Shown, ShownValue]:
    """A mapping as JSON can hold it, with every text in it shown by `show`, keys too."""
    return {show(str(key)): shown_value(item, show) for key, item in value.items()}


def shown_value(value: object, show: Callable[[str], Shown]) -> ShownValue:
    """A value as JSON can hold it, with every text in it shown by `show`."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        return printable_mapping(value, show)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [shown_value(item, show) for item in value]
    return show(as_text(value) if isinstance(value, bytes) else str(value))


def without_credentials(url: str) -> Shown:
    """The parts of a URL that may be printed: scheme, host, port and path."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return printable(f"{parts.scheme}://{host}{parts.path}")

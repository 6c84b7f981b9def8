"""What a BullMQ queue is called: in its keys, in a report, and in its workers' client names."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from redis_runbook.redact import KNOWN, escape, printable

_MAX_CHARACTERS: Final = 120
_KEY: Final = secrets.token_bytes(16)


def escaped(raw: bytes) -> str:
    r"""A name from a server as printable text; different bytes give different texts.

    What is not printable UTF-8 becomes `\x..` or `\u....`, a backslash is doubled, and a long name
    is cut and ends in a digest of all its bytes.
    """
    begun = raw[: 4 * _MAX_CHARACTERS].replace(b"\\", rb"\\").decode(errors="backslashreplace")
    if len(raw) <= _MAX_CHARACTERS:
        return escape(begun)
    text = escape(begun[:_MAX_CHARACTERS])[:_MAX_CHARACTERS]
    return f"{text}… ({len(raw)} bytes) #{hashlib.sha256(raw).hexdigest()[:8]}"


def job_label(raw: bytes) -> str:
    """An id or a name of a job or a scheduler, escaped; where none may be shown, a digest of it.

    The digest has a key of this process, so that nobody can find out the id by trying.
    """
    if KNOWN.shows_job_details:
        return escaped(raw)
    return f"#{hashlib.blake2s(raw, key=_KEY, digest_size=4).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue: its prefix and name as they stand in its keys, in bytes that may not be UTF-8.

    `bull:bundle` + `render` and `bull` + `bundle:render` have the same keys. The keys do not tell
    which of the two it is, so nothing here splits a key into prefix and name.
    """

    prefix: bytes
    name: bytes

    @property
    def title(self) -> str:
        """The name, escaped for reports and test ids."""
        return escaped(self.name)

    @property
    def shown(self) -> str:
        """The title for sentences; two titles may be shown alike, where both look like secrets."""
        return printable(self.title)

    @property
    def configured_as(self) -> str:
        """The name as a configuration spells it, unlike the escaped title."""
        return self.name.decode(errors="replace")

    def key(self, *suffix: bytes) -> bytes:
        """`<prefix>:<name>:<suffix>`, the suffix's parts joined by `:`."""
        return b":".join((self.prefix, self.name, *suffix))

    def client_names(self) -> frozenset[bytes]:
        """Every client name that a worker may set, without its `:w:<worker>` ending.

        Node's BullMQ encodes the name after the prefix in base64, Python's does not. The prefix
        may end at any `:` of `<prefix>:<name>`.
        """
        base = b":".join((self.prefix, self.name))
        parts = base.split(b":")
        node = (
            b":".join((*parts[:cut], base64.b64encode(b":".join(parts[cut:]))))
            for cut in range(1, len(parts))
        )
        return frozenset((base, *node))

"""What a BullMQ queue is called: in its keys, in a report, and in its workers' client names."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from redis_runbook.redact import printable

_SHOWN_CHARACTERS: Final = 120


def shown(raw: bytes) -> str:
    r"""A name from a server as a person may see it: printable, and different for different bytes.

    What is not printable UTF-8 becomes `\x..` or `\u....`, a backslash is doubled, and a long name
    ends in a digest of the whole.
    """
    text = printable(raw.replace(b"\\", rb"\\"), _SHOWN_CHARACTERS)
    if len(raw) <= _SHOWN_CHARACTERS:
        return text
    return f"{text} #{hashlib.sha256(raw).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue as its keys spell it; bytes, because nothing promises that they are UTF-8.

    `bull:bundle` + `render` and `bull` + `bundle:render` are the same keys: which of the two it is
    cannot be told from them, so nothing here ever splits a name to decide.
    """

    prefix: bytes
    name: bytes

    @property
    def title(self) -> str:
        """The name, escaped for people and test ids."""
        return shown(self.name)

    def key(self, *suffix: bytes) -> bytes:
        """`<prefix>:<name>:<suffix>`, the suffix's parts joined by `:`."""
        return b":".join((self.prefix, self.name, *suffix))

    def client_names(self) -> frozenset[bytes]:
        """Every name that a worker's connection may carry, without its `:w:<worker>` ending.

        Node encodes the name after the prefix in base64, Python does not; and the prefix may end
        at any `:` of the keys' common beginning.
        """
        base = b":".join((self.prefix, self.name))
        parts = base.split(b":")
        node = (
            b":".join((*parts[:cut], base64.b64encode(b":".join(parts[cut:]))))
            for cut in range(1, len(parts))
        )
        return frozenset((base, *node))

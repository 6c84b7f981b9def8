"""Why a server takes no write and passes on no message, in a clause of our own or its words."""

from collections.abc import Mapping
from typing import Final

from redis_runbook.redact import printable

_LONGEST: Final = 120
_APPEND_ONLY: Final = "Errors writing to the AOF file"
READONLY: Final = "READONLY: this is a replica"
_KNOWN: Final[Mapping[str, str]] = {
    "MISCONF": "MISCONF: the last RDB save failed and the server stops accepting writes",
    "OOM": "OOM: memory is full, and nothing is left that the policy may evict",
    "READONLY": READONLY,
    "NOREPLICAS": "NOREPLICAS: fewer replicas are attached than min-replicas-to-write asks for",
    "CLUSTERDOWN": "CLUSTERDOWN: the cluster does not serve the key's slot",
    "MOVED": "MOVED: another cluster node owns the key's slot",
    "LOADING": "LOADING: the dataset is still being read",
    "BUSY": "BUSY: a script has been running for too long",
}


def refusal(reply: Exception) -> str:
    """Why the server answered with this error."""
    text = str(reply)
    code = getattr(reply, "status_code", None) or text.partition(" ")[0]
    if code == "MISCONF" and _APPEND_ONLY in text:
        reason = printable(text.partition(f"{_APPEND_ONLY}: ")[2] or "no reason given", _LONGEST)
        why = f"MISCONF: the last AOF write failed ({reason}) and the server stops accepting writes"
    else:
        why = _KNOWN.get(code) or printable(text, _LONGEST)
    return f"the server refuses it ({why})"


def no_answer(what: str, timeout_s: float) -> str:
    """Why there was none, on a connection that answers other commands."""
    return (
        f"{what} had no answer within {timeout_s:g} s although PING has one: writes are paused "
        "(CLIENT PAUSE) or blocked"
    )

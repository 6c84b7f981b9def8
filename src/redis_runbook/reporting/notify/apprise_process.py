"""Lets apprise send what standard input says, and writes how each went; see `sending`.

A process of its own: apprise has no total time limit, and an interpreter waits for its threads.
"""

import json
import logging
import os
import resource
import signal
import sys
import threading
from typing import Any

_SAYING = threading.Lock()
_MOST_BYTES = 256 << 20


def main() -> None:
    """Send all side by side, for as many seconds as the argument says, and end at once."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))  # also where nobody waits any more
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))  # of an endless answer
    logging.disable(logging.CRITICAL)  # its logs and those of urllib3 quote URLs
    asked = json.load(sys.stdin.buffer)
    threads = [
        threading.Thread(target=_send, args=(place, one), daemon=True)
        for place, one in enumerate(asked)
    ]
    _load()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)  # not waiting for threads that apprise has left


def _load() -> None:
    """Import apprise once, before threads do."""
    try:
        import apprise  # noqa: F401, PLC0415  # it is optional
    except ImportError:
        return


def _send(place: int, one: Any) -> None:
    try:
        result = _sent(one)
    except Exception:  # noqa: BLE001  # whatever it raises may quote the URL, or be about memory
        result = "failed"
    with _SAYING:
        os.write(1, f"{place} {result}\n".encode())


def _sent(one: Any) -> str:
    try:
        import apprise  # noqa: PLC0415  # it is optional
    except ImportError:
        return "missing"
    # No redirect, as a token would go along; no picture that the reader loads from elsewhere.
    asset = apprise.AppriseAsset(
        app_id="redis-runbook",
        app_desc="redis-runbook",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        secure_logging=True,
        storage_mode="memory",
    )
    sender = apprise.Apprise(asset=asset)
    if not sender.add(one["url"]):
        return "unusable"
    sent = sender.notify(
        title=one["title"],
        body=one["body"],
        notify_type=one["type"],
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
    )
    return "sent" if sent else "failed"


if __name__ == "__main__":
    main()

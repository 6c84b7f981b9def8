"""Watches processes that must not outlive this one: throwaway servers, and workers of drills."""

import contextlib
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from redis_runbook.wire.sessions import SessionGuard

_STOP_LIMIT_S: Final = 5.0


class Watchdog:
    """Ends processes that were started, and removes their folder, when this process ends."""

    def __init__(self) -> None:
        """Begin to watch, and make the folder: not before, as this process may be ended between."""
        self.folder = Path(tempfile.gettempdir()) / f"redis-runbook-{secrets.token_hex(8)}"
        self._guard = SessionGuard(str(self.folder))
        self.folder.mkdir(mode=0o700)
        self._processes: list[subprocess.Popen[bytes]] = []

    def guard(self, process: subprocess.Popen[bytes]) -> None:
        """Make sure that a process that has a session of its own ends with this one."""
        self._processes.append(process)
        self._guard.guard(process.pid)

    def end(self, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        """End one with this signal; with SIGKILL where it does not heed that in time."""
        for sent in (number, signal.SIGKILL):
            process.send_signal(sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_STOP_LIMIT_S)
                # Not earlier, as this process may be killed while it waits.
                self._guard.release(process.pid)
                self._processes.remove(process)
                return

    def close(self) -> None:
        """End them and remove the folder, in bounded time, even if the shell is gone."""
        # The guard first: until a process is reaped below, its process id cannot be reused.
        self._guard.close()
        for process in self._processes:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                process.kill()
                process.wait(timeout=_STOP_LIMIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)

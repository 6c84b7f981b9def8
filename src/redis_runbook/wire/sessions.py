"""Ends sessions of processes when this process ends, however: by SIGKILL, too.

PR_SET_PDEATHSIG is Linux only, fires when the *thread* that started the child ends, needs code
between fork and exec, and leaves folders behind. So a shell process serves as guard. It reads the
ids of sessions from a pipe whose other end only this process has open. When that end closes,
because this process closed it or has ended, the shell kills all processes of these sessions, and
removes a folder of theirs. A negative id is that of a session which has ended before: others may
get it.
"""

import contextlib
import subprocess
from typing import Final

from redis_runbook.wire.process import programs_environment

_CLOSE_LIMIT_S: Final = 5.0

# `timeout` and shells with job control make groups of their own in a session: /proc tells them.
# The second `rm`: a process may have created a file while the first `rm` ran.
_GUARD: Final = """
trap '' HUP INT TERM
sessions=
while read -r session; do
  case $session in
    -*)
      others=
      for other in $sessions; do [ "$other" = "${session#-}" ] || others="$others $other"; done
      sessions=$others ;;
    *) sessions="$sessions $session" ;;
  esac
done
for session in $sessions; do kill -s KILL -- "-$session"; done
[ -z "$sessions" ] || for stat in /proc/[0-9]*/stat; do
  read -r line < "$stat" && set -- ${line##*) } || continue
  pid=${stat#/proc/}
  case "$sessions " in *" $4 "*) kill -s KILL "${pid%/stat}" ;; esac
done
[ -z "$0" ] || rm -rf -- "$0" || { sleep 1; rm -rf -- "$0"; }
"""


class SessionGuard:
    """The shell that kills sessions and removes a folder when this process ends."""

    def __init__(self, folder: str = "") -> None:
        """Start the shell; no folder is removed if none is given.

        Raises:
            OSError: it cannot be started.
        """
        # A session of its own: Ctrl-C must not end it, as this process still needs the others.
        self._shell = subprocess.Popen(  # noqa: S603  # a constant script
            ["/bin/sh", "-c", _GUARD, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=programs_environment(),
            start_new_session=True,
        )

    def guard(self, session: int) -> None:
        """Make sure that a session ends with this process: its id is that of its first process."""
        self._say(session)

    def release(self, session: int) -> None:
        """Forget a session that has ended."""
        self._say(-session)

    def _say(self, number: int) -> None:
        if self._shell.stdin:
            with contextlib.suppress(OSError):
                self._shell.stdin.write(b"%d\n" % number)

    def close(self) -> None:
        """End what is guarded, in bounded time, unless the shell is gone."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._shell.communicate(timeout=_CLOSE_LIMIT_S)
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._shell.kill()
            self._shell.wait(timeout=_CLOSE_LIMIT_S)

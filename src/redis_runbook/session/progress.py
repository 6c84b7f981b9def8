"""The windows in progress, one live line each: only on a terminal, and gone before anything else.

While a check waits, pytest captures what is printed: so a line is written around its capture, by
the thread that waits.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

import pytest

from redis_runbook.config.service import Service
from redis_runbook.probes.latency.recording import Glance

_LINES_UP: Final = "\x1b[{}F"
_CLEAR: Final = "\x1b[J"

Windows = Sequence[tuple[Service, Glance]]


class Progress:
    """Draws the windows in progress below what is printed, and takes them away again."""

    def __init__(self, config: pytest.Config, windows: Callable[[], Windows]) -> None:
        """Draw what `windows` tells of, unless the output of this pytest is no terminal."""
        self._windows = windows
        self._reporter: pytest.TerminalReporter | None = config.pluginmanager.getplugin(
            "terminalreporter"
        )
        self._capture = config.pluginmanager.getplugin("capturemanager")
        self._drawn = 0
        if self._reporter and (not self._reporter.isatty() or os.environ.get("TERM") == "dumb"):
            self._reporter = None

    def refresh(self) -> None:
        """Draw the lines anew."""
        self._draw([line(service, glance) for service, glance in self._windows()])

    def clear(self) -> None:
        """Take the lines away."""
        self._draw([])

    def _draw(self, lines: Sequence[str]) -> None:
        """Replace what is drawn; a line that the terminal would break could not be taken away."""
        if self._reporter is None or not (lines or self._drawn):
            return
        with self._capture.global_and_fixture_disabled() if self._capture else nullcontext():
            columns, rows = shutil.get_terminal_size()
            shown = [text[: columns - 1] for text in lines[: max(1, rows - 2)]]
            erase = _LINES_UP.format(self._drawn) + _CLEAR if self._drawn else ""
            self._reporter.write(erase + "".join(f"{text}\n" for text in shown), flush=True)
        self._drawn = len(shown)


def line(service: Service, glance: Glance) -> str:
    """`queue  12 of 300 s, n 2400, p95 0.21 ms (limit 2000 ms)`."""
    p95 = "no reply yet" if glance.p95_ms is None else f"p95 {glance.p95_ms:.2f} ms"
    return (
        f"{service.name}  {glance.elapsed_s:.0f} of {glance.window_s:g} s, n {glance.n}, {p95} "
        f"(limit {service.latency_limit_ms:g} ms)"
    )

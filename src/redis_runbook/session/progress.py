"""Shows latency windows in progress, one line for each: on a terminal, and only while they last.

While a check waits, pytest captures output. So the waiting thread suspends the capture to write
the lines.
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
    """Draws the windows in progress below the output, and erases them again."""

    def __init__(self, config: pytest.Config, windows: Callable[[], Windows]) -> None:
        """Draw the windows that `windows` returns, unless pytest's output is not a terminal."""
        self._windows = windows
        self._reporter: pytest.TerminalReporter | None = config.pluginmanager.getplugin(
            "terminalreporter"
        )
        self._capture = config.pluginmanager.getplugin("capturemanager")
        self._drawn = 0
        if self._reporter and (not self._reporter.isatty() or os.environ.get("TERM") == "dumb"):
            self._reporter = None

    def refresh(self) -> None:
        """Redraw the lines."""
        self._draw([line(service, glance) for service, glance in self._windows()])

    def clear(self) -> None:
        """Erase the lines."""
        self._draw([])

    def _draw(self, lines: Sequence[str]) -> None:
        """Replace the drawn lines. They are cut to the width: a wrapped line is not erased."""
        if self._reporter is None or not (lines or self._drawn):
            return
        with self._capture.global_and_fixture_disabled() if self._capture else nullcontext():
            columns, rows = shutil.get_terminal_size()
            lines_that_fit = [text[: columns - 1] for text in lines[: max(1, rows - 2)]]
            erase = _LINES_UP.format(self._drawn) + _CLEAR if self._drawn else ""
            self._reporter.write(
                erase + "".join(f"{text}\n" for text in lines_that_fit), flush=True
            )
        self._drawn = len(lines_that_fit)


def line(service: Service, glance: Glance) -> str:
    """`queue  12 of 300 s, n 2400, p95 0.21 ms (limit 2000 ms)`."""
    p95 = "no reply yet" if glance.p95_ms is None else f"p95 {glance.p95_ms:.2f} ms"
    return (
        f"{service.name}  {glance.elapsed_s:.0f} of {glance.window_s:g} s, n {glance.n}, {p95} "
        f"(limit {service.latency_limit_ms:g} ms)"
    )

"""What `--output NAME[=PATH]` asks for."""

import argparse
from dataclasses import dataclass
from typing import Final

STDOUT: Final = "-"
"""The path that stands for standard output."""

OF_RUNS: Final = ("json", "junit", "markdown", "github", "tap")
"""The outputs that we have; plugins may have more."""
OF_NOW: Final = ("nagios", "prometheus", "evidence")
"""Those that make no sense of what was saved: `judge` has none of them."""


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """An output by its name, and where it goes; without a path, where it goes by default."""

    name: str
    path: str = ""


def output_choice(text: str) -> OutputChoice:
    """The choice that an option's value is."""
    name, _, path = text.partition("=")
    return OutputChoice(name, path)


def chosen_outputs(options: argparse.Namespace) -> list[OutputChoice]:
    """Those of `--output`, and that of `--metrics-file`, which is the output `prometheus`."""
    chosen = [output_choice(text) for text in options.output]
    if options.metrics_file:
        chosen.append(OutputChoice("prometheus", options.metrics_file))
    return chosen

"""Where each output goes that was asked for, so that none of them replaces another."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.config.output_choice import STDOUT, OutputChoice
from redis_runbook.reporting.output import Appended, Output
from redis_runbook.wire.files import is_url

_OPEN_STREAM: Final = re.compile(r"/dev/(?:std(?:out|err)|fd/\d+)|/proc/(?:self|\d+)/fd/\d+")


class Destinations:
    """The outputs that were asked for, by where they go.

    `files` are written, `printed` go to standard output among what the run says, `alone` has it for
    itself, and `appended` go to files of others.
    """

    def __init__(
        self,
        choices: Iterable[OutputChoice],
        outputs: Mapping[str, Output],
        folder: Path,
        *,
        taken: Mapping[str, str],
        environ: Mapping[str, str],
    ) -> None:
        """Sort the choices; `taken` says what a run writes to `folder` anyway, by file.

        Raises:
            ValueError: one names an output that is not registered, or one would replace another.
        """
        self.files: list[tuple[Output, Path]] = []
        self.printed: list[Output] = []
        self.alone: list[Output] = []
        self.appended: list[tuple[Output, Appended, Path]] = []
        for choice in choices:
            output = outputs.get(choice.name)
            if output is None:
                hint = the_nearest_is(choice.name, outputs)
                raise ValueError(f"--output {choice.name}: there is no such output{hint}")
            if choice.path == STDOUT or (output.alone and not choice.path):
                self.alone.append(output)
            elif output.stdout and not choice.path:
                self.printed.append(output)
            else:
                file = _path(choice.path) if choice.path else folder / output.file
                self.files.append((output, file))
            appended = output.appended
            if appended and not choice.path and (given := environ.get(appended.variable)):
                self.appended.append((output, appended, _path(given)))
        if len(self.alone) > 1:
            names = " and ".join(output.name for output in self.alone)
            raise ValueError(
                f"--output: {names} cannot share standard output: write all but one to a file"
            )
        _refuse_shared(self.files, {folder / file: what for file, what in taken.items()})


def _refuse_shared(files: Sequence[tuple[Output, Path]], taken: Mapping[Path, str]) -> None:
    """Raise ValueError where one file would have two contents; a device and a pipe may."""
    contents = {os.path.realpath(path): what for path, what in taken.items()}
    for output, path in files:
        if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113  # never raise
            continue
        what = contents.setdefault(os.path.realpath(path), output.name)
        if what != output.name:
            raise ValueError(f"--output {output.name}: {what} is written to {path}, too")


def _path(text: str) -> Path:
    # A plain file behind a stream would be replaced, with what is in it.
    if _OPEN_STREAM.fullmatch(text) and os.path.isfile(text):  # noqa: PTH113  # never raise
        raise ValueError(f"--output: {text} is a stream: for standard output give `-` as the path")
    if is_url(text):
        raise ValueError("an output is written to a path, not to a URL")
    return Path(text)

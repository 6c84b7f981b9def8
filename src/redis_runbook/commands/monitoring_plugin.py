"""`--output nagios`: the whole program as a plugin of Nagios or Icinga.

Whatever happens, one line is printed, and nothing else: Icinga takes what is on standard error for
output, too. The exit code is that of the word which the line begins with, so that the two never
differ; it is UNKNOWN for anything that prevented a look.
"""

import contextlib
import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from redis_runbook.commands.answer import answer
from redis_runbook.config.output_choice import STDOUT, OutputChoice, output_choice
from redis_runbook.config.profiles import PROFILES
from redis_runbook.redact import document, printable
from redis_runbook.verdict import ExitCode

_OPTION: Final = re.compile(r"--o[a-z]*")
"""argparse takes an option's beginning, too."""

_STANDARD_OUTPUT: Final = (OutputChoice("nagios"), OutputChoice("nagios", STDOUT))
_FAILED: Final = re.compile(r"^(?:ERROR: |redis-runbook[\w ]*: )", re.MULTILINE)
_WITHOUT_REASON: Final[Mapping[int, str]] = {
    ExitCode.INTERRUPTED: "the run was interrupted before it began",
    ExitCode.NOTHING_CHECKED: "nothing was checked",
}
_MAX_REASON: Final = 1_000


def is_asked_for(arguments: Sequence[str]) -> bool:
    """Whether these arguments of the command line have `--output nagios`, without a path."""
    own = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    if not {*own[:1]} & {*PROFILES, "judge"} or {"-h", "--help"} & set(own):
        return False
    return any(
        _OPTION.fullmatch(option.partition("=")[0])
        and output_choice(option.partition("=")[2] or value) in _STANDARD_OUTPUT
        for option, value in itertools.pairwise([*own, ""])
    )


def as_plugin(run: Callable[[], int]) -> int:
    """Run the program, print its line, and return the exit code of a plugin."""
    code = int(ExitCode.USAGE)
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
        contextlib.suppress(SystemExit),  # of the options' parser
    ):
        code = run()
    from redis_runbook.reporting import nagios  # noqa: PLC0415  # pytest is to import it first

    line = out.getvalue().strip()
    word = line.partition(":")[0]
    if word not in nagios.CODES or "\n" in line:
        word = "UNKNOWN"
        line = nagios.one_line(word, _reason(code, err.getvalue()))
    return answer(document(line), "the plugin's line") or nagios.CODES[word]


def _reason(code: int, complaints: str) -> str:
    """What was said on standard error, without usage and prefixes, in one line."""
    if code in _WITHOUT_REASON:
        return _WITHOUT_REASON[code]
    found = _FAILED.split(complaints)[-1].split("\n")
    said = "; ".join(filter(None, (line.strip() for line in found)))
    return printable(said or "nothing was determined", _MAX_REASON)

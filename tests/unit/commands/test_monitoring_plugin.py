"""When the program is a plugin of Nagios, going by its arguments."""

import sys

import pytest

from redis_runbook.commands.monitoring_plugin import as_plugin, is_asked_for
from redis_runbook.verdict import ExitCode


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ("smoke --output nagios", True),
        ("gate --select memory --output=nagios", True),
        ("nightly --out nagios=-", True),
        ("judge evidence.json --output nagios", True),
        ("smoke --output nagios=file.txt", False),
        ("smoke --output tap -- --output nagios", False),
        ("smoke --output nagios --help", False),
        ("rules --output nagios", False),
        ("smoke --select nagios", False),
        ("smoke nagios --output", False),
        ("smoke --output", False),
        ("", False),
    ],
)
def test_it_is_one_where_it_was_asked_to_be(arguments: str, asked: bool) -> None:  # noqa: FBT001
    assert is_asked_for(arguments.split()) is asked


@pytest.mark.parametrize(
    ("printed", "code", "status"),
    [
        ("OK: fine | 'a'=1\n", 0, 0),
        ("WARNING: a bit\n", 0, 1),
        ("CRITICAL: broken\n", 1, 2),
        ("UNKNOWN: dark\n", 3, 3),
        ("", 0, 3),
        ("OK: fine\nand more\n", 0, 3),
        ("HEALTHY: fine\n", 0, 3),
    ],
)
def test_the_exit_code_is_that_of_the_word(
    printed: str, code: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> int:
        print(printed, end="")  # noqa: T201  # what it is about
        return code

    assert as_plugin(run) == status
    assert capsys.readouterr().out.count("\n") == 1


def test_the_reason_is_what_was_complained_of(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        print("usage: x\nERROR: a.toml: b | c\n  d <e>\n", file=sys.stderr)  # noqa: T201
        return ExitCode.USAGE

    assert as_plugin(run) == 3
    assert capsys.readouterr().out == "UNKNOWN: a.toml: b / c; d (e)\n"

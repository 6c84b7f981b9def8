"""What is in deploy/ calls the program as it is."""

import re
import shlex

import pytest

from redis_runbook.commands.options import command_line
from redis_runbook.reporting.table import OUTPUTS
from tests.support.places import ROOT

EXAMPLES = sorted(path for name in ("ci", "nagios") for path in (ROOT / "deploy" / name).iterdir())


def commands(text: str) -> list[list[str]]:
    """The arguments of each call of ours, whether written as a line or as a list."""
    listed = re.sub(r'",?\s*"', " ", text)
    return [
        shlex.split(line)
        for line in re.findall(r"redis-runbook ((?:smoke|gate|nightly)[^'\"\n]*)", listed)
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_examples_commands_are_ours(path: object) -> None:
    found = commands(path.read_text())  # type: ignore[attr-defined]
    assert found
    for arguments in found:
        options = command_line().parse_args(arguments)
        assert {one.partition("=")[0] for one in options.output} <= {one.name for one in OUTPUTS}

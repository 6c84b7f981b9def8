"""`redis-runbook rules`: the Prometheus alert rules that the configuration implies."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.rule import AlertRule
from redis_runbook.alerts.rule_file import render, render_tests
from redis_runbook.commands.answer import answer, misused
from redis_runbook.commands.files import configuration, write
from redis_runbook.config.error import ConfigError


def run(options: argparse.Namespace) -> int:
    """Print the rules, or write them and with `--tests` their cases; return the exit code."""
    output, tests = options.output, options.tests
    try:
        rules = implied_rules(configuration(options.config, os.environ))
        if output is None and tests:
            return misused("--tests needs -o FILE: its cases name the file of the rules")
        if output:
            return answer(_written(rules, output, tests), "the list of what was written")
    except ConfigError as error:
        return misused(error)
    return answer(render(rules).removesuffix("\n"), "the rules")


def _written(rules: Sequence[AlertRule], output: Path, tests: Path | None) -> str:
    written = write(output, render(rules), f"{len(rules)} rules")
    if tests:
        cases = render_tests(rules, os.path.relpath(output, tests.parent))
        written += "\n" + write(tests, cases, f"run `promtool test rules {tests}`")
    return written

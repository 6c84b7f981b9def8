"""`redis-runbook rules`: the Prometheus alert rules that the configuration implies."""

import argparse
import os
from collections.abc import Iterator, Sequence

from redis_runbook.alerts.alertmanager import render_alertmanager
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.rule import AlertRule
from redis_runbook.alerts.rule_file import render, render_tests
from redis_runbook.commands.answer import answer, misused
from redis_runbook.commands.configuration import configuration
from redis_runbook.commands.files import write
from redis_runbook.config.error import ConfigError
from redis_runbook.redact import document, vetted
from redis_runbook.words import counted


def run(options: argparse.Namespace) -> int:
    """Print the rules, or write them and what else is asked for; return the exit code."""
    try:
        rules = implied_rules(configuration(options.config, os.environ).config)
        if options.output is None and options.tests:
            return misused("--tests needs -o FILE: its cases name the file of the rules")
        written = list(_written(rules, options))
    except ConfigError as error:
        return misused(error)
    if written:
        return answer(document("\n".join(written)), "the list of what was written")
    return answer(vetted(render(rules).removesuffix("\n")), "the rules")


def _written(rules: Sequence[AlertRule], options: argparse.Namespace) -> Iterator[str]:
    """Write the files that were asked for; the lines that say so."""
    output, tests, alertmanager = options.output, options.tests, options.alertmanager
    if output:
        yield write(output, render(rules), counted(len(rules), "rule"))
    if tests:
        cases = render_tests(rules, os.path.relpath(output, tests.parent))
        yield write(tests, cases, f"run `promtool test rules {tests}`")
    if alertmanager:
        text = render_alertmanager()
        yield write(alertmanager, text, "merge its route and inhibit_rules into yours")

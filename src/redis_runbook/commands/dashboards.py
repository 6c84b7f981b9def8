"""`redis-runbook dashboards`: "Redis Queue" and "Redis Cache", for Grafana's import."""

import argparse
import os

from redis_runbook.alerts.dashboards import render_dashboards
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.commands.answer import answer, misused
from redis_runbook.commands.configuration import configuration
from redis_runbook.commands.files import write
from redis_runbook.config.error import ConfigError
from redis_runbook.redact import document


def run(options: argparse.Namespace) -> int:
    """Write both dashboards into a folder; returns the exit code."""
    try:
        config = configuration(options.config, os.environ).config
        written = [
            write(options.output / name, text, "import it in Grafana")
            for name, text in render_dashboards(config, implied_rules(config)).items()
        ]
    except ConfigError as error:
        return misused(error)
    return answer(document("\n".join(written)), "the list of what was written")

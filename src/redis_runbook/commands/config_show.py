"""`redis-runbook config`: the effective configuration, redacted, or the JSON Schema."""

import argparse
import datetime as dt
import os

from redis_runbook.commands.answer import answer, misused
from redis_runbook.commands.configuration import configuration
from redis_runbook.config.error import ConfigError
from redis_runbook.config.notify import missing_extra
from redis_runbook.config.show import describe, schema_text
from redis_runbook.config.suppress import expired
from redis_runbook.redact import document, vetted


def run(options: argparse.Namespace) -> int:
    """Print the configuration or the schema; returns the exit code."""
    if options.schema:
        return answer(vetted(schema_text().rstrip("\n")), "the schema")
    try:
        loaded = configuration(options.config, os.environ)
    except ConfigError as error:
        return misused(error)
    config, today = loaded.config, dt.datetime.now(dt.UTC).date()
    if wrong := [*missing_extra(config.notify), *expired(config.suppress, today)]:
        return misused(ConfigError(wrong))
    return answer(document(describe(loaded, os.environ)), "the configuration")

"""The configuration as a command loads it."""

from collections.abc import Mapping
from pathlib import Path

from redis_runbook.commands.answer import complain
from redis_runbook.config.load import Loaded, load
from redis_runbook.config.misspelt import misspelt_variables
from redis_runbook.config.resolve import secrets
from redis_runbook.redact import KNOWN, environment_secrets


def configuration(file: Path | None, environ: Mapping[str, str]) -> Loaded:
    """The effective configuration; its secrets and the environment's are known from here on.

    A variable that seems misspelt is named on standard error.

    Raises:
        ConfigError: the configuration is wrong.
    """
    KNOWN.learn(environment_secrets(environ))
    loaded = load(file, environ, {})
    KNOWN.learn(secrets(loaded.config, environ))
    for sentence in misspelt_variables(loaded.config, environ):
        complain(sentence)
    return loaded

"""The configuration as a command loads it."""

from collections.abc import Mapping
from pathlib import Path

from redis_runbook.commands.answer import complain
from redis_runbook.config.load import Loaded, load
from redis_runbook.config.misspelt import misspelt_variables


def configuration(file: Path | None, environ: Mapping[str, str]) -> Loaded:
    """The effective configuration; a variable that seems misspelt is named on standard error.

    Raises:
        ConfigError: the configuration is wrong.
    """
    loaded = load(file, environ, {})
    for sentence in misspelt_variables(loaded.config, environ):
        complain(sentence)
    return loaded

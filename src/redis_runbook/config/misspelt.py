"""Environment variables that nothing reads, and whose name is nearly one that should be set."""

import difflib
from collections.abc import Mapping
from typing import Final

from redis_runbook.config.keys import VARIABLE_PREFIX, effective
from redis_runbook.config.model import Config
from redis_runbook.config.sources import names_a_variable
from redis_runbook.redact import printable

_ALIKE: Final = 0.85
"""`REDIS_QUEU_URL` and `REDIS_QUEUE_URL` are (0.97), `REDIS_CACHE_URL` is another name (0.73)."""
_LONGEST_NAME: Final = 120


def misspelt_variables(config: Config, environ: Mapping[str, str]) -> list[str]:
    """`REDIS_QUEU_URL is set and nothing reads it; did you mean REDIS_QUEUE_URL?`, for each.

    Only a variable that is not set can be meant: one that is set was not misspelt.
    """
    read = {str(value) for key, value in effective(config) if names_a_variable(key[-1]) and value}
    missing = sorted(name for name in read if not environ.get(name, "").strip())
    found = []
    for name, value in sorted(environ.items()):
        if name in read or name.startswith(VARIABLE_PREFIX) or not value.strip():
            continue
        if meant := difflib.get_close_matches(name.upper(), missing, n=1, cutoff=_ALIKE):
            shown = printable(name, _LONGEST_NAME)
            found.append(f"{shown} is set and nothing reads it; did you mean {meant[0]}?")
    return found

"""The part of a configuration that is saved with evidence: what checks are held to, no secret."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from redis_runbook.config.error import ConfigError
from redis_runbook.config.keys import LISTS, Key, dotted, effective
from redis_runbook.config.model import Config
from redis_runbook.config.sources import given_by

_ABOUT_THE_RUN: Final = frozenset(
    {
        *("target", "report_dir", "deadline_s", "plugins", "runbook_url", "container"),
        *("history", "notify"),
    }
)
_ABOUT_ACCESS: Final = re.compile("(?:url|username|password|token|target)$|^tls$")
_OF_PROGRAMS: Final = frozenset({"env", "env_from", "cwd", "dotenv"})
NAMED: Final = frozenset({"queues", "commands", "containers"})
"""The tables whose tables have names that the user chooses freely: one may be called `url`."""

_LOGIN: Final = ("jwt_cache", "login")
_RUN: Final = ("commands", "*", "run")
_ASKED: Final = frozenset(
    {
        ("services", "*", "role"),
        ("services", "*", "prefix"),
        ("services", "*", "discover"),
        ("services", "*", "series", "*"),
        ("jwt_cache", "service"),
        ("jwt_cache", "pattern"),
        ("grafana", "dashboards"),
        _RUN,
        *(
            ("containers", "*", key)
            for key in ("kind", "service", "container", "project", "compose_service", "log_file")
        ),
        *(("containers", "*", key) for key in ("log_patterns", "reconnect_line", "url_variable")),
    }
)
"""The keys that decide what a run asks for, not how it is judged; `*` is any name."""

_CHOSEN: Final = {"services": {1, 3}, "commands": {1}, "containers": {1}}


def kept(config: Config) -> Iterator[tuple[Key, Any]]:
    """The keys that judging needs, with values as JSON has them: no URL, login or argument."""
    if config.suppress:
        tables = (entry.model_dump(mode="json", exclude_none=True) for entry in config.suppress)
        yield ("suppress",), list(tables)
    for key, value in effective(config):
        if key[0] not in LISTS and is_kept(key) and not isinstance(value, SecretStr | Path):
            shown = list(value) if isinstance(value, tuple) else value
            # An argument may be a secret.
            yield key, shown[:1] if _pattern(key) == _RUN else shown


def is_kept(key: Key) -> bool:
    """Whether a key is saved; what has any other was not written by us."""
    if key[0] in _ABOUT_THE_RUN:
        return False
    if key[:2] == _LOGIN:
        return key[2:] == ("enabled",)
    parts = key[2:] if key[0] in NAMED else key
    is_log = _pattern(key) == ("containers", "*", "log_file")
    return is_log or not any(
        given_by(part) != part or part in _OF_PROGRAMS or _ABOUT_ACCESS.search(part)
        for part in parts
    )


def refuse_other_questions(saved: Mapping[str, Any], config: Config) -> None:
    """Refuse a configuration that would have asked for something else than what was saved.

    Raises:
        ConfigError: the facts of the evidence are no answer to what it asks; a sentence for each.
    """
    services = saved.get("services", {})
    before = {key: value for key, value in effective(saved) if _pattern(key) in _ASKED}
    now = {
        key: value
        for key, value in kept(config)
        if _pattern(key) in _ASKED and (key[0] != "services" or key[1] in services)
    }
    problems = [
        f"{dotted(key)} decides what is observed, and the evidence was observed with another: "
        "leave it as it was"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if problems:
        raise ConfigError(problems)


def _pattern(key: Key) -> Key:
    chosen = _CHOSEN.get(key[0], ())
    return tuple("*" if at in chosen else part for at, part in enumerate(key))

"""Prints the effective configuration, redacted, and the JSON Schema of `runbook.toml`."""

import datetime as dt
import itertools
import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from pydantic import SecretStr

from redis_runbook.config.keys import LISTS, Key, dotted, effective
from redis_runbook.config.load import Loaded
from redis_runbook.config.model import Config
from redis_runbook.config.notify import masked_url
from redis_runbook.config.sources import given_by, names_a_variable
from redis_runbook.redact import masked, printable, shown_value, without_credentials
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.http_url import parse_http_url

_DIGITS: Final = 6
"""Of places in a list, so that the tenth is after the second."""


def describe(loaded: Loaded, environ: Mapping[str, str]) -> str:
    """The effective configuration as TOML, with the origin of each value; secrets are masked."""
    rows = sorted(
        ((key[:-1], key[-1], value) for key, value in effective(loaded.config)),
        key=lambda row: [part.zfill(_DIGITS) if part.isdigit() else part for part in row[0]],
    )
    blocks = []
    for section, lines in itertools.groupby(rows, key=lambda row: row[0]):
        block = [_header(section)] if section else []
        for _, name, value in lines:
            key = (*section, name)
            setting = f"{dotted((name,))} = {_toml(key, value)}"
            block.append(
                f"{setting:<44} # {loaded.origins[dotted(key)]}{_variable(key, value, environ)}"
            )
        blocks.append("\n".join(block))
    return "\n\n".join(blocks)


def _header(section: Key) -> str:
    return f"[[{section[0]}]]" if section[0] in LISTS else f"[{dotted(section)}]"


def schema() -> dict[str, Any]:
    """The JSON Schema of `runbook.toml`.

    It has no required keys, as a file need not repeat what another layer sets.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_without_required(Config.model_json_schema()),
    }


def schema_text() -> str:
    """The contents of `runbook.schema.json`."""
    return json.dumps(schema(), indent=2) + "\n"


def _without_required(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _without_required(inner)
            for key, inner in node.items()
            if not (key == "required" and isinstance(inner, list))
        }
    return [_without_required(inner) for inner in node] if isinstance(node, list) else node


def _toml(key: Key, value: Any) -> str:
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        is_url = key[-1].endswith("url") and "env" not in key
        return json.dumps(_url(key, secret) if is_url else "***")
    if isinstance(value, dt.date):
        return value.isoformat()
    # Any text may hold what looks like a secret; only arguments are what a password may be.
    show = printable if key[-1] == "run" else partial(masked, words=True)
    return json.dumps(shown_value(value, show))


def _variable(key: Key, value: Any, environ: Mapping[str, str]) -> str:
    """A remark about the variable that a key names: not set, set, or its URL."""
    if not names_a_variable(key[-1]) or "env" in key:
        return ""
    given = environ.get(value, "").strip()
    if not given:
        return "; not set"
    return f"; {_url(key, given)}" if given_by(key[-1]).endswith("url") else "; set"


def _url(key: Key, text: str) -> str:
    if key[0] == "notify":
        return masked_url(text)
    is_redis = key[0] == "services" and not key[-1].startswith("exporter_")
    try:
        if not is_redis:
            parse_http_url(text)
            return without_credentials(text)
        endpoint = parse_endpoint(text)
    except ValueError as error:
        return f"not usable: {error}"
    user = "***@" if endpoint.username or endpoint.password else ""
    if endpoint.scheme == "unix":
        return f"unix://{user}{endpoint.path}?db={endpoint.database}"
    return f"{endpoint.scheme}://{user}{endpoint.address}/{endpoint.database}"

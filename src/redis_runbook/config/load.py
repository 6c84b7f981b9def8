"""Loads the configuration: defaults < file < environment < options; reports all errors at once."""

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from redis_runbook.catalogue import covers
from redis_runbook.config import implied_file
from redis_runbook.config.error import ConfigError
from redis_runbook.config.keys import (
    LISTS,
    VARIABLE_PREFIX,
    Key,
    dotted,
    effective,
    is_list_of_tables,
    tables_and_keys,
    variable,
)
from redis_runbook.config.layers import Layer, Leaf, flattened, merged, tree
from redis_runbook.config.model import Config
from redis_runbook.config.nearest import did_you_mean
from redis_runbook.config.plugins import Plugins, load_plugins
from redis_runbook.config.sources import given_by
from redis_runbook.config.values import UNKNOWN_NAME, Texts
from redis_runbook.redact import printable
from redis_runbook.wire.files import read_text

_NEW_SERVICE: Final = re.compile(f"{VARIABLE_PREFIX}SERVICES__([A-Z0-9][A-Z0-9_]*)__ROLE")
_SECRET_KEY: Final = re.compile("(?:url|username|password|token)$|^(?:env|run)$")
_MAX_FILE_BYTES: Final = 65_536
_MAX_PROBLEMS: Final = 50
_MAX_SHOWN: Final = 60
_MAX_DOTS: Final = 200
_MAX_NUMBER: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration, the origin of each value, and its plugins.

    `origins` maps each dotted key that has a value to `default`, `file runbook.toml`,
    `environment REDIS_RUNBOOK_…` or `option`.
    """

    config: Config
    origins: Mapping[str, str]
    plugins: Plugins
    file: Path | None = None


def load(
    file: Path | None,
    environ: Mapping[str, str],
    options: Mapping[str, Any],
    *,
    evidence: Mapping[str, Any] | None = None,
) -> Loaded:
    """Load the effective configuration.

    `evidence` is the configuration that was saved with evidence: the file is merged into it, and
    none is looked for. Otherwise:
    Without `file`, the file is that in REDIS_RUNBOOK_CONFIG, else `./runbook.toml` if it exists,
    which must be the user's own.
    Keys of `options` are dotted (`services.queue.url`); a value of None means not given, and a
    value may be a whole table.

    Raises:
        ConfigError: it has every problem of every layer.
    """
    problems: list[str] = []
    leaves = flattened(
        tomllib.loads(Path(__file__).with_name("defaults.toml").read_text()), "default"
    )
    if evidence is not None:
        leaves = merged(leaves, flattened(evidence, "evidence"))
    named = file or implied_file.named_file(environ)
    file = named or (implied_file.usual_file() if evidence is None else None)
    file_is_broken = False
    if file:
        try:
            layer = _file_layer(file)
            if not named:
                implied_file.refuse_a_strangers(file, layer)
            leaves = merged(leaves, layer)
        except ValueError as error:
            file_is_broken = True
            problems.append(f"file {printable(str(file))}: {error}")
    problems += _ambiguous_services(leaves)
    plugins = _plugins(leaves, environ, file)
    leaves = _without_foreign_checks(leaves, plugins.catalogue)
    from_environment, unknown = _environment_layer(environ, leaves, plugins.catalogue)
    if file_is_broken:
        # These variables may be for services in the broken file.
        hidden = f"environment {VARIABLE_PREFIX}SERVICES__"
        unknown = [problem for problem in unknown if not problem.startswith(hidden)]
    leaves = merged(merged(leaves, from_environment), _options_layer(options))
    # Without the file the services are not known, so names of services are not checked.
    services = set() if file_is_broken else _names("services", leaves)
    context = {"service": services or None, "check": plugins.catalogue, "roles": plugins.roles}
    try:
        config = Config.model_validate(tree(leaves), context=context)
    except ValidationError as error:
        problems += _problems(error, leaves)
    problems += unknown
    if problems:
        raise ConfigError(problems)
    origins = {
        dotted(key): leaf.origin if (leaf := _leaf(key, leaves)) else "default"
        for key, _ in effective(config)
    }
    return Loaded(config=config, origins=origins, plugins=plugins, file=file)


def _plugins(leaves: Layer, environ: Mapping[str, str], file: Path | None) -> Plugins:
    """Load the plugins, before the rest: they define checks and roles that it may name.

    Raises:
        ConfigError: a plugin cannot be loaded.
    """
    key: Key = ("plugins",)
    named = environ.get(variable(key), "").strip() or (leaves[key].value if key in leaves else ())
    try:
        names = TypeAdapter[Texts](Texts).validate_python(named) if named else ()
    except ValidationError:
        names = ()  # the validation of the configuration reports it
    return load_plugins(names, file.parent if file else Path())


def _file_layer(file: Path) -> Layer:
    text = read_text(file, max_bytes=_MAX_FILE_BYTES)
    # The memory of tomllib grows with the square of the parts of a dotted key.
    if any(line.count(".") > _MAX_DOTS for line in text.split("\n")):
        raise ValueError(f"has a line with more than {_MAX_DOTS} dots")
    try:
        return flattened(tomllib.loads(text), f"file {printable(str(file))}")
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        # The message of tomllib has the line, and may quote keys, but no values.
        raise ValueError(f"is not TOML: {printable(str(error))}") from None


def _environment_layer(
    environ: Mapping[str, str], file: Layer, checks: Collection[str]
) -> tuple[Layer, list[str]]:
    """The values of REDIS_RUNBOOK_… variables, and a problem for each unknown variable.

    An empty variable counts as not set, as Compose passes on absent variables like that. Only a
    ROLE variable can add a service, so that a typo in another variable does not.
    """
    services = _names("services", file)
    taken = {variable(("services", name, "role")) for name in services}
    found = {name: _NEW_SERVICE.fullmatch(name) for name in environ if name not in taken}
    new = {match[1].lower() for match in found.values() if match}
    names = {"services": [*services, *new], "checks": checks, "commands": _names("commands", file)}
    known = {variable(key): key for key, is_table in tables_and_keys(names) if not is_table}
    leaves, problems = {}, []
    for name in sorted(environ):
        if not name.startswith(VARIABLE_PREFIX) or name == implied_file.FILE_VARIABLE:
            continue
        origin = f"environment {printable(name, 2 * _MAX_SHOWN)}"
        listed = _list_of(name)
        if listed:
            problems.append(f"{origin}: a list of tables is set in a file: [[{listed}]]")
        elif name not in known:
            hint = did_you_mean(name.upper(), [*known, implied_file.FILE_VARIABLE])
            problems.append(f"{origin}: is not a known variable{hint}")
        elif environ[name].strip():
            leaves[known[name]] = Leaf(environ[name], origin)
    return leaves, problems


def _list_of(name: str) -> str:
    """The key of a list of tables that a variable would set; empty for any other variable."""
    part = name.removeprefix(VARIABLE_PREFIX).partition("__")[0].lower()
    return part if part in LISTS else ""


def _leaf(key: Key, leaves: Layer) -> Leaf | None:
    """The leaf that sets the key; the tables of a list are set together."""
    if key[0] not in LISTS or len(key) == 1:
        return leaves.get(key)
    tables = leaves.get(key[:1])
    return tables if tables and key[2] in tables.value[int(key[1])] else None


def _options_layer(options: Mapping[str, Any]) -> Layer:
    layer: dict[Key, Leaf] = {}
    for key, value in options.items():
        if value is not None:
            layer |= flattened(value, "option", tuple(key.split(".")))
    return layer


def _names(table: str, layer: Layer) -> set[str]:
    return {key[1] for key in layer if key[0] == table and len(key) > 1}


def _without_foreign_checks(layer: Layer, known: Collection[str]) -> dict[Key, Leaf]:
    """The layer without what evidence has of a plugin's checks, if it is not loaded here."""
    found = {
        key: leaf
        for key, leaf in layer.items()
        if leaf.origin != "evidence" or key[0] != "checks" or key[1] in known
    }
    suppress = found.get(("suppress",))
    if suppress and suppress.origin == "evidence" and is_list_of_tables(suppress.value):
        ours = [
            entry
            for entry in suppress.value
            if any(covers(str(entry.get("check")), check_id) for check_id in known)
        ]
        found["suppress",] = Leaf(ours, suppress.origin)
    return found


def _ambiguous_services(layer: Layer) -> Iterator[str]:
    """A problem for each service that shares its environment variables with another service."""
    services = _names("services", layer)
    counts = Counter(variable(("services", name)) for name in services)
    for name in sorted(services):
        if counts[variable(("services", name))] > 1:
            key = ("services", name)
            yield f"{_origin(key, layer)}: {dotted(key)}: another name differs in - and _ only"


def _problems(error: ValidationError, leaves: Layer) -> Iterator[str]:
    found = error.errors(include_url=False)
    yield from (_problem(detail, leaves) for detail in found[:_MAX_PROBLEMS])
    if len(found) > _MAX_PROBLEMS:
        yield f"and {len(found) - _MAX_PROBLEMS} problems more"


def _problem(error: ErrorDetails, leaves: Layer) -> str:
    """One of pydantic's errors as a sentence: the layer, the key, and the problem."""
    key = tuple(str(part) for part in error["loc"])
    is_key = key[-1] == "[key]"
    if is_key:
        key = key[:-1]
    value = (
        ""
        if is_key or error["type"] in {"extra_forbidden", "missing"}
        else _printable_value(key, error)
    )
    return f"{_origin(key, leaves)}: {dotted(key)}{value}: {_problem_text(error, key)}"


def _problem_text(error: ErrorDetails, key: Key) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            names = {key[0]: key[1:2]}
            valid = (dotted(known) for known, _ in tables_and_keys(names))
            return f"is not a known key{did_you_mean(dotted(key), valid)}"
        case "missing":
            return "is required"
        case "value_error":
            return str(context["error"])
        case "model_type" | "dict_type":
            return "must be a table"
        case "tuple_type" if key[-1] in LISTS:
            return f"must be a list of tables: [[{key[-1]}]]"
        case "byte_size" | "byte_size_unit":
            return 'must be a size such as 104857600, "100MiB" or "1GB"'
        case kind if kind == UNKNOWN_NAME:
            return f"{error['msg']}{did_you_mean(str(error['input']), context['known'])}"
    return re.sub(r"^\w+ should ", "must ", error["msg"])


def _printable_value(key: Key, error: ErrorDetails) -> str:
    """` = 'x'`; empty if the value may be or contain a secret."""
    value = error["input"]
    is_harmless = (isinstance(value, int | float) and abs(value) < _MAX_NUMBER) or (
        isinstance(value, str) and "://" not in value and "@" not in value
    )
    if not is_harmless or any(_SECRET_KEY.search(given_by(part)) for part in key):
        return ""
    return f" = {printable(repr(value), _MAX_SHOWN)}"


def _origin(key: Key, leaves: Layer) -> str:
    """The layer that set the key, or else the nearest key."""
    for end in range(len(key), 0, -1):
        for known, leaf in leaves.items():
            if known[:end] == key[:end]:
                return leaf.origin
    return "default"

"""The configuration: its layers, where values are from, and every error at once."""

import itertools
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.config.error import ConfigError
from redis_runbook.config.keys import tables_and_keys, variable
from redis_runbook.config.load import Loaded, load
from redis_runbook.config.model import Config, JwtCache, Limits, ServiceSettings
from redis_runbook.config.show import schema, schema_text

ROOT = Path(__file__).parents[1]
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(
    text: str | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Loaded:
    if text is not None:
        Path("runbook.toml").write_text(text, encoding="utf-8")
    return load(None, environ or {}, options or {})


def problems(
    text: str | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loaded(text, environ, options)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert all("\n" not in one for one in caught.value.problems)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


# What holds without any configuration


def test_the_defaults_are_the_services_of_the_runbook() -> None:
    config = loaded().config
    assert {name: (one.role, one.url_env) for name, one in config.services.items()} == {
        "queue": ("queue", "REDIS_QUEUE_URL"),
        "cache": ("cache", "REDIS_CACHE_URL"),
    }
    assert (config.jwt_cache.service, config.exporter.url_env) == ("cache", "REDIS_EXPORTER_URL")
    assert (config.target, str(config.report_dir), config.deadline_s) == ("auto", "reports", None)


def test_every_default_is_said_to_be_one() -> None:
    origins = loaded().origins
    assert set(origins.values()) == {"default"}
    assert {"target", "services.queue.url_env", "services.cache.limits.slowlog_ms"} <= set(origins)


def test_limits_depend_on_the_role_and_are_plain_numbers() -> None:
    services = loaded().config.services
    queue, cache = services["queue"].limits, services["cache"].limits
    assert (queue.round_trip_ms, queue.slowlog_ms) == (2_000, 100)
    assert (cache.round_trip_ms, cache.slowlog_ms) == (50, 50)
    different = {
        name for name in Limits.model_fields if getattr(queue, name) != getattr(cache, name)
    }
    assert different == {"round_trip_ms", "slowlog_ms"}
    assert all(type(value) is float or isinstance(value, int) for _, value in cache)
    assert cache.fragmentation_bytes == 100 * 1024 * 1024


def test_one_changed_limit_leaves_a_caches_others() -> None:
    limits = loaded("[services.cache.limits]\nround_trip_ms = 7").config.services["cache"].limits
    assert (limits.round_trip_ms, limits.slowlog_ms) == (7, 50)


def test_a_configuration_cannot_be_changed() -> None:
    config = loaded().config
    with pytest.raises(ValidationError):
        config.read_only = True  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.services["queue"].limits.connect_s = 1  # type: ignore[misc]


# The files that are shipped


def test_the_sample_file_says_what_holds_without_it() -> None:
    sample = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    assert loaded(sample).config == load(None, {}, {}).config
    Path("runbook.toml").unlink()
    assert load(ROOT / "runbook.toml", {}, {}).config == loaded().config


def test_every_suggestion_in_the_sample_file_is_valid() -> None:
    sample = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    uncommented, count = re.subn(r"^#(?=[a-z_]+ = |\[)", "", sample, flags=re.MULTILINE)
    assert count > 30
    config = loaded(uncommented).config
    assert config.services["queue"].memory_limit == 512 * 1024 * 1024
    assert config.checks["memory.fragmentation"].level == "invariant"


def test_the_sample_files_suggestions_are_the_defaults_but_for_what_has_none() -> None:
    sample = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    # Without the one key of a table that is itself commented out.
    text = re.sub(r"^#(?!level)(?=[a-z_]+ = )", "", sample, flags=re.MULTILINE)
    config = loaded(text).config
    changed = {
        key for key, value in _flat(config) if value != dict(_flat(_defaults())).get(key, "absent")
    }
    assert changed == {
        "deadline_s",
        "runbook_url",
        "services.queue.series.service",
        "services.queue.username_env",
        "services.queue.password_env",
        "services.queue.replicas_min",
        "services.queue.memory_limit",
        "services.queue.exporter_url",
        "services.queue.exporter_target",
        "services.queue.tls.ca_file",
        "services.queue.tls.cert_file",
        "services.queue.tls.key_file",
        "prometheus.token_env",
        "prometheus.ca_file",
        "grafana.ca_file",
    }


def _defaults() -> Config:
    return load(ROOT / "runbook.toml", {}, {}).config


def _flat(model: Any, at: str = "") -> list[tuple[str, Any]]:
    items = model.items() if isinstance(model, dict) else model
    return [
        leaf
        for name, value in items
        for leaf in (
            _flat(value, f"{at}{name}.")
            if isinstance(value, BaseModel | dict)
            else [(f"{at}{name}", value)]
        )
    ]


def test_the_shipped_schema_is_the_models() -> None:
    shipped = ROOT / "src/redis_runbook/runbook.schema.json"
    assert shipped.read_text(encoding="utf-8") == schema_text(), "redis-runbook config --schema"


def test_the_schema_allows_partial_files_and_no_unknown_keys() -> None:
    tables = [schema(), *schema()["$defs"].values()]
    assert all(table["additionalProperties"] is False for table in tables)
    assert not any("required" in table for table in tables)


# Layers


def test_each_layer_covers_the_one_below_and_is_named() -> None:
    name = "REDIS_RUNBOOK_SERVICES__CACHE__LIMITS__CONNECT_S"
    result = loaded(
        "read_only = true\n[services.cache.limits]\nconnect_s = 3\nwrite_s = 3\nslowlog_ms = 3",
        {name: "4", "REDIS_RUNBOOK_REPORT_DIR": "there", "REDIS_RUNBOOK_TARGET": "live"},
        {"target": "embedded", "deadline_s": None, "services.cache.limits.write_s": 5},
    )
    limits = result.config.services["cache"].limits
    assert (limits.slowlog_ms, limits.connect_s, limits.write_s) == (3, 4, 5)
    assert (result.config.target, str(result.config.report_dir)) == ("embedded", "there")
    assert result.config.read_only
    at = "services.cache.limits."
    assert {key: result.origins[f"{at}{key}"] for key in ("slowlog_ms", "connect_s", "write_s")} | {
        "clients": result.origins[f"{at}clients_ratio"],
        "report_dir": result.origins["report_dir"],
    } == {
        "clients": "default",
        "slowlog_ms": "file runbook.toml",
        "connect_s": f"environment {name}",
        "write_s": "option",
        "report_dir": "environment REDIS_RUNBOOK_REPORT_DIR",
    }


def test_a_service_of_ones_own_stands_beside_the_runbooks() -> None:
    config = loaded('[services.sessions]\nrole = "cache"\nurl = "redis://h"').config
    assert set(config.services) == {"queue", "cache", "sessions"}
    assert config.services["sessions"].limits.round_trip_ms == 50


@pytest.mark.parametrize(
    ("lower", "higher"), [*itertools.product(("url", "url_env", "url_file"), repeat=2)]
)
def test_a_higher_layer_replaces_a_url_in_whatever_form(lower: str, higher: str) -> None:
    values = {"url": "redis://h", "url_env": "OTHER_URL", "url_file": "/run/secrets/url"}
    result = loaded(
        f'[services.queue]\n{lower} = "{values[lower]}"',
        {f"REDIS_RUNBOOK_SERVICES__QUEUE__{higher.upper()}": values[higher]},
    )
    queue = result.config.services["queue"]
    assert {form for form in values if getattr(queue, form)} == {higher}
    assert result.origins[f"services.queue.{higher}"].startswith("environment ")
    assert set(values) & {key.rpartition(".")[2] for key in result.origins if "queue" in key} == {
        higher
    }


def test_a_list_is_replaced_and_not_extended() -> None:
    given = {"REDIS_RUNBOOK_SERVICES__QUEUE__QUEUES": "c, d:e"}
    assert loaded('[services.queue]\nqueues = ["a"]', given).config.services["queue"].queues == (
        "c",
        "d:e",
    )


def test_an_option_may_be_a_table() -> None:
    options = {"checks": {"memory.evictions": {"level": "off"}}}
    result = loaded(options=options)
    assert result.config.checks["memory.evictions"].level == "off"
    assert result.origins['checks."memory.evictions".level'] == "option"


def test_an_empty_table_changes_nothing() -> None:
    result = loaded("[services.queue]\n[jwt_cache]\n[exporter]\n[container]")
    assert result.config == load(ROOT / "runbook.toml", {}, {}).config


# The environment


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("READ_ONLY", "true", True),
        ("READ_ONLY", "0", False),
        ("DEADLINE_S", "90", 90),
        ("DEADLINE_S", "1m30s", 90),
        ("JWT_CACHE__MIN_ENTRIES", "5", 5),
        ("SERVICES__QUEUE__LIMITS__MEMORY_RATIO", "0.7", 0.7),
        ("SERVICES__QUEUE__LIMITS__FRAGMENTATION_BYTES", "1GB", 10**9),
        ("SERVICES__QUEUE__TLS__VERIFY", "no", False),
        ("SERVICES__QUEUE__QUEUES", '["a,b", "c"]', ("a,b", "c")),
        ("SERVICES__QUEUE__QUEUES", "[]", ()),
        ("SERVICES__QUEUE__QUEUES", "bundle:render", ("bundle:render",)),
        ("CHECKS__MEMORY_USED_RATIO__LEVEL", "advisory", "advisory"),
    ],
)
def test_a_variable_becomes_what_its_key_wants(key: str, text: str, value: Any) -> None:
    table: Any = loaded(environ={f"REDIS_RUNBOOK_{key}": text}).config
    for part in key.lower().replace("memory_used", "memory.used").split("__"):
        table = table[part] if isinstance(table, dict) else getattr(table, part)
    assert table == value


def test_every_key_has_a_variable_of_its_own() -> None:
    names = {"services": ["queue", "my-cache"], "checks": CATALOGUE}
    keys = [key for key, is_table in tables_and_keys(names) if not is_table]
    variables = {variable(key) for key in keys}
    assert len(variables) == len(keys)
    assert "REDIS_RUNBOOK_SERVICES__MY_CACHE__TLS__CA_FILE" in variables
    assert all(re.fullmatch("[A-Z0-9_]+", name) for name in variables)


def test_an_empty_variable_counts_as_not_set() -> None:
    environ = {"REDIS_RUNBOOK_DEADLINE_S": "", "REDIS_RUNBOOK_CONFIG": " "}
    assert set(loaded(environ=environ).origins.values()) == {"default"}


def test_a_role_in_the_environment_brings_a_service_into_being() -> None:
    environ = {
        "REDIS_RUNBOOK_SERVICES__SESSIONS__ROLE": "cache",
        "REDIS_RUNBOOK_SERVICES__SESSIONS__URL_ENV": "SESSIONS_URL",
    }
    assert loaded(environ=environ).config.services["sessions"].url_env == "SESSIONS_URL"


def test_a_variable_reaches_a_service_with_a_dash() -> None:
    text = '[services.my-cache]\nrole = "cache"'
    given = {"REDIS_RUNBOOK_SERVICES__MY_CACHE__ROLE": "queue"}
    config = loaded(text, given).config
    assert config.services["my-cache"].role == "queue"
    assert "my_cache" not in config.services


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("REDIS_RUNBOOK_REPORTDIR", "REDIS_RUNBOOK_REPORT_DIR"),
        ("REDIS_RUNBOOK_report_dir", "REDIS_RUNBOOK_REPORT_DIR"),
        ("REDIS_RUNBOOK_CONFIGS", "REDIS_RUNBOOK_CONFIG"),
        ("REDIS_RUNBOOK_SERVICES__QUEU__URL", "REDIS_RUNBOOK_SERVICES__QUEUE__URL"),
        ("REDIS_RUNBOOK_SERVICES__QUEUE__PASWORD", "REDIS_RUNBOOK_SERVICES__QUEUE__PASSWORD"),
        ("REDIS_RUNBOOK_EXPORTER", "REDIS_RUNBOOK_EXPORTER__URL"),
        ("REDIS_RUNBOOK_CHECKS__MEMORY_USED__LEVEL", "REDIS_RUNBOOK_CHECKS__MEMORY_USED_RATIO"),
    ],
)
@pytest.mark.parametrize("value", [SECRET, ""])
def test_an_unknown_variable_is_refused_with_the_nearest(name: str, near: str, value: str) -> None:
    (problem,) = problems(environ={name: value})
    assert problem.startswith(f"environment {name}: is not a known variable; did you mean {near}")
    assert SECRET not in problem


def test_other_peoples_variables_are_none_of_ours() -> None:
    loaded(environ={"REDIS_RUNBOOKS_X": "1", "REDIS_URL": "x", "REDIS_RUNBOOK": "1"})


# Which file


def test_an_option_names_the_file_before_the_environment_does() -> None:
    Path("a.toml").write_text("deadline_s = 1")
    Path("b.toml").write_text("deadline_s = 2")
    Path("runbook.toml").write_text("deadline_s = 3")
    environ = {"REDIS_RUNBOOK_CONFIG": "b.toml"}
    assert load(Path("a.toml"), environ, {}).config.deadline_s == 1
    result = load(None, environ, {})
    assert (result.config.deadline_s, result.origins["deadline_s"]) == (2, "file b.toml")
    assert load(None, {}, {}).config.deadline_s == 3


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    Path("folder").mkdir()
    Path("latin").write_bytes(b'report_dir = "\xe9"')
    Path("huge").write_bytes(b"#" * 70_000)
    Path("dangling").symlink_to("nowhere")

    def problem(file: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(Path(file), {}, {})
        (only,) = caught.value.problems
        return only

    assert problem("nowhere") == "file nowhere: does not exist"
    assert problem("dangling") == "file dangling: does not exist"
    assert problem("folder") == "file folder: is a directory"
    assert problem("/dev/null") == "file /dev/null: is not a plain file"
    assert problem("latin") == "file latin: is not UTF-8 at byte 14"
    assert problem("huge") == "file huge: is larger than 65,536 bytes"
    assert problem("latin/x") == "file latin/x: cannot be read: Not a directory"
    assert problem("n\x1b[31m") == r"file n\x1b[31m: does not exist"
    Path("runbook.toml").symlink_to(tmp_path / "nowhere")
    assert problems() == ("file runbook.toml: does not exist",)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('a = 1\nurl = "redis://:hunter2@h', "end of document"),
        (f"[a]\n[a]\nurl = '{SECRET}'", "line 2"),
        (f"password = {SECRET}", "line 1"),
        ("a = " + "9" * 5000, "limit"),
    ],
)
def test_a_syntax_error_names_its_line_and_quotes_nothing(text: str, where: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith("file runbook.toml: is not TOML: ")
    assert where in problem
    assert SECRET not in problem


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, "a." * 2_000 + "a = 1"])
def test_endless_nesting_is_no_traceback(text: str) -> None:
    assert problems(text) == ("file runbook.toml: is nested too deeply",)


def test_a_byte_order_mark_is_no_error() -> None:
    assert loaded("\ufeffdeadline_s = 1").config.deadline_s == 1


def test_a_broken_file_does_not_hide_the_rest_nor_blame_it() -> None:
    found = problems(
        "[[[",
        {
            "REDIS_RUNBOOK_DEADLINE_S": "soon",
            "REDIS_RUNBOOK_NONSENSE": "1",
            "REDIS_RUNBOOK_SERVICES__IN_THE_FILE__URL": "x",
            "REDIS_RUNBOOK_JWT_CACHE__SERVICE": "in_the_file",
        },
    )
    assert [one.partition(": ")[0] for one in found] == [
        "file runbook.toml",
        "environment REDIS_RUNBOOK_DEADLINE_S",
        "environment REDIS_RUNBOOK_NONSENSE",
    ]


# Errors


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[exportr]\nx = 1", "exportr: is not a known key; did you mean exporter?"),
        ("[service.queue]", "service: is not a known key; did you mean services?"),
        (
            "[services.queue.limits]\nmemory_ration = 1",
            (
                "services.queue.limits.memory_ration: is not a known key; did you mean "
                "services.queue.limits.memory_ratio?"
            ),
        ),
        (
            "[services.queue]\nmemory_ratio = 1",
            (
                "services.queue.memory_ratio: is not a known key; did you mean "
                "services.queue.limits.memory_ratio?"
            ),
        ),
        (
            '[services.queue]\npasword = "hunter2"',
            "services.queue.pasword: is not a known key; did you mean services.queue.password?",
        ),
        (
            '[services.queue]\n"redis://:hunter2@h" = 1',
            'services.queue."***": is not a known key; did you mean services.queue?',
        ),
        ("[services.x]", "services.x.role: is required"),
        ("[services.X]\nrole = 'cache'", "services.X: is not a service name: small letters, "),
        ("[services]\nqueue = 'redis://:hunter2@h'", "services.queue: must be a table"),
        ("services = 'redis://:hunter2@h'", "services: must be a table"),
        (
            "[services.queue]\nrole = 'que'",
            "services.queue.role = 'que': must be 'queue' or 'cache'",
        ),
        ("target = 'alive'", "target = 'alive': must be 'auto', 'live', 'container' or 'embedded'"),
        ("read_only = 'perhaps'", "read_only = 'perhaps': must be a valid boolean"),
        ("deadline_s = true", "deadline_s = True: must be a number"),
        ("deadline_s = 0", "deadline_s = 0: must be greater than 0"),
        ("deadline_s = inf", "deadline_s: must be a finite number"),
        ("deadline_s = nan", "deadline_s: must be a finite number"),
        ("deadline_s = 1e300", "deadline_s: must be less than or equal to 31622400"),
        ("deadline_s = 0x" + "f" * 9000, "deadline_s: must be"),
        ("deadline_s = '5 moons'", "deadline_s = '5 moons': must be a duration such as 2.5, "),
        ("deadline_s = 1979-05-27", "deadline_s: must be a valid number"),
        (
            "[services.queue.limits]\nmemory_ratio = 80",
            "services.queue.limits.memory_ratio = 80: must be less than or equal to 1",
        ),
        (
            "[services.queue]\nmemory_limit = '1 lot'",
            "services.queue.memory_limit = '1 lot': must be a size such as 104857600, ",
        ),
        ("[services.queue]\nqueues = ['']", "services.queue.queues.0 = '': must be a text that "),
        (
            "[services.queue]\nprefix = '\\u001b[31m'".replace("'", '"'),
            r"services.queue.prefix = '\x1b[31m': must be a text that ",
        ),
        ("report_dir = ''", "report_dir = '': must be a text that "),
        ("report_dir = 3", "report_dir = 3: must be"),
        ("[jwt_cache]\nmin_entries = 0", "jwt_cache.min_entries = 0: must be greater than or eq"),
        (
            "[jwt_cache]\nservice = 'cach'",
            "jwt_cache.service = 'cach': is not a service; did you mean cache?",
        ),
        (
            "[checks.'memory.used']\nlevel = 'off'",
            'checks."memory.used": is not a check; did you mean memory.used_ratio?',
        ),
        (
            "[checks.'memory.used_ratio']\nlevel = 'warn'",
            "checks.\"memory.used_ratio\".level = 'warn': must be 'invariant', 'advisory' or 'off'",
        ),
        (
            '[services.queue]\nurl = "redis://user:hunter2@h:x"',
            "services.queue.url: the URL's port must be a number from 1 to 65535",
        ),
        ("[exporter]\nurl = 'redis://:hunter2@h'", "exporter.url: the URL must start with http://"),
        ("[services.queue]\npassword = 31337", "services.queue.password: must be a valid string"),
        ("[services.queue]\npassword = ' '", "services.queue.password: must not be empty"),
        (
            "[services.queue]\npassword_env = 'hunter2'",
            "services.queue.password_env: must be the name of an environment variable, in capitals",
        ),
        (
            "[services.queue]\nurl_file = 'redis://:hunter2@h'",
            "services.queue.url_file: must be a path that starts with / or ./",
        ),
        (
            "[services.queue]\nurl = 'redis://h'\nurl_env = 'HUNTER'",
            "services.queue.url_env: cannot be set beside url: keep one of them",
        ),
    ],
)
def test_a_mistake_is_named_with_its_layer_its_key_and_the_way_out(text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(f"file runbook.toml: {problem}")
    assert SECRET not in found
    assert found.isprintable()


def test_all_mistakes_of_all_layers_are_told_at_once() -> None:
    found = problems(
        "typo = 1\n[services.queue]\nurl = 'redis://h:x'\npasword = 1\n"
        "[jwt_cache]\nservice = 'no'\n[checks.'no.such']\nlevel = 'off'\n"
        "[services.a-b]\nrole = 'cache'\n[services.a_b]\nrole = 'cache'",
        {"REDIS_RUNBOOK_DEADLINE_S": "soon", "REDIS_RUNBOOK_SERVICE": "1"},
        {"target": "moon"},
    )
    heads = [re.match(r"(.*?): (\S+?)(?: =|:| )", one) for one in found]
    assert {head[2]: head[1] for head in heads if head} == {
        "typo": "file runbook.toml",
        "services.queue.url": "file runbook.toml",
        "services.queue.pasword": "file runbook.toml",
        "jwt_cache.service": "file runbook.toml",
        'checks."no.such"': "file runbook.toml",
        "services.a-b": "file runbook.toml",
        "services.a_b": "file runbook.toml",
        "deadline_s": "environment REDIS_RUNBOOK_DEADLINE_S",
        "is": "environment REDIS_RUNBOOK_SERVICE",
        "target": "option",
    }


def test_very_many_mistakes_are_counted() -> None:
    found = problems("\n".join(f"typo{number} = 1" for number in range(500)))
    assert len(found) == 51
    assert found[-1] == "and 450 problems more"


def test_the_jwt_cache_needs_no_service_where_it_is_switched_off() -> None:
    config = loaded("[jwt_cache]\nenabled = false\nservice = 'gone'").config
    assert not config.jwt_cache.enabled


def test_a_secret_is_in_no_representation_of_a_configuration() -> None:
    config = loaded(
        f"[services.queue]\nurl = 'redis://u:{SECRET}@h'\npassword = '{SECRET}'\n"
        f"exporter_url = 'http://u:{SECRET}@h'\n[exporter]\nurl = 'http://u:{SECRET}@h'"
    ).config
    shown = [repr(config), str(config), str(config.model_dump()), config.model_dump_json()]
    assert not any(SECRET in text for text in shown)


def test_a_models_own_error_quotes_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        ServiceSettings.model_validate({"role": "cache", "url": f"x://{SECRET}", SECRET[:1]: 1})
    assert SECRET not in str(caught.value)


# Durations and sizes


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (2, 2),
        (2.5, 2.5),
        ("3.5", 3.5),
        ("250ms", 0.25),
        ("5m", 300),
        ("1h30m", 5_400),
        ("1h 30m 0.5s", 5_400.5),
        ("2d", 172_800),
        (" 5 m ", 300),
    ],
)
def test_a_duration_is_a_number_or_has_units(written: object, seconds: float) -> None:
    assert JwtCache.model_validate({"max_ttl_s": written}).max_ttl_s == seconds
    limits = Limits.model_validate({"slowlog_ms": written})
    factor = 1_000 if isinstance(written, str) and written.strip()[-1].isalpha() else 1
    assert limits.slowlog_ms == seconds * factor


@pytest.mark.parametrize(
    "written", ["", "m", "5x", "-5m", "5m-", "1e3s", "٣m", "5 5m", "9" * 400 + "s", [], {}, None]
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        JwtCache.model_validate({"max_ttl_s": written})


@given(st.integers(1, 10**9))
def test_milliseconds_lose_nothing(number: int) -> None:
    assert Limits.model_validate({"slowlog_ms": f"{number}ms"}).slowlog_ms == number
    assert Limits.model_validate({"connect_s": f"{number}ms"}).connect_s == number / 1_000


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans()))
def test_any_value_is_a_sane_number_or_an_error(value: object) -> None:
    for name, field in Limits.model_fields.items():
        try:
            number = getattr(Limits.model_validate({name: value}), name)
        except ValidationError:
            continue
        assert math.isfinite(number)
        assert number > 0
        assert number <= 1 or "ratio" not in name or name == "fragmentation_ratio"
        assert field.annotation is not None


@pytest.mark.parametrize(
    ("written", "size"),
    [(5, 5), ("6", 6), ("256MiB", 2**28), ("1GB", 10**9), ("1.5 KiB", 1_536), ("10 kb", 10_000)],
)
def test_a_size_is_a_number_or_has_a_unit(written: object, size: int) -> None:
    settings = ServiceSettings.model_validate({"role": "queue", "memory_limit": written})
    assert settings.memory_limit == size


@pytest.mark.parametrize("written", [0, -1, "-1MB", "1 lot", True, 1.5, "9" * 400 + "GB", 2**64])
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        ServiceSettings.model_validate({"role": "queue", "memory_limit": written})


@settings(max_examples=30)
@given(st.dictionaries(st.text(), st.recursive(st.integers() | st.text(), st.lists), max_size=5))
def test_any_table_loads_or_is_refused_in_printable_sentences(table: dict[str, Any]) -> None:
    options = {key.replace(".", "_"): value for key, value in table.items()}
    try:
        load(None, {}, {"services": {"queue": options}})
    except ConfigError as error:
        assert all(one.isprintable() for one in error.problems)  # noqa: PT017
        json.dumps(error.problems)

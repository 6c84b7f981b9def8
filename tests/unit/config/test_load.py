"""The configuration's layers, where values are from, and which file is read."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.config.error import ConfigError
from redis_runbook.config.keys import tables_and_keys, variable
from redis_runbook.config.load import load
from tests.support.loading import loaded, problems
from tests.support.places import ROOT

SECRET = "hunter2"


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
    environ = {"REDIS_RUNBOOKS_X": "1", "REDIS_URL": "x", "REDIS_RUNBOOK": "1"}
    assert set(loaded(environ=environ).origins.values()) == {"default"}


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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = " + "[" * 50_000, "is nested too deeply"),
        ("a." * 2_000 + "a = 1", "has a line with more than 200 dots"),
        ("a." * 30_000 + "a = 1", "has a line with more than 200 dots"),
        ('"\u2028".' * 10_000 + "a = 1", "has a line with more than 200 dots"),
    ],
)
def test_endless_nesting_is_no_traceback(text: str, problem: str) -> None:
    assert problems(text) == (f"file runbook.toml: {problem}",)


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

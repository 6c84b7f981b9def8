"""What holds without any configuration, and the files that are shipped."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from redis_runbook.config.load import load
from redis_runbook.config.model import Config, Limits, QueueSettings
from redis_runbook.config.show import schema, schema_text
from tests.support.loading import loaded
from tests.support.places import ROOT

_QUEUE_TABLE = '#[queues."bundle:render"]'

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


def test_the_sample_file_names_every_key() -> None:
    sample = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "src/redis_runbook/runbook.schema.json").read_text())
    sections = [schema, *schema["$defs"].values()]
    keys = {key for section in sections for key in section.get("properties", ())}
    # Its head tells of these.
    keys -= {
        *filter(re.compile(r"(\w+_)?(url|username|password|token)(_env|_file)?").fullmatch, keys)
    }
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", sample)] == []


def test_every_suggestion_in_the_sample_file_is_valid() -> None:
    sample = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    uncommented, count = re.subn(r"^#(?=[a-z_]+ = |\[)", "", sample, flags=re.MULTILINE)
    assert count > 30
    config = loaded(uncommented).config
    assert config.services["queue"].memory_limit == 512 * 1024 * 1024
    assert config.checks["memory.fragmentation"].level == "invariant"


def test_the_sample_files_suggestions_are_the_defaults_but_for_what_has_none() -> None:
    sample = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    # Without the keys of the tables that are themselves commented out.
    whole, _, _ = sample.partition(_QUEUE_TABLE)
    text = re.sub(r"^#(?!level)(?=[a-z_]+ = )", "", whole, flags=re.MULTILINE)
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


def test_the_sample_file_suggests_the_defaults_of_a_queue() -> None:
    sample = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    _, table, keys = sample.partition(_QUEUE_TABLE)
    keys, _, _ = keys.partition("# ---")
    config = loaded((table + keys).replace("\n#", "\n").removeprefix("#")).config
    suggested = config.queues["bundle:render"]
    assert set(suggested.model_dump()) == suggested.model_fields_set
    without = {"workers_min", "depth", "latency_s"}
    assert suggested.model_dump(exclude=without) == QueueSettings().model_dump(exclude=without)


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


def test_the_default_images_are_fixed_by_their_digest() -> None:
    images = loaded().config.container
    for image in (images.redis_image, images.exporter_image):
        assert re.fullmatch(r"[a-z0-9/_]+:v?[0-9.]+(-alpine)?@sha256:[0-9a-f]{64}", image), image

"""Variables that nothing reads, and that look like one that is not set."""

import pytest

from redis_runbook.config.misspelt import misspelt_variables
from tests.support.loading import configured


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("REDIS_QUEU_URL", "REDIS_QUEUE_URL"),
        ("REDIS_QUEUES_URL", "REDIS_QUEUE_URL"),
        ("redis_queue_url", "REDIS_QUEUE_URL"),
        ("REDIS_CAHCE_URL", "REDIS_CACHE_URL"),
        ("REDIS_CASH_URL", "REDIS_CACHE_URL"),
        ("REDIS_EXPORTER_URI", "REDIS_EXPORTER_URL"),
        ("PROMETEUS_URL", "PROMETHEUS_URL"),
        ("GRAFANA_TOKN", "GRAFANA_TOKEN"),
    ],
)
def test_a_variable_that_is_nearly_one_that_is_missing_is_named(name: str, meant: str) -> None:
    (sentence,) = misspelt_variables(configured(), {name: "redis://:secret@h"})
    assert sentence == f"{name} is set and nothing reads it; did you mean {meant}?"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"REDIS_URL": "redis://h"},
        {"REDIS_SESSIONS_URL": "redis://h"},
        {"REDIS_CLUSTER_URL": "redis://h"},
        {"REDIS_QUEU_URL": " "},
        {"REDIS_QUEUE_URL": "redis://h", "REDIS_QUEU_URL": "redis://h"},
        {"REDIS_RUNBOOK_TARGET": "live"},
    ],
)
def test_another_name_or_one_whose_like_is_set_is_not(environ: dict[str, str]) -> None:
    assert misspelt_variables(configured(), environ) == []


def test_a_variable_that_the_configuration_names_is_the_one_that_counts() -> None:
    config = configured(services__queue__url_env="JOBS_REDIS_URL")
    (sentence,) = misspelt_variables(config, {"JOBS_REDI_URL": "redis://h"})
    assert sentence.endswith("did you mean JOBS_REDIS_URL?")
    assert misspelt_variables(config, {"REDIS_QUEU_URL": "redis://h"}) == []

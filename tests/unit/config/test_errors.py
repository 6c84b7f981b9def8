"""Every mistake in a configuration at once, each named, and no secret quoted."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import load
from redis_runbook.config.model import ServiceSettings
from tests.support.loading import loaded, problems

SECRET = "hunter2"


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


@settings(max_examples=30)
@given(st.dictionaries(st.text(), st.recursive(st.integers() | st.text(), st.lists), max_size=5))
def test_any_table_loads_or_is_refused_in_printable_sentences(table: dict[str, Any]) -> None:
    options = {key.replace(".", "_"): value for key, value in table.items()}
    try:
        load(None, {}, {"services": {"queue": options}})
    except ConfigError as error:
        assert all(one.isprintable() for one in error.problems)  # noqa: PT017
        json.dumps(error.problems)

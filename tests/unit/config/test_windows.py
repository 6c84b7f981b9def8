"""For how long each profile looks at each service."""

import json

import pytest

from redis_runbook.config.model import Config, ServiceSettings
from redis_runbook.config.profiles import PROFILES
from redis_runbook.session.run import Run
from tests.support.loading import as_loaded


def run_of(profile: str, *windows: str, config: str = "{}") -> Run:
    services = {
        "queue": ServiceSettings(role="queue"),
        "cache": ServiceSettings(role="cache"),
        "old": ServiceSettings(role="cache", enabled=False),
    }
    return Run(
        as_loaded(Config.model_validate({"services": services, **json.loads(config)})),
        PROFILES[profile],
        environ={},
        windows=windows,
    )


@pytest.mark.parametrize(
    ("profile", "given_", "windows_s", "deadline_s"),
    [
        ("smoke", [], {"queue": 2, "cache": 2}, 30),
        ("gate", [], {"queue": 30, "cache": 30}, 90),
        ("nightly", [], {"queue": 300, "cache": 600}, 720),
        ("nightly", ["cache=30s"], {"queue": 300, "cache": 30}, 420),
        ("smoke", ["queue=5m", "cache=1m30s"], {"queue": 300, "cache": 90}, 328),
        ("gate", ["queue=3", "queue=2s"], {"queue": 2, "cache": 30}, 90),
    ],
)
def test_each_profile_looks_for_as_long_as_it_says(
    profile: str, given_: list[str], windows_s: dict[str, float], deadline_s: float
) -> None:
    run = run_of(profile, *given_)

    assert run.windows_s == windows_s
    assert run.deadline_s == deadline_s


def test_a_window_is_no_longer_than_the_limit_needs_and_no_shorter_than_two_seconds() -> None:
    limits = {"command_p95_for_s": "20s", "queue_latency_for_s": "1s"}
    settings_ = {name: {"role": name, "limits": limits} for name in ("queue", "cache")}
    config = json.dumps({"services": settings_})

    assert run_of("nightly", config=config).windows_s == {"queue": 2, "cache": 20}
    assert run_of("gate", config=config).windows_s == {"queue": 2, "cache": 20}
    assert run_of("smoke", config=config).windows_s == {"queue": 2, "cache": 2}


def test_a_configured_deadline_stays_as_it_is() -> None:
    assert run_of("nightly", config='{"deadline_s": 60}').deadline_s == 60


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("quue=5m", "there is no such service; the nearest is queue"),
        ("old=5m", "there is no such service"),
        ("=5m", "there is no such service"),
        ("5m", "there is no such service"),
        ("queue", "not a duration"),
        ("queue=", "not a duration"),
        ("queue=5x", "not a duration"),
        ("queue=-5", "not a duration"),
        ("queue=nan", "not a duration"),
        ("queue=inf", "not a duration"),
        ("queue=999999999999h", "not a duration"),
        ("queue=1s", "too short to judge, 2 s is the least"),
        ("\x1b[31m=2s", r"--window \x1b[31m=2s: there is no such service"),
    ],
)
def test_a_window_that_is_none_is_refused(window: str, words: str) -> None:
    with pytest.raises(ValueError, match="--window") as refused:
        run_of("smoke", window)
    assert words in str(refused.value)
    assert str(refused.value).isprintable()

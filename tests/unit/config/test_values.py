"""Durations and sizes, as people write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from redis_runbook.config.model import JwtCache, Limits, ServiceSettings

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
    for name in Limits.model_fields:
        try:
            number = getattr(Limits.model_validate({name: value}), name)
        except ValidationError:
            continue
        assert math.isfinite(number)
        assert number > 0
        assert number <= 1 or "ratio" not in name or name == "fragmentation_ratio"


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

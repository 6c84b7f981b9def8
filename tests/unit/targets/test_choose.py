"""Which target is opened."""

import pytest

from redis_runbook.targets.target import TargetError
from redis_runbook.wire.http_url import parse_http_url
from tests.support.targets import ROLES, config, open_

# --- which target -------------------------------------------------------------------------------


def test_auto_is_live_as_soon_as_one_url_is_given() -> None:
    target = open_(environ={"REDIS_CACHE_URL": "redis://:hunter22@cache.example:7000/1"})
    queue, cache = target.services
    assert target.kind == "live"
    assert target.announcement is None
    assert cache.endpoint
    assert cache.endpoint.address == "cache.example:7000"
    assert queue.endpoint is None
    assert "REDIS_QUEUE_URL" in queue.missing
    assert "hunter22" not in repr(target)
    assert target.exporters["cache"].target == "redis://cache.example:7000"


def test_an_exporter_url_alone_makes_auto_live() -> None:
    target = open_(environ={"REDIS_EXPORTER_URL": "http://exporter.example:9121/metrics"})
    assert target.kind == "live"
    assert set(target.exporters) == set(ROLES)
    for route in target.exporters.values():
        assert (route.own, route.url, route.missing) == (
            False,
            parse_http_url("http://exporter.example:9121/metrics"),
            "",
        )


def test_live_says_what_to_set_where_no_exporter_is_known() -> None:
    target = open_(environ={"REDIS_CACHE_URL": "redis://cache.example"})
    assert set(target.exporters) == set(ROLES)
    for route in target.exporters.values():
        assert route.url is None
        assert "REDIS_EXPORTER_URL" in route.missing


def test_live_on_request_uses_the_addresses_of_the_runbook() -> None:
    target = open_(requested="live")
    assert [service.endpoint.address for service in target.services if service.endpoint] == [
        "redis-queue:6379",
        "redis-cache:6379",
    ]
    assert target.exporters["cache"].url == parse_http_url("http://redis-exporter:9121/metrics")


def test_an_exporter_of_its_own_and_its_name_for_a_service_are_kept() -> None:
    settings = config(
        services={
            "queue": {"exporter_url": "http://own.example:9121/metrics"},
            "cache": {"exporter_target": "redis://cache.internal:6379"},
        }
    )
    target = open_(settings, {"REDIS_EXPORTER_URL": "http://shared.example/metrics"})
    queue, cache = target.exporters["queue"], target.exporters["cache"]
    assert (queue.own, queue.url) == (True, parse_http_url("http://own.example:9121/metrics"))
    assert (cache.own, cache.url) == (False, parse_http_url("http://shared.example/metrics"))
    assert cache.target == "redis://cache.internal:6379"


def test_every_wrong_address_is_told_at_once() -> None:
    settings = config(
        services={
            "queue": {"url_env": None, "url_file": "/nonexistent/queue"},
            "cache": {"url_env": None, "url_file": "/nonexistent/cache"},
        }
    )
    with pytest.raises(TargetError) as raised:
        open_(settings)
    assert "services.queue.url_file" in str(raised.value)
    assert "services.cache.url_file" in str(raised.value)


def test_gate_does_not_fall_back_to_throwaway_servers() -> None:
    with pytest.raises(TargetError) as raised:
        open_(profile="gate")
    assert str(raised.value) == (
        "gate does not fall back to throwaway servers: set REDIS_QUEUE_URL and REDIS_CACHE_URL"
    )


def test_with_every_service_switched_off_there_is_no_target() -> None:
    settings = config(services={name: {"enabled": False} for name in ROLES})
    with pytest.raises(TargetError, match="nothing to check"):
        open_(settings)

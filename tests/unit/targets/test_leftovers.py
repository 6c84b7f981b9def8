"""Whose leftovers a container is."""

import subprocess
import sys
import time
from typing import Any
from unittest import mock

import docker
import pytest
from docker.errors import APIError, NotFound

from redis_runbook.targets import leftovers
from tests.support.servers import wait_until

# --- whose leftovers ----------------------------------------------------------------------------


def test_what_belongs_to_a_live_process_is_no_orphan() -> None:
    assert not leftovers._is_orphan(leftovers.labels("run"), leftovers._place())


def test_what_belongs_to_a_process_that_is_gone_is_an_orphan() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = {
        **leftovers.labels("run"),
        leftovers._PID: str(process.pid),
        leftovers._PROCESS_START: leftovers._process_start(process.pid),
    }
    assert not leftovers._is_orphan(found, leftovers._place())
    process.kill()
    wait_until(lambda: leftovers._is_orphan(found, leftovers._place()))  # a zombie
    process.communicate()
    assert leftovers._is_orphan(found, leftovers._place())


def test_a_process_id_that_was_given_to_another_process_is_gone() -> None:
    found = {**leftovers.labels("run"), leftovers._PROCESS_START: "1"}
    assert leftovers._is_orphan(found, leftovers._place())


def test_leftovers_of_another_place_go_after_a_day() -> None:
    found = leftovers.labels("run")
    assert not leftovers._is_orphan(found, "another host")
    found[leftovers._CREATED] = str(int(time.time()) - 90_000)
    assert leftovers._is_orphan(found, "another host")
    assert not leftovers._is_orphan(found, leftovers._place())


@pytest.mark.parametrize("pid", ["", "x", "-1", "9" * 5000])
def test_labels_that_make_no_sense_do_no_harm(pid: str) -> None:
    found = {leftovers.RUN: "run", leftovers._PLACE: leftovers._place(), leftovers._PID: pid}
    assert not leftovers._is_orphan(found, leftovers._place())
    assert not leftovers._is_orphan({leftovers.RUN: "run"}, leftovers._place())


# --- what a daemon is asked (FAKE: real ones refuse only now and then) --------------------------


def daemon(**answers: Any) -> mock.Mock:
    api = mock.Mock(spec=docker.APIClient)
    found = {"Id": "abc", "Labels": leftovers.labels("run")}
    api.containers.return_value, api.networks.return_value = [found], []
    api.configure_mock(**answers)
    return api


def test_what_is_being_removed_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_REMOVE_AGAIN_S", 0.01)
    in_progress = APIError("removal of container abc is already in progress")
    api = daemon(**{"remove_container.side_effect": [in_progress, in_progress, NotFound("gone")]})
    leftovers.remove(api, "run")
    assert api.remove_container.call_count == 3


def test_what_cannot_be_removed_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_REMOVE_AGAIN_S", 0.01)
    monkeypatch.setattr(leftovers, "_REMOVE_LIMIT_S", 0.1)
    api = daemon(**{"remove_container.side_effect": APIError("device or resource busy")})
    leftovers.remove(api, "run")
    assert api.remove_container.call_count > 1


def test_a_daemon_that_is_gone_is_asked_once() -> None:
    api = daemon(**{"containers.side_effect": docker.errors.DockerException("refused")})
    leftovers.remove(api, "run")
    assert api.containers.call_count == 1


def test_leftovers_of_others_cost_one_look() -> None:
    api = daemon(**{"remove_container.side_effect": APIError("device or resource busy")})
    found = api.containers()[0]
    found["Labels"][leftovers._PROCESS_START] = "1"
    leftovers.sweep(api)
    assert api.remove_container.call_count == 1

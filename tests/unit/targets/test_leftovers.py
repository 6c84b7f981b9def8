"""Whose leftovers a container is."""

import subprocess
import sys
import time

import pytest

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

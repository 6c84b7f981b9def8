"""Packages that are imported late, by the threads that need them."""

import subprocess
import sys

from tests.support.product import QUIET

_SLOWLY = """
import importlib.abc, sys, threading, time
from redis_runbook.probes.containers.daemon import Daemon
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.http import FetchError, http_get
from redis_runbook.wire.http_url import parse_http_url

class Slowly(importlib.abc.MetaPathFinder):
    def find_spec(self, *_):
        time.sleep(0.002)

sys.meta_path.insert(0, Slowly())

def look(at):
    try:
        at()
    except (CannotLook, FetchError) as error:
        print(error)

watched = parse_http_url("http://127.0.0.1:1/metrics")
looks = lambda: Daemon(20).engine(), lambda: http_get(watched, timeout_s=20)
threads = [threading.Thread(target=look, args=[at]) for at in looks]
for thread in threads:
    thread.start()
    while "requests" not in sys.modules:
        time.sleep(0.001)
for thread in threads:
    thread.join()
"""


def test_two_threads_that_import_at_the_same_time_both_succeed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SLOWLY],
        env={**QUIET, "DOCKER_HOST": "unix:///nowhere/docker.sock"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert sorted(done.stdout.splitlines()) == [
        "no Docker daemon answers at unix:///nowhere/docker.sock",
        "refused the connection",
    ], done.stderr

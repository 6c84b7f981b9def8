"""A command that does not do what it should, and a login that refreshes nothing."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Final

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import Stand

_SMOKE: Final = """
[commands.smoke]
run = ["sh", "./smoke.sh"]
timeout = 2
"""
_LOGS_IN: Final = """
[jwt_cache.login]
run = {command}
env_from = ["REDIS_CACHE_URL", "DRILL_LOGIN"]
timeout = 5
""".format(command=json.dumps([sys.executable, "-m", "redis_runbook.drills.login"]))


@contextlib.contextmanager
def _smoke(stand: Stand, script: str) -> Iterator[None]:
    stand.files["smoke.sh"] = script
    yield
    stand.files["smoke.sh"] = "exit 0"


@fault("the smoke command fails", "incident.smoke_command[smoke]", configuration=_SMOKE)
def smoke_command_fails(stand: Stand) -> Iterator[None]:
    """It exits with 3."""
    with _smoke(stand, "exit 3"):
        yield


@fault("the smoke command hangs", "incident.smoke_command[smoke]", configuration=_SMOKE)
def smoke_command_hangs(stand: Stand) -> Iterator[None]:
    """For longer than its timeout."""
    with _smoke(stand, "sleep 60"):
        yield


@fault("a login refreshes nothing", "jwt_cache.refreshes[cache]", configuration=_LOGS_IN)
def login_not_refreshing(stand: Stand) -> Iterator[None]:
    """It works, and writes nothing."""
    stand.variables["DRILL_LOGIN"] = "works, and writes nothing"
    yield
    stand.variables["DRILL_LOGIN"] = ""

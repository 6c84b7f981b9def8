"""What a configuration changes in a run."""

from redis_runbook.catalogue import CATALOGUE, Level
from redis_runbook.config.model import Check, Config
from redis_runbook.config.profiles import PROFILES
from redis_runbook.session.run import Run
from tests.support.loading import as_loaded


def test_a_configuration_overrides_the_level_of_a_check() -> None:
    config = Config(checks={"memory.fragmentation": Check(level="invariant")})
    run = Run(as_loaded(config), PROFILES["smoke"], environ={})
    assert CATALOGUE["memory.fragmentation"].level is Level.ADVISORY
    assert run.level(CATALOGUE["memory.fragmentation"]) is Level.INVARIANT
    assert run.level(CATALOGUE["memory.used_ratio"]) is Level.INVARIANT
    assert run.level(CATALOGUE["latency.slowlog"]) is Level.ADVISORY

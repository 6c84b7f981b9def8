"""The embedded target runs every server program."""

from pathlib import Path

import pytest

from redis_runbook.targets import embedded
from tests.support.programs import every_version, program
from tests.support.targets import ROLES


@every_version
def test_every_server_program_will_do(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")  # Redis 7 would end at once
    (tmp_path / "redis-server").symlink_to(program(version))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    started = embedded.start(ROLES, {"PATH": str(tmp_path)})
    started.close()
    assert set(started.endpoints) == set(ROLES)

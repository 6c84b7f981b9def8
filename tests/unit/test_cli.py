"""A fault of our own is told as such."""

import re

import pytest

from redis_runbook.cli import main


def test_a_fault_of_our_own_is_neither_green_nor_a_broken_invariant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_arguments: list[str]) -> int:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("redis_runbook.cli._main", fail)
    assert main([]) == 3
    said = capsys.readouterr().err
    assert re.fullmatch(
        r"redis-runbook itself failed: RuntimeError, at test_cli\.py:\d+; nothing was "
        r"determined\n",
        said,
    )

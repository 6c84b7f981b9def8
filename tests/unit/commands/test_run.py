"""When `--wait` runs again, and when it gives up."""

import itertools
from types import SimpleNamespace

import pytest

from redis_runbook.commands import run
from redis_runbook.verdict import ExitCode

Attempts = list[tuple[float, int]]


def waiting(
    codes: list[int], *, wait_s: float, run_s: float, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[float], list[str]]:
    """The code in the end, when each attempt began, and all that was said."""
    clock, began, said = SimpleNamespace(now=100.0), list[float](), list[str]()
    left = itertools.chain(codes, itertools.repeat(codes[-1]))

    def attempt(number: int, waited_s: float) -> run._Attempt:
        began.append(waited_s)
        clock.now += run_s
        return run._Attempt(code=next(left), printed=f"table {number}\n", line=f"line {number}")

    def sleep(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    monkeypatch.setattr(run, "say", said.append)
    return run._until_healthy(attempt, wait_s=wait_s), began, said


@pytest.mark.parametrize("wait_s", [1, 5, 60, 61.5, 120])
@pytest.mark.parametrize("code", [ExitCode.BROKEN, ExitCode.UNDETERMINED])
def test_all_of_the_time_is_used_before_it_gives_up(
    code: int, wait_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, began, said = waiting([code], wait_s=wait_s, run_s=0.5, monkeypatch=monkeypatch)
    assert ended == code
    assert wait_s - 0.5 <= began[-1] <= wait_s
    assert all(later > earlier for earlier, later in itertools.pairwise(began))
    assert said == [*(f"line {one + 1}" for one in range(len(began))), f"table {len(began)}"]


@pytest.mark.parametrize("code", [0, 2, 4, 5])
def test_what_waiting_does_not_change_ends_it(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, began, said = waiting([1, 3, code], wait_s=60, run_s=3, monkeypatch=monkeypatch)
    assert (ended, began) == (code, [0, 4, 9])
    assert said == ["line 1", "line 2", "line 3", "table 3"]


def test_pauses_grow_and_stay_short_enough_to_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    _, began, _ = waiting([1], wait_s=90, run_s=1, monkeypatch=monkeypatch)
    pauses = [later - earlier - 1 for earlier, later in itertools.pairwise(began)]
    assert pauses[:5] == [1, 2, 4, 8, 15]
    assert max(pauses) == 15

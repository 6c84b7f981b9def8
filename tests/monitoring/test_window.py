"""What a window makes of a limit is what Prometheus makes of a rule with that limit and `for`.

A step of the window is an evaluation of the rule, which sees the step's value from its beginning to
its end. So `for` is as long as the window, and the alert is due where the window ends.
"""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.alerts.rule import duration
from redis_runbook.judging.window import Outcome, judge_window, step_edges
from tests.support.promtool import promtool

LIMIT = 50.0
FIRING = 'ALERTS{alertname="Slow",alertstate="firing"}'
WINDOWS_S = (1, 2, 5, 17, 60, 300)
SERIES_PER_WINDOW = 80

Values = list[float | None]


def steps_of(window_s: float) -> int:
    return len(step_edges(window_s)) - 1


def some_values(steps: int, dice: random.Random) -> Values:
    """So many steps: over the limit, but for a few of them, or none, or most, or all."""
    values: Values = [dice.choice([LIMIT * 1.000001, 51.0, 1e9]) for _ in range(steps)]
    for _ in range(dice.choice([0, 0, 1, 1, 2, 2 * steps, 20 * steps])):
        at = dice.choice([0, steps - 1, dice.randrange(steps)])
        values[at] = dice.choice([LIMIT, LIMIT * 0.999999, 0.0, -1.0])
    return values


def some_series(window_s: float) -> list[Values]:
    """Windows of that length, each after another one, or after nothing."""
    dice, steps = random.Random(window_s), steps_of(window_s)  # noqa: S311  # always the same
    nothing: Values = [None] * steps
    return [
        (some_values(steps, dice) if dice.random() < 0.5 else nothing) + some_values(steps, dice)
        for _ in range(SERIES_PER_WINDOW)
    ]


def outcome(values: Values, window_s: float) -> Outcome:
    """What we make of the window at the end."""
    offsets_s = step_edges(window_s)[:-1]
    own = [value for value in values[-len(offsets_s) :] if value is not None]
    return judge_window(offsets_s, own, window_s=window_s, limit=LIMIT, min_samples=1).outcome


def case_of(series: list[Values], fails: list[bool], window_s: float) -> dict[str, Any]:
    """What must fire, and no other, when the window ends."""
    step_s = step_edges(window_s)[1]
    return {
        "interval": duration(step_s),
        "input_series": [
            {
                "series": f'p95{{number="{number}"}}',
                "values": " ".join("_" if value is None else f"{value:f}" for value in values),
            }
            for number, values in enumerate(series)
        ],
        "promql_expr_test": [
            {
                "expr": FIRING,
                "eval_time": duration(step_s * 2 * steps_of(window_s)),
                "exp_samples": [
                    {"labels": FIRING.replace("}", f',number="{number}"}}'), "value": 1}
                    for number, fail in enumerate(fails)
                    if fail
                ],
            }
        ],
    }


def written(folder: Path, window_s: float, case: dict[str, Any]) -> Path:
    rule = {"alert": "Slow", "expr": f"p95 > {LIMIT}", "for": duration(window_s)}
    rules = folder / f"rules-{window_s}.yml"
    rules.write_text(json.dumps({"groups": [{"name": "window", "rules": [rule]}]}))
    path = folder / f"cases-{window_s}.yml"
    document = {
        "rule_files": [rules.name],
        "evaluation_interval": case["interval"],
        "tests": [case],
    }
    path.write_text(json.dumps(document))
    return path


def test_we_fail_where_prometheus_fires_and_nowhere_else(tmp_path: Path) -> None:
    files, seen = [], Counter[Outcome]()
    for window_s in WINDOWS_S:
        series = some_series(window_s)
        outcomes = [outcome(values, window_s) for values in series]
        seen.update(outcomes)
        fails = [one is Outcome.OVER_THROUGHOUT for one in outcomes]
        files.append(written(tmp_path, window_s, case_of(series, fails, window_s)))
    assert all(seen[one] > 30 for one in set(Outcome) - {Outcome.TOO_FEW, Outcome.TOO_BUSY}), seen
    tested = promtool("test", "rules", *files)
    assert tested.returncode == 0, tested.stderr


@pytest.mark.parametrize("number", [0, 1])
def test_promtool_would_have_noticed_a_single_difference(number: int, tmp_path: Path) -> None:
    over: Values = [51.0] * steps_of(2)
    series: list[Values] = [over + over, [*over, *over[1:], 50.0]]
    fails = [outcome(values, 2) is Outcome.OVER_THROUGHOUT for values in series]
    assert fails == [True, False]
    fails[number] = not fails[number]
    assert (
        promtool("test", "rules", written(tmp_path, 2, case_of(series, fails, 2))).returncode == 1
    )

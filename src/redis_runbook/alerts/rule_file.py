"""The alert rules as a rule file of Prometheus, and the cases that `promtool test rules` runs."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from redis_runbook import __version__
from redis_runbook.alerts.rule import AlertRule, Growth, Samples, duration, number, series

_MADE_BY: Final = f"# Made by redis-runbook {__version__} from its configuration: change it there."
_MAX_STEP_S: Final = 30.0
_MIN_STEPS: Final = 2
_MAX_STEPS: Final = 200
_RESOLUTION_S: Final = 0.001


def render(rules: Sequence[AlertRule]) -> str:
    """The rule file: one group for each service, and one for the runs of redis-runbook."""
    groups = [
        {"name": f"redis-runbook {service or 'itself'}", "rules": [_rule(rule) for rule in group]}
        for service, group in itertools.groupby(rules, key=lambda rule: rule.service)
    ]
    return document({"groups": groups})


def render_tests(rules: Sequence[AlertRule], rule_file: str) -> str:
    """Cases for `promtool test rules` that show each rule firing and not firing at its edges.

    Args:
        rules: the rules in `rule_file`.
        rule_file: the path of the rule file, relative to the file of the cases.
    """
    step_s = _step_s([rule.for_s for rule in rules if rule.for_s])
    return document(
        {
            "rule_files": [rule_file],
            "evaluation_interval": duration(step_s),
            "tests": [case for rule in rules for case in _cases(rule, step_s)],
        }
    )


def _rule(rule: AlertRule) -> dict[str, Any]:
    annotations = {"summary": rule.summary, "runbook": rule.runbook}
    if rule.runbook_url:
        annotations["runbook_url"] = _literal(rule.runbook_url)
    return {
        "alert": rule.name,
        "expr": rule.expr,
        **({"for": duration(rule.for_s)} if rule.for_s else {}),
        "labels": {**_labels(rule), "severity": rule.severity},
        "annotations": annotations,
    }


def _labels(rule: AlertRule) -> dict[str, str]:
    """The service, queue and check of the alert; each check id has a page in `docs/checks`."""
    about = {"service": rule.service, "queue": rule.queue, "check": rule.check}
    return {name: _literal(value) for name, value in about.items() if value is not None}


def _literal(text: str) -> str:
    """A text, escaped so that Prometheus' templates do not expand it."""
    return text.replace("{{", '{{"{{"}}')


def _step_s(for_s: Sequence[float]) -> float:
    """The evaluation interval of the cases: short for the shortest `for`, but bounded in steps."""
    if not for_s:
        return _MAX_STEP_S
    step_s = max(min(for_s) / _MIN_STEPS, max(for_s) / _MAX_STEPS)
    return math.ceil(min(step_s, _MAX_STEP_S) / _RESOLUTION_S) * _RESOLUTION_S


def _cases(rule: AlertRule, step_s: float) -> Iterator[dict[str, Any]]:
    steps = math.ceil(rule.for_s / step_s - _RESOLUTION_S)
    for samples in rule.firing_cases:
        # `rate` needs two samples.
        first = 1 if any(isinstance(course, Growth) for course in samples.values()) else 0
        at_s = (first + steps) * step_s
        inputs = {name: _values(course, step_s, first + steps) for name, course in samples.items()}
        expected = {at_s - _RESOLUTION_S: False} if steps else {}
        yield _case(rule, "fires", inputs, {**expected, at_s: True}, step_s)
    for samples in rule.silent_cases:
        inputs = {name: _values(course, step_s, steps + 1) for name, course in samples.items()}
        yield _case(rule, "does not fire", inputs, {(steps + 1) * step_s: False}, step_s)
    if steps and not any(isinstance(course, Growth) for course in rule.firing_cases[0].values()):
        inputs = dict(_recovery(rule.firing_cases[0], rule.silent_cases[0], steps))
        title = "does not fire where it ends just before"
        yield _case(rule, title, inputs, {(steps + 1) * step_s: False}, step_s)


def _case(
    rule: AlertRule,
    title: str,
    inputs: Mapping[str, str],
    expected: Mapping[float, bool],
    step_s: float,
) -> dict[str, Any]:
    about = {"alertname": rule.name, "alertstate": "firing", "service": rule.service}
    firing = {key: value for key, value in about.items() if value is not None}
    if rule.queue is not None:
        firing["queue"] = rule.queue
    return {
        "name": " ".join(text for text in (rule.name, rule.service, rule.queue, title) if text),
        "interval": duration(step_s),
        "input_series": [{"series": name, "values": values} for name, values in inputs.items()],
        "promql_expr_test": [
            {
                "expr": f"count({series('ALERTS', firing)})",
                "eval_time": duration(at_s),
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
            for at_s, fires in expected.items()
        ],
    }


def _recovery(over: Samples, within: Samples, steps: int) -> Iterator[tuple[str, str]]:
    """Series over the limit in all steps of the `for` but the last, and within it in the last.

    A series may exist in only one of the two parts.
    """
    for name in {**over, **within}:
        before = _values(over[name], 0, steps - 1) if name in over else f"_x{steps}"
        after = _values(within[name], 0, 1) if name in within else "stale"
        yield name, f"{before} {after}"


def _values(course: float | Growth, step_s: float, more: int) -> str:
    """A value or growth in promtool's notation: the first value, and `more` further values."""
    if isinstance(course, Growth):
        return f"{number(course.start)}+{number(course.per_s * step_s)}x{more}"
    return f"{number(course)}+0x{more}"


def document(content: Mapping[str, Any]) -> str:
    """A YAML document with a first line that says what made it."""
    return "\n".join([_MADE_BY, *_yaml(content), ""])


def _yaml(node: Any) -> Iterator[str]:
    """The lines of a YAML document; texts must be printable, and keys plain words.

    Texts are in single quotes, which leave PromQL readable. No other feature of YAML is needed.
    """
    match node:
        case Mapping() if node:
            for key, value in node.items():
                lines = list(_yaml(value))
                if isinstance(value, Mapping | list) and value:
                    yield f"{key}:"
                    yield from (f"  {line}" for line in lines)
                else:
                    yield f"{key}: {lines[0]}"
        case list() if node:
            for item in node:
                first, *others = _yaml(item)
                yield f"- {first}"
                yield from (f"  {line}" for line in others)
        case str():
            yield "'" + node.replace("'", "''") + "'"
        case _:
            yield json.dumps(node)

"""Rules are compared by what they compute, and each fault has its own words."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.alerts.condition import conditions
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.match import Match, Matcher, about
from redis_runbook.alerts.rule import AlertRule, runbook_alerts
from redis_runbook.config.model import Config, Limits, ServiceSettings
from redis_runbook.probes.prometheus.promql import parse, selectors
from redis_runbook.probes.prometheus.rules import ActiveAlert, LoadedRule, RulesFacts
from redis_runbook.probes.prometheus.series import Labels
from redis_runbook.redact import Shown

MEMORY = "redis_memory_used_bytes / redis_memory_max_bytes"


@pytest.mark.parametrize(
    "expression",
    [
        "redis_memory_used_bytes / redis_memory_max_bytes > 0.8",
        "redis_memory_used_bytes/redis_memory_max_bytes*100>80 # percent",
        "100 * redis_memory_used_bytes / redis_memory_max_bytes > 8e1",
        "0.8 < redis_memory_used_bytes / redis_memory_max_bytes",
        'redis_memory_used_bytes{a="b"} > 0.8 * redis_memory_max_bytes{a=~`b|c`,}',
        "(redis_memory_used_bytes) / on (instance) group_left () (redis_memory_max_bytes) > .8",
        "redis_memory_used_bytes / (redis_memory_max_bytes > 0) > 0.8",
        "redis_memory_used_bytes / redis_memory_max_bytes > 0.8 and redis_memory_max_bytes != 0",
        "max by (instance) (redis_memory_used_bytes / redis_memory_max_bytes) > 0.8",
        "max(redis_memory_used_bytes / redis_memory_max_bytes) without (cpu) > 0.8",
        "instance:memory:ratio > 0.8",
    ],
)
def test_one_computation_is_written_in_many_ways(expression: str) -> None:
    (found,) = conditions(expression, {"instance:memory:ratio": MEMORY})
    assert (found.quantity, found.operator, found.further) == (MEMORY, ">", ())
    assert found.threshold == pytest.approx(0.8)
    assert {one.name for one in found.selectors} == set(MEMORY.split(" / "))


@pytest.mark.parametrize(
    "expression",
    [
        "redis_memory_max_bytes / redis_memory_used_bytes > 0.8",
        "redis_memory_used_bytes + redis_memory_max_bytes > 0.8",
        "min(redis_memory_used_bytes / redis_memory_max_bytes) > 0.8",
        "max_over_time(redis_memory_used_bytes[5m]) / redis_memory_max_bytes > 0.8",
        "redis_memory_used_bytes offset 1h / redis_memory_max_bytes > 0.8",
        "avg(redis_memory_used_bytes) / redis_memory_max_bytes > 0.8",
        "redis_memory_used_rss_bytes / redis_memory_max_bytes > 0.8",
        "absent(redis_memory_used_bytes / redis_memory_max_bytes) > 0.8",
    ],
)
def test_another_computation_is_not_taken_for_it(expression: str) -> None:
    assert MEMORY not in {one.quantity for one in conditions(expression)}


def test_alternatives_and_further_conditions_are_told_apart() -> None:
    first, second = conditions("a > 1 and on () hour() > 8 or b{x='y'} < 2 unless c")
    assert (first.quantity, first.threshold, first.further) == ("a", 1, ("(hour() > 8)",))
    assert (second.quantity, second.operator, second.further) == ("b", "<", ("c",))


@pytest.mark.parametrize(
    "text",
    ["", "a >", "a{", "a{b}", 'a{b="c"', "a[", "a[5m", "sum(", "sum by (", "(" * 99, "a b", "$x",
     "a > bool 1", "a / 0 > 1", "a * 0 > 1", '"', "0x" + "f" * 300 + " > a", "a+" * 1500 + "a > 1",
     "a" * 5000],
)  # fmt: skip
def test_what_is_no_promql_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        conditions(text)


@given(st.text("ab({[}])\"'`=~!<>+-*/^%,:@ 0.1e5msofebyandru\\\n#", max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        found = conditions(text, {"a": "b + a", "b": text})
    except ValueError:
        return
    assert found


def test_selectors_are_written_one_way() -> None:
    tree = parse('rate(a{y="2",x=\'1"\'}[5m] offset 1m) / {__name__=~"b.*"} + c @ end()')
    assert {str(one) for one in selectors(tree)} == {
        'a{x="1\\"",y="2"}',
        '{__name__=~"b.*"}',
        "c",
    }


# Which loaded rule an alert is


def rules_of(memory_ratio: float = 0.8) -> tuple[AlertRule, ...]:
    limits = Limits(memory_ratio=memory_ratio)
    queue, cache = ServiceSettings(role="queue", limits=limits), ServiceSettings(role="cache")
    return implied_rules(Config(services={"queue": queue, "cache": cache}))


def alert(name: str, rules: Sequence[AlertRule] | None = None) -> AlertRule:
    return runbook_alerts(rules or rules_of())[name][0]


def matched(wanted: AlertRule, *loaded: LoadedRule, series: Sequence[str] = ()) -> Match:
    """FAKE: facts in which every selector that is asked for has its series, or those given."""
    facts = RulesFacts(rules=loaded, recorded={}, series={})
    each = {
        f'service="{name}"': frozenset({frozenset({("service", name)})})
        for name in ("queue", "cache")
    }
    known = {
        selector: next((one for label, one in each.items() if label in selector), both)
        for both in [frozenset[Labels]().union(*each.values())]
        for selector in series or Matcher(facts).needs(wanted)
    }
    return Matcher(replace(facts, series=known)).match(wanted)


def loaded(expression: str, name: str = "Theirs", for_s: float = 0, **rest: object) -> LoadedRule:
    rule = LoadedRule(name=Shown(name), group=Shown("g"), query=expression, for_s=for_s)
    return replace(rule, **rest)  # type: ignore[arg-type]


def test_each_generated_rule_is_its_own_best_match() -> None:
    rules = rules_of()
    everything = [
        loaded(rule.expr, rule.name, rule.for_s, labels={"service": rule.service or ""})
        for rule in rules
    ]
    wanted = [rule for rule in rules if rule.of_runbook]
    assert len(wanted) == 5
    for rule in wanted:
        match = matched(rule, *everything)
        assert match.found
        assert (match.found.query, list(match.faults)) == (rule.expr, [])


def test_of_two_services_with_two_limits_each_has_its_own_rule() -> None:
    rules = rules_of(memory_ratio=0.7)
    queue, cache = alert("queue/RedisMemory", rules), alert("cache/RedisMemory", rules)
    both = [loaded(queue.expr, "Q"), loaded(cache.expr, "C")]
    for wanted, name in ((queue, "Q"), (cache, "C")):
        match = matched(wanted, *both)
        assert match.found
        assert (match.found.name, list(match.faults)) == (name, [])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (loaded(f"{MEMORY} * 100 > 90"), "Theirs has the limit 0.9, the runbook 0.8"),
        (loaded(f"{MEMORY} > 0.8", for_s=60), "Theirs waits for 60 s, the runbook for 0 s"),
        (loaded(f"{MEMORY} < 0.8"), "Theirs compares by <, the runbook by >"),
        (loaded(MEMORY), "no rule alerts when redis_memory_used_bytes{"),
        (
            loaded(f"{MEMORY} > 0.8", health="err", last_error="many-to-many"),
            "Theirs fails to evaluate: many-to-many",
        ),
        (loaded(f"{MEMORY} > 0.8", age_s=500.0), "Theirs was last evaluated 500 s ago"),
        (loaded("up == 0"), "no rule alerts when redis_memory_used_bytes{"),
        (
            loaded("redis_memory_used_byte / redis_memory_max_bytes > 0.8", name="RedisMemory"),
            "RedisMemory computes something else: redis_memory_used_byte / ",
        ),
        (loaded('a{service="cache"} > 1', "RedisMemory"), "RedisMemory computes something else"),
    ],
)
def test_each_fault_has_its_own_words(rule: LoadedRule, words: str) -> None:
    match = matched(alert("queue/RedisMemory"), rule)
    faults = "; ".join(match.faults)
    assert words in faults, faults
    assert match.problems or "cannot be told" in faults


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (loaded(f"{MEMORY} > 0.8 and on () hour() > 8"), "fires only where (hour() > 8) holds"),
        (loaded(f"1 - {MEMORY} < 0.2"), "whether Theirs amounts to it cannot be told: 1 - "),
        (loaded(f"{MEMORY} > 0.8 default 1"), "whether Theirs amounts to it cannot be told"),
        (loaded(f"{MEMORY} > 0.8", age_s=None), "Theirs has not been evaluated yet"),
    ],
)
def test_what_cannot_be_told_is_a_doubt(rule: LoadedRule, words: str) -> None:
    match = matched(alert("queue/RedisMemory"), rule)
    assert not match.problems
    assert words in "; ".join(match.doubts)


def test_a_rule_on_series_that_do_not_exist_is_told() -> None:
    match = matched(alert("queue/RedisMemory"), loaded(f"{MEMORY} > 0.8"), series=["other"])
    assert (
        "Theirs can never fire: it reads redis_memory_used_bytes, of which Prometheus has no series"
        in match.problems
    )


def test_a_rule_about_another_service_is_not_taken_for_ours() -> None:
    wanted = alert("queue/RedisMemory")
    other = 'redis_memory_used_bytes{instance="b"} / redis_memory_max_bytes{instance="b"} > 0.8'
    mine, theirs = (frozenset({frozenset({("instance", one)})}) for one in "ab")
    facts = RulesFacts(rules=[loaded(other)], recorded={}, series={})
    series = {
        selector: theirs if "instance" in selector else mine
        for selector in Matcher(facts).needs(wanted)
    }
    match = Matcher(replace(facts, series=series)).match(wanted)
    assert match.problems[0].startswith("no rule alerts when")
    same = dict.fromkeys(series, mine)
    assert not Matcher(replace(facts, series=same)).match(wanted).faults


def test_whether_a_rule_is_about_ours_cannot_be_told_without_our_series() -> None:
    other = 'redis_memory_used_bytes{instance="b"} / redis_memory_max_bytes{instance="b"} > 0.8'
    theirs = ['redis_memory_used_bytes{instance="b"}', 'redis_memory_max_bytes{instance="b"}']
    match = matched(alert("queue/RedisMemory"), loaded(other), series=theirs)
    assert "[services.queue] series says which they are" in match.doubts[0]


def firing(expression: str, name: str = "Theirs", **labels: str) -> LoadedRule:
    return loaded(expression, name, active=[ActiveAlert(state="firing", labels=labels)])


def test_only_alerts_about_services_are_active() -> None:
    """One about our own findings would keep the finding alive that it is about."""
    rules = rules_of()
    states = [
        firing(rule.expr, rule.name, service=rule.service or "")
        for rule in rules
        if rule.name in {"RedisDown", "RedisMemory", "RedisRunbookBroken"}
    ]
    facts = RulesFacts(rules=states, recorded={}, series={})
    assert set(Matcher(facts).active(rules)) == {
        "queue/RedisDown",
        "queue/RedisMemory",
        "cache/RedisDown",
        "cache/RedisMemory",
    }


@pytest.mark.parametrize(
    ("labels", "active"),
    [
        ({"service": "cache"}, {"cache/RedisMemory"}),
        ({"service": "other"}, set()),
        ({"team": "ops"}, {"queue/RedisMemory", "cache/RedisMemory"}),
    ],
)
def test_an_alert_of_a_rule_for_all_services_is_about_the_one_in_its_labels(
    labels: dict[str, str], active: set[str]
) -> None:
    facts = RulesFacts(rules=[firing(f"{MEMORY} > 0.8", **labels)], recorded={}, series={})
    assert set(Matcher(facts).active(rules_of())) == active


def test_an_alert_is_named_once() -> None:
    said = "RedisQueueLatency can never fire"
    assert about("queue/RedisQueueLatency", said) == "queue/RedisQueueLatency: can never fire"
    assert about("queue/RedisQueueLatency/q", said) == "queue/RedisQueueLatency/q: can never fire"
    assert about("queue/RedisMemory", said) == f"queue/RedisMemory: {said}"

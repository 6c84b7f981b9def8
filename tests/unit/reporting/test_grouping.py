"""What is told together: findings of one cause, and those that follow from another."""

from dataclasses import replace

from redis_runbook.redact import Shown
from redis_runbook.reporting.grouping import groups
from redis_runbook.verdict import Finding, Verdict
from tests.unit.reporting.test_record import RECORD


def finding(subject: str, message: str, verdict: Verdict = Verdict.FAIL, **more: object) -> Finding:
    return Finding(
        check=Shown(str(more.pop("check", "queue.workers"))),
        subject=Shown(subject),
        verdict=verdict,
        message=Shown(message),
        service=Shown("queue"),
        **more,  # type: ignore[arg-type]
    )


def names(*found: Finding) -> list[tuple[str, str, list[str]]]:
    made = groups(found, replace(RECORD, findings=found))
    return [(group.name, group.members, [one.name for one in group.others]) for group in made]


def test_one_cause_is_one_group_whatever_the_numbers() -> None:
    tenants = [
        finding(f"tenant-{number}", f"0 of {number} workers of tenant-{number} take jobs")
        for number in range(60)
    ]
    assert names(*tenants) == [("queue.workers, 60 subjects", "tenant-0 … tenant-59", [])]
    assert names(*tenants[:2]) == [("queue.workers, 2 subjects", "tenant-0, tenant-1", [])]


def test_other_causes_verdicts_services_and_checks_are_groups_of_their_own() -> None:
    one = finding("a", "nobody takes jobs of a")
    assert len(names(one, finding("b", "b is paused"))) == 2
    assert len(names(one, finding("b", "nobody takes jobs of b", Verdict.WARN))) == 2
    assert len(names(one, replace(finding("b", "nobody takes jobs of b"), service=None))) == 2
    assert len(names(one, finding("b", "nobody takes jobs of b", check="queue.depth"))) == 2


def test_what_cannot_be_seen_for_one_reason_is_one_group_of_several_checks() -> None:
    found = [
        finding("queue", "no permission for INFO on queue", Verdict.UNKNOWN, check=check)
        for check in ("memory.used_ratio", "memory.evictions", "connectivity.role", "queue.depth")
    ]
    assert names(*found) == [("4 checks", "memory.used_ratio[queue] … queue.depth[queue]", [])]


def test_what_follows_is_told_with_its_cause_however_long_the_chain() -> None:
    cause = finding("queue", "refused", check="connectivity.reachable")
    first = finding("a", "x", Verdict.UNKNOWN, follows_from=Shown(cause.name))
    second = finding("b", "y", Verdict.UNKNOWN, follows_from=Shown(first.name))
    assert names(cause, first, second) == [(cause.name, "", [first.name, second.name])]


def test_no_finding_is_lost_where_causes_are_missing_or_go_round() -> None:
    one = finding("a", "x", follows_from=Shown("queue.workers[b]"))
    other = finding("b", "y", follows_from=Shown("queue.workers[a]"))
    missing = finding("c", "z", follows_from=Shown("gone[x]"))
    assert {name for name, _, _ in names(one, other, missing)} == {
        one.name, other.name, missing.name
    }  # fmt: skip

"""What the matrix says of drills on several targets."""

import dataclasses
from pathlib import Path

from redis_runbook.drills.drill import Drill
from redis_runbook.drills.report import as_markdown, as_page, in_words
from redis_runbook.drills.stand import DrillTarget
from redis_runbook.verdict import Verdict
from tests.support.browser import opened

REACHABLE = "connectivity.reachable[queue]"
CONTAINER = "incident.container[queue]"


def drill(target: DrillTarget, name: str, *expected: str) -> Drill:
    return Drill(
        name=name,
        title="it is gone",
        target=target,
        server="redis 7.0.15",
        expected=expected,
        may=(),
        found=expected,
        detected_s=3.0,
        verdict=Verdict.FAIL,
        repaired=True,
    )


DRILLS = [
    drill("embedded", "stopped", REACHABLE),
    drill("container", "stopped", REACHABLE, CONTAINER),
    drill("container", "loop", CONTAINER),
]


def test_the_same_server_in_a_container_has_a_column_of_its_own() -> None:
    header, _, *rows, _, last, _ = as_markdown(DRILLS).partition("| fault")[2].split("\n")
    assert header.endswith("| redis 7.0.15 | redis 7.0.15 in containers |")
    assert [row.count("3 s") for row in rows] == [2, 1]
    assert rows[1].endswith("|  | 3 s |")
    assert last == "in 3 of 3 drills (2 faults) the fault was noticed exactly"


def test_a_check_that_is_expected_on_one_target_says_on_which() -> None:
    for shown in (as_markdown(DRILLS), as_page(DRILLS).replace("<code>", "`")):
        stopped, _, loop = shown.partition("`loop")
        assert f"{CONTAINER}` container only" in stopped.replace("</code>", "`")
        assert f"{REACHABLE}` container only" not in stopped.replace("</code>", "`")
        assert "container only" not in loop


def test_a_fault_that_nothing_fails_for_has_its_verdict_with_it() -> None:
    assert in_words(DRILLS[0]) == "3 s"
    for verdict in (Verdict.UNKNOWN, Verdict.WARN):
        assert in_words(dataclasses.replace(DRILLS[0], verdict=verdict)) == f"3 s, {verdict.value}"


def test_the_page_fits_a_phone(tmp_path: Path) -> None:
    file = tmp_path / "drill.html"
    long = "alias-of-" + "a-long-name-" * 6
    file.write_text(as_page([*DRILLS, drill("container", long, f"incident.container[{long}]")]))
    with opened(file, width=390) as shown:
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390

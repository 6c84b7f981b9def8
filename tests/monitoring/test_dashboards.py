"""Prometheus reads every query of the dashboards, and the command writes them."""

import json
from pathlib import Path
from typing import Any

from redis_runbook.alerts.dashboards import render_dashboards
from redis_runbook.alerts.implied import implied_rules
from tests.support import product
from tests.support.dashboards import CONFIGURATIONS, dashboards
from tests.support.loading import configured
from tests.support.promtool import promtool


@CONFIGURATIONS
def test_every_query_is_promql(options: dict[str, Any], tmp_path: Path) -> None:
    queries = [
        target["expr"]
        for one in dashboards(configured(**options)).values()
        for panel in one["panels"]
        for target in panel["targets"]
    ]
    rules = [{"record": f"query_{at}", "expr": query} for at, query in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    checked = promtool("check", "rules", tmp_path / "rules.yml")
    assert checked.returncode == 0, checked.stderr
    assert f"{len(queries)} rules found" in checked.stdout


def test_the_command_writes_both_and_says_where(folder: Path) -> None:
    done = product.run(folder, "dashboards", "-o", "new/folder", config="[services.queue.limits]")
    assert (done.code, done.err) == (0, "")
    assert "wrote new/folder/redis-queue.json" in done.out
    for name, text in render_dashboards(configured(), implied_rules(configured())).items():
        assert (folder / "new/folder" / name).read_text() == text


def test_a_folder_that_cannot_be_is_no_success(folder: Path) -> None:
    done = product.run(folder, "dashboards", "-o", "/dev/null")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("cannot write /dev/null/redis-queue.json: ")

"""promtool, which says what Prometheus makes of our rules."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from redis_runbook.alerts.rule import AlertRule
from redis_runbook.alerts.rule_file import render, render_tests
from tests.support.requirements import require


def promtool(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run it; `text` is its standard input."""
    require(shutil.which("promtool") is not None, "promtool is not installed (prometheus)")
    return subprocess.run(
        ["promtool", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(
    folder: Path,
    rules: Sequence[AlertRule],
    cases_of: Sequence[AlertRule] | None = None,
    name: str = "rules",
) -> Path:
    """Write a rule file and its cases (or those of other rules); the path of the cases."""
    (folder / f"{name}.yml").write_text(render(rules))
    cases = folder / f"{name}-cases.yml"
    cases.write_text(render_tests(cases_of or rules, f"{name}.yml"))
    return cases

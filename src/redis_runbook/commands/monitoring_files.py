"""`redis-runbook rules` and `redis-runbook dashboards`: what Prometheus and Grafana are given."""

import os
from collections.abc import Mapping
from pathlib import Path

from redis_runbook.alerts.dashboards import render_dashboards
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.rule_file import render, render_tests
from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import load
from redis_runbook.config.model import Config
from redis_runbook.wire.files import write_whole


def write_rules(
    config_file: Path | None, environ: Mapping[str, str], output: Path | None, tests: Path | None
) -> str:
    """Write the alert rules, and with `tests` the cases for promtool; both whole or not at all.

    Returns:
        What to print: the rules where there is no `output`, else what was written.

    Raises:
        ConfigError: the configuration is wrong, or a file cannot be written.
    """
    rules = implied_rules(_configuration(config_file, environ))
    if output is None:
        if tests:
            raise ConfigError(["--tests needs -o FILE: its cases name the file of the rules"])
        return render(rules)
    said = _written(output, render(rules), f"{len(rules)} rules")
    if tests:
        cases = render_tests(rules, os.path.relpath(output, tests.parent))
        said += _written(tests, cases, f"run `promtool test rules {tests}`")
    return said


def write_dashboards(config_file: Path | None, environ: Mapping[str, str], folder: Path) -> str:
    """Write both dashboards into a folder, which is made where it is missing.

    Returns:
        What was written, to print.

    Raises:
        ConfigError: the configuration is wrong, or a file cannot be written.
    """
    config = _configuration(config_file, environ)
    return "".join(
        _written(folder / name, text, "import it in Grafana")
        for name, text in render_dashboards(config, implied_rules(config)).items()
    )


def _configuration(file: Path | None, environ: Mapping[str, str]) -> Config:
    return load(file, environ, {}).config


def _written(path: Path, text: str, what: str) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise ConfigError([f"cannot write {path}: {error.strerror}"]) from None
    return f"wrote {path}: {what}\n"

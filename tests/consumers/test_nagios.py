"""The line of `--output nagios` as Icinga and Nagios' own library read it."""

import getpass
import grp
import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown
from redis_runbook.reporting import nagios
from redis_runbook.verdict import ExitCode, Finding, Verdict
from tests.support import product
from tests.support.consumers import program
from tests.support.hostile_records import findings, hostile, huge, record
from tests.support.places import ROOT
from tests.support.requirements import require
from tests.support.servers import Server

PARSE = """
use Monitoring::Plugin::Performance use_die => 1;
my $line = <STDIN>;
my ($text, $data) = $line =~ /^([^|]*)(?:\\|(.*))?$/s;
for my $p (Monitoring::Plugin::Performance->parse_perfstring($data // "")) {
  my @about = ($p->label, $p->value, $p->uom, $p->warning, $p->critical);
  print join("\\t", map { $_ // "" } @about), "\\n";
}
"""


def in_icinga(line: str) -> dict[str, dict[str, object]]:
    """What Icinga takes from the perfdata, by label."""
    parts = re.findall(r"'[^']*'=\S+", line.partition("|")[2])
    literals = ", ".join(json.dumps(part, ensure_ascii=False) for part in parts)
    said = program(["icinga2", "console", "--eval", f"[{literals}].map(parse_performance_data)"])
    return {one["label"]: one for one in json.loads(said)}


def in_nagios(line: str) -> dict[str, list[str]]:
    """What Nagios' own library for plugins takes from the line, by label."""
    rows = [row.split("\t") for row in program(["perl", "-e", PARSE], line).splitlines()]
    return {label: values for label, *values in rows}


def healthy(*found: Finding) -> RunRecord:
    return replace(
        record(found), exit_code=ExitCode.HEALTHY, outcome=ExitCode.HEALTHY, interrupted=False
    )


def measured(check: str, observed: float, limit: float | None, unit: str | None) -> Finding:
    shown = Shown(unit) if unit else None
    return Finding(
        check=Shown(check),
        subject=Shown("queue"),
        verdict=Verdict.PASS,
        message=Shown("fine"),
        observed=observed,
        limit=limit,
        unit=shown,
    )


MEASURED = healthy(
    measured("memory.used_ratio", 0.831, 0.8, "ratio"),
    measured("latency.round_trip", 12.4, 2000, "ms"),
    measured("queue.latency", 1.5, 2, "s"),
    measured("queue.workers", 3, 2, "workers"),
    replace(measured("connectivity.clients", 0.5, 0.8, "ratio"), advisory=True),
    measured("acme.size", 1e6, 2e6, "bytes"),
    measured("acme.tiny", 1e-9, None, None),
    measured("acme.endless", 1e300, 1, None),
)


def test_icinga_reads_values_units_and_limits() -> None:
    found = in_icinga(nagios.render(MEASURED))
    said = {
        label: (one["value"], one["unit"], one["warn"], one["crit"]) for label, one in found.items()
    }
    assert said == {
        "memory.used_ratio[queue]": (83.1, "percent", None, 80),
        "latency.round_trip[queue]": (0.0124, "seconds", None, 2),
        "queue.latency[queue]": (1.5, "seconds", None, 2),
        "queue.workers[queue]": (3, "", None, None),  # Icinga knows no least value
        "connectivity.clients[queue]": (50, "percent", 80, None),
        "acme.size[queue]": (1e6, "bytes", None, 2e6),
        "acme.tiny[queue]": (0, "", None, None),
    }


def test_nagios_own_library_reads_the_same() -> None:
    found = in_nagios(nagios.render(MEASURED))
    assert found["memory.used_ratio[queue]"] == ["83.1", "%", "", "80"]
    assert found["queue.workers[queue]"] == ["3", "", "", "2:"]
    assert found["connectivity.clients[queue]"] == ["50", "%", "80", ""]
    assert len(found) == 7


@pytest.mark.parametrize("raw", [False, True])
def test_no_text_is_more_than_text(raw: bool) -> None:  # noqa: FBT001
    line = nagios.render(hostile(raw=raw)).encode(errors="backslashreplace").decode()
    assert line.count("\n") == 1
    assert line.endswith("\n")
    text, _, data = line.partition("|")
    assert not set("<>`$|") & set(text)
    assert "|" not in data
    in_both = in_icinga(line), in_nagios(line)
    for labels in in_both:
        assert labels
        assert all("acme.check[" in label for label in labels), labels
    assert {one["value"] for one in in_both[0].values()} == {1.5}


def test_it_is_no_longer_than_nagios_reads() -> None:
    line = nagios.render(huge())
    assert len(line.encode()) <= 8_000
    assert len(in_icinga(line)) > 5


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "OK"),
        ({"findings": [Verdict.PASS, Verdict.WARN]}, "WARNING"),
        ({"findings": [Verdict.WARN, Verdict.FAIL], "exit_code": ExitCode.BROKEN}, "CRITICAL"),
        ({"exit_code": ExitCode.UNDETERMINED}, "UNKNOWN"),
        ({"exit_code": ExitCode.NOTHING_CHECKED}, "UNKNOWN"),
        ({"exit_code": ExitCode.INTERRUPTED}, "UNKNOWN"),
        ({"target": Shown("embedded")}, "UNKNOWN"),
        ({"target": None}, "UNKNOWN"),
        ({"announcement": Shown("no URL is set")}, "UNKNOWN"),
        ({"judged_at": MEASURED.started_at}, "UNKNOWN"),
        ({"target": Shown("container"), "exit_code": ExitCode.BROKEN}, "UNKNOWN"),
    ],
)
def test_the_word_is_ok_for_nothing_but_healthy_services(
    changes: dict[str, object], word: str
) -> None:
    verdicts = changes.pop("findings", [Verdict.PASS])
    assert isinstance(verdicts, list)
    finding = measured("memory.used_ratio", 0.1, 0.8, "ratio")
    made = healthy(*(replace(finding, verdict=verdict) for verdict in verdicts))
    line = nagios.render(replace(made, **changes))  # type: ignore[arg-type]
    assert line.startswith(f"{word}: ")


def test_what_is_suppressed_does_not_warn_and_is_counted() -> None:
    made = healthy(*(one for one in findings(["x"]) if one.suppressed))
    line = nagios.render(made)
    assert line.startswith("OK: ")
    assert ", 5 findings suppressed" in line
    assert math.isclose(float(next(iter(in_nagios(line).values()))[0]), 1.5)


def test_another_plugin_runs_us_as_one(healthy: Server, folder: Path) -> None:
    """`negate`, of Nagios' plugins, runs a plugin and changes its status."""
    negate = Path("/usr/lib/nagios/plugins/negate")
    require(negate.exists(), "negate is not installed (monitoring-plugins-basic)")
    arguments = ("smoke", "--select", "memory.used_ratio", "--output", "nagios")
    done = product.started(
        [str(negate), "-t", "60", "-s", "-o", "CRITICAL", *product.command(*arguments)],
        folder,
        env=product.urls(healthy.url),
    )
    assert done.code == 2, done.out
    assert done.out.startswith("CRITICAL: HEALTHY")


def test_icinga_takes_the_example(tmp_path: Path) -> None:
    host = 'object CheckCommand "dummy" {}\nobject Host "redis-host" { check_command = "dummy" }\n'
    file = tmp_path / "icinga2.conf"
    file.write_text(host + (ROOT / "deploy" / "nagios" / "icinga2.conf").read_text())
    me = [f"-DRunAsUser={getpass.getuser()}", f"-DRunAsGroup={grp.getgrgid(os.getgid()).gr_name}"]
    folders = [f"-D{name}={tmp_path}" for name in ("DataDir", "CacheDir", "LogDir", "InitRunDir")]
    said = program(["icinga2", "daemon", "--validate", "--config", file, *me, *folders])
    assert "Instantiated 1 Service." in said

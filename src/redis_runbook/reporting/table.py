"""The table of our outputs: a new format is a module and a row here."""

from collections.abc import Sequence
from typing import Final

from redis_runbook.hookspecs import hookimpl
from redis_runbook.record import RunRecord
from redis_runbook.reporting import ctrf, evidence, github, junit, markdown, nagios, tap
from redis_runbook.reporting.output import Appended, Output


def _render_metrics(record: RunRecord) -> str:
    from redis_runbook.reporting import prometheus  # noqa: PLC0415  # most runs write no metrics

    return prometheus.render(record)


OUTPUTS: Final = (
    Output(name="junit", file="junit.xml", render=junit.render),
    Output(name="json", file="results.json", render=ctrf.render, final=True),
    Output(name="evidence", file="evidence.json", render=evidence.render),
    Output(  # the node_exporter reads it
        name="prometheus",
        file="redis-runbook.prom",
        render=_render_metrics,
        final=True,
        mode=0o644,
    ),
    Output(
        name="markdown",
        file="summary.md",
        render=markdown.render,
        final=True,
        appended=Appended(
            variable="GITHUB_STEP_SUMMARY",
            most_bytes=markdown.MOST_BYTES,
            render=markdown.render_within,
        ),
    ),
    Output(name="github", file="annotations.txt", render=github.render, final=True, stdout=True),
    Output(
        name="nagios",
        file="nagios.txt",
        render=nagios.render,
        final=True,
        stdout=True,
        alone=True,
    ),
    Output(name="tap", file="runbook.tap", render=tap.render, final=True),
)


@hookimpl
def runbook_outputs() -> Sequence[Output]:
    """Our own outputs, except for the HTML page."""
    return OUTPUTS

"""The table of our outputs: a new format is a module and a row here."""

from collections.abc import Sequence
from typing import Final

from redis_runbook.hookspecs import hookimpl
from redis_runbook.record import RunRecord
from redis_runbook.reporting import ctrf, evidence, junit
from redis_runbook.reporting.output import Output


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
)


@hookimpl
def runbook_outputs() -> Sequence[Output]:
    """Our own outputs, except for the HTML page."""
    return OUTPUTS

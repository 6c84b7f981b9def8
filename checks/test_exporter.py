"""Is the service watched, and truly this one? Runbook: 4, Scenario C, step 2."""

from redis_runbook.check import Judge, check
from redis_runbook.config.service import Service
from redis_runbook.probes.exporter.scrape import ExporterFacts


@check("exporter.reachable")
def test_reachable(service: Service, exporter: ExporterFacts, judge: Judge) -> None:
    """The exporter answers with metrics and reaches this service.

    Passes when its metrics parse, and `redis_up` is there and 1 for this server, without an error.
    Fails when they do not parse, `redis_up` is missing, 0 or another server's, or a scrape failed.
    Why: without the exporter the alerts see nothing, and stay silent.
    Next: 1. `docker compose logs EXPORTER`: what does not work?
        2. Compare its address and password with the service's.
        3. `docker compose restart EXPORTER`.
    """
    judge.passes_if(
        exporter.redis_up == 1 and exporter.scrape_error == 0 and exporter.matches is not False,
        f"{service.name}: {exporter.summary}",
        evidence={"exporter": exporter.url_shown, "also asked": list(exporter.also_asked)},
    )


@check("exporter.truthful")
def test_truthful(service: Service, exporter: ExporterFacts, judge: Judge) -> None:
    """The exporter watches this very server, and its values agree with INFO.

    Passes when run id (else process id, port and uptime), version, uptime and memory agree.
    Fails when it watches another server, a value differs, or one of these series is missing.
    Why: an exporter of another server shows a green dashboard for a red one.
    Next: correct the exporter's address or `exporter_target`; dashboards and alerts built on it
        are about something else until then.
    """
    if not exporter.reachable or exporter.redis_up != 1:
        judge.unknown(
            f"{service.name}: nothing to compare: {exporter.summary}",
            follows_from=f"exporter.reachable[{service.name}]",
        )
    missing = exporter.missing
    if missing:
        judge.fails(f"the exporter of {service.name} lacks {', '.join(missing)}")
    if exporter.matches is None:
        judge.unknown(f"the exporter of {service.name} does not tell which server it watches")
    differs = "; ".join(exporter.disagreements)
    judge.passes_if(
        not differs,
        f"the exporter of {service.name}"
        + (f": {differs}" if differs else f" watches this server ({exporter.identity})"),
    )

"""Does the whole work again? Runbook: 4. Incident Response."""

from redis_runbook.check import Judge, check
from redis_runbook.probes.programs import ProgramFacts
from redis_runbook.session.subjects import Subject


@check("incident.smoke_command")
def test_smoke_command(subject: Subject, command: ProgramFacts, judge: Judge) -> None:
    """The configured command exits with 0 in time: the runbook's own smoke test.

    Passes when it exits with 0 within its timeout.
    Fails when it exits with another code, a signal ends it, or it takes longer; unknown is one that
        cannot be started here, or that the run's own end cut short.
    Next: read its last lines in the evidence, then run it by hand in the folder and with the
        variables that `redis-runbook config` shows.
    """
    judge.passes_if(
        command.succeeded,
        f"{subject.name} {command.summary}",
        observed=command.code if command.by == "exit" else None,
        limit=0 if command.by == "exit" else None,
        evidence=command.evidence,
    )

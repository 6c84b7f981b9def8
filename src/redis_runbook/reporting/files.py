"""Puts the reports where they belong, whole or not at all."""

from collections.abc import Callable

from redis_runbook.reporting import ctrf, html, junit
from redis_runbook.session.run import Run
from redis_runbook.wire.files import write_whole


def write_reports(run: Run, page: str) -> list[str]:
    """Write every report under its own name and its stable one.

    Returns:
        What could not be written, one sentence each; empty when all is there.
    """
    stem = f"{run.profile.name}-{run.started_at:%Y%m%dT%H%M%SZ}"
    documents: tuple[tuple[str, str, Callable[[], str]], ...] = (
        (f"{stem}.html", "latest.html", lambda: html.scrubbed(page, run)),
        (f"{stem}.xml", "junit.xml", lambda: junit.render(run)),
        # The last one: it tells the exit code, which depends on whether the others are there.
        (f"{stem}.json", "results.json", lambda: ctrf.render(run)),
    )
    problems = [] if page else ["no HTML report: pytest-html could not write it"]
    for name, stable, render in documents:
        run.unreported = bool(problems)
        whole = render().encode("utf-8", errors="backslashreplace")
        if not whole:
            continue
        try:
            run.report_dir.mkdir(parents=True, exist_ok=True)
            for path in (run.report_dir / name, run.report_dir / stable):
                write_whole(path, whole)
        except OSError as error:
            problems.append(f"cannot write {run.report_dir / stable}: {error.strerror}")
    run.unreported = bool(problems)
    return problems

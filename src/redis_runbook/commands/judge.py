"""`redis-runbook judge EVIDENCE`: run the checks again on the facts of a run, offline."""

import argparse

from redis_runbook.commands.run import isolated, only_checks, run_pytest, verbosity


def run(options: argparse.Namespace) -> int:
    """Judge the evidence; returns the exit code that a run with these facts has."""
    given = {"--runbook-config": options.config, "--report-dir": options.report_dir}
    return run_pytest(
        [
            *isolated(),
            *only_checks(),
            f"--evidence={options.evidence}",
            *(f"{name}={value}" for name, value in given.items() if value is not None),
            *(f"--select={check}" for check in options.select),
            *(f"--output={output}" for output in options.output),
            *verbosity(options),
        ]
    )

"""What a plain `pytest` says in this checkout; the plugin comes with the installed package."""


def pytest_report_header() -> str:
    """Tell the two kinds of tests apart."""
    return "redis-runbook: `pytest --profile smoke` runs the checks, `pytest` the product's tests"

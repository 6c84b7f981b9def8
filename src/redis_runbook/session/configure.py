"""Turns a pytest run into a run of the checks: options, configuration, plugins."""

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import Loaded, load
from redis_runbook.config.misspelt import misspelt_variables
from redis_runbook.config.model import Config
from redis_runbook.config.notify import missing_extra
from redis_runbook.config.output_choice import OF_NOW, STDOUT, chosen_outputs
from redis_runbook.config.profiles import PROFILES
from redis_runbook.config.resolve import any_url_given
from redis_runbook.judging.data_kept import Baseline
from redis_runbook.redact import Redactor, environment_secrets, harmless
from redis_runbook.session.hooks import RunSession
from redis_runbook.session.recovery import WAITED
from redis_runbook.session.reports import Reports
from redis_runbook.session.run import RUN, Run
from redis_runbook.session.setup import SetupOutcome, SubjectOutcome
from redis_runbook.targets.choose import url_variables
from redis_runbook.wire.files import is_url

if TYPE_CHECKING:
    from redis_runbook.session.saved import Saved

_FIXTURES: Final = "redis_runbook.fixtures"
_NAME: Final = "redis-runbook-run"
_OPTIONS: Final = {
    "target": "target",
    "report_dir": "report_dir",
    "deadline": "deadline_s",
    "read_only": "read_only",
    "history": "history.every_run",
    "keep": "history.keep",
}
"""Command-line options and the configuration keys that they set."""

_ABOUT_YOURS: Final = {
    "--wait": ("waits for your services to recover", "wait for nothing"),
    "--baseline": ("is about your services", "compare nothing"),
    "--history": ("keeps what your services were like", "keep nothing"),
}
"""The options that make no sense of throwaway servers: what they do, and would do then."""

_JUDGED: Final = "judged"
"""The folder, in that of the reports, where reports about saved evidence land."""

_LIBRARIES: Final = ("docker", "redis", "testcontainers", "urllib3")
"""Their logs, which pytest would collect or write, tell URLs and what is sent with a request."""

_NEEDED_PLUGINS: Final = {"htmlpath": "html", "metadata": "metadata", "verbose": "terminal"}
"""Each by an option that only this plugin of pytest has."""


def configure(
    config: pytest.Config, make_reports: Callable[[pytest.Config, Loaded], Reports]
) -> None:
    """Make this pytest run a run of the checks.

    Raises:
        pytest.UsageError: the configuration or an option is wrong; all errors are in its text.
    """
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError("checks measure latency: run them without pytest-xdist")
    for option, plugin in _NEEDED_PLUGINS.items():
        if not hasattr(config.option, option):
            raise pytest.UsageError(f"the checks need pytest's plugin {plugin}: leave it on")
    try:
        loaded, saved = _loaded(config)
        waited = config.stash.get(WAITED, None)
        if not saved and (waited is None or waited.attempt == 1):
            for sentence in _warnings(config, loaded):
                print(sentence, file=sys.stderr)  # noqa: T201
        baseline, history = config.getoption("baseline"), config.getoption("history")
        given = {"--wait": waited, "--baseline": baseline, "--history": history}
        _refuse_in_vain([option for option, value in given.items() if value], loaded.config)
        reports = make_reports(config, loaded)
        run = Run(
            loaded,
            PROFILES[config.getoption("profile")],
            environ=os.environ,
            windows=config.getoption("window"),
            previous=reports.previous(),
            saved=saved,
        )
        run.select(config.getoption("select") or (saved.run.selected if saved else ()))
        run.waited = waited
        run.baseline = _baseline(baseline, loaded.config) if baseline else run.baseline
    except (ConfigError, ValueError) as error:
        # It quotes what was given, and that may be a URL in the wrong place.
        raise pytest.UsageError(Redactor(environment_secrets()).document(str(error))) from None
    run.saves_always = "evidence" in _chosen_names(config)
    config.stash[RUN] = run
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    show_progress = config.option.verbose >= 0
    _set_pytest_options(config, run)
    # Not by pytest's own import, which warns that it is imported already, under --wait.
    config.pluginmanager.register(importlib.import_module(_FIXTURES), _FIXTURES)
    session = RunSession(run, reports, show_progress=show_progress)
    config.pluginmanager.register(session, _NAME)
    config.pluginmanager.register(SubjectOutcome())
    config.pluginmanager.register(SetupOutcome())
    config.pluginmanager.register(reports)


def _loaded(config: pytest.Config) -> "tuple[Loaded, Saved | None]":
    """The configuration, and with `redis-runbook judge` the evidence, whose profile is set.

    Raises:
        ConfigError, ValueError: one of them, or an option, cannot be used.
    """
    given = {key: config.getoption(option) for option, key in _OPTIONS.items()}
    options = {key: value for key, value in given.items() if value not in {None, False}}
    text = config.getoption("runbook_config")
    file = Path(text) if text else None
    evidence = config.getoption("evidence")
    if not evidence:
        loaded = load(file, os.environ, options)
        if missing := missing_extra(loaded.config.notify):
            raise ConfigError(missing)
        return loaded, None
    for name in _chosen_names(config).intersection(OF_NOW):
        raise ValueError(f"--output {name}: it tells what is so now, and saved evidence does not")
    from redis_runbook.session.saved import load_saved  # noqa: PLC0415  # most runs need none

    loaded, saved = load_saved(Path(evidence), file, options)
    if "report_dir" not in options:  # the reports of live runs, and what they compare with, stay
        loaded = replace(
            loaded,
            config=loaded.config.model_copy(
                update={"report_dir": loaded.config.report_dir / _JUDGED}
            ),
        )
    config.option.profile = saved.run.profile
    return loaded, saved


def _chosen_names(config: pytest.Config) -> set[str]:
    return {choice.name for choice in chosen_outputs(config.option)}


def _warnings(config: pytest.Config, loaded: Loaded) -> Iterator[str]:
    """What was probably meant differently: variables, and files that node_exporter does not read.

    A device is no such file, nor is standard output.
    """
    yield from misspelt_variables(loaded.config, os.environ)
    chosen = chosen_outputs(config.option)
    files = [choice.path for choice in chosen if choice.name == "prometheus"]
    for file in filter(None, dict.fromkeys(files)):
        path = Path(file)
        if path.suffix != ".prom" and file != STDOUT and not path.is_relative_to("/dev"):
            yield f"{harmless(file)}: node_exporter reads only files that end in .prom"


def _refuse_in_vain(options: Iterable[str], config: Config) -> None:
    """Raise ValueError for an option that could do nothing with this configuration."""
    for option in options:
        _refuse_throwaway(config, option)
        if option == "--history" and not config.history.enabled:
            raise ValueError(f"{option} would keep nothing: [history] enabled is false")


def _refuse_throwaway(config: Config, option: str) -> None:
    """Raise ValueError for an option that needs the user's services where none is looked at."""
    purpose, in_vain = _ABOUT_YOURS[option]
    if config.target in {"container", "embedded"}:
        raise ValueError(
            f"{option} {purpose}, and --target {config.target} starts servers of its own: leave "
            "one of the two out"
        )
    if config.target == "auto" and not any_url_given(config, os.environ):
        raise ValueError(
            f"{option} would {in_vain}: no service URL is set; set {url_variables(config)}"
        )


def _baseline(file: str, config: Config) -> Baseline:
    """The snapshot in a file; raises ValueError where it is none, or none of these services."""
    from redis_runbook.session.baseline import read_baseline  # noqa: PLC0415  # only where given

    if is_url(file):
        raise ValueError("--baseline is a path, not a URL")
    try:
        found = read_baseline(Path(file))
    except ValueError as error:
        raise ValueError(f"--baseline {file} {error}") from None
    if not any(
        settings.enabled and name in found.services for name, settings in config.services.items()
    ):
        others = ", ".join(found.services) or "none"
        raise ValueError(
            f"--baseline {file} is about other services ({harmless(others)}) than "
            f"{', '.join(config.services)}"
        )
    return found


def _set_pytest_options(config: pytest.Config, run: Run) -> None:
    """Set the pytest options that a run of the checks needs, unless the user set them."""
    option: Any = config.option
    checks = [_checks_folder(), *run.plugins.test_paths]
    given = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    files = [Path(argument.partition("::")[0]).resolve() for argument in given]
    # A user's own tests run in addition to the checks, never instead of them.
    missing = [path for path in checks if not any(file.is_relative_to(path) for file in files)]
    config.args = [*map(str, missing), *given]
    option.continue_on_collection_errors = True  # one broken file must not hide the rest
    option.code_highlight = "no"  # colours inside a secret would hide it from redaction
    option.verbose = min(option.verbose, -2)  # our own lines replace pytest's


def _checks_folder() -> Path:
    """The folder of the checks, found without importing them."""
    spec = importlib.util.find_spec("redis_runbook.checks")
    if spec is None or not spec.submodule_search_locations:
        raise pytest.UsageError("the package redis_runbook.checks is not installed")
    return Path(next(iter(spec.submodule_search_locations))).resolve()

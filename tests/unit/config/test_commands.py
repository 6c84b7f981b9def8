"""What a run may start: how it is configured, what is refused, and what is shown of it."""

import pytest

from redis_runbook.config.commands import needed_s
from redis_runbook.config.profiles import PROFILES
from redis_runbook.config.resolve import login_url_of, secrets
from redis_runbook.config.show import describe
from redis_runbook.session.run import Run
from tests.support.loading import as_loaded, config_of, loaded, problems

LOGIN = "[jwt_cache.login]\n"
SMOKE = "[commands.smoke]\n"


def test_a_command_is_a_list_with_a_time() -> None:
    text = '[commands."bundle:launch"]\nrun = ["pnpm", "", "a b"]\ntimeout = "5m"\n'
    command = config_of(text).commands["bundle:launch"]
    assert (command.run, command.timeout) == (("pnpm", "", "a b"), 300)
    assert [command.not_run("x", profile) for profile in PROFILES] == ["", "", ""]
    changed = loaded(
        text,
        {"REDIS_RUNBOOK_COMMANDS__BUNDLE_LAUNCH__RUN": '["make", "smoke"]'},
        {"commands.bundle:launch.timeout": 7},
    ).config.commands["bundle:launch"]
    assert (changed.run, changed.timeout) == (("make", "smoke"), 7)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (SMOKE, "commands.smoke.run", "is required"),
        (f'{SMOKE}run = "planted -p x"', "commands.smoke.run", "must be a list, as no shell"),
        (f"{SMOKE}run = []", "commands.smoke.run", "must begin with a program"),
        (f'{SMOKE}run = [" "]', "commands.smoke.run", "must begin with a program"),
        (f"{SMOKE}run = [1]", "commands.smoke.run.0", "must be a valid string"),
        (f'{SMOKE}run = ["a\\u0000planted"]', "commands.smoke.run.0", "must hold no NUL"),
        (f'{SMOKE}run = ["a"]\ntimeout = 0', "commands.smoke.timeout", "greater than 0"),
        (f'{SMOKE}run = ["a"]\nprofiles = ["x"]', "commands.smoke.profiles.0", "'smoke', 'gate'"),
        (f'{SMOKE}run = ["a"]\nenv_from = ["planted-x"]', "env_from.0", "the name of an env"),
        (f'{SMOKE}run = ["a"]\nenv = {{ "A B" = "x" }}', 'env."A B"', "must match pattern"),
        (f'{SMOKE}run = ["a"]\nenv = {{ A = 1 }}', "env.A", "must be a valid string"),
        (f'{SMOKE}run = ["a"]\nenv = {{ A = "planted\\u0000" }}', "env.A", "must hold no NUL"),
        (f'{SMOKE}run = ["a"]\ntimout = 1', "commands.smoke.timout", "commands.smoke.timeout"),
        (f"{LOGIN}timeout = 5", "jwt_cache.login", "run or url is missing"),
        (f'{LOGIN}run = ["a"]\nurl = "http://h"', "jwt_cache.login", "run and url exclude"),
        (f'{LOGIN}run = ["a"]\nbody_file = "./b"', "jwt_cache.login", "run and body_file exclude"),
        (f'{LOGIN}url = "http://h"\ncwd = "/"', "jwt_cache.login", "cwd and url exclude"),
        (f'{LOGIN}url = "planted"', "jwt_cache.login.url", "must start with http://"),
        (f'{LOGIN}url = "http://h"\nmethod = "DELETE"', "jwt_cache.login.method", "'GET', 'POST'"),
        (f'{LOGIN}url = "http://h"\nexpect_status = 20', "expect_status", "greater than or equal"),
        (f'{LOGIN}url = "http://h"\nbody_file = "b"', "body_file", "must be a path"),
    ],
)
def test_what_cannot_be_run_is_refused(text: str, key: str, reason: str) -> None:
    (problem,) = problems(text)
    assert key in problem
    assert reason in problem
    assert "planted" not in problem or "env_from" in key


def test_there_may_be_twenty_commands() -> None:
    many = [f'[commands.c{number}]\nrun = ["true"]\n' for number in range(21)]
    assert len(config_of("".join(many[:20])).commands) == 20
    (problem,) = problems("".join(many))
    assert "must have at most 20 items" in problem


def test_what_programs_are_given_is_known_as_secret_and_not_shown() -> None:
    text = (
        f'{SMOKE}run = ["a", "--token=planted-argument"]\n'
        'env = { API_TOKEN = "planted-token", MODE = "planted-mode", my_url = "planted-url" }\n'
        f'{LOGIN}url = "http://user:planted-basic@h/?key=planted-query"\n'
    )
    given = loaded(text)
    assert {"planted-token", "planted-basic", "planted-query"} <= secrets(given.config, {})
    shown = describe(given, {})
    assert "planted" not in shown
    assert 'MODE = "***"' in shown
    assert 'run = ["a", "--token=[redacted]"]' in shown
    assert 'url = "http://h/"' in shown


def test_a_login_that_is_switched_off_has_no_url() -> None:
    url = f'{LOGIN}url = "http://h"\n'
    assert login_url_of(config_of(url), {}) is not None
    assert login_url_of(config_of(f"{url}enabled = false"), {}) is None
    assert login_url_of(config_of(f"[jwt_cache]\nenabled = false\n{url}"), {}) is None
    assert login_url_of(config_of(f'{LOGIN}url_env = "NOT_SET"'), {}) is None


@pytest.mark.parametrize(
    ("text", "profile", "deadline_s"),
    [
        ("", "smoke", 30),
        (f'{SMOKE}run = ["a"]', "smoke", 30),
        (f'{SMOKE}run = ["a"]\ntimeout = 60', "smoke", 68),
        (f'{SMOKE}run = ["a"]\ntimeout = 60', "gate", 90),
        (f'{SMOKE}run = ["a"]\ntimeout = 60\nprofiles = ["nightly"]', "smoke", 30),
        (f'{LOGIN}run = ["a"]\ntimeout = 30', "smoke", 73),
        (f'{LOGIN}run = ["a"]\ntimeout = 30\nenabled = false', "smoke", 30),
        (f'deadline_s = 40\n{SMOKE}run = ["a"]\ntimeout = 60', "smoke", 40),
    ],
)
def test_a_run_has_time_for_what_it_starts(text: str, profile: str, deadline_s: float) -> None:
    config = config_of(text)
    assert Run(as_loaded(config), PROFILES[profile], environ={}).deadline_s == deadline_s
    assert needed_s(config.commands.values(), config.jwt_cache.login, profile) <= max(73, 30)


def test_what_looks_like_a_secret_in_any_text_is_not_shown() -> None:
    shown = describe(
        loaded(
            '[operator]\ncompose = "compose --token=planted"\n'
            '[containers.w]\ncontainer = "x"\nlog_patterns = ["password=planted", "queue"]\n'
        ),
        {},
    )
    assert "planted" not in shown
    assert '"compose --token=[redacted]"' in shown
    assert '["password=[redacted]", "queue"]' in shown

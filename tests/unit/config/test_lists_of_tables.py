"""`[[suppress]]` and `[[notify]]`: read, shown and refused as the rest of a configuration is."""

import tomllib

import pytest

from redis_runbook.config.kept import kept
from redis_runbook.config.show import describe
from redis_runbook.config.suppress import Suppress
from tests.support.loading import config_of, loaded, problems

ENTRY = 'check = "queue"\nreason = "moving"\nowner = "platform"\n'


def test_entries_are_shown_in_their_order_and_can_be_loaded_again() -> None:
    text = "".join(
        f'[[suppress]]\n{ENTRY}subject = "tenant-{number}"\nuntil = 2026-12-24\n'
        for number in range(12)
    )
    first = loaded(text)
    shown = describe(first, {})
    subjects = [entry["subject"] for entry in tomllib.loads(shown)["suppress"]]
    assert subjects == [f"tenant-{number}" for number in range(12)]
    assert loaded(shown).config == first.config
    assert first.origins["[[suppress]] no. 12 until"] == "file runbook.toml"


def test_a_default_in_an_entry_is_called_one() -> None:
    found = loaded('[[notify]]\nurl_env = "OPS_URL"\non = ["broken"]\n')
    assert found.origins["[[notify]] no. 1 on"] == "file runbook.toml"
    assert found.origins["[[notify]] no. 1 profiles"] == "default"
    (entry,) = found.config.notify
    assert (entry.on, entry.profiles) == (("broken",), ("nightly",))


def test_a_day_may_be_a_text() -> None:
    days = [
        config_of(f"[[suppress]]\n{ENTRY}until = {day}").suppress[0].until
        for day in ("2026-12-24", '"2026-12-24"')
    ]
    assert len({*days}) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[[suppress]]\n" + ENTRY.replace("check", "chek"),
            "[[suppress]] no. 1 chek: is not a known key; did you mean [[suppress]] no. 1 check?",
        ),
        ('[[suppress]]\ncheck = "queue"\nowner = "x"', "[[suppress]] no. 1 reason: is required"),
        (
            f"[[suppress]]\n{ENTRY}[[suppress]]\n{ENTRY}until = 2026-12-24T00:00:00Z",
            "[[suppress]] no. 2 until: must be a day such as 2026-12-24",
        ),
        (
            f"[[suppress]]\n{ENTRY}until = 1",
            "[[suppress]] no. 1 until = 1: must be a day such as 2026-12-24",
        ),
        (f"[suppress]\n{ENTRY}", "suppress: must be a list of tables: [[suppress]]"),
        (
            "[[suppress]]\n" + ENTRY.replace('"queue"', '"jwt"'),
            "[[suppress]] no. 1 check = 'jwt': is no check, nor a prefix of one",
        ),
        (
            f'[[suppress]]\n{ENTRY}service = "cash"',
            "[[suppress]] no. 1 service = 'cash': is not a service; did you mean cache?",
        ),
        ("[[notify]]", "[[notify]] no. 1: url_env, url_file or url is missing"),
        (
            '[[notify]]\nurl = "hunter2"',
            "[[notify]] no. 1 url: must be a URL of apprise, such as ntfys://ntfy.example.org/topic",
        ),
        (
            '[[notify]]\nurl_env = "A"\non = ["recovered"]',
            '[[notify]] no. 1: on: nothing recovers that was not told: add "broken" or "unknown"',
        ),
        (
            '[[notify]]\nurl_env = "A"\nurl_file = "/x"',
            "[[notify]] no. 1 url_file: cannot be set beside url_env: keep one of them",
        ),
    ],
)
def test_a_mistake_in_an_entry_is_named(text: str, problem: str) -> None:
    begin = f"file runbook.toml: {problem}"
    assert any(found.startswith(begin) for found in problems(text))


def test_they_are_not_set_by_variables() -> None:
    for name in ("REDIS_RUNBOOK_SUPPRESS", "REDIS_RUNBOOK_NOTIFY__0__URL"):
        (found,) = problems("", environ={name: "json://hunter2"})
        key = name.split("_")[2].lower()
        assert found == f"environment {name}: a list of tables is set in a file: [[{key}]]"


def test_suppressions_are_saved_with_evidence_and_notifications_are_not() -> None:
    text = f'[[suppress]]\n{ENTRY}until = 2026-12-24\n[[notify]]\nurl = "json://h/hunter2"\n'
    saved = dict(kept(config_of(text)))
    assert saved["suppress",] == [
        {"check": "queue", "until": "2026-12-24", "reason": "moving", "owner": "platform"}
    ]
    assert not any(key[0] == "notify" for key in saved)
    assert "hunter2" not in str(saved)
    (entry,) = saved["suppress",]
    assert Suppress(**entry).names == "queue"

"""What looks like a secret, or is known to be one, is masked."""

from urllib.parse import quote

import pytest

from redis_runbook.redact import MASK, Redactor, environment_secrets, printable

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLXBsYW50ZWQ"


@pytest.mark.parametrize(
    "text",
    [
        f"token {JWT} in text",
        "redis://user:hidden-word@host:6379/0",
        "redis://:hidden/word@host",
        "Authorization: Bearer hidden-word-of-a-token",
        'password = "hidden-word"',
        "requirepass hidden-word",
        '{"api_key": "hidden-word"}',
    ],
)
def test_what_looks_like_a_secret_is_masked_without_knowing_it(text: str) -> None:
    shown = Redactor()(text)
    assert "hidden" not in shown
    assert "c2lnbmF0" not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "escape",
    [str, quote, lambda text: repr(text)[1:-1], lambda text: text.replace('"', "&quot;")],
    ids=["raw", "url", "repr", "html"],
)
def test_a_known_secret_is_found_in_its_escaped_forms(escape: object) -> None:
    secret = 'a"b/c d'
    assert secret not in Redactor({secret}).document(escape(secret))  # type: ignore[operator]
    assert Redactor({secret}).document(f"<{escape(secret)}>") == f"<{MASK}>"  # type: ignore[operator]


def test_a_password_that_is_a_common_word_is_masked_where_it_comes_from_outside() -> None:
    redact = Redactor({"redis"})
    assert redact("wrong pass redis") == f"wrong pass {MASK}"
    assert redact.document("<title>redis-runbook</title>") == "<title>redis-runbook</title>"


def test_secrets_of_the_environment_are_known_by_name_and_by_shape() -> None:
    environ = {
        "DEPLOY_TOKEN": "abcdefgh",
        "DB_URL": "postgres://u:in-a-url@h/db",
        "HOME": "/root",
        "SECRET_FILE": "/run/secrets/x",
    }
    assert environment_secrets(environ) == {"abcdefgh", "in-a-url"}


def test_hostile_text_becomes_one_harmless_line() -> None:
    assert printable("a\x1b[31m\nb\u202ec") == "a\\x1b[31m\\nb\\u202ec"
    assert printable(b"\xff\xfe") == "\\xff\\xfe"
    assert printable("x" * 3000, 10) == "x" * 10 + "… (3000 characters)"

"""What looks like a secret, or is known to be one, is masked."""

import base64
import html
import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redis_runbook.redact import KNOWN, MASK, Redactor, environment_secrets, printable, sentence

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
        "accessToken: hidden-word",
        '{"clientSecret":"hidden-word"}',
        "DBPASSWORD=hidden-word",
        "Authorization: Token hidden-word",
        "authorization=ApiKey hidden-word",
        'Authorization: Digest username="me", response="hidden-word"',
        '{"authorization": "Token hidden-word", "error": 5}',
        "Set-Cookie: session=hidden-word; Path=/",
        'Cookie: a="hidden-word"; b=hidden-word',
        r'{"msg":"body {\"password\":\"hidden-word\"}"}',
        '\x1b[35mpassword\x1b[39m: "hidden-word"',
        "AWS_SECRET_ACCESS_KEY=hidden-word",
        "privateKey: hidden-word",
        "DB_PASS=hidden-word",
        'password => "hidden-word"',
        "mysql --host=h --password hidden-word",
        "redis-cli --pass hidden-word PING",
        "12:00 AUTH hidden-word",
        '"AUTH" "hidden-word"',
        'AUTH "default" "hidden-word"',
        "AUTH someone hidden-word",
        "AUTH [redacted] hidden-word",
        "auth default hidden-word",
        "['AUTH', 'hidden-word']",
        "HELLO 3 AUTH default hidden-word",
        '"hello" "3" "auth" "someone" "hidden-word"',
        '[0 127.0.0.1:5] "auth" "hidden-word"',
        "127.0.0.1:6379[1]> auth someone hidden-word",
        "redis-cli -h somewhere auth hidden-word",
        "redis-cli -a hidden-word PING",
        "command: { name: 'auth', args: [ 'default', 'hidden-word' ] }",
        r"{\"name\":\"auth\",\"args\":[\"hidden-word\"]}",
        "ACL SETUSER bob on >hidden-word ~*",
        '"ACL" "SETUSER" "bob" "on" ">hidden-word" "~*"',
        "user default on >hidden-word ~* +@all",
        "MIGRATE h 6379 k 0 100 AUTH2 someone hidden-word",
        "REDISCLI_AUTH=hidden-word redis-cli PING",
        "REDIS_AUTH=hidden-word",
        "SECRET_KEY_BASE=hidden-word",
        "ENCRYPTION_KEY=hidden-word",
        "MASTER_KEY: hidden-word",
        "tls-key-file-pass hidden-word",
        "sentinel auth-pass mymaster hidden-word",
        "SENTINEL SET mymaster auth-pass hidden-word",
        "CONFIG SET requirepass 'hidden-word'",
        '"config" "set" "requirepass" "hidden-word"',
        "curl -fsS -u someone:hidden-word http://host",
        "mysql -uroot -phidden-word db",
        "sshpass -p hidden-word ssh host",
        "Pass: hidden-word",
        "PASS=hidden-word",
        "redisPass: 'hidden-word'",
        "pw=hidden-word",
        "credentials=hidden-word",
        "session=hidden-word",
        '{"pass" : "hidden-word"}',
        '"sessionId": "hidden-word"',
        "https://host/x?se=1&sig=hidden-word&sp=r",
        "https://host/x?X-Amz-Signature=hidden0123456789abcdef",
        "AccountName=x;AccountKey=hidden-word==;EndpointSuffix=y",
        "SharedAccessSignature=hidden-word&sig=hidden-word",
        "bearer:hidden-word",
        "the token is hidden-word-5",
        'password is "hidden-word"',
        "client-secret hidden-word-5",
        "https://hooks.slack.com/services/T0hidden/B0hidden/hidden",
        "https://discord.com/api/webhooks/123/hidden-word",
        "cookies: { session: 'hidden-word' }",
        "ghp_hidden0123456789abcdef",
        "glpat-hidden-0123456789",
        "sk_live_hidden0123456789",
        "AIzahidden0123456789abcdef",
        "to=redis%3A%2F%2Fuser%3Ahidden%40host%3A6379",
    ],
)
def test_what_looks_like_a_secret_is_masked_without_knowing_it(text: str) -> None:
    shown = Redactor()(text)
    assert "hidden" not in shown
    assert "c2lnbmF0" not in shown
    assert MASK in shown
    assert Redactor()(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("max_tokens: 5", "tokensPerSec=5", "cookies: 5", "monkey=5"),
        *("AUTH failed: WRONGPASS", "NOAUTH Authentication required", "run --passive mode"),
        "AUTH <password> called without any password",
        *("auth failed for user joe", "AUTH timeout after 5 s", "auth service started"),
        "the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client",
        *("WRONGPASS invalid username-password pair", "ERR unknown command 'SETUSER', with args"),
        *("pass: 12, fail: 0", "bypass=on", "Invalid credentials: no such user", "session expired"),
        *("sessions=5", "token is expired", "client-secret is missing", "mysql -P 3306 -p db"),
        *(
            "First pass: determine it",
            "2nd pass: check",
            "Pass :meth:`x`",
            "session = self",
            "AUTH …",
        ),
        *("user joe on host > db", "REDIS_AUTH is not set", "primary key (base)", "risk_test_ok"),
        *("docker run -u 1000:1000 image", "curl -u http://host", "signature=valid", "['auth']"),
    ],
)
def test_a_name_that_merely_holds_such_a_word_hides_nothing(text: str) -> None:
    assert Redactor()(text) == text


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
    assert Redactor({"mypassword"}).document("mypassword") == MASK
    redact = Redactor({"redis"})
    assert redact("wrong pass redis") == f"wrong pass {MASK}"
    assert redact.document("<title>redis-runbook</title>") == "<title>redis-runbook</title>"


def test_secrets_of_the_environment_are_known_by_name_and_by_shape() -> None:
    environ = {
        "DEPLOY_TOKEN": "abcdefgh",
        "ENCRYPTION_KEY": "ijklmnop",
        "DB_URL": "postgres://u:in-a-url@h/db",
        "HOME": "/root",
        "SECRET_FILE": "/run/secrets/x",
    }
    assert environment_secrets(environ) == {"abcdefgh", "ijklmnop", "in-a-url"}


def test_each_line_of_a_key_and_each_of_several_urls_is_known() -> None:
    environ = {
        "JWT_PRIVATE_KEY": "-----BEGIN KEY-----\nMIIEline-of-a-key-1\nMIIEline-of-a-key-2\n",
        "REDIS_URLS": "redis://:hidden-one@h:1,redis://:hidden-two@h:2",
        "REDIS_PASSWORD": "/hidden3+starts/with==",
        "TOKEN_FILE": "/run/secrets/token",
    }
    found = environment_secrets(environ)
    assert found >= {"MIIEline-of-a-key-1", "MIIEline-of-a-key-2", "hidden-one", "hidden-two"}
    assert "/hidden3+starts/with==" in found
    assert "/run/secrets/token" not in found


def test_a_secret_that_is_no_text_is_known_as_the_environment_has_it(forgotten: None) -> None:
    KNOWN.learn(["\udcffrawTOKEN9"])
    assert printable(b"a \xffrawTOKEN9 b") == f"a {MASK} b"
    assert forgotten is None


@pytest.mark.parametrize(
    "begin",
    [
        *("a://:", "a://", "a:// ", "a_", "password='", "x@", "cookie:", "authorization"),
        *("AUTH ", "curl -u ", "redis-cli auth ", "mysql -", "setuser >", "['auth','", "token is "),
        *("session=", "_session", "signature=", "client-secret a", "sentinel auth-pass "),
        *(
            "user ",
            "user a on ",
            "user \t",
            "AUTH2 ",
            "file-pass ",
            "encryption_",
            "sk_live_",
            "AIza",
        ),
        *("\x1b[0", "\x1b]a", "\\", "a\b", " \n", "\n "),
    ],
)
def test_a_text_that_begins_like_a_secret_ever_again_is_searched_at_once(begin: str) -> None:
    """Searching it in the way of a plain pattern took 10 s, and held up all other threads."""
    began = time.process_time()
    printable(begin * (65_000 // len(begin)))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("text", ["S" * 65_000, "SSS'" * 16_000, "S\n" * 32_000])
@pytest.mark.parametrize("secret", ["S" * 401, "S" * 400 + "x", "x" + "S" * 400])
def test_a_text_that_is_like_a_secret_ever_again_is_searched_at_once(
    text: str, secret: str, forgotten: None
) -> None:
    KNOWN.learn([secret])
    began = time.process_time()
    printable(text)
    assert time.process_time() - began < 0.5
    assert forgotten is None


PLANTED = "PlantedContainerSecretZZ42"


@pytest.mark.parametrize(
    "between",
    [
        *("\x1b[1m", "\x1b[38;5;1m", "\0", "X\b", "\b", "\x7f", "\u200b", "\r", "\n", "\r\n  "),
        *(r"\u001b[1m", r"\x1b[1m", r"\\u0000", "\x1b(B\x1b[m", "\x1b]8;;a://b\x07"),
    ],
)
def test_a_secret_with_what_is_not_seen_in_it_is_masked(between: str, forgotten: None) -> None:
    KNOWN.learn([PLANTED])
    for at in range(1, len(PLANTED)):
        text = f"a {PLANTED[:at]}{between}{PLANTED[at:]}\x1b[0m b"
        assert printable(text) == f"a {MASK}\\x1b[0m b"
    assert printable(f"a {between.join(PLANTED)} b") == f"a {MASK} b"
    assert forgotten is None


def test_a_byte_that_is_no_text_hides_no_secret(forgotten: None) -> None:
    KNOWN.learn([PLANTED])
    assert printable(f"a {PLANTED[:5]}".encode() + b"\xff" + PLANTED[5:].encode()) == f"a {MASK}"
    assert forgotten is None


@pytest.mark.parametrize("end", ["", "\n", " \r\nmore", "\x1b[0m", "\x1b[0m\nmore"])
def test_what_is_left_of_a_secret_at_the_end_of_a_line_is_masked(end: str) -> None:
    redact = Redactor({PLANTED})
    for size in range(8, len(PLANTED)):
        assert redact(f"cannot use {PLANTED[:size]}{end}") == f"cannot use {MASK}{end}"
        assert redact(f"more\n  {PLANTED[-size:]} is it") == f"more\n  {MASK} is it"
    assert redact(f"cannot use {PLANTED[:7]}{end}") == f"cannot use {PLANTED[:7]}{end}"
    assert redact(f"cannot use {PLANTED[:9]} or {PLANTED[-9:]} today") == (
        f"cannot use {PLANTED[:9]} or {PLANTED[-9:]} today"
    )


def test_a_name_by_which_a_secret_happens_to_begin_or_end_is_shown() -> None:
    redact = Redactor({"shop-redis-password", "Planted42"})
    for name in ("shop-redis", "redis-password", "password"):
        assert redact(name) == name
    assert redact("cannot use shop-redis") == f"cannot use {MASK}"
    for rest in ("shop-redis-pa", "op-redis-password", "Planted4", "lanted42"):
        assert redact(rest) == MASK


def test_our_own_words_are_not_what_is_left_of_a_secret() -> None:
    ours = "password is wrong: compare it with the container"
    assert Redactor({"my-password", "container-7"}).document(ours) == ours


def test_a_secret_in_an_address_within_an_address_is_masked(forgotten: None) -> None:
    KNOWN.learn(["Plan/ted@42"])
    assert printable(f"to={quote(quote('Plan/ted@42', ''), '')}") == f"to={MASK}"
    assert forgotten is None


def test_hostile_text_becomes_one_harmless_line() -> None:
    assert printable("a\x1b[31m\nb\u202ec") == "a\\x1b[31m\\nb\\u202ec"
    assert printable(b"\xff\xfe") == "\\xff\\xfe"
    assert printable("x" * 3000, 10) == "x" * 10 + "… (3000 characters)"


# A secret has no letter in common with what is around it, so that each part of it is known.
SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x5A), min_size=1, max_size=300)
AROUND = st.text("abcdefgh ", max_size=80)
WRITTEN: dict[str, Callable[[str], str]] = {
    "raw": str,
    "url": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "html": html.escape,
    "xml": xml_escape,
    "attribute": lambda secret: quoteattr(secret)[1:-1],
    "repr": lambda secret: repr(secret)[1:-1],
    "json in html": lambda secret: html.escape(json.dumps(secret)[1:-1]),
    "basic": lambda secret: base64.b64encode(f"u:{secret}".encode()).decode(),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
}


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What a test lets the process know is forgotten after it."""
    yield
    KNOWN.forget()


def longest_part(secret: str, text: str) -> int:
    """How many characters of the secret, one after the other, are in the text."""
    return next(
        (
            size
            for size in range(len(secret), 0, -1)
            if any(secret[at : at + size] in text for at in range(len(secret) - size + 1))
        ),
        0,
    )


@pytest.mark.usefixtures("forgotten")
@given(secret=SECRETS, before=AROUND, after=AROUND, limit=st.integers(8, 400), data=st.data())
def test_no_cut_shows_a_part_of_a_secret(
    secret: str, before: str, after: str, limit: int, data: st.DataObject
) -> None:
    KNOWN.forget()
    KNOWN.learn([secret])
    way = data.draw(st.sampled_from(sorted(WRITTEN)))
    assume("bas" not in way or len(secret) >= 6)  # a shorter one is any word
    written = WRITTEN[way](secret)
    shown = printable(f"{before} {written} {after}", limit)
    assert longest_part(written, shown.replace(MASK, " ")) <= 3, shown


@pytest.mark.usefixtures("forgotten")
@given(secret=SECRETS, cut=st.integers(1, 300))
def test_what_redis_cut_shows_no_part_of_a_secret(secret: str, cut: int) -> None:
    KNOWN.forget()
    KNOWN.learn([secret])
    for text in (f"at {secret[:cut]}... (9 more bytes)", f"beginning with: '{secret[:cut]}' "):
        assert longest_part(secret, printable(text).replace(MASK, "")) <= 3, text


@pytest.mark.parametrize("password", ["p@sstail77", "a@b@c", "x" * 3_000 + "@y"])
def test_a_password_in_a_url_ends_at_the_last_at_sign(password: str) -> None:
    assert Redactor()(f"cannot use redis://u:{password}@host") == f"cannot use redis://{MASK}@host"


@pytest.mark.parametrize("cut", range(1, 18))
def test_a_password_in_a_url_that_was_cut_is_masked(cut: int) -> None:
    shown = printable(f"redis://user:planted-password@host {'x' * 40}", len("redis://user:") + cut)
    assert "plan" not in shown


def test_a_whole_word_is_no_beginning_of_a_secret() -> None:
    assert Redactor({"redis123"})("redis") == "redis"
    assert Redactor({"redis123"})("redis…") == f"{MASK}…"


def test_a_word_of_ours_is_no_beginning_of_a_secret() -> None:
    ours = "the 'queue' waits for wrong…"
    assert Redactor({"queue-Pass1", "wrong-Pass1", "wrong"}).document(ours) == ours
    assert Redactor({"queue-Pass1"})("cannot use 'queue-Pa…") == f"cannot use '{MASK}…"


@pytest.mark.parametrize(
    "text",
    [
        "password='two wordshidden' at the end",
        '{"token": "two wordshidden"}',
        "-----BEGIN RSA PRIVATE KEY-----MIIEhidden wordshidden",
    ],
)
def test_a_quoted_secret_and_a_key_end_where_they_end(text: str) -> None:
    assert "hidden" not in Redactor()(text)


def test_a_name_whose_backslashes_are_doubled_hides_its_secret(forgotten: None) -> None:
    KNOWN.learn(['a"b\\c+secret'])
    for written in (r"a\"b\\c+secret", r'a\\"b\\\\c+secret', "a%22b%5cc%2bsecret"):
        assert printable(f"name {written} of a job") == f"name {MASK} of a job"
    assert forgotten is None


def test_a_secret_that_goes_on_like_the_mark_of_a_cut_is_masked(forgotten: None) -> None:
    KNOWN.learn(["00001.0"])
    assert printable("at 00001... (9 more bytes)") == f"at {MASK}... (9 more bytes)"
    assert forgotten is None


@pytest.mark.parametrize("text", ["##[add-mask]e", "x ##vso[task.complete]"])
def test_no_text_is_a_command_to_a_runner(text: str) -> None:
    shown = printable(text)
    assert "##[" not in shown
    assert "##v" not in shown
    assert printable("## [x] #1 ##x") == "## [x] #1 ##x"
    assert sentence(shown) == shown

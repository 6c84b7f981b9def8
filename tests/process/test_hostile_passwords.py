"""Passwords that look like our own words, and keys that ask for one."""

from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from tests.support import product
from tests.support.programs import bundled
from tests.support.requirements import require

ROLE = ("smoke", "--select", "connectivity.role")


# Hostile passwords


@pytest.mark.parametrize(
    "password",
    ["name", "class", "error", "script", "null,", '": "', "</tr>", "x" * 10_000, '"&<\\'],
)
def test_a_password_does_not_tear_the_reports_apart(password: str, folder: Path) -> None:
    with bundled("--requirepass", password) as server:
        url = server.url.replace("://", f"://:{quote(password, safe='')}@")
        done = product.run(folder, *ROLE, env=product.urls(url))
    assert done.code == 0, done.err
    assert done.verdicts == {
        "connectivity.role[queue]": "pass",
        "connectivity.role[cache]": "pass",
    }
    cases = ET.fromstring(done.junit).iter("testcase")  # noqa: S314  # our own document
    assert [case.get("name") for case in cases] == [*done.verdicts]
    assert '<th scope="row">connectivity.role</th>' in done.html
    assert done.html.count("</script>") == done.html.count("<script")


def test_services_stay_apart_where_passwords_are_their_names(folder: Path) -> None:
    with bundled("--requirepass", "cache") as queue, bundled("--requirepass", "queue") as cache:
        queue.stop()
        env = product.urls(
            queue.url.replace("://", "://:cache@"), cache.url.replace("://", "://:queue@")
        )
        done = product.run(folder, "smoke", "--select", "connectivity.reachable", env=env)
    assert done.code == 1
    assert done.verdicts == {
        "connectivity.reachable[queue]": "fail",
        "connectivity.reachable[cache]": "pass",
    }


@pytest.mark.parametrize("password", ["wrong", "password", "user", "server", "a"])
def test_a_password_that_is_a_word_of_ours_leaves_our_sentences_whole(
    password: str, folder: Path
) -> None:
    with bundled("--requirepass", "another") as server:
        url = server.url.replace("://", f"://:{password}@")
        done = product.run(folder, *ROLE[:2], "connectivity.reachable", env=product.urls(url))
    found = done.finding("connectivity.reachable[queue]")
    assert found["message"].endswith("wrong user name or password (WRONGPASS)")
    assert found["next_steps"][0] == (
        "Compare the URL's user and password with the server's ACL (or `requirepass`)"
    )
    assert found["message"] in done.out
    assert found["next_steps"][0] in done.out


def test_an_encrypted_key_is_bad_configuration_and_asks_nobody(folder: Path) -> None:
    folder.mkdir()
    certificate, key = folder / "cert.pem", folder / "key.pem"
    made = product.shell(
        folder,
        "openssl req -x509 -newkey rsa:2048 -passout pass:sesame -days 1 -subj /CN=h "
        f"-keyout {key} -out {certificate}",
        env={},
    )
    require(not made.returncode, "openssl is not installed")
    config = (
        '[services.queue]\nurl = "rediss://127.0.0.1:1"\n'
        f'[services.queue.tls]\ncert_file = "{certificate}"\nkey_file = "{key}"\n'
    )
    done = product.run(folder, *ROLE, config=config)
    assert done.code == 4
    assert "services.queue.tls.cert_file: it and key_file are not a PEM certificate" in done.err

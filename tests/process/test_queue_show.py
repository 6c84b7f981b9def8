"""What `redis-runbook queue show` says where there is nothing to show."""

import subprocess

import pytest

from tests.support import product


def show(*arguments: str, url: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        product.command("queue", "show", *arguments),
        env={**product.QUIET, "REDIS_QUEUE_URL": url},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "url", "words"),
    [
        (["render"], "", "set REDIS_QUEUE_URL"),
        (["render"], "redis://127.0.0.1:1", "connection refused"),
    ],
    ids=["no-url", "refused"],
)
def test_what_cannot_be_shown_is_one_sentence(arguments: list[str], url: str, words: str) -> None:
    done = show(*arguments, url=url)
    assert done.returncode == 3
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("service", ["cache", "nope"])
def test_a_service_that_has_no_queues_is_bad_usage(service: str) -> None:
    done = show("render", "--service", service, url="")
    assert done.returncode == 4
    assert done.stderr == f"there is no queue service {service}: --service queue\n"


def test_a_bad_url_is_code_4_and_not_quoted() -> None:
    done = show("render", url="http://:planted-password@host")
    assert done.returncode == 4
    assert "planted" not in done.stderr

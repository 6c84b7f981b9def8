"""The sections of containers: what they need, and what contradicts itself."""

import pytest

from tests.support.loading import config_of, problems

_FOUND = 'container = "x"'
_WORKER = 'kind = "worker"\nservice = "queue"'


def test_a_container_needs_no_more_than_its_name() -> None:
    entry = config_of(f"[containers.x]\n{_FOUND}").containers["x"]
    assert (entry.kind, entry.service, entry.is_container) == ("redis", None, True)
    assert entry.reconnect_line == "Queue connection restored"


def test_the_log_file_of_a_worker_is_enough() -> None:
    entry = config_of(f'[containers.w]\n{_WORKER}\nlog_file = "w.log"').containers["w"]
    assert not entry.is_container


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("", "containers.x: set container, or project and compose_service, or a log_file"),
        ('project = "p"', "containers.x: project and compose_service belong together: set both"),
        (
            f'{_FOUND}\nproject = "p"\ncompose_service = "s"',
            "containers.x: container and project name it twice: keep one of them",
        ),
        (f'{_FOUND}\nkind = "worker"', "containers.x: a worker needs service"),
        (f'{_FOUND}\nlog_file = "w.log"', 'containers.x: log_file is for kind = "worker"'),
        (f'{_FOUND}\nservice = "que"', "containers.x.service = 'que': is not a service; did you"),
        (f'{_FOUND}\nkind = "database"', "containers.x.kind = 'database': must be 'redis', "),
        (f"{_FOUND}\nreconect_line = 'x'", "did you mean containers.x.reconnect_line?"),
    ],
)
def test_what_contradicts_itself_is_told(keys: str, problem: str) -> None:
    (found,) = problems(f"[containers.x]\n{keys}")
    assert problem in found


def test_a_name_is_plain() -> None:
    (found,) = problems(f'[containers."redis://:pw@h"]\n{_FOUND}')
    assert "is not a container name: small letters, digits, - and _ only" in found
    assert "pw" not in found

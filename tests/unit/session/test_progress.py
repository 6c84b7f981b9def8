"""The live line of a window."""

import pytest

from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.probes.latency.recording import Glance
from redis_runbook.session.progress import line


@pytest.mark.parametrize(
    ("role", "glance", "said"),
    [
        (
            "queue",
            (12.4, 300.0, 2480, 0.2149),
            "a  12 of 300 s, n 2480, p95 0.21 ms (limit 2000 ms)",
        ),
        ("cache", (0.0, 2.5, 0, None), "a  0 of 2.5 s, n 0, no reply yet (limit 50 ms)"),
    ],
)
def test_a_line_says_how_far_how_many_how_slow_and_the_limit(
    role: str, glance: tuple[float, float, int, float | None], said: str
) -> None:
    settings = ServiceSettings.model_validate({"role": role})
    assert line(Service(name="a", settings=settings, endpoint=None), Glance(*glance)) == said

"""Any text is parsed as metrics or refused."""

import contextlib
import math

from hypothesis import example, given
from hypothesis import strategies as st

from redis_runbook.probes.exporter.metrics import read_samples
from redis_runbook.wire.http import (
    FetchError,
)


@given(st.text(alphabet=st.sampled_from('redis_up{}="\\, 1#TYPEgaugecounter\n\0é')))
@example("redis_up " + "9" * 4000)
@example('{"redis_up"} 1')
@example("# TYPE redis_up counter\nredis_up 1\n")
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(FetchError):
        found = read_samples(text.encode(), {"redis_up"}, deadline=math.inf)
        assert found.value("redis_up") is None or "redis_up" in text

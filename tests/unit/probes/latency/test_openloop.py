"""When requests are due, and how their replies are counted."""

from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.probes.latency.framing import take_replies
from redis_runbook.probes.latency.schedule import scheduled_offset

REPLIES = [
    b"+PONG\r\n",
    b":12\r\n",
    b"-WRONGTYPE no\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$3\r\n\r\n+\r\n",
]


def test_the_schedule_is_200_requests_a_second() -> None:
    offsets_s = [scheduled_offset(number) for number in range(400)]

    assert offsets_s == sorted(offsets_s)
    assert sum(offset_s < 1 for offset_s in offsets_s) == 200
    assert offsets_s[-1] < 2


@given(st.lists(st.sampled_from(REPLIES), max_size=20), st.data())
def test_replies_are_counted_however_they_are_cut_into_pieces(
    replies: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(replies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    received = bytearray()
    counted = 0
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += stream[start:end]
        counted += take_replies(received)

    assert counted == len(replies)
    assert not received

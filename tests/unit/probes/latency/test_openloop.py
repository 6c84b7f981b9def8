"""When requests are due, and how their replies are counted."""

from collections import Counter

import pytest
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
    errors: Counter[str] = Counter()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += stream[start:end]
        counted += take_replies(received, errors)

    assert counted == len(replies)
    assert errors.total() == replies.count(b"-WRONGTYPE no\r\n")
    assert not received


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"MASTERDOWN Link with MASTER is down", "MASTERDOWN"),
        (b"ERR no", "ERR"),
        (b"a-secret in its place", "ERR"),
        (b"MASTERDOWN", "ERR"),
        (b"X" * 3000 + b" long", "ERR"),
        (b"", "ERR"),
    ],
)
def test_an_error_is_known_by_its_code_alone(text: bytes, code: str) -> None:
    errors: Counter[str] = Counter()
    assert take_replies(bytearray(b"-" + text + b"\r\n"), errors) == 1
    assert errors == {code: 1}


def test_many_codes_are_few() -> None:
    errors: Counter[str] = Counter()
    names = [chr(65 + number) * 3 for number in range(26)]
    received = bytearray("".join(f"-{name} x\r\n" for name in names).encode())
    assert take_replies(received, errors) == 26
    assert len(errors) <= 11
    assert errors.total() == 26

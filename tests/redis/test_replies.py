"""What is read of a real server's replies, and kept."""

import pytest

from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.resp import MAX_EXCHANGE_BYTES, Kept
from tests.support.servers import running


def test_what_is_not_kept_of_a_text_is_not_counted() -> None:
    texts = [b"x" * 1_000_000, b"short", b"y" * 2_000_000, b"end"]
    packed = b"".join(b"$%d\r\n%s\r\n" % (len(text), text) for text in texts)
    with running() as server:
        key, client = "long", server.client()
        client.rpush(key, *texts)
        endpoint = parse_endpoint(f"redis://127.0.0.1:{server.port}")
        with connected(endpoint, "queue", timeout_s=5) as looking:
            asked = ("LRANGE", key, 0, -1)
            for _ in range(3):
                (reply,) = looking.ask_all(*[asked] * 7, kept=Kept(10))[6:]
                assert reply == [b"x" * 10, b"short", b"y" * 10, b"end"]
            (reply,) = looking.ask_all(asked, kept=Kept(10, in_arrays=2))
            assert reply == texts
            *_, reply = looking.ask_all(("MULTI",), asked, ("EXEC",), kept=Kept(10, in_arrays=2))
            assert reply == [[b"x" * 10, b"short", b"y" * 10, b"end"]]
            assert looking.ask(*asked) == texts
            with pytest.raises(CannotLook, match="more than anybody asked for"):
                looking.ask_all(*[asked] * 7)
    assert len(packed) * 7 > MAX_EXCHANGE_BYTES

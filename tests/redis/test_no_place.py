"""Client slots that are used up are named by every probe that needs one, not only by the first."""

import contextlib
from pathlib import Path

import redis

from tests.support import product
from tests.support.servers import running, wait_until

REASON = "queue refuses clients: max number of clients reached"


def test_a_probe_that_is_turned_away_says_why(folder: Path) -> None:
    """One place is left: enough for the first PING and for one connection after it."""
    with (
        running("--maxclients", "5", "--maxmemory", "64mb") as server,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(4):
            client = server.client(single_connection_client=True)
            wait_until(lambda client=client: answers(client))
            stack.callback(client.close)
        done = product.run(
            folder,
            *("smoke", "--select", "connectivity", "memory", "persistence"),
            env={"REDIS_QUEUE_URL": server.url},
            config="[services.cache]\nrole = 'cache'\nenabled = false\n",
        )
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
    assert done.verdicts["connectivity.pubsub[queue]"] == "unknown"  # it takes two connections
    assert done.message("connectivity.pubsub[queue]") == REASON
    unknown = {name for name, verdict in done.verdicts.items() if verdict == "unknown"}
    assert {done.message(name) for name in unknown} == {REASON}
    assert "stopped answering" not in done.everything


def answers(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(client.ping())
    return False

"""A node of a real cluster: how its cluster is, and that it does not speak for the others."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import product
from tests.support.clusters import cluster, slots
from tests.support.servers import Server, wait_until

LISTED = 'queues = ["listed"]'
CONFIG = f"""
[services.queue]
role = "queue"
expected_mode = "cluster"
prefix = "{{bull}}"
{LISTED}
[services.cache]
role = "cache"
expected_mode = "cluster"
[jwt_cache]
min_entries = 3
"""
ARGUMENTS = ("smoke", "--select", "connectivity.role", "jwt_cache", "queue.depth")
ROLE = "connectivity.role[queue]"
DEPTH = "queue.depth[listed]"
OWNER, OTHER = 1, 0


@pytest.fixture(scope="module")
def nodes() -> Iterator[Sequence[Server]]:
    """Three masters. `{bull}` is on the second (slot 9263): so is the queue, and one JWT entry."""
    with cluster() as started:
        owner = started[OWNER].client()
        owner.hset("{bull}:listed:meta", "version", "bullmq:5.81.5")
        owner.set("jwt:{bull}", "x", ex=900)
        yield started


def looked_at(node: Server, folder: Path, config: str = CONFIG) -> product.Outcome:
    return product.run(folder, *ARGUMENTS, env=product.urls(node.url), config=config)


def test_a_whole_cluster_is_healthy_where_the_queue_is(
    nodes: Sequence[Server], folder: Path
) -> None:
    done = looked_at(nodes[OWNER], folder)
    assert done.verdicts[ROLE] == "pass"
    assert done.verdicts[DEPTH] == "not_applicable"  # it exists, and has no limit
    assert done.verdicts["queue.depth[queue: others]"] == "warn"
    assert "the others were not asked" in done.message("queue.depth[queue: others]")


def test_what_another_node_has_is_unknown_and_never_none(
    nodes: Sequence[Server], folder: Path
) -> None:
    done = looked_at(nodes[OTHER], folder)
    assert done.verdicts[DEPTH] == "unknown"
    assert "listed is not on this node (MOVED)" in done.message(DEPTH)
    unlisted = looked_at(nodes[OTHER], folder / "unlisted", CONFIG.replace(LISTED, ""))
    assert unlisted.verdicts["queue.depth[queue]"] == "unknown"
    assert "no queue: it is one node of a cluster" in unlisted.message("queue.depth[queue]")


def test_too_few_jwt_entries_on_one_node_are_unknown(nodes: Sequence[Server], folder: Path) -> None:
    done = looked_at(nodes[OWNER], folder)
    assert done.verdicts["jwt_cache.populated[cache]"] == "unknown"
    assert "found 1 entry of jwt:* on cache" in done.message("jwt_cache.populated[cache]")
    assert "the others were not asked" in done.message("jwt_cache.populated[cache]")


def test_a_user_without_cluster_info_is_told_so(nodes: Sequence[Server], folder: Path) -> None:
    url = nodes[OWNER].user("ops", "needed-password", "~*", "&*", "+@all", "-cluster")
    done = product.run(folder, *ARGUMENTS, env=product.urls(url), config=CONFIG)
    assert done.verdicts[ROLE] == "unknown"
    assert "no permission for CLUSTER INFO on queue" in done.message(ROLE)
    assert done.verdicts["jwt_cache.populated[cache]"] == "unknown"


def test_a_dead_master_breaks_the_role_although_the_state_is_ok(folder: Path) -> None:
    with cluster() as nodes:
        nodes[2].stop()
        wait_until(lambda: slots(nodes[0])[1] < 16_384, 30)
        wait_until(lambda: slots(nodes[0])[0] == "ok", 30)
        done = looked_at(nodes[0], folder)
    assert (done.code, done.verdicts[ROLE]) == (1, "fail")
    said = "its cluster is down in part: 5461 of 16384 slots are not served"
    assert said in done.message(ROLE)

"""Layers of a configuration: values by key, with where each is from, and how layers are merged."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from redis_runbook.config.keys import Key
from redis_runbook.config.sources import given_by


class Leaf(NamedTuple):
    """A value, and the layer that sets it."""

    value: Any
    origin: str


Layer = Mapping[Key, Leaf]
"""Values by key."""


def flattened(value: Any, origin: str, at: Key = ()) -> dict[Key, Leaf]:
    """A nested table as a flat mapping; an empty table is a leaf itself."""
    if not isinstance(value, Mapping) or (at and not value):
        return {at: Leaf(value, origin)}
    leaves: dict[Key, Leaf] = {}
    for name, inner in value.items():
        leaves |= flattened(inner, origin, (*at, name))
    return leaves


def merged(lower: Layer, higher: Layer) -> dict[Key, Leaf]:
    """Merge two layers; values of the higher layer replace those of the lower."""
    added = {
        key: leaf
        for key, leaf in higher.items()
        if leaf.value != {} or not any(old[: len(key)] == key for old in lower)
    }
    kept = {
        old: leaf for old, leaf in lower.items() if not any(_replaces(new, old) for new in added)
    }
    return kept | added


def _replaces(new: Key, old: Key) -> bool:
    """Whether one key contains the other, or both give the same value: `url` and `url_env`."""
    shared = min(len(new), len(old))
    return new[:shared] == old[:shared] or (
        new[:-1] == old[:-1] and given_by(new[-1]) == given_by(old[-1])
    )


def tree(leaves: Layer) -> dict[str, Any]:
    """The values of a layer as nested tables."""
    whole: dict[str, Any] = {}
    for key, leaf in leaves.items():
        table = whole
        for part in key[:-1]:
            table = table.setdefault(part, {})
        table[key[-1]] = leaf.value
    return whole

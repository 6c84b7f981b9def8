"""Suggests the valid name that is most similar to a wrong name."""

import difflib
from collections.abc import Iterable
from typing import Final

_SIMILAR: Final = 0.6
"""The default of difflib."""


def did_you_mean(wrong: str, valid: Iterable[str]) -> str:
    """`; did you mean x?` for the most similar valid name, even if it is not similar."""
    near = nearest(wrong, valid, at_least=0.0)
    return f"; did you mean {near}?" if near else ""


def the_nearest_is(wrong: str, valid: Iterable[str]) -> str:
    """`; the nearest is x` for the most similar valid name; empty if none is similar."""
    near = nearest(wrong, valid)
    return f"; the nearest is {near}" if near else ""


def nearest(wrong: str, valid: Iterable[str], *, at_least: float = _SIMILAR) -> str | None:
    """The most similar valid name, with a similarity from 0 to 1; None if none is so similar."""
    return next(iter(difflib.get_close_matches(wrong, list(valid), n=1, cutoff=at_least)), None)

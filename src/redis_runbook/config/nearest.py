"""What a wrong name was likely meant to be."""

import difflib
from collections.abc import Iterable
from typing import Final

_ALIKE: Final = 0.6
"""difflib's own idea of a good match."""


def did_you_mean(wrong: str, valid: Iterable[str]) -> str:
    """`; did you mean x?` for the likeliest of the valid ones, however unlike it is."""
    near = _nearest(wrong, valid, at_least=0.0)
    return f"; did you mean {near}?" if near else ""


def the_nearest_is(wrong: str, valid: Iterable[str]) -> str:
    """`; the nearest is x` where one of the valid ones is like it; else nothing."""
    near = _nearest(wrong, valid, at_least=_ALIKE)
    return f"; the nearest is {near}" if near else ""


def _nearest(wrong: str, valid: Iterable[str], *, at_least: float) -> str | None:
    return next(iter(difflib.get_close_matches(wrong, list(valid), n=1, cutoff=at_least)), None)

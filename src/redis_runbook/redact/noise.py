"""What a text may have between two letters of a word, so that a search does not find the word."""

import re
from collections.abc import Sequence
from typing import Final

# Colours and the like (CSI), titles and links (OSC), character sets (`tput sgr0`).
_SEQUENCES: Final = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]"
)
# The same, and bytes that are no text, as JSON, Python and `as_text` write them.
_WRITTEN: Final = (
    r"\\{1,4}(?:x1[bB]|u001[bB]|033)\[[0-?]*[@-~]"
    r"|\\{1,4}(?:x[0189a-fA-F][0-9a-fA-F]|u00[01][0-9a-fA-F])"
)
# What is not seen: control characters, and characters without a width.
_UNSEEN: Final = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"

NOISE: Final = re.compile(rf"{_SEQUENCES}|{_WRITTEN}|{_UNSEEN}")
OVERWRITTEN: Final = re.compile(rf"{_SEQUENCES}|{_WRITTEN}|[^\n\x08]\x08|{_UNSEEN}")
"""A character before a backspace, too: a terminal shows what comes after it in its place."""

WRAPPED: Final = re.compile(rf"{_SEQUENCES}|{_WRITTEN}|\n[ \t]*|{_UNSEEN}")
"""The ends of lines, too, with how the next one is indented."""


def without(noise: re.Pattern[str], text: str) -> tuple[str, Sequence[int]]:
    """The text without it, and of each of its characters the place that it had."""
    kept: list[str] = []
    places: list[int] = []
    at = 0
    for found in noise.finditer(text):
        kept.append(text[at : found.start()])
        places.extend(range(at, found.start()))
        at = found.end()
    places.extend(range(at, len(text)))
    return "".join([*kept, text[at:]]), places

"""Parts of a secret at a place where a text was cut, or ends, or begins."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

MIN_PART: Final = 4
"""So many characters are a part of a secret where a text was surely cut."""
_MIN_AT_AN_END: Final = 8
"""So many are one where a text or a line just ends or begins: it may do so with any word."""

# By us, by Redis (`... (9 more bytes)`, `'…'`) or by another; or it is the end of a line.
_CUT: Final = re.compile(r"(?=(…|\.\.\.|'))|(?<![ \t\r])(?=[ \t\r]*(?:\n|\Z))")
_BEGUN: Final = re.compile(r"(?:\A|\n|…)[ \t]*")
_NAME: Final = re.compile(r"[a-z]+(?:[-_.:/][a-z0-9]+)*")

Span = tuple[int, int]
"""Where a part begins and ends in a text."""


class Parts:
    """Secrets of which a text may hold the beginning or the end only."""

    def __init__(self, forms: Iterable[str]) -> None:
        """Look for parts of these."""
        self._by_beginning: dict[str, list[str]] = {}
        self._by_end: dict[str, list[str]] = {}
        for form in forms:
            if len(form) > MIN_PART:
                self._by_beginning.setdefault(form[:MIN_PART], []).append(form)
            if len(form) > _MIN_AT_AN_END:
                self._by_end.setdefault(form[-_MIN_AT_AN_END:], []).append(form)

    def spans(self, text: str) -> list[Span]:
        """Where the text has such parts."""
        found: list[Span] = []
        if begins := _known_in(text, self._by_beginning, MIN_PART):
            cuts = {
                cut.start(): MIN_PART if cut[1] else _MIN_AT_AN_END for cut in _CUT.finditer(text)
            }
            for form in begins:
                for at, size in _beginnings(form, text, cuts):
                    if not _is_name(text, size, form[size]):
                        found.append((at - size, at))
        if ends := _known_in(text, self._by_end, _MIN_AT_AN_END):
            # The end of a secret is a beginning of it, too, when read from right to left.
            length, backwards = len(text), text[::-1]
            cuts = {length - begun.end(): _MIN_AT_AN_END for begun in _BEGUN.finditer(text)}
            for form in ends:
                for at, size in _beginnings(form[::-1], backwards, cuts):
                    if not _is_name(text, size, form[-size - 1]):
                        found.append((length - at, length - at + size))
        return found


def _known_in(text: str, known: Mapping[str, list[str]], size: int) -> list[str]:
    """What is known by those texts of this size that are in the text."""
    within = {text[at : at + size] for at in range(len(text) - size + 1)} if known else set()
    return [form for part in within & known.keys() for form in known[part]]


def _is_name(text: str, size: int, next_to_it: str) -> bool:
    """Whether the part is the whole text, and a name by which a secret happens to begin or end.

    As `shop-redis` is one beside the password `shop-redis-password`.
    """
    return size == len(text) and not next_to_it.isalnum() and _NAME.fullmatch(text) is not None


def _beginnings(secret: str, text: str, cuts: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Each cut with how many characters in front of it begin the secret, if enough do.

    After Knuth, Morris and Pratt: no text, as `SSS…` is for a secret of `S`, takes long.
    """
    shorter = _shorter(secret)
    size = 0
    for at in range(text.find(secret[:MIN_PART]), len(text) + 1):
        if at in cuts and cuts[at] <= size < len(secret):
            yield at, size
        if at < len(text):
            size = _longer(secret, shorter, size, text[at])


def _shorter(secret: str) -> list[int]:
    """For each beginning of the secret, how much of the secret's beginning it ends with."""
    shorter = [0]
    for char in secret[1:]:
        shorter.append(_longer(secret, shorter, shorter[-1], char))
    return shorter


def _longer(secret: str, shorter: list[int], size: int, char: str) -> int:
    """How much of the secret's beginning a text ends with that had `size` of it, and `char` now."""
    while size and (size == len(secret) or secret[size] != char):
        size = shorter[size - 1]
    return size + (secret[size] == char)

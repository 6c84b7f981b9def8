"""Numbers with the words that agree with them, and lists of bounded length."""

from collections.abc import Sequence


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 job` or `2 jobs`: the number and its noun, with the verb where that has to agree, too.

    `many` is the plural where it is not `one` with an s: `1 job waits`, `2 jobs wait`.
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def listed(texts: Sequence[str], most: int) -> str:
    """`a, b and 2 more`: so many of them, and how many there are besides."""
    more = len(texts) - most
    named = ", ".join(texts[:most])
    return f"{named} and {more} more" if more > 0 else named

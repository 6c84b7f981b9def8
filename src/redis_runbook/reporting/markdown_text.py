"""Text from outside in Markdown: it stays text, whatever it is made of.

Plain words of a sentence stay as they are, and everything else is in a code span. Nothing else
helps on GitHub and GitLab: they look for mentions, links and references in what Markdown made of
the text, where a backslash is gone; in code they do not.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_PLAIN: Final = re.compile(
    # A word or a number, with what a sentence has around it; never `#1`, `@you`, `%one` or a link.
    r"""[("']{0,2}[^\W_]+(?:[.,'-][^\W_]+)*[%…]?[)"',;:.!?]{0,3}|%[)"',;:.]{0,2}|[=·→…/]"""
)
_REFERENCE: Final = re.compile(
    # Commits, issues (GH-1, ABC-1), and what is a link without a scheme.
    r"\W*(?:[0-9a-f]{7,64}|[a-z][a-z0-9]*-\d+|www\..*|[a-z0-9-]+\.[a-z]{2}.*)\W*",
    re.IGNORECASE,
)
_AROUND: Final = re.compile(r"([(\"]*)(.*?)([)\",;:.]*)", re.DOTALL)
_LIST: Final = re.compile(r"\d{1,9}[.)]|[-+=]+")
_SPAN: Final = re.compile("`([^`]+)`")
_TOUCHING: Final = re.compile(r"([),;:.!?]{0,3}(?=\s|$)|)(.*?)((?<=\s)[(\"]{1,2}|)", re.DOTALL)
_TICKS: Final = re.compile("`+")


def prose(text: str) -> str:
    """A sentence, with what is not a plain word as code."""
    return " ".join(_parts(text, first=True))


def step(text: str) -> str:
    """A next step, in which what we wrote between backticks is a command, and is code whole."""
    pieces = _SPAN.split(text)  # every other one was between two backticks
    whole = ""
    for number, piece in enumerate(pieces):
        part = code(piece) if number % 2 else _between(piece, first=number == 0)
        # Two spans that touch would be one.
        whole += f" {part}" if whole.endswith("`") and part.startswith("`") else part
    return whole


def _between(piece: str, *, first: bool) -> str:
    """What is before, between or after spans of code, with the punctuation that touches them."""
    before, inside, after = _TOUCHING.fullmatch(piece).groups()  # type: ignore[union-attr]
    if first:
        before, inside = "", f"{before}{inside}"
    words = " ".join(_parts(inside, first=first))
    space_before = " " if inside[:1].isspace() and not first else ""
    space_after = " " if words and inside[-1:].isspace() else ""
    return f"{before}{space_before}{words}{space_after}{after}"


def code(text: str) -> str:
    """The text in a code span; a code span cannot be empty, so that an empty text is nothing."""
    if not text.strip():
        return ""
    line = " ".join(text.splitlines())
    ticks = "`" * (max(map(len, _TICKS.findall(line)), default=0) + 1)
    space = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def _parts(text: str, *, first: bool) -> Iterator[str]:
    """Plain words, and in between what is not plain: words in a row as one code span."""
    strange: list[str] = []
    for number, word in enumerate(text.split()):
        if _is_plain(word, first=first and number == 0):
            if strange:
                yield _strange(strange)
                strange = []
            yield word
        else:
            strange.append(word)
    if strange:
        yield _strange(strange)


def _strange(words: Sequence[str]) -> str:
    """Words as code, without the punctuation of the sentence around them."""
    found = _AROUND.fullmatch(" ".join(words))
    before, inside, after = found.groups() if found else ("", "", "")
    return f"{before}{code(inside)}{after}" if inside else code(f"{before}{after}")


def _is_plain(word: str, *, first: bool) -> bool:
    """Whether a word has no meaning to Markdown, GitHub and GitLab, in its place."""
    if first and _LIST.fullmatch(word):
        return False
    return bool(_PLAIN.fullmatch(word)) and not _REFERENCE.fullmatch(word)

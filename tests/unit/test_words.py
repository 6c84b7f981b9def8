"""Numbers agree with their nouns."""

import pytest

from redis_runbook.words import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 jobs wait"), (1, "1 job waits"), (2, "2 jobs wait")]
)
def test_a_number_agrees_with_its_noun_and_verb(number: int, words: str) -> None:
    assert counted(number, "job waits", "jobs wait") == words


def test_a_plural_has_an_s_unless_it_is_given() -> None:
    assert (counted(1, "job"), counted(2, "job")) == ("1 job", "2 jobs")
    assert counted(2, "entry", "entries") == "2 entries"

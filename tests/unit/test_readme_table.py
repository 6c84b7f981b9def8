import re

import pytest

from redis_runbook.catalogue import CATALOGUE
from tools.docs import README, docstrings, with_table

FOUND = docstrings()


def test_the_table_in_readme_has_a_row_for_every_check_and_is_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text, FOUND) == text
    assert re.findall(r"^\| \[`(.+?)`\]", text, re.MULTILINE) == list(CATALOGUE)


def test_only_what_stands_between_the_comments_is_replaced() -> None:
    begin, end = re.findall(r"^<!-- .* -->$", README.read_text(encoding="utf-8"), re.MULTILINE)
    made = with_table(f"above\n{begin}\nan old table\n{end}\nbelow\n", FOUND)
    assert made.startswith(f"above\n{begin}\n\n| check |")
    assert made.endswith(f"|\n\n{end}\nbelow\n")
    assert "an old table" not in made


@pytest.mark.parametrize("text", ["", "no comments\n"])
def test_a_readme_without_the_comments_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_table(text, FOUND)

"""Whatever the answers, they take little memory."""

import pytest
from hypothesis import find
from hypothesis import strategies as st


@pytest.fixture(scope="session")
def _unicode_tables() -> None:
    """Hypothesis makes its tables of Unicode at the first text, which takes 200 MB once."""
    find(st.text(min_size=1), bool)


@pytest.fixture(autouse=True)
def _every_test_takes_little_memory(_unicode_tables: None, _little_memory: None) -> None:
    """Measure it."""

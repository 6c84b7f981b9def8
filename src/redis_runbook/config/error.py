"""The exception for a configuration that cannot be used."""

from collections.abc import Sequence
from typing import Final


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every reason, one sentence each.

    No sentence quotes a secret, nor a value that may be a secret.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems; the text of the exception has one line for each."""
        super().__init__("\n".join(problems))
        self.problems: Final = tuple(problems)

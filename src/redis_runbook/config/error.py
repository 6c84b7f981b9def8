"""What is raised where a configuration cannot be used."""

from collections.abc import Sequence
from typing import Final


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every reason, one sentence each.

    No sentence quotes a secret, nor a value that may be one.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems; as a text they stand one a line."""
        super().__init__("\n".join(problems))
        self.problems: Final = tuple(problems)

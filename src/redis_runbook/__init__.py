"""A Redis operations runbook that runs.

PYTEST_DONT_REWRITE: the command line imports this package before pytest starts.
"""

from typing import Final

__version__: Final = "0.1.0"

"""Processes that can be told from all others: they sleep a number of seconds that no other does."""

import secrets
import subprocess


def new_mark() -> str:
    return f"1{secrets.randbelow(10**9):09}"


def sleeping(mark: str) -> list[str]:
    """The ids of the processes that sleep so long."""
    found = subprocess.run(
        ["pgrep", "-f", f"^sleep {mark}"], capture_output=True, text=True, timeout=10, check=False
    )
    return found.stdout.split()

"""The three ways to run the checks: after a restart, before a deploy, every night."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How long latency is sampled, how long the whole run may take, and what it is for."""

    name: str
    window_s: float
    deadline_s: float
    purpose: str


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(name="smoke", window_s=2, deadline_s=30, purpose="after a restart"),
        Profile(name="gate", window_s=30, deadline_s=90, purpose="before a deploy"),
        Profile(name="nightly", window_s=60, deadline_s=180, purpose="every night"),
    )
}

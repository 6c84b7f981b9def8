"""The three ways to run the checks: after a restart, before a deploy, every night."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How long latency is sampled, how long the rest of a run may take, and its purpose.

    `window_s` is None if each service is sampled for the duration in its limits.
    """

    name: str
    window_s: float | None
    rest_s: float
    purpose: str


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(name="smoke", window_s=2, rest_s=28, purpose="after a restart"),
        Profile(name="gate", window_s=30, rest_s=60, purpose="before a deploy"),
        Profile(name="nightly", window_s=None, rest_s=120, purpose="every night"),
    )
}

"""What a user may choose as target; `auto` takes the first that can be had."""

from typing import Final, Literal, get_args

TargetChoice = Literal["auto", "live", "container", "embedded"]
TARGETS: Final[tuple[str, ...]] = get_args(TargetChoice)

"""The section `[history]` of `runbook.toml`: which runs are kept, and for how long."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from redis_runbook.config.sources import Section
from redis_runbook.config.values import Seconds

_DAY_S: Final = 86_400


def _days(value: float) -> float:
    # `--keep 90` would be 90 seconds, and the next run would drop all that there is.
    if value < _DAY_S:
        raise ValueError('must be at least a day, such as "90d"')
    return value


class HistorySettings(Section):
    """What `history.sqlite` in the report folder keeps."""

    enabled: bool = True
    every_run: bool = Field(False, description="Keep runs of smoke and gate, not only of nightly")
    keep: Annotated[Seconds, AfterValidator(_days)] = Field(
        90.0 * _DAY_S, description="Older runs are dropped when one is added"
    )

"""Which runs the history keeps."""

from typing import Final

from redis_runbook.config.history import HistorySettings
from redis_runbook.record import RunRecord

_ALWAYS: Final = "nightly"


def is_kept(record: RunRecord, settings: HistorySettings) -> bool:
    """Whether a run is kept: of live services, as throwaway ones have no history, and complete."""
    wanted = settings.every_run or record.profile == _ALWAYS
    is_of_now = record.target == "live" and record.judged_at is None
    return settings.enabled and wanted and is_of_now and not record.interrupted

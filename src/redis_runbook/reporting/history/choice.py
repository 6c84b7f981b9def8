"""Which runs the history keeps."""

from typing import Final

from redis_runbook.config.history import HistorySettings
from redis_runbook.record import RunRecord

_ALWAYS: Final = "nightly"


def is_kept(record: RunRecord, settings: HistorySettings) -> bool:
    """Whether a run is kept: of live services, as throwaway ones have no history, and complete."""
    wanted = settings.every_run or record.profile == _ALWAYS
    complete = record.is_of_live_services and not record.interrupted
    return settings.enabled and wanted and complete

"""`[[suppress]]` of `runbook.toml`: findings that are known, and shall change no exit code."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from redis_runbook.catalogue import covers
from redis_runbook.config.sources import Section
from redis_runbook.config.values import UNKNOWN_NAME, Text, one_of

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAX_ENTRIES: Final = 200


def _day(value: object) -> object:
    """A date of TOML, or the same as a text; pydantic would take numbers and moments, too."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError("is no day of the calendar") from None
    if type(value) is not dt.date:
        raise ValueError("must be a day such as 2026-12-24")
    return value


def _known_check_or_prefix(value: str, info: ValidationInfo) -> str:
    """Refuse what names no check that the loader knows; without a loader accept every text."""
    ids = (info.context or {}).get("check")
    if ids is None or any(covers(value, check_id) for check_id in ids):
        return value
    known = sorted({*ids, *(check_id.rpartition(".")[0] for check_id in ids)} - {""})
    raise PydanticCustomError(UNKNOWN_NAME, "is no check, nor a prefix of one", {"known": known})


def _known_service(value: str, info: ValidationInfo) -> str:
    return one_of("service", value, info)


CheckOrPrefix = Annotated[Text, AfterValidator(_known_check_or_prefix)]
KnownService = Annotated[Text, AfterValidator(_known_service)]
Day = Annotated[dt.date, BeforeValidator(_day)]


class Suppress(Section):
    """Which findings are suppressed, why, by whom and until when."""

    check: CheckOrPrefix = Field(description="An id, or a group of them: memory.evictions, memory")
    service: KnownService | None = Field(None, description="Default: any")
    subject: Text | None = Field(None, description="* stands for any text; default: any subject")
    until: Day | None = Field(None, description="The last day, in UTC; gate wants one")
    reason: Annotated[Text, Field(max_length=500)]
    owner: Annotated[Text, Field(max_length=100)]

    @property
    def names(self) -> str:
        """What it names: `queue.depth tenant-* on queue`."""
        on = f"on {self.service}" if self.service else ""
        return " ".join(filter(None, (self.check, self.subject, on)))

    def has_expired(self, today: dt.date) -> bool:
        """Whether its last day has passed."""
        return self.until is not None and self.until < today


Suppresses = Annotated[tuple[Suppress, ...], Field(max_length=_MAX_ENTRIES)]


def expired(entries: Iterable[Suppress], today: dt.date) -> Iterator[str]:
    """A problem for each entry whose last day has passed."""
    for number, entry in enumerate(entries, start=1):
        if entry.has_expired(today):
            yield (
                f"[[suppress]] no. {number} until = {entry.until}: has passed "
                f"({entry.names}, owner {entry.owner}): remove it, or give it a later day"
            )

"""An HTTP API that answers with JSON, asked several things within one time limit."""

import time
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from redis_runbook.wire.http import FetchError, FetchProblem, http_get
from redis_runbook.wire.http_url import HttpUrl

_MIN_TIMEOUT_S: Final = 0.05
_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where an HTTP API is, how to log in to it, and whom to trust: `ca_file` is a PEM file."""

    url: HttpUrl
    token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None


class Answer(BaseModel):
    """A part of an answer, its fields in camelCase; what is not asked for is passed over."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )


class JsonApi:
    """One API under one name; one answer that is late ends all asking."""

    def __init__(self, access: Access, name: str, *, timeout_s: float, limit_s: float) -> None:
        """Ask for at most `timeout_s` each time, and `limit_s` altogether."""
        self.name: Final = name
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + limit_s
        self._late: FetchError | None = None
        self._url = access.url.logged_in(
            token=access.token,
            username=access.username,
            password=access.password,
            ca_file=access.ca_file,
        )

    @property
    def shown(self) -> str:
        """Its URL, as it may be printed."""
        return self._url.shown

    def get(self, path: str, answer: type[_M], **parameters: str) -> _M:
        """What is at `path`, below the URL.

        Raises:
            FetchError: there is no such answer.
        """
        if self._late:
            raise self._late
        left_s = self._deadline - time.monotonic()
        try:
            body = http_get(
                self._url.below(path, parameters),
                timeout_s=max(_MIN_TIMEOUT_S, min(self._timeout_s, left_s)),
            )
        except FetchError as error:
            if error.problem is FetchProblem.TIMED_OUT:
                self._late = error
            raise
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            is_json = all(one["type"] != "json_invalid" for one in error.errors())
            what = "JSON of another form" if is_json else "something that is not JSON"
            raise FetchError(
                FetchProblem.NOT_API, f"answered {path} with {what}: is its URL that of the API?"
            ) from None

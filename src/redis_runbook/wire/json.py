"""A client of an HTTP API that answers with JSON, with one time limit for all requests."""

import time
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from redis_runbook.wire.http import FetchError, FetchProblem, http_get
from redis_runbook.wire.http_url import HttpUrl

MAX_ELEMENTS: Final = 120_000
_MIN_TIMEOUT_S: Final = 0.05
_M = TypeVar("_M", bound=BaseModel)


def most_elements(text: str | bytes) -> int:
    """How many elements a text may have, parsed as JSON: a `{`, `[` or `,` is before each."""
    if isinstance(text, str):
        return sum(map(text.count, ("{", "[", ",")))
    return sum(map(text.count, (b"{", b"[", b",")))


def has_too_many_elements(text: str | bytes) -> bool:
    """Whether a text, parsed as JSON, may have more than MAX_ELEMENTS elements."""
    return most_elements(text) > MAX_ELEMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The URL of an HTTP API, its login, and its trusted CA: `ca_file` is a PEM file."""

    url: HttpUrl
    token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @property
    def has_login(self) -> bool:
        """Whether requests carry a token, a user name or a password."""
        return any((self.token, self.username, self.password, self.url.credentials))


class Answer(BaseModel):
    """A part of an answer, with field names in camelCase; other fields are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # most runs ask for few of the answers
    )


class JsonApi:
    """One API, with its name for messages; after a timeout all further requests fail at once."""

    def __init__(self, access: Access, name: str, *, timeout_s: float, limit_s: float) -> None:
        """Prepare; a request takes at most `timeout_s`, all requests together `limit_s`."""
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
        """The API's URL, as it may be printed."""
        return self._url.shown

    def get(self, path: str, answer: type[_M], **parameters: str) -> _M:
        """Get `path`, below the URL, and parse its answer.

        Raises:
            FetchError: the request failed, or the answer has another form.
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
        if has_too_many_elements(body):
            raise FetchError(
                FetchProblem.TOO_LARGE, f"answered {path} with more than {MAX_ELEMENTS:,} elements"
            )
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            # `errors` takes some kB for each, and each element may be one. No JSON is one error.
            is_json = (
                error.error_count() > 1
                or error.errors(include_input=False)[0]["type"] != "json_invalid"
            )
            what = "JSON of another form" if is_json else "something that is not JSON"
            raise FetchError(
                FetchProblem.NOT_API, f"answered {path} with {what}: is its URL that of the API?"
            ) from None

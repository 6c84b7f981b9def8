"""The sections of `runbook.toml` about what a run starts or sends: commands, and the login."""

import contextlib
import json
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from redis_runbook.config.sources import Section
from redis_runbook.config.values import (
    HttpUrl,
    Seconds,
    Text,
    ValueFile,
    VariableName,
    VariableNames,
)

_BY_PROGRAM: Final = frozenset({"run", "env", "env_from", "cwd"})
_BY_REQUEST: Final = frozenset(
    {"url", "url_env", "url_file", "method", "body_file", "headers_file", "expect_status"}
)
_MARGIN_S: Final = 8.0
_LOOKS_S: Final = 5.0


def _no_shell(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("["):  # of an environment variable
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    if isinstance(value, str):
        raise ValueError('must be a list, as no shell reads it: ["pnpm", "run", "smoke"]')  # noqa: TRY004  # pydantic collects ValueErrors only
    return value


def _not_empty(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or not value[0].strip():
        raise ValueError("must begin with a program")
    return value


def _argument(value: str) -> str:
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("must hold no NUL character, nor half a character")
    return value


Arguments = Annotated[
    tuple[Annotated[str, AfterValidator(_argument)], ...],
    AfterValidator(_not_empty),
    BeforeValidator(_no_shell, json_schema_input_type=list[str]),
]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
EnvironmentValue = Annotated[
    SecretStr, AfterValidator(lambda value: SecretStr(_argument(value.get_secret_value())))
]


class _Program(Section):
    """What a program gets, beside its arguments."""

    env: dict[EnvironmentName, EnvironmentValue] = Field(
        {}, description="Its environment, beside PATH, HOME and the like; never printed"
    )
    env_from: VariableNames = Field(
        (), description="Variables of our environment that are handed on"
    )
    cwd: Text | None = Field(None, description="Its folder; default: that of the run")


class Command(_Program):
    """A program that must exit with 0 in time: the runbook's smoke test."""

    enabled: bool = True
    run: Arguments
    timeout: Seconds = 20.0
    profiles: tuple[Literal["smoke", "gate", "nightly"], ...] = Field(
        ("smoke", "gate", "nightly"), description="Which runs start it"
    )

    def not_run(self, name: str, profile: str) -> str:
        """Why a run of this profile does not start it; empty if it does."""
        if not self.enabled:
            return f"switched off: [commands.{name}] enabled = false"
        return "" if profile in self.profiles else f"not in {profile}: [commands.{name}] profiles"


class JwtLogin(_Program):
    """A login that fills the JWT cache: a program, or an HTTP request."""

    enabled: bool = True
    run: Arguments | None = None
    timeout: Seconds = Field(10.0, description="For the login, and again for the cache after it")
    url: HttpUrl | None = None
    url_env: VariableName | None = None
    url_file: ValueFile | None = None
    method: Literal["GET", "POST", "PUT", "PATCH"] = "POST"
    body_file: ValueFile | None = Field(None, description="What is sent, as it is")
    headers_file: ValueFile | None = Field(None, description="`Name: value`, one a line")
    expect_status: Annotated[int, Field(ge=100, le=599)] | None = Field(
        None, description="Default: any of 200 to 299"
    )

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        fields = type(self).model_fields
        given = {name for name, value in self if value != fields[name].default}
        by_program, by_request = given & _BY_PROGRAM, given & _BY_REQUEST
        if by_program and by_request:
            one, other = min(by_program), min(by_request)
            raise ValueError(f"{one} and {other} exclude each other: a program, or a request")
        if given - {"enabled"} and not self.configured:
            raise ValueError("run or url is missing")
        return self

    @property
    def configured(self) -> bool:
        """Whether there is one, even if it is switched off, or its variable is not set."""
        return bool(self.run) or self.source("url").wanted


def needed_s(commands: Iterable[Command], login: JwtLogin, profile: str) -> float:
    """How long a run of this profile takes at least if all of them use their whole time.

    They run side by side.
    """
    longest_s = [
        command.timeout + _MARGIN_S for command in commands if not command.not_run("", profile)
    ]
    if login.enabled and login.configured:
        longest_s.append(2 * login.timeout + _LOOKS_S + _MARGIN_S)
    return max(longest_s, default=0.0)

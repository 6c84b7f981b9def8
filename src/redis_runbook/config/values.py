"""The types of configuration values: durations, sizes, names, URLs, secrets."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from redis_runbook.config.durations import DURATION, milliseconds
from redis_runbook.config.roles import ROLES, Roles
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.files import is_url
from redis_runbook.wire.http_url import parse_http_url

UNKNOWN_NAME: Final = "unknown_name"
"""The type of pydantic's error for an unknown name; its context has the `known` names."""

_YEAR_S: Final = 366 * 86_400
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_LABEL: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*\Z")


def _number(value: object) -> object:
    """Refuse `true` where a number is wanted: pydantic takes it for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  # pydantic collects ValueErrors only
    return value


def _with_unit(text: str) -> bool:
    return text.strip()[-1:].isalpha()


def _seconds(value: object) -> object:
    if isinstance(value, str) and _with_unit(value):
        return milliseconds(value) / 1_000
    return _number(value)


def _milliseconds(value: object) -> object:
    if isinstance(value, str) and _with_unit(value):
        return milliseconds(value)
    return _number(value)


def _text(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be a text that is neither empty nor holds control characters")
    return value


def _variable_name(value: str) -> str:
    # Capitals only: a likely mistake is to put the secret itself here, and names are printed.
    if not _VARIABLE.match(value):
        raise ValueError("must be the name of an environment variable, in capitals")
    return value


def _label_name(value: str) -> str:
    if not _LABEL.match(value):
        raise ValueError("is not a Prometheus label: letters, digits and _, not beginning with __")
    return value


def _file_of_a_value(value: str) -> str:
    # As above: a URL or a password must not be accepted as a path.
    if not value.startswith(("/", "./", "../")) or not value.isprintable():
        raise ValueError("must be a path that starts with / or ./")
    return value


def _server_address(value: str) -> str:
    endpoint = parse_endpoint(value.strip())
    if endpoint.username or endpoint.password:
        # It is shown, and an exporter has credentials of its own.
        raise ValueError("must be a URL without credentials, such as redis://redis-queue:6379")
    return value.strip()


def _redis_url(value: SecretStr) -> SecretStr:
    parse_endpoint(value.get_secret_value().strip())
    return value


def _http_url(value: SecretStr) -> SecretStr:
    parse_http_url(value.get_secret_value().strip())
    return value


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty")
    return value


def _directory(value: object) -> object:
    if not isinstance(value, str | Path):
        raise ValueError("must be a path")  # noqa: TRY004  # as above
    _text(str(value))
    if is_url(str(value)):
        raise ValueError("must be a path, not a URL")
    return value


def _listed(value: object) -> object:
    """A list, or the text of an environment variable: JSON, or items separated by commas."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [item.strip() for item in value.split(",") if item.strip()]
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("must be a JSON list, or items separated by commas") from None


def one_of(kind: Literal["check", "service"], value: str, info: ValidationInfo) -> str:
    """Refuse a name that the loader does not know; without a loader accept every name."""
    names = (info.context or {}).get(kind)
    if names is not None and value not in names:
        raise PydanticCustomError(UNKNOWN_NAME, f"is not a {kind}", {"known": sorted(names)})
    return value


def known_roles(context: Any) -> Roles:
    """The roles that the loader knows; without a loader, our own roles."""
    return (context or {}).get("roles") or ROLES


def _role_name(value: str, info: ValidationInfo) -> str:
    names = [repr(name) for name in known_roles(info.context)]
    if repr(value) not in names:
        raise ValueError(f"must be {' or '.join(filter(None, (', '.join(names[:-1]), names[-1])))}")
    return value


def _known_check(value: str, info: ValidationInfo) -> str:
    return one_of("check", value, info)


def _name_of(kind: str) -> Callable[[str], str]:
    def plain(value: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value):
            raise ValueError(f"is not a {kind} name: small letters, digits, - and _ only")
        return value

    return plain


_NumberOrText = Annotated[float, Field(gt=0)] | Annotated[str, Field(pattern=f"^{DURATION}$")]
Seconds = Annotated[
    float,
    Field(gt=0, le=_YEAR_S),
    BeforeValidator(_seconds, json_schema_input_type=_NumberOrText),
]
Milliseconds = Annotated[
    float,
    Field(gt=0, le=_YEAR_S * 1_000),
    BeforeValidator(_milliseconds, json_schema_input_type=_NumberOrText),
]
Ratio = Annotated[float, Field(gt=0, le=1), BeforeValidator(_number)]
Factor = Annotated[float, Field(gt=0), BeforeValidator(_number)]
Count = Annotated[int, Field(ge=1), BeforeValidator(_number)]
CountOrZero = Annotated[int, Field(ge=0), BeforeValidator(_number)]
Size = Annotated[
    ByteSize,
    Field(gt=0, le=2**63 - 1),
    BeforeValidator(_number, json_schema_input_type=Annotated[int, Field(gt=0)] | str),
]
Text = Annotated[str, AfterValidator(_text)]
Texts = Annotated[
    tuple[Text, ...], BeforeValidator(_listed, json_schema_input_type=list[str] | str)
]
VariableName = Annotated[str, AfterValidator(_variable_name)]
VariableNames = Annotated[
    tuple[VariableName, ...], BeforeValidator(_listed, json_schema_input_type=list[str] | str)
]
LabelName = Annotated[str, AfterValidator(_label_name)]
ValueFile = Annotated[str, AfterValidator(_file_of_a_value)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
ServerAddress = Annotated[Text, AfterValidator(_server_address)]
HttpUrl = Annotated[SecretStr, AfterValidator(_http_url)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
CheckId = Annotated[str, AfterValidator(_known_check)]
Directory = Annotated[Path, BeforeValidator(_directory)]
RoleName = Annotated[
    str, AfterValidator(_role_name), WithJsonSchema({"enum": [*ROLES], "type": "string"})
]
ServiceName = Annotated[str, AfterValidator(_name_of("service"))]
ContainerName = Annotated[str, AfterValidator(_name_of("container"))]

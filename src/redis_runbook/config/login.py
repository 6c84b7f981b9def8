"""How a configuration says who logs in: to a Redis, or to what watches it."""

from redis_runbook.config.sources import Section
from redis_runbook.config.values import Secret, Text, ValueFile, VariableName


class Login(Section):
    """A user name and a password."""

    username: Text | None = None
    username_env: VariableName | None = None
    username_file: ValueFile | None = None
    password: Secret | None = None
    password_env: VariableName | None = None
    password_file: ValueFile | None = None

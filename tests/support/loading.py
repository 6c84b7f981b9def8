"""Loads configurations for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import Loaded, load
from redis_runbook.config.model import Config
from redis_runbook.config.plugins import own_plugins


def loaded(
    text: str | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Loaded:
    """From `text`, named by an option, or what lies in the current folder, and what covers it."""
    return load(None if text is None else _file(text), environ or {}, options or {})


def problems(
    text: str | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """Why the same cannot be loaded."""
    with pytest.raises(ConfigError) as caught:
        loaded(text, environ, options)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert all("\n" not in one for one in caught.value.problems)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def configured(environ: Mapping[str, str] | None = None, **options: Any) -> Config:
    """The default configuration with these changes; `__` in a name stands for a dot."""
    changes = {key.replace("__", "."): value for key, value in options.items()}
    return load(None, environ or {}, changes).config


def as_loaded(config: Config) -> Loaded:
    """What a run is made from, of a configuration that came from nowhere."""
    return Loaded(config=config, origins={}, plugins=own_plugins())


def config_of(text: str = "") -> Config:
    """What this runbook.toml configures."""
    return load(_file(text), {}, {}).config


def _file(text: str) -> Path:
    file = Path("runbook.toml")
    file.write_text(text, encoding="utf-8")
    return file

"""Collects checks, roles, probes and outputs: our own, and those of plugins."""

import functools
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import pluggy

from redis_runbook import hookspecs
from redis_runbook.catalogue import CATALOGUE, Catalogue, CheckSpec
from redis_runbook.config.error import ConfigError
from redis_runbook.config.roles import Roles
from redis_runbook.redact import printable

if TYPE_CHECKING:
    from redis_runbook.probes.probe import Probe
    from redis_runbook.reporting.output import Output

_OWN: Final[Mapping[str, Sequence[str]]] = {
    "runbook_checks": ("redis_runbook.catalogue",),
    "runbook_roles": ("redis_runbook.config.roles",),
    "runbook_probes": ("redis_runbook.probes.table", "redis_runbook.alerts.probes"),
    "runbook_outputs": ("redis_runbook.reporting.table",),
}
"""Our own modules that implement each hook. They are loaded when the hook is called, so that
commands which need no probes start faster."""

_MAX_LENGTH: Final = 200


class Plugins:
    """The registered items of each kind, by name and ours first; a name is registered once."""

    def __init__(self, foreign: Mapping[str, Any]) -> None:
        """Register our own items, and those of these modules or objects (plugins, by name).

        Raises:
            ConfigError: a hook of a plugin fails, or returns something unusable.
        """
        self._plugins = foreign
        self.catalogue: Final[Catalogue] = self._named("runbook_checks", "id")
        self.roles: Final[Roles] = self._named("runbook_roles", "name")

    @functools.cached_property
    def probes(self) -> "Mapping[str, Probe]":
        """The probes; probes of the same lane run in this order."""
        probes: Mapping[str, Probe] = self._named("runbook_probes", "name")
        produced = {(probe.about, probe.facts) for probe in probes.values()}
        if len(produced) < len(probes):
            raise ConfigError(["two probes return the same facts: each kind has one probe"])
        for probe in probes.values():
            for kind in probe.needs:
                if (probe.about, kind) not in produced:
                    problem = f"the probe {probe.name} needs {kind.__name__}, which none returns"
                    raise ConfigError([problem])
        return probes

    @functools.cached_property
    def outputs(self) -> "Mapping[str, Output]":
        """The outputs."""
        return self._named("runbook_outputs", "name")

    @property
    def test_paths(self) -> Mapping[Path, ModuleType]:
        """The path of each plugin with checks: a module's file, or a package's folder."""
        found: dict[Path, ModuleType] = {}
        for plugin in self._plugins.values():
            file = getattr(plugin, "__file__", None)
            if isinstance(plugin, ModuleType) and file and hasattr(plugin, "runbook_checks"):
                path = Path(file).resolve()
                found[path.parent if path.name == "__init__.py" else path] = plugin
        return found

    def _named(self, hook: str, key: str) -> Mapping[str, Any]:
        """The results of all implementations of a hook, by name; their type is that of ours.

        Raises:
            ConfigError: an implementation fails, or returns something unusable.
        """
        own = [item for name in _OWN[hook] for item in _call(hook, importlib.import_module(name))]
        named = {getattr(item, key): item for item in own}
        kind = type(own[0])
        reserved = {name.partition(".")[0] for name in CATALOGUE}
        for plugin, implementation in self._plugins.items():
            try:
                found = list(_call(hook, implementation))
            except Exception as error:  # noqa: BLE001  # foreign code may raise anything
                raise _unusable(plugin, f"{hook} failed: {_described(error)}") from None
            for item in found:
                if not isinstance(item, kind):
                    raise _unusable(plugin, f"{hook} returned something that is no {kind.__name__}")
                name = getattr(item, key)
                if kind is CheckSpec and ("." not in name or name.partition(".")[0] in reserved):
                    why = "an id carries a prefix of the plugin's own, such as acme.backlog"
                    raise _unusable(plugin, f"the check {printable(name, _MAX_LENGTH)}: {why}")
                if name in named:
                    raise _unusable(plugin, f"{printable(name, _MAX_LENGTH)} is registered already")
                named[name] = item
        return MappingProxyType(named)


@functools.cache
def own_plugins() -> Plugins:
    """Our own items, without any plugin."""
    return Plugins({})


def load_plugins(names: Iterable[str], folder: Path) -> Plugins:
    """Load the plugins of the entry-point group, and those that a configuration names.

    Args:
        names: module names, or paths of `.py` files, relative to `folder`.
        folder: the folder of the configuration's file.

    Raises:
        ConfigError: plugins cannot be loaded; it has a sentence for each.
    """
    loaders: dict[str, Callable[[], Any]] = {
        entry.name: entry.load for entry in importlib.metadata.entry_points(group=hookspecs.GROUP)
    }
    for name in names:
        if name.endswith(".py"):
            loaders[name] = functools.partial(_load_file, folder / name)
        else:
            loaders[name] = functools.partial(importlib.import_module, name)
    if not loaders:
        return own_plugins()
    return Plugins(dict(_loaded(loaders)))


def _loaded(loaders: Mapping[str, Callable[[], Any]]) -> Iterator[tuple[str, Any]]:
    problems = []
    for name, load in loaders.items():
        try:
            yield name, load()
        except Exception as error:  # noqa: BLE001  # foreign code may raise anything
            problems.append(_sentence(name, f"cannot be loaded: {_described(error)}"))
    if problems:
        raise ConfigError(problems)


def _load_file(path: Path) -> ModuleType:
    """Import a module from a file, without adding its folder to sys.path."""
    if not path.is_file():
        raise FileNotFoundError("there is no such file")
    name = f"redis_runbook_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module here
    spec.loader.exec_module(module)
    return module


def _call(hook: str, implementation: Any) -> list[Any]:
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(implementation)
    manager.check_pending()
    return [item for items in getattr(manager.hook, hook)() for item in items]


def _described(error: Exception) -> str:
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return printable(reason, _MAX_LENGTH)


def _sentence(plugin: str, problem: str) -> str:
    return f"plugin {printable(plugin, _MAX_LENGTH)}: {problem}"


def _unusable(plugin: str, problem: str) -> ConfigError:
    return ConfigError([_sentence(plugin, problem)])

"""Collects the checks of a plugin, whose module is loaded already, by pytest."""

from pathlib import Path
from types import ModuleType

import pytest


class PluginModule(pytest.Module):
    """A collector of the tests in a plugin's loaded module."""

    @classmethod
    def from_loaded(
        cls, parent: pytest.Collector, path: Path, module: ModuleType
    ) -> "PluginModule":
        """Make a collector of the loaded module."""
        node: PluginModule = cls.from_parent(parent, path=path)
        node.obj = module
        return node

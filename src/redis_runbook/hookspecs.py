"""The hooks of plugins. Our own checks, probes, outputs and roles are registered in the same way.

A plugin is a module or an object with functions of these names, marked by `hookimpl`. It is found
by the entry-point group `redis_runbook`, or named in `plugins` of `runbook.toml`. A worked example
is in docs/guides/extending.md.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from redis_runbook.catalogue import CheckSpec
    from redis_runbook.config.roles import RoleSpec
    from redis_runbook.probes.probe import Probe
    from redis_runbook.reporting.output import Output

GROUP: Final = "redis_runbook"

hookspec: Final = pluggy.HookspecMarker(GROUP)
hookimpl: Final = pluggy.HookimplMarker(GROUP)


@hookspec
def runbook_checks() -> "Sequence[CheckSpec]":  # type: ignore[empty-body]  # a specification
    """Checks for the catalogue, with ids of the plugin's own prefix (`acme.backlog`).

    Their tests are functions marked `@check("acme.backlog")` in the plugin's module, or in
    `test_*.py` in its folder if it is a package.
    """


@hookspec
def runbook_probes() -> "Sequence[Probe]":  # type: ignore[empty-body]
    """Probes: a check gets a probe's facts from the fixture with the probe's name."""


@hookspec
def runbook_outputs() -> "Sequence[Output]":  # type: ignore[empty-body]
    """Outputs: pure functions of a run's record, written by `--output NAME[=PATH]`."""


@hookspec
def runbook_roles() -> "Sequence[RoleSpec]":  # type: ignore[empty-body]
    """Roles of a Redis, in addition to `queue` and `cache`, with their limits and checks."""

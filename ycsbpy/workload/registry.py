"""The ``workload`` property: ``core``, Java's class name for it, an entry point of ``ycsbpy.workloads``, or
``module:Class``."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from ycsbpy.errors import UsageError, did_you_mean
from ycsbpy.workload.base import Workload

if TYPE_CHECKING:
    from ycsbpy.config import Config

__all__ = ["CORE_NAMES", "make_workload", "workload_names"]

CORE_NAMES = ("core", "site.ycsb.workloads.CoreWorkload", "com.yahoo.ycsb.workloads.CoreWorkload")
GROUP = "ycsbpy.workloads"


def workload_names() -> list[str]:
    """Names that the ``workload`` property takes, without the spellings of other tools."""
    return ["core", *sorted(point.name for point in entry_points(group=GROUP))]


def make_workload(config: Config, seed: int) -> Workload:
    """The workload that the configuration names. Raises ``UsageError`` if there is none of that name or it cannot be
    had."""
    name = config.text("workload")
    if name in CORE_NAMES:
        from ycsbpy.workload.core import CoreWorkload

        return CoreWorkload.from_config(config, seed)
    return _load(name, config.origin("workload")).from_config(config, seed)


def _load(name: str, where: str) -> type[Workload]:
    found: object
    try:
        if ":" in name:
            module, _, attribute = name.partition(":")
            found = getattr(import_module(module), attribute)
        else:
            points = [point for point in entry_points(group=GROUP) if point.name == name]
            if not points:
                raise UsageError(f'{where}: workload: there is no "{name}"{did_you_mean(name, workload_names())}')
            found = points[0].load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{where}: workload: {name} could not be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Workload)):
        raise UsageError(f"{where}: workload: {name} is not a subclass of ycsbpy.Workload")
    return found

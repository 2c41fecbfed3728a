"""Which drivers there are, and which one a command means.

A driver is found by name among the entry points of the group ``ycsbpy.drivers``, and imported when it is asked for.
The built-in ones are also listed here, so that they are found in a checkout that was never installed; their names
cannot be taken over. ``tikv`` is not a driver but the database: the driver for it is chosen by ``tikv.driver``.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.config import PROPERTY_TABLE, TikvSettings
from ycsbpy.drivers.base import Driver, DriverBase, SyncDriver
from ycsbpy.errors import DriverError, NotSupportedError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ycsbpy.config import Config, Property

__all__ = [
    "DATABASE_TIKV",
    "ENTRY_POINT_GROUP",
    "DriverChoice",
    "check_driver",
    "choose_driver",
    "driver_class",
    "driver_names",
    "driver_properties",
    "not_native",
]

ENTRY_POINT_GROUP = "ycsbpy.drivers"
DATABASE_TIKV = "tikv"
"""The DB argument that means TiKV by whichever driver ``tikv.driver`` says."""

_BUILT_IN: Mapping[str, str] = {
    "memory": "ycsbpy.drivers.memory:MemoryDriver",
    "native": "ycsbpy.drivers.tikv_native:TikvNativeDriver",
    "tikv-client": "ycsbpy.drivers.tikv_client:TikvClientDriver",
    "tikv-python": "ycsbpy.drivers.tikv_python:TikvPythonDriver",
}
_TIKV_DRIVERS = ("native", "tikv-client", "tikv-python")
"""What ``tikv.driver=auto`` tries, the faster one first."""


class DriverChoice(NamedTuple):
    """A driver, and a line that says which one it is and why; the reason is empty where the user named it."""

    name: str
    driver_class: type[DriverBase]
    reason: str = ""


def driver_names() -> list[str]:
    """What DB can be: ``tikv`` and every driver's name, sorted. Imports no driver."""
    return sorted({DATABASE_TIKV, *_BUILT_IN, *_entry_points()})


def driver_class(name: str) -> type[DriverBase]:
    """The driver of that name. Raises ``UsageError`` if there is none, ``DriverError`` if it cannot be imported."""
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        return _checked(name, "ycsbpy", lambda: getattr(importlib.import_module(module), attribute))
    found = _entry_points().get(name, [])
    if not found:
        raise _unknown(name)
    if len(found) > 1:
        homes = ", ".join(sorted(_home(entry) for entry in found))
        raise DriverError(f'driver "{name}" is declared by several packages: {homes}')
    return _checked(name, _home(found[0]), found[0].load)


def choose_driver(database: str, config: Config, *, natively_drawn: bool = True) -> DriverChoice:
    """The driver for a command's DB argument. ``natively_drawn`` is whether the workload is one that ``native`` can run
    by itself; for others ``tikv.driver=auto`` passes over it.

    Raises ``UsageError`` for a name that is none, ``DriverError`` where it cannot be imported, and
    ``NotSupportedError`` where no TiKV driver can do what the properties ask for.
    """
    if database not in driver_names():
        raise _unknown(database)
    if database != DATABASE_TIKV:
        return DriverChoice(database, driver_class(database))
    name = config.text("tikv.driver")
    if name == "auto":
        return _choose_tikv_driver(config, natively_drawn=natively_drawn)
    return DriverChoice(name, driver_class(name))


def driver_properties(database: str, tikv_driver: str | None = None) -> list[Property]:
    """What ``load_config(extra=…)`` has to know beside ycsbpy's own table, before there is a configuration.

    The properties of the driver that ``database`` means and, for ``tikv``, ``tikv.driver`` itself with the names of
    third-party drivers among its choices; ``tikv_driver`` is what was written for it, if anything. Raises as
    ``driver_class``.
    """
    if database != DATABASE_TIKV:
        return list(driver_class(database).properties)
    others = sorted(_entry_points())
    if not others:
        return []
    known = PROPERTY_TABLE["tikv.driver"]
    extra = [dataclasses.replace(known, choices=(*known.choices, *others))]
    return extra + list(driver_class(tikv_driver).properties) if tikv_driver in others else extra


def _unknown(name: str) -> UsageError:
    names = driver_names()
    return UsageError(f'unknown database "{name}"; there are {", ".join(names)}{did_you_mean(name, names)}')


def _choose_tikv_driver(config: Config, *, natively_drawn: bool) -> DriverChoice:
    """The first that can be imported and can do what is asked; why the faster ones cannot is the reason."""
    passed_over: list[str] = []
    refused = False
    for name in _TIKV_DRIVERS:
        if name == "native" and (why := not_native(config, natively_drawn=natively_drawn)):
            passed_over.append(f"native: {why}")
            continue
        try:
            found = driver_class(name)
        except DriverError as error:
            passed_over.append(str(error))
            continue
        refusals = _refusals(found, config)
        if not refusals:
            return DriverChoice(name, found, "; ".join(passed_over) or "the fastest that is installed")
        refused = True
        passed_over += [f"{prop}: {why}" for prop, why in refusals.items()]
    message = f"no TiKV driver can be used: {'; '.join(passed_over)}"
    raise NotSupportedError(message) if refused else DriverError(message)


def check_driver(found: type[DriverBase], config: Config) -> None:
    """Find out before a cluster is looked for what the driver would refuse. Raises ``NotSupportedError``."""
    for name, reason in _refusals(found, config).items():
        raise NotSupportedError(f"{name}: {reason}")
    if config.integer("batch.size") > 1 and not found.batches:
        raise NotSupportedError(f"batch.size: {found.name} has no calls for more than one record; write 1")


def not_native(config: Config, *, natively_drawn: bool) -> str:
    """Why the native engine cannot run a phase; an empty string if it can."""
    if not natively_drawn:
        return "it cannot run a workload that decides in Python"
    if config.integer("core_workload_insertion_retry_limit"):
        return "its engine does not try inserts again that went wrong"
    return ""


def _refusals(found: type[DriverBase], config: Config) -> Mapping[str, str]:
    from ycsbpy.drivers.tikv_raw import RawTikvDriver

    return found.refusals(TikvSettings.from_config(config)) if issubclass(found, RawTikvDriver) else {}


def _entry_points() -> dict[str, list[importlib.metadata.EntryPoint]]:
    """Third-party entry points by name; several packages may declare the same one."""
    found: dict[str, list[importlib.metadata.EntryPoint]] = {}
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        if entry.name not in _BUILT_IN and entry.name != DATABASE_TIKV:
            found.setdefault(entry.name, []).append(entry)
    return found


def _home(entry: importlib.metadata.EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value


def _checked(name: str, home: str, load: Callable[[], object]) -> type[DriverBase]:
    try:
        found = load()
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DriverError(f'driver "{name}" of {home} cannot be imported: {reason}') from error
    if not isinstance(found, type) or not issubclass(found, (Driver, SyncDriver)):
        raise DriverError(f'driver "{name}" of {home} is not a subclass of Driver or SyncDriver')
    if missing := sorted(found.__abstractmethods__):
        raise DriverError(f'driver "{name}" of {home} lacks {", ".join(missing)}')
    return found

"""ycsbpy as a library: load and run workloads from Python, with drivers and workloads of one's own.

    import ycsbpy

    driver = ycsbpy.MemoryDriver()
    ycsbpy.load("workloada", driver=driver, recordcount=10_000)
    summary = ycsbpy.run("workloada", driver=driver, recordcount=10_000, operationcount=100_000, threadcount=16)
    print(ycsbpy.table(summary))

Properties are keyword arguments; those with a dot in their name go into ``properties={"tikv.pd": "10.0.1.5:2379"}``.
Values may be Python's (``target=1000``) or text. Everything that the command line refuses is refused here too, by the
exceptions of ``ycsbpy.errors``; failed operations are in the summary and raise nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.config import load_config
from ycsbpy.drivers.registry import DATABASE_TIKV, driver_class
from ycsbpy.errors import Interrupted
from ycsbpy.report.text import final_lines
from ycsbpy.session import Job, perform, perform_async

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ycsbpy.config import Command
    from ycsbpy.drivers.base import Driver, SyncDriver
    from ycsbpy.measure.summary import Summary
    from ycsbpy.report.document import Document
    from ycsbpy.workload.base import Workload

__all__ = ["load", "load_async", "run", "run_async", "table"]


def load(
    files: str | Sequence[str] = (),
    *,
    database: str = DATABASE_TIKV,
    driver: Driver | SyncDriver | None = None,
    workload: Workload | None = None,
    properties: Mapping[str, object] | None = None,
    **more: Any,
) -> Summary:
    """Load a workload's records and return what the load did.

    ``files`` are property files or shipped workloads, later ones stronger. ``driver`` is an open driver that stays
    open; without one, ``database`` names it as on the command line. ``workload`` takes the place of the property.
    Raises ``UsageError``, ``DriverError`` or ``ClusterError`` where the load cannot be begun.
    """
    job = _job("load", files, database, driver, workload, {**(properties or {}), **more})
    return _last(perform(job))


def run(
    files: str | Sequence[str] = (),
    *,
    database: str = DATABASE_TIKV,
    driver: Driver | SyncDriver | None = None,
    workload: Workload | None = None,
    properties: Mapping[str, object] | None = None,
    **more: Any,
) -> Summary:
    """Run a workload's operations and return what was measured; arguments as for ``load``."""
    job = _job("run", files, database, driver, workload, {**(properties or {}), **more})
    return _last(perform(job))


async def load_async(
    files: str | Sequence[str] = (),
    *,
    database: str = DATABASE_TIKV,
    driver: Driver | SyncDriver | None = None,
    workload: Workload | None = None,
    properties: Mapping[str, object] | None = None,
    **more: Any,
) -> Summary:
    """``load`` on the running event loop (in a notebook, for instance)."""
    job = _job("load", files, database, driver, workload, {**(properties or {}), **more})
    return _last(await perform_async(job))


async def run_async(
    files: str | Sequence[str] = (),
    *,
    database: str = DATABASE_TIKV,
    driver: Driver | SyncDriver | None = None,
    workload: Workload | None = None,
    properties: Mapping[str, object] | None = None,
    **more: Any,
) -> Summary:
    """``run`` on the running event loop."""
    job = _job("run", files, database, driver, workload, {**(properties or {}), **more})
    return _last(await perform_async(job))


def _last(document: Document) -> Summary:
    if not document.phases:
        raise Interrupted("interrupted before anything was done")
    return document.phases[-1]


def table(summary: Summary) -> str:
    """The summary as the command line prints it."""
    return "\n".join(final_lines(summary))


def _job(
    command: Command,
    files: str | Sequence[str],
    database: str,
    driver: Driver | SyncDriver | None,
    workload: Workload | None,
    values: Mapping[str, object],
) -> Job:
    names = (files,) if isinstance(files, str) else tuple(files)
    if driver is not None:
        extra = type(driver).properties
    else:
        extra = driver_class(database).properties if database != DATABASE_TIKV else ()
    config = load_config(names, arguments=values, extra=extra)
    return Job.of(command, database if driver is None else driver.name, config, driver=driver, workload=workload)

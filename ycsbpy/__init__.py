"""YCSB workloads for TiKV: generate, drive, measure, verify.

The names below are the library. They are imported when they are first used, so that ``ycsbpy --help`` does not wait for
event loops and clients.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ycsbpy.api import load, load_async, run, run_async, table
    from ycsbpy.config import Config, Property, load_config, make_config
    from ycsbpy.drivers.base import Driver, SyncDriver
    from ycsbpy.drivers.memory import MemoryDriver
    from ycsbpy.errors import YcsbpyError
    from ycsbpy.measure.summary import Accounting, LatencyStats, Series, Summary
    from ycsbpy.ops import Operation, OpKind, Outcome, Result
    from ycsbpy.report.document import Document, read_document, write_document
    from ycsbpy.runner.stop import StopSignal
    from ycsbpy.workload.base import Phase, Workload
    from ycsbpy.workload.core import CoreWorkload

__version__ = "0.1.0"

__all__ = [
    "Accounting",
    "Config",
    "CoreWorkload",
    "Document",
    "Driver",
    "LatencyStats",
    "MemoryDriver",
    "OpKind",
    "Operation",
    "Outcome",
    "Phase",
    "Property",
    "Result",
    "Series",
    "StopSignal",
    "Summary",
    "SyncDriver",
    "Workload",
    "YcsbpyError",
    "__version__",
    "load",
    "load_async",
    "load_config",
    "make_config",
    "read_document",
    "run",
    "run_async",
    "table",
    "write_document",
]

_HOMES = {
    "ycsbpy.api": ("load", "load_async", "run", "run_async", "table"),
    "ycsbpy.config": ("Config", "Property", "load_config", "make_config"),
    "ycsbpy.drivers.base": ("Driver", "SyncDriver"),
    "ycsbpy.drivers.memory": ("MemoryDriver",),
    "ycsbpy.errors": ("YcsbpyError",),
    "ycsbpy.measure.summary": ("Accounting", "LatencyStats", "Series", "Summary"),
    "ycsbpy.ops": ("OpKind", "Operation", "Outcome", "Result"),
    "ycsbpy.report.document": ("Document", "read_document", "write_document"),
    "ycsbpy.runner.stop": ("StopSignal",),
    "ycsbpy.workload.base": ("Phase", "Workload"),
    "ycsbpy.workload.core": ("CoreWorkload",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        found = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'ycsbpy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""One operation against one driver: which method, and what it means when a driver breaks its contract and raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ycsbpy.ops import Operation, OpKind, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.drivers.base import Driver, SyncDriver

__all__ = ["INTERRUPTED", "abandoned", "method_table", "raised"]

INTERRUPTED = "interrupted"
"""Name of the error of operations that were given up in flight."""

_READS = (OpKind.READ, OpKind.SCAN)


def method_table(driver: Driver | SyncDriver, table: str) -> tuple[Callable[[Operation], Any], ...]:
    """For each ``OpKind``, in its order, a function that calls the driver; what it returns is the driver's own (a
    coroutine or a ``Result``)."""
    read, update, insert, scan = driver.read, driver.update, driver.insert, driver.scan
    modify, delete = driver.read_modify_write, driver.delete
    return (
        lambda op: read(table, op.key, op.fields),
        lambda op: update(table, op.key, op.values or {}),
        lambda op: insert(table, op.key, op.values or {}),
        lambda op: scan(table, op.key, op.scan_length, op.fields),
        lambda op: modify(table, op.key, op.fields, op.values or {}),
        lambda op: delete(table, op.key),
    )


def abandoned(kind: int) -> Result:
    """An operation that was given up in flight: a read failed, a write may have been done."""
    return Result(Outcome.FAILED if kind in _READS else Outcome.UNKNOWN, error=INTERRUPTED)


def raised(kind: int, error: Exception) -> Result:
    """A driver raised, which its contract rules out. Nothing is known of a write then; the run goes on and counts
    it."""
    outcome = Outcome.FAILED if kind in _READS else Outcome.UNKNOWN
    return Result(outcome, error=f"raised_{type(error).__name__}", detail=str(error))

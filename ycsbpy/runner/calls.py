"""One operation against one driver: which method, and what it means when a driver breaks its contract and raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ycsbpy.drivers.base import Driver
from ycsbpy.ops import Operation, OpKind, Outcome, Result
from ycsbpy.runner.batches import BatchedWorkload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ycsbpy.drivers.base import SyncDriver
    from ycsbpy.workload.base import Workload

__all__ = ["INTERRUPTED", "Methods", "abandoned", "method_table", "raised"]

INTERRUPTED = "interrupted"
"""Name of the error of operations that were given up in flight."""

Methods = tuple["Callable[[Operation], Any]", ...]
"""For each ``OpKind``, in its order, a function that calls the driver; what it returns is the driver's own (a coroutine
or a ``Result``)."""

_READS = (OpKind.READ, OpKind.SCAN, OpKind.BATCH_READ)


def method_table(driver: Driver | SyncDriver, workload: Workload) -> Methods:
    """How to call the driver for each kind of operation of the workload."""
    if isinstance(workload, BatchedWorkload):
        return _batch_methods(driver, workload)
    table = workload.table
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


def _batch_methods(driver: Driver | SyncDriver, workload: BatchedWorkload) -> Methods:
    calls = {
        OpKind.BATCH_READ: driver.batch_read,
        OpKind.BATCH_UPDATE: driver.batch_update,
        OpKind.BATCH_INSERT: driver.batch_insert,
        OpKind.BATCH_READ_MODIFY_WRITE: driver.batch_read_modify_write,
        OpKind.BATCH_DELETE: driver.batch_delete,
    }
    table = workload.table

    async def awaited(op: Operation, call: Callable[..., Awaitable[Sequence[Result]]]) -> Result:
        return workload.answered(op, await call(table, workload.rows(op)))

    def blocking(op: Operation, call: Callable[..., Sequence[Result]]) -> Result:
        return workload.answered(op, call(table, workload.rows(op)))

    finish: Callable[..., Any] = awaited if isinstance(driver, Driver) else blocking

    def method(call: Callable[..., Any]) -> Callable[[Operation], Any]:
        return lambda op: finish(op, call)

    return tuple(method(calls[kind]) if kind in calls else _never for kind in OpKind)


def _never(op: Operation) -> Any:
    raise AssertionError(f"no batch is of kind {op.kind}")


def abandoned(kind: int) -> Result:
    """An operation that was given up in flight: a read failed, a write may have been done."""
    return Result(Outcome.FAILED if kind in _READS else Outcome.UNKNOWN, error=INTERRUPTED)


def raised(kind: int, error: Exception) -> Result:
    """A driver raised, which its contract rules out. Nothing is known of a write then; the run goes on and counts
    it."""
    outcome = Outcome.FAILED if kind in _READS else Outcome.UNKNOWN
    return Result(outcome, error=f"raised_{type(error).__name__}", detail=str(error))

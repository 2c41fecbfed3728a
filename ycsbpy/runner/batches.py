"""Batches: one operation is one call for several records.

A batch is ``batch.size`` operations in a row, the last one as many as are left, all of the kind that the mix chose for
the first of them; each is drawn as it would be alone, so a load writes the same rows with and without batches. To the
runner it is an operation like any other: it has a kind (``BATCH_READ``), a latency and an outcome. The outcome is
that of the record that fared worst, but a write of which some records were written and others failed is ``UNKNOWN``:
neither a success nor without effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.errors import NotSupportedError
from ycsbpy.ops import Operation, OpKind, Outcome, Result
from ycsbpy.workload.base import Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.drivers.base import DriverBase
    from ycsbpy.workload.base import Phase

__all__ = ["BatchedWorkload", "check_batches", "whole"]


def check_batches(driver: DriverBase, workload: Workload) -> None:
    """Raises ``NotSupportedError`` where one of the two knows no batches."""
    if not workload.batches:
        raise NotSupportedError(f"batch.size: the workload {type(workload).__name__} draws no batches; write 1")
    if not driver.batches:
        raise NotSupportedError(f"batch.size: {driver.name} has no calls for more than one record; write 1")


def whole(results: Sequence[Result], *, is_write: bool) -> Result:
    """The answer for a batch from those of its records."""
    worst = max(results, key=lambda result: result.outcome)
    some_done = any(result.outcome is Outcome.OK for result in results)
    if is_write and some_done and worst.outcome is Outcome.FAILED:
        return Result(Outcome.UNKNOWN, error=worst.error, detail=worst.detail)
    return Result(worst.outcome, error=worst.error, detail=worst.detail)


class BatchedWorkload(Workload):
    """A workload whose operations are batches of another one's."""

    def __init__(self, workload: Workload, size: int, count: int | None) -> None:
        """``count`` is the phase's number of records, ``None`` for no end."""
        self._workload = workload
        self._size = size
        self._count = count
        self._rows: dict[int, list[Operation]] = {}
        self._results: dict[int, Sequence[Result]] = {}
        self.table = workload.table
        self.checks = workload.checks

    def draw(self, phase: Phase, number: int) -> Operation:
        first = number * self._size
        size = self._size if self._count is None else min(self._size, self._count - first)
        rows = [self._workload.draw(phase, first)]
        kind = OpKind(rows[0].kind)
        rows += [self._workload.draw_as(kind, phase, first + place) for place in range(1, size)]
        self._rows[number] = rows
        return Operation(number, kind.batch, rows[0].key)

    def rows(self, operation: Operation) -> list[Operation]:
        """The operations that a batch which was drawn stands for."""
        return self._rows[operation.number]

    def answered(self, operation: Operation, results: Sequence[Result]) -> Result:
        """Keep what became of each record until ``completed``; returns the whole."""
        self._results[operation.number] = results
        return whole(results, is_write=operation.kind != OpKind.BATCH_READ)

    def completed(self, phase: Phase, operation: Operation, result: Result) -> None:
        rows, results = self._rows.pop(operation.number), self._results.pop(operation.number, None)
        for place, row in enumerate(rows):
            self._workload.completed(phase, row, result if results is None else results[place])

    def check(self, operation: Operation, result: Result) -> str:
        results = self._results.get(operation.number)
        if results is None:
            return ""
        for row, one in zip(self._rows[operation.number], results, strict=True):
            if one.outcome in (Outcome.OK, Outcome.NOT_FOUND) and (wrong := self._workload.check(row, one)):
                return wrong
        return ""

    def for_thread(self) -> BatchedWorkload:
        return BatchedWorkload(self._workload.for_thread(), self._size, self._count)

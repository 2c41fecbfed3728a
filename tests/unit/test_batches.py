"""Batches: exactly so many records, each as it would be alone; what a part that fails makes of the whole."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from ycsbpy.config import make_config
from ycsbpy.drivers.memory import MemoryDriver, MemoryTables
from ycsbpy.errors import NotSupportedError
from ycsbpy.ops import Operation, OpKind, Outcome, Result
from ycsbpy.runner.batches import whole
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import PhasePlan
from ycsbpy.testing import ScriptedDriver, VirtualClock
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ycsbpy.drivers.base import Driver
    from ycsbpy.measure.summary import Summary

SECOND = 1_000_000_000
FIELDS = ("field0", "field1")


class Watched(MemoryDriver):
    """Keeps the sizes of batches and when they came; ``answer`` may replace what becomes of rows."""

    def __init__(
        self,
        tables: MemoryTables | None = None,
        *,
        clock: VirtualClock | None = None,
        answer: Callable[[Operation], Result | None] = lambda _: None,
    ) -> None:
        super().__init__(MemoryTables(FIELDS) if tables is None else tables)
        self.clock = clock
        self.answer = answer
        self.sizes: list[int] = []
        self.times: list[int] = []

    async def batch_insert(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        self._saw(rows)
        made = await super().batch_insert(table, [row for row in rows if self.answer(row) is None])
        left = iter(made)
        return [self.answer(row) or next(left) for row in rows]

    async def batch_read(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        self._saw(rows)
        return [
            self.answer(row) or found for row, found in zip(rows, await super().batch_read(table, rows), strict=True)
        ]

    def _saw(self, rows: Sequence[Operation]) -> None:
        self.sizes.append(len(rows))
        if self.clock is not None:
            self.times.append(self.clock.now_ns())


def workload(**properties: Any) -> CoreWorkload:
    values = {"recordcount": 100, "operationcount": 1000, "fieldcount": 2, "fieldlength": 5, **properties}
    return CoreWorkload.from_config(make_config(values), 7)


def run(
    of: CoreWorkload, driver: Driver, phase: Phase, count: int | None, clock: VirtualClock | None = None, **plan: Any
) -> Summary:
    clock = clock or VirtualClock()
    return clock.run(run_phase(PhasePlan(phase=phase, count=count, **plan), of, driver, clock))


def loaded(**properties: Any) -> MemoryTables:
    tables = MemoryTables(FIELDS)
    run(workload(**properties), Watched(tables), Phase.LOAD, 100)
    return tables


@pytest.mark.parametrize("records", [1, 7, 97, 100])
@pytest.mark.parametrize("size", [2, 7, 100, 1000])
@pytest.mark.parametrize("clients", [1, 4, 13])
def test_a_load_makes_exactly_its_records(records: int, size: int, clients: int) -> None:
    """go-ycsb makes 112 of 100 with batches of 7 and 4 threads."""
    driver = Watched()
    of = workload(recordcount=records)
    summary = run(of, driver, Phase.LOAD, records, clients=clients, batch=size)
    calls = -(-records // size)
    assert sum(driver.sizes) == records
    assert sorted(driver.sizes, reverse=True)[: calls - 1] == [size] * (calls - 1)
    assert summary.accounting.planned == summary.accounting.ok == calls
    assert set(summary.series) == {"BATCH_INSERT", "TOTAL"}
    alone = Watched()
    run(workload(recordcount=records), alone, Phase.LOAD, records)
    assert driver.tables._table("usertable").rows == alone.tables._table("usertable").rows


@pytest.mark.parametrize(
    ("properties", "names"),
    [
        ({"readproportion": 1, "updateproportion": 0}, {"BATCH_READ"}),
        ({"readproportion": 0, "updateproportion": 1}, {"BATCH_UPDATE"}),
        ({"readproportion": 0, "updateproportion": 0, "insertproportion": 1}, {"BATCH_INSERT"}),
        ({"readproportion": 0, "updateproportion": 0, "deleteproportion": 1}, {"BATCH_DELETE"}),
        ({"readproportion": 0, "updateproportion": 0, "readmodifywriteproportion": 1}, {"BATCH_READ_MODIFY_WRITE"}),
    ],
)
def test_a_run_names_its_batches_as_go_ycsb_does(properties: dict[str, Any], names: set[str]) -> None:
    driver = Watched(loaded())
    summary = run(workload(**properties), driver, Phase.RUN, 50, clients=3, batch=8)
    assert set(summary.series) == {*names, "TOTAL"}
    assert summary.accounting.ok == summary.accounting.planned == 7
    rows = driver.tables._table("usertable").rows
    assert len(rows) == {"BATCH_INSERT": 150, "BATCH_DELETE": 50}.get(names.copy().pop(), 100)
    assert all(list(row) == list(FIELDS) for row in rows.values())  # inserts write all fields


def test_the_first_operation_decides_for_its_batch() -> None:
    """The kinds of a mix are those of the operations 0, 5, 10, … alone; the draws of each row are its own."""
    of, alone = workload(), workload()
    summary = run(of, Watched(loaded()), Phase.RUN, 1000, batch=5)
    kinds = Counter(OpKind(alone.draw(Phase.RUN, number).kind).batch.name for number in range(0, 1000, 5))
    assert {name: one.ok for name, one in summary.by_kind.items()} == kinds


def test_reads_after_inserts_find_what_was_acknowledged() -> None:
    summary = run(
        workload(readproportion=0.5, updateproportion=0, insertproportion=0.5, requestdistribution="latest"),
        Watched(loaded()),
        Phase.RUN,
        2000,
        clients=9,
        batch=6,
    )
    assert summary.accounting.not_found == 0
    assert summary.accounting.ok == summary.accounting.planned == 334


OK, MISSING = Result(Outcome.OK), Result(Outcome.NOT_FOUND)
FAILED, LOST = Result(Outcome.FAILED, error="no"), Result(Outcome.UNKNOWN, error="lost")


@pytest.mark.parametrize(
    ("results", "read", "write"),
    [
        ([OK, OK], Outcome.OK, Outcome.OK),
        ([OK, MISSING], Outcome.NOT_FOUND, Outcome.NOT_FOUND),
        ([MISSING, FAILED], Outcome.FAILED, Outcome.FAILED),
        ([OK, FAILED], Outcome.FAILED, Outcome.UNKNOWN),
        ([FAILED, FAILED], Outcome.FAILED, Outcome.FAILED),
        ([OK, LOST, FAILED], Outcome.UNKNOWN, Outcome.UNKNOWN),
    ],
)
def test_what_rows_make_of_the_whole(results: list[Result], read: Outcome, write: Outcome) -> None:
    assert whole(results, is_write=False).outcome is read
    assert whole(results, is_write=True).outcome is write


def test_rows_that_fail_are_not_acknowledged() -> None:
    """Reads never ask for a row whose insert failed, whatever became of its neighbours in the batch."""
    of = workload(readproportion=0.5, updateproportion=0, insertproportion=0.5, requestdistribution="latest")
    bad = {of.key(number) for number in range(100, 2000, 3)}
    inserts = {of.key(number) for number in range(100, 2000)}
    answer = Result(Outcome.FAILED, error="no")
    driver = Watched(loaded(), answer=lambda row: answer if row.values and row.key in bad else None)
    summary = run(of, driver, Phase.RUN, 900, clients=2, batch=4)
    assert not bad & set(driver.tables._table("usertable").rows)
    assert summary.by_kind["BATCH_READ"].ok == summary.by_kind["BATCH_READ"].planned
    assert summary.by_kind["BATCH_INSERT"].unknown > 0
    assert inserts & set(driver.tables._table("usertable").rows)


def test_wrong_data_is_found_in_a_batch() -> None:
    of = workload(dataintegrity=True, readproportion=1, updateproportion=0)
    tables = loaded(dataintegrity=True)
    key = of.key(3)
    tables.update("usertable", key, {"field0": b"xxxxx"})
    summary = run(of, Watched(tables), Phase.RUN, 500, batch=10)
    assert 0 < summary.integrity_violations <= 50
    assert summary.integrity_example.startswith(key.decode())
    assert summary.by_kind["BATCH_READ"].failed == summary.integrity_violations


def test_a_target_is_of_records() -> None:
    clock = VirtualClock()
    driver = Watched(loaded(), clock=clock)
    run(workload(readproportion=1, updateproportion=0), driver, Phase.RUN, 40, clock, target=10.0, clients=2, batch=5)
    begun = driver.times[0]
    assert [time - begun for time in driver.times] == [place * SECOND // 2 for place in range(8)]


def test_a_time_limit_ends_batches_too() -> None:
    clock = VirtualClock()
    of = workload(readproportion=1, updateproportion=0)
    driver = Watched(loaded(), clock=clock)
    summary = run(of, driver, Phase.RUN, None, clock, target=10.0, seconds=3.2, batch=5)
    assert summary.accounting.planned == summary.accounting.done + summary.accounting.dropped == 7
    assert summary.stopped_by == "time limit"


class NoBatches(ScriptedDriver):
    name: ClassVar[str] = "plain"


def test_who_knows_no_batches_is_refused() -> None:
    with pytest.raises(NotSupportedError, match=r"batch\.size: plain has no calls for more than one record; write 1"):
        run(workload(), NoBatches(VirtualClock()), Phase.LOAD, 10, batch=2)

"""Blocking drivers on threads. Time is real here and short; nothing depends on how long anything takes."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, ClassVar, Self

import pytest

from ycsbpy._native.recording import SampleQueue
from ycsbpy.clock import SystemClock
from ycsbpy.config import make_config
from ycsbpy.drivers.base import SyncDriver
from ycsbpy.drivers.memory import MemoryTables
from ycsbpy.errors import RunError
from ycsbpy.measure.taps import Taps
from ycsbpy.ops import Operation, OpKind, Outcome, Result
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import PhasePlan, Retries
from ycsbpy.runner.stop import StopSignal
from ycsbpy.workload.base import Phase, Workload
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ycsbpy.config import Config
    from ycsbpy.measure.summary import Summary

OK = Result(Outcome.OK, row={})


class Numbered(Workload):
    def __init__(self, kind: OpKind = OpKind.READ) -> None:
        self.kind = kind
        self.drawn: list[int] = []
        self.ended: list[tuple[int, Outcome]] = []

    def draw(self, phase: Phase, number: int) -> Operation:
        self.drawn.append(number)
        return Operation(number, self.kind, b"%d" % number, values={"field0": b"x"})

    def completed(self, phase: Phase, operation: Operation, result: Result) -> None:
        self.ended.append((operation.number, result.outcome))


class Blocking(SyncDriver):
    name: ClassVar[str] = "blocking"

    def __init__(self, answer: Callable[[int], Result]) -> None:
        self.answer = answer

    @classmethod
    def from_config(cls, config: Config) -> Self:
        raise NotImplementedError

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        return self.answer(int(key))

    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        return self.answer(int(start_key))

    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return self.answer(int(key))

    def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return self.answer(int(key))

    def delete(self, table: str, key: bytes) -> Result:
        return self.answer(int(key))


def go(plan: PhasePlan, answer: Callable[[int], Result], workload: Workload, stop: StopSignal | None = None) -> Summary:
    return asyncio.run(run_phase(plan, workload, Blocking(answer), SystemClock(), stop=stop))


@pytest.mark.parametrize("clients", [1, 3, 16])
@pytest.mark.parametrize("target", [None, 50_000.0])
def test_each_operation_once(clients: int, target: float | None) -> None:
    workload = Numbered()
    summary = go(PhasePlan(Phase.RUN, 2000, clients, target), lambda _: OK, workload)
    assert sorted(workload.drawn) == list(range(2000))
    assert summary.accounting.ok == summary.accounting.planned == 2000
    assert summary.series["READ"].count == 2000
    assert (summary.series["READ"].response is None) == (target is None)


def test_clients_call_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=60)

    def answer(_: int) -> Result:
        together.wait()
        return OK

    assert go(PhasePlan(Phase.RUN, 8, clients=4), answer, Numbered()).accounting.ok == 8


def test_outcomes_and_a_driver_that_raises() -> None:
    def answer(number: int) -> Result:
        if number % 4 == 3:
            raise OSError("gone")
        return [OK, Result(Outcome.NOT_FOUND), Result(Outcome.FAILED, error="refused")][number % 4]

    summary = go(PhasePlan(Phase.LOAD, 400, clients=5), answer, Numbered(OpKind.INSERT))
    done = summary.accounting
    assert (done.ok, done.not_found, done.failed, done.unknown) == (100, 100, 100, 100)
    assert {one.error: one.count for one in summary.errors} == {"refused": 100, "raised_OSError": 100}


def test_the_time_limit_ends_a_slow_schedule() -> None:
    workload = Numbered(OpKind.INSERT)
    summary = go(PhasePlan(Phase.RUN, 1000, clients=3, target=0.01, seconds=0.05), lambda _: OK, workload)
    assert summary.stopped_by == "time limit"
    assert (summary.accounting.ok, summary.accounting.not_started) == (1, 999)
    assert sorted(number for number, outcome in workload.ended if outcome is Outcome.FAILED) == [1, 2, 3]


def test_an_interrupt_wakes_those_who_wait() -> None:
    stop = StopSignal()

    async def main() -> Summary:
        loop = asyncio.get_running_loop()

        def answer(_: int) -> Result:
            loop.call_soon_threadsafe(stop.request)
            return OK

        plan = PhasePlan(Phase.RUN, 1000, clients=4, target=0.001)
        return await run_phase(plan, Numbered(), Blocking(answer), SystemClock(), stop=stop)

    summary = asyncio.run(main())
    assert summary.stopped_by == "interrupt"
    assert (summary.accounting.ok, summary.accounting.not_started) == (1, 999)


def test_a_workload_that_breaks_ends_the_phase_with_its_reason() -> None:
    class Breaking(Numbered):
        def draw(self, phase: Phase, number: int) -> Operation:
            if number == 50:
                raise ZeroDivisionError("in draw")
            return super().draw(phase, number)

    with pytest.raises(RunError, match="in draw"):
        go(PhasePlan(Phase.RUN, 1000, clients=4), lambda _: OK, Breaking())


def test_threads_put_down_every_operation() -> None:
    names = [[(f"{kind.name}/{outcome.name}", "", True) for outcome in Outcome] for kind in OpKind]
    samples = SampleQueue(names, wide=False, totals=False)
    answer = Result(Outcome.FAILED, error="no")
    plan = PhasePlan(Phase.RUN, 5000, 8)
    driver = Blocking(lambda number: OK if number % 3 else answer)
    summary = asyncio.run(run_phase(plan, Numbered(), driver, SystemClock(), taps=Taps(samples)))
    samples.close()
    lines = (samples.take(0) or b"").decode().splitlines()
    assert sum(line.startswith("READ/OK,") for line in lines) == summary.accounting.ok == 3333
    assert sum(line.startswith("READ/FAILED,") for line in lines) == summary.accounting.failed == 1667


class Batching(Blocking):
    """Tables behind a lock, with batches; reads of one key bring wrong data."""

    batches: ClassVar[bool] = True

    def __init__(self, wrong: bytes = b"") -> None:
        super().__init__(lambda _: OK)
        self.tables = MemoryTables(["field0"])
        self.lock = threading.Lock()
        self.sizes: list[int] = []
        self.wrong = wrong

    def batch_insert(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        with self.lock:
            self.sizes.append(len(rows))
            return [self.tables.insert(table, row.key, row.values or {}) for row in rows]

    def batch_read(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        with self.lock:
            self.sizes.append(len(rows))
            found = [self.tables.read(table, row.key, row.fields) for row in rows]
        bad = Result(Outcome.OK, {"field0": b"wrong"})
        return [bad if row.key == self.wrong else one for row, one in zip(rows, found, strict=True)]


def test_threads_send_batches_and_look_at_what_they_bring() -> None:
    values = {"recordcount": 100, "operationcount": 1000, "fieldcount": 1, "fieldlength": 5, "dataintegrity": True}
    workload = CoreWorkload.from_config(make_config({**values, "readproportion": 1, "updateproportion": 0}), 1)
    driver = Batching(workload.key(42))
    again = Retries(1, 0.001)
    load = PhasePlan(Phase.LOAD, 100, 5, batch=7, insert_retries=again)
    loaded = asyncio.run(run_phase(load, workload, driver, SystemClock()))
    assert sorted(driver.sizes) == [2, *[7] * 14]
    assert loaded.accounting.ok == loaded.accounting.planned == 15
    run = asyncio.run(run_phase(PhasePlan(Phase.RUN, 1000, 5, batch=7), workload, driver, SystemClock()))
    assert sum(driver.sizes) == 1100
    assert 0 < run.integrity_violations == run.by_kind["BATCH_READ"].failed
    assert "user" in run.integrity_example
    assert run.accounting.done == 143

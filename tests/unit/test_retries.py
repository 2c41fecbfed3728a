"""Inserts are tried again when they went wrong, and only then."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ycsbpy.config import make_config
from ycsbpy.drivers.memory import MemoryTables
from ycsbpy.measure.summary import Attempts
from ycsbpy.ops import Operation, OpKind, Outcome, Result
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import PhasePlan, Retries
from ycsbpy.runner.retries import InsertRetries
from ycsbpy.runner.stop import StopSignal
from ycsbpy.testing import ScriptedDriver, Step, VirtualClock
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from ycsbpy.measure.summary import Summary
    from ycsbpy.testing.faulty import Script

SECOND = 1_000_000_000
NOTHING = Operation(0, OpKind.INSERT, b"")
FAILS, LOST = Step(outcome=Outcome.FAILED), Step(outcome=Outcome.UNKNOWN, error="lost", applied=True)


def run(
    script: Script, *, limit: int = 2, interval: float = 3.0, records: int = 3, phase: Phase = Phase.LOAD, **plan: Any
) -> tuple[Summary, ScriptedDriver]:
    clock = VirtualClock()
    values = {"recordcount": 100, "operationcount": 10, "readproportion": 0, "updateproportion": 0}
    workload = CoreWorkload.from_config(make_config({**values, "insertproportion": 1}), 1)
    driver = ScriptedDriver(clock, script, tables=MemoryTables())
    retries = Retries(limit, interval)

    stop = plan.pop("stop", None)
    made = PhasePlan(phase=phase, count=records, insert_retries=retries, **plan)
    return clock.run(run_phase(made, workload, driver, clock, stop=stop)), driver


def test_what_went_well_is_not_done_again() -> None:
    """go-ycsb makes 9 inserts of 3 records with a limit of 2."""
    summary, driver = run({})
    assert len(driver.calls) == 3
    assert summary.accounting.ok == summary.by_kind["INSERT"].ok == 3
    assert summary.attempts == Attempts(3)


def test_a_failed_insert_is_tried_again_until_it_is_there() -> None:
    summary, driver = run({1: FAILS, 2: FAILS})
    assert len(driver.calls) == 5
    assert summary.accounting.ok == 3
    assert summary.errors == ()
    assert summary.attempts == Attempts(5, {"scripted": 2})
    assert len(driver.tables._table("usertable").rows) == 3


def test_the_limit_is_of_retries() -> None:
    summary, driver = run(lambda _number, _kind: FAILS, limit=4, records=2)
    assert len(driver.calls) == 10
    assert summary.accounting.failed == 2
    assert [(one.error, one.count) for one in summary.errors] == [("scripted", 2)]
    assert summary.attempts == Attempts(10, {"scripted": 8})


def test_a_load_writes_again_what_it_has_no_answer_for() -> None:
    summary, driver = run({0: LOST})
    assert summary.accounting.ok == 3
    assert len(driver.calls) == 4


def test_a_run_does_not() -> None:
    """The first attempt could come late and undo a change of the record."""
    summary, driver = run({0: LOST, 1: FAILS}, phase=Phase.RUN)
    assert (summary.accounting.ok, summary.accounting.unknown) == (2, 1)
    assert len(driver.calls) == 4


def test_a_certain_failure_after_a_lost_answer_is_not_certain() -> None:
    summary, _ = run({0: LOST, 1: FAILS, 2: FAILS}, records=1)
    assert (summary.accounting.unknown, summary.accounting.failed) == (1, 0)


def test_pauses_are_the_interval_give_or_take_a_fifth() -> None:
    _, driver = run(lambda _number, _kind: FAILS, limit=20, interval=10.0, records=1)
    times = [call.started_ns for call in driver.calls]
    pauses = [(after - before) / SECOND for before, after in pairwise(times)]
    assert len(pauses) == 20
    assert all(8 <= pause <= 12 for pause in pauses)
    assert len(set(pauses)) > 10


def test_the_operation_lasts_from_the_first_attempt_to_the_last() -> None:
    summary, _ = run({0: FAILS}, interval=5.0, records=1)
    assert 4 * SECOND <= summary.series["INSERT"].service.max_ns <= 6 * SECOND


def test_a_stop_ends_the_pauses() -> None:
    clock = VirtualClock()
    retries = InsertRetries(Retries(1000, 1.0), clock, repeats_lost=True)
    calls: list[int] = []

    async def insert(_op: object) -> Result:
        calls.append(1)
        if len(calls) == 3:
            retries.stopped.set()
        return Result(Outcome.FAILED, error="no")

    method = retries.coroutines(tuple(insert for _ in OpKind))[OpKind.INSERT]
    assert clock.run(method(NOTHING)).outcome is Outcome.FAILED
    assert len(calls) == 3


def test_only_inserts_are_wrapped() -> None:
    methods = tuple(lambda _op, kind=kind: kind for kind in OpKind)
    wrapped = InsertRetries(Retries(1, 0), VirtualClock(), repeats_lost=True).coroutines(methods)
    for kind in OpKind:
        assert (wrapped[kind] is methods[kind]) == (kind not in (OpKind.INSERT, OpKind.BATCH_INSERT))


def test_threads_try_again_too() -> None:
    retries = InsertRetries(Retries(2, 0), VirtualClock(), repeats_lost=True)
    answers = iter([Result(Outcome.FAILED, error="no"), Result(Outcome.OK)])
    method = retries.blocking(tuple(lambda _op: next(answers) for _ in OpKind))[OpKind.INSERT]
    assert method(NOTHING).outcome is Outcome.OK
    assert retries.attempts(1) == Attempts(2, {"no": 1})
    retries.stopped.set()
    assert isinstance(retries.stopped, threading.Event)


def test_an_interrupted_load_does_not_go_on_trying() -> None:
    stop = StopSignal()

    def script(number: int, _kind: OpKind) -> Step:
        if number == 5:
            stop.request()
        return FAILS

    summary, driver = run(script, limit=1000, interval=1.0, records=1, stop=stop)
    assert len(driver.calls) == 6
    assert summary.accounting.failed == 1

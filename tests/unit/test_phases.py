"""The asyncio runner on a virtual clock: outcomes, pacing, waiting time, ends of all kinds."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import pytest

from ycsbpy.drivers.base import Driver
from ycsbpy.measure.collector import INTENDED
from ycsbpy.measure.summary import TOTAL, Interval, LatencyStats, Summary
from ycsbpy.ops import Operation, OpKind, Outcome, Result
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import PhasePlan, Progress
from ycsbpy.runner.stop import StopSignal
from ycsbpy.testing import VirtualClock
from ycsbpy.workload.base import Phase, Workload

if TYPE_CHECKING:
    from ycsbpy.config import Config

MS = 1_000_000
SECOND = 1_000_000_000
Answer = Callable[[int], Awaitable[Result]]


class Numbered(Workload):
    """Reads whose key is the operation's number; ``kinds`` may say otherwise."""

    def __init__(self, kinds: Callable[[int], OpKind] = lambda _: OpKind.READ) -> None:
        self.kinds = kinds
        self.ended: list[tuple[int, Outcome]] = []

    def draw(self, phase: Phase, number: int) -> Operation:
        return Operation(number, self.kinds(number), b"%d" % number, values={"field0": b"x"})

    def completed(self, phase: Phase, operation: Operation, result: Result) -> None:
        self.ended.append((operation.number, result.outcome))


class Scripted(Driver):
    """Answers as a function of the operation's number says."""

    name: ClassVar[str] = "scripted"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    @classmethod
    def from_config(cls, config: Config) -> Self:
        raise NotImplementedError

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        return await self.answer(int(key))

    async def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        return await self.answer(int(start_key))

    async def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return await self.answer(int(key))

    async def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return await self.answer(int(key))

    async def delete(self, table: str, key: bytes) -> Result:
        return await self.answer(int(key))


OK = Result(Outcome.OK, row={})


def taking(clock: VirtualClock, ns: int) -> Answer:
    async def answer(_: int) -> Result:
        await clock.sleep_ns(ns)
        return OK

    return answer


def go(
    clock: VirtualClock, plan: PhasePlan, answer: Answer, workload: Workload | None = None, **more: object
) -> Summary:
    return clock.run(run_phase(plan, workload or Numbered(), Scripted(answer), clock, **more))  # type: ignore[arg-type]


def test_closed_loop_without_a_target() -> None:
    clock = VirtualClock()
    summary = go(clock, PhasePlan(Phase.RUN, 1000, clients=4), taking(clock, 2 * MS))
    assert summary.accounting.ok == summary.accounting.planned == 1000
    assert summary.elapsed_ns == 500 * MS
    assert summary.throughput == 2000
    assert summary.series["READ"].response is None
    stats = LatencyStats.of(summary.series[TOTAL].service)
    assert (stats.count, stats.min_ns, stats.max_ns, stats.mean_ns) == (1000, 2 * MS, 2 * MS, 2 * MS)


def test_each_outcome_is_counted_apart_and_errors_are_named() -> None:
    clock = VirtualClock()
    answers = [
        OK,
        Result(Outcome.NOT_FOUND),
        Result(Outcome.FAILED, error="server_is_busy", detail="try later"),
        Result(Outcome.UNKNOWN, error="timeout"),
    ]

    async def answer(number: int) -> Result:
        await clock.sleep_ns(MS)
        return answers[number % 4]

    workload = Numbered(lambda number: OpKind.UPDATE if number % 4 == 3 else OpKind.READ)
    summary = go(clock, PhasePlan(Phase.RUN, 400, clients=3), answer, workload)
    done = summary.accounting
    assert (done.planned, done.ok, done.not_found, done.failed, done.unknown) == (400, 100, 100, 100, 100)
    assert set(summary.series) == {"READ", "READ-NOT_FOUND", "READ-FAILED", "UPDATE-UNKNOWN", TOTAL}
    assert summary.series[TOTAL].count == 100
    assert [(one.kind, one.outcome, one.error, one.count) for one in summary.errors] == [
        ("READ", "FAILED", "server_is_busy", 100),
        ("UPDATE", "UNKNOWN", "timeout", 100),
    ]
    assert summary.errors[0].example == "try later"
    assert len(workload.ended) == 400


def test_a_driver_that_raises_is_counted_and_the_run_goes_on() -> None:
    clock = VirtualClock()

    async def answer(number: int) -> Result:
        if number % 2:
            raise KeyError("a bug of the driver")
        return OK

    workload = Numbered(lambda number: OpKind.READ if number < 50 else OpKind.INSERT)
    summary = go(clock, PhasePlan(Phase.LOAD, 100, clients=2), answer, workload)
    assert (summary.accounting.ok, summary.accounting.failed, summary.accounting.unknown) == (50, 25, 25)
    assert {one.error for one in summary.errors} == {"raised_KeyError"}


def test_waiting_counts_one_stall() -> None:
    """1000 a second for 10 s, a database that stands still for 2 s: those due meanwhile waited up to 2 s."""
    clock = VirtualClock()
    stall_from = clock.now_ns() + 4 * SECOND

    async def answer(_: int) -> Result:
        if stall_from <= clock.now_ns() < stall_from + 2 * SECOND:
            await clock.sleep_until_ns(stall_from + 2 * SECOND)
        await clock.sleep_ns(2_000)
        return OK

    summary = go(clock, PhasePlan(Phase.RUN, 10_000, clients=1, target=1000), answer)
    assert summary.accounting.ok == 10_000
    response = summary.series["READ"].response
    assert response is not None
    assert response.total == 10_000
    stats = LatencyStats.of(response, (50, 90, 99))
    assert stats.percentiles_ns[90] == pytest.approx(1.0 * SECOND, rel=0.02)
    assert stats.percentiles_ns[99] == pytest.approx(1.9 * SECOND, rel=0.02)
    service = LatencyStats.of(summary.series["READ"].service, (50, 99, 99.99))
    assert service.max_ns == pytest.approx(2 * SECOND, rel=0.01)
    assert service.percentiles_ns[99] == pytest.approx(2_000, rel=0.01)  # what omits the waiting sees nothing


@pytest.mark.parametrize("rate", [1, 10, 1000, 100_000])
@pytest.mark.parametrize("clients", [1, 7])
def test_the_rate_is_kept_in_every_second(rate: int, clients: int) -> None:
    clock = VirtualClock()
    starts: list[int] = []

    async def answer(_: int) -> Result:
        starts.append(clock.now_ns())
        await clock.sleep_ns(1000)
        return OK

    origin = clock.now_ns()
    count = min(rate * 10, 20_000)
    summary = go(clock, PhasePlan(Phase.RUN, count, clients=clients, target=rate), answer)
    assert summary.accounting.ok == count
    assert starts == [origin + number * SECOND // rate for number in range(count)]
    response = summary.series["READ"].response
    assert response is not None
    assert response.max_ns == 1000


def test_too_few_clients_for_the_rate_show_as_waiting_and_as_dropped() -> None:
    clock = VirtualClock()
    plan = PhasePlan(Phase.RUN, None, clients=1, target=1000, seconds=10)
    summary = go(clock, plan, taking(clock, 2 * MS))
    assert summary.stopped_by == "time limit"
    assert summary.accounting.ok == 5000
    assert summary.accounting.dropped == 5000
    assert summary.accounting.planned == 10_000
    response = summary.series["READ"].response
    assert response is not None
    assert response.max_ns == pytest.approx(5 * SECOND, rel=0.01)


@pytest.mark.parametrize("target", [None, 0.1, 1.0, 300.0])
def test_the_time_limit_ends_a_run_on_time(target: float | None) -> None:
    clock = VirtualClock()
    plan = PhasePlan(Phase.RUN, 10**9, clients=5, target=target, seconds=3)
    summary = go(clock, plan, taking(clock, 10 * MS))
    assert summary.stopped_by == "time limit"
    assert 3 * SECOND <= summary.elapsed_ns <= 3 * SECOND + 10 * MS
    assert summary.accounting.adds_up
    assert summary.accounting.planned == 10**9
    assert summary.accounting.ok == (1500 if target is None else max(1, target * 3))
    assert summary.accounting.dropped == 0


def test_an_interrupt_waits_for_what_is_in_flight() -> None:
    clock = VirtualClock()
    stop = StopSignal()

    async def answer(number: int) -> Result:
        await clock.sleep_ns(10 * MS)
        if number == 20:
            stop.request()
        return OK

    summary = go(clock, PhasePlan(Phase.RUN, 1000, clients=4), answer, stop=stop)
    assert summary.stopped_by == "interrupt"
    assert summary.accounting.ok == 24
    assert summary.accounting.not_started == 1000 - 24


def test_a_second_interrupt_gives_up_what_is_in_flight() -> None:
    clock = VirtualClock()
    stop = StopSignal()

    async def answer(number: int) -> Result:
        if number == 9:
            stop.request()
            stop.request()
        if number > 5:
            await clock.sleep_ns(3600 * SECOND)
        return OK

    workload = Numbered(lambda number: OpKind.INSERT if number % 2 else OpKind.READ)
    summary = go(clock, PhasePlan(Phase.RUN, 1000, clients=4), answer, workload, stop=stop)
    done = summary.accounting
    assert (done.ok, done.failed, done.unknown) == (6, 2, 2)
    assert {one.error for one in summary.errors} == {"interrupted"}
    assert done.adds_up


def test_an_interrupt_wakes_those_who_wait_for_their_turn() -> None:
    clock = VirtualClock()
    stop = StopSignal()
    workload = Numbered(lambda _: OpKind.INSERT)

    async def answer(number: int) -> Result:
        if number == 3:
            stop.request()
        return OK

    summary = go(clock, PhasePlan(Phase.RUN, 100, clients=8, target=1), answer, workload, stop=stop)
    assert summary.accounting.ok == 4
    assert summary.accounting.not_started == 96
    assert summary.elapsed_ns == 3 * SECOND
    # inserts that were drawn and never began are handed back, or their keys would hold up the acknowledged ones
    assert sorted(number for number, outcome in workload.ended if outcome is Outcome.FAILED) == list(range(4, 11))


def test_a_request_from_before_stops_the_phase_at_once() -> None:
    clock = VirtualClock()
    stop = StopSignal()
    stop.request()
    summary = go(clock, PhasePlan(Phase.RUN, 100, clients=8), taking(clock, MS), stop=stop)
    assert summary.accounting.not_started == 100


class Watching:
    def __init__(self) -> None:
        self.seen: list[Progress] = []
        self.intervals: list[Interval] = []

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)

    def interval(self, interval: Interval) -> None:
        self.intervals.append(interval)


@pytest.mark.parametrize("target", [None, 500.0])
def test_windows_and_intervals_add_up_to_the_total(target: float | None) -> None:
    clock = VirtualClock()
    watching = Watching()
    plan = PhasePlan(Phase.RUN, 6400, clients=5, target=target, interval=2.5)
    summary = go(clock, plan, taking(clock, 7 * MS), observer=watching)
    windows = summary.windows
    assert sum(window.stats["READ"].count for window in windows if window.stats) == 6400
    assert windows[0].start_ns == 0
    assert all(one.end_ns == other.start_ns for one, other in itertools.pairwise(windows))
    if target is not None:
        assert all(INTENDED + "READ" in window.stats for window in windows)
        assert {window.stats["READ"].count for window in windows[1:-1] if window.seconds == 1} == {500}
    assert [round(one.end_ns / SECOND, 1) for one in watching.intervals][:3] == [2.5, 5.0, 7.5]
    seen = 0
    for one in watching.intervals:
        seen += one.window["READ"].count
        assert one.total["READ"].count == seen
    assert watching.seen[-1].planned == 6400


def test_a_long_run_keeps_a_bounded_number_of_windows() -> None:
    clock = VirtualClock()
    summary = go(clock, PhasePlan(Phase.RUN, None, clients=1, seconds=30_000), taking(clock, 10 * SECOND))
    assert 4096 < len(summary.windows) < 4 * 4096  # of 30,000 seconds


def test_data_that_is_wrong_is_a_failure() -> None:
    class Checking(Numbered):
        checks = True

        def check(self, operation: Operation, result: Result) -> str:
            return "should be seven" if operation.number == 7 else ""

    clock = VirtualClock()
    summary = go(clock, PhasePlan(Phase.RUN, 10), taking(clock, MS), Checking())
    assert summary.integrity_violations == 1
    assert summary.integrity_example == "should be seven"
    assert (summary.accounting.ok, summary.accounting.failed) == (9, 1)


def test_a_driver_that_never_waits_leaves_room_for_others() -> None:
    async def main() -> tuple[Summary, int]:
        clock = VirtualClock()
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def answer(_: int) -> Result:
            return OK

        task = asyncio.create_task(other())
        summary = await run_phase(PhasePlan(Phase.RUN, 10_000), Numbered(), Scripted(answer), clock)
        task.cancel()
        return summary, turns

    summary, turns = asyncio.run(main())
    assert summary.accounting.ok == 10_000
    assert turns > 50


def test_cancelling_the_phase_ends_its_clients() -> None:
    clock = VirtualClock()

    async def main() -> None:
        phase = asyncio.create_task(
            run_phase(PhasePlan(Phase.RUN, 100, clients=3), Numbered(), Scripted(taking(clock, SECOND)), clock)
        )
        await clock.sleep_ns(SECOND // 2)
        phase.cancel()
        with pytest.raises(asyncio.CancelledError):
            await phase
        assert len(asyncio.all_tasks()) == 1

    clock.run(main())

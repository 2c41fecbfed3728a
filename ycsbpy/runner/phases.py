"""Running one phase: clients take operations, call the driver and record both latencies; a ticker cuts windows.

All clients are coroutines on one event loop, which is what keeps a count, a schedule and a recorder free of locks.
Drivers that block run on threads instead (``runner.threads``); what surrounds the clients is the same for both.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.drivers.base import Driver, SyncDriver
from ycsbpy.measure.collector import Collector, ErrorLog, new_recorder
from ycsbpy.measure.summary import Accounting, Attempts, ClientLoad, Summary
from ycsbpy.measure.taps import Taps
from ycsbpy.ops import Operation, Outcome, Result
from ycsbpy.runner.batches import BatchedWorkload, check_batches
from ycsbpy.runner.calls import abandoned, method_table, raised
from ycsbpy.runner.dispenser import Dispenser
from ycsbpy.runner.pacing import Schedule
from ycsbpy.runner.plan import Observer, PhasePlan, Progress, Silent
from ycsbpy.runner.retries import InsertRetries
from ycsbpy.runner.stop import StopSignal
from ycsbpy.workload.base import Phase, Workload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ycsbpy._native.recording import Recorder

__all__ = ["PhaseRun", "run_phase"]

_YIELD_EVERY = 64
"""A driver that answers without waiting (memory) would keep the loop from the ticker and from Ctrl-C: step aside this
often."""

_WINDOWS_BEFORE_DOUBLING = 4096
"""After so many windows they become twice as long, so that a run of days keeps a bounded number."""

_LOST_OPERATION = Result(Outcome.FAILED, error="not_started")


async def run_phase(
    plan: PhasePlan,
    workload: Workload,
    driver: Driver | SyncDriver,
    clock: Clock,
    *,
    stop: StopSignal | None = None,
    observer: Observer | None = None,
    taps: Taps | None = None,
) -> Summary:
    """Run a phase to its end (count, time or stop) and return what it did. The driver is open and stays so.

    Never raises for failed operations, nor for a stop: both are in the summary.
    """
    stop, observer = stop or StopSignal(), observer or Silent()
    return await PhaseRun(plan, workload, driver, clock, stop, observer, taps or Taps()).run()


class PhaseRun:
    """The state that the clients of one phase share."""

    def __init__(
        self,
        plan: PhasePlan,
        workload: Workload,
        driver: Driver | SyncDriver,
        clock: Clock,
        stop: StopSignal,
        observer: Observer,
        taps: Taps,
    ) -> None:
        self.plan = plan
        self.natively = _runs_natively(driver, workload, plan)
        self.workload = workload
        if plan.batch > 1 and not self.natively:
            check_batches(driver, workload)
            self.workload = BatchedWorkload(workload, plan.batch, plan.count)
        self.driver = driver
        self.clock = clock
        self.stop = stop
        self.observer = observer
        self.started_wall_ns = clock.wall_ns()
        self.origin_ns = clock.now_ns()
        self.ended_ns = self.origin_ns
        schedule = Schedule(plan.target, self.origin_ns, plan.batch) if plan.target else None
        deadline = None if plan.seconds is None else self.origin_ns + round(plan.seconds * NS_PER_SECOND)
        self.dispenser = Dispenser(plan.operations, schedule, deadline)
        paced = schedule is not None
        self.taps = taps
        taps.begin(self.started_wall_ns, self.origin_ns, paced=paced)
        self.recorder: Recorder = new_recorder(paced=paced, samples=taps.samples)
        self.collector = Collector([self.recorder], self.origin_ns, paced=paced, sinks=taps.windows)
        self.errors = ErrorLog()
        self.feed: Callable[[], None] | None = None
        """Called before the recorder is emptied, where somebody else records."""
        self.retries: InsertRetries | None = None
        if plan.insert_retries.limit:
            self.retries = InsertRetries(plan.insert_retries, clock, repeats_lost=plan.phase == Phase.LOAD)
        self.violations = 0
        self.violation_example = ""
        self.attempts: Attempts | None = None
        self.client_load: ClientLoad | None = None
        operations = plan.operations
        self.clients = plan.clients if operations is None else min(plan.clients, max(1, operations))

    async def run(self) -> Summary:
        cpu = time.process_time_ns()
        ticker = asyncio.create_task(self._tick())
        try:
            if self.natively:
                from ycsbpy.runner.engine import run_engine

                await run_engine(self)
            elif isinstance(self.driver, SyncDriver):
                from ycsbpy.runner.threads import run_threads

                await run_threads(self)
            else:
                await self._run_coroutines(self.driver)
        finally:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker
        if self.feed is not None:
            self.feed()
        self.collector.take(self.clock.now_ns())
        return self._summary(time.process_time_ns() - cpu)

    async def _run_coroutines(self, driver: Driver) -> None:
        """Run the clients; a stop wakes those that wait for their turn, a second one gives up what is in flight."""
        methods = method_table(driver, self.workload)
        if self.retries is not None:
            methods = self.retries.coroutines(methods)
        waiting: set[asyncio.Task[None]] = set()
        tasks = [asyncio.create_task(self.client(methods, waiting)) for _ in range(self.clients)]
        watchdog = asyncio.create_task(self._stop_at_deadline(waiting)) if self.dispenser.schedule else None

        def stopped() -> None:
            self.dispenser.stop(self.stop.reason, self.clock.now_ns())
            if self.retries is not None:
                self.retries.stopped.set()
            for task in tasks if self.stop.forced else list(waiting):
                task.cancel()

        try:
            with self.stop.listening(stopped):
                await _all_done(tasks)
        finally:
            if watchdog is not None:
                watchdog.cancel()

    async def _stop_at_deadline(self, waiting: set[asyncio.Task[None]]) -> None:
        """End the waits of a slow schedule at the time limit: the next operation may be due long after it."""
        if self.dispenser.deadline_ns is not None:
            await self.clock.sleep_until_ns(self.dispenser.deadline_ns)
            self.dispenser.stop("time limit", self.dispenser.deadline_ns)
            for task in list(waiting):
                task.cancel()

    async def client(
        self, methods: tuple[Callable[[Operation], Awaitable[Result]], ...], waiting: set[asyncio.Task[None]]
    ) -> None:
        dispenser, workload, clock, phase = self.dispenser, self.workload, self.clock, self.plan.phase
        now_ns, record, schedule = clock.now_ns, self.recorder.record, dispenser.schedule
        me = asyncio.current_task()
        assert me is not None
        turns = 0
        while (number := dispenser.take()) is not None:
            operation = workload.draw(phase, number)
            kind = operation.kind
            intended = 0
            if schedule is not None:
                intended = schedule.due_ns(number)
                waiting.add(me)
                try:
                    await clock.sleep_until_ns(intended)
                except asyncio.CancelledError:
                    workload.completed(phase, operation, _LOST_OPERATION)
                    return
                finally:
                    waiting.discard(me)
            start = now_ns()
            if not dispenser.begin(start):
                workload.completed(phase, operation, _LOST_OPERATION)
                return
            cancelled = False
            try:
                result = await methods[kind](operation)
            except asyncio.CancelledError:
                result, cancelled = abandoned(kind), True
            except Exception as error:  # noqa: BLE001  a driver's bug must not lose the run
                result = raised(kind, error)
            end = now_ns()
            if result.outcome or workload.checks:
                result = self.judge(workload, operation, result)
            record(kind, result.outcome, intended, start, end)
            workload.completed(phase, operation, result)
            self.ended_ns = end
            if cancelled:
                return
            turns += 1
            if turns % _YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def judge(self, workload: Workload, operation: Operation, result: Result) -> Result:
        """Look at data that was read, and count errors; what is wrong with data turns a success into a failure.
        ``workload`` is the one that drew the operation."""
        if workload.checks and result.outcome in (Outcome.OK, Outcome.NOT_FOUND):
            wrong = workload.check(operation, result)
            if wrong:
                self.violations += 1
                self.violation_example = self.violation_example or wrong
                result = Result(Outcome.FAILED, error="wrong_data", detail=wrong)
        if result.outcome in (Outcome.FAILED, Outcome.UNKNOWN):
            self.errors.add(operation.kind, result.outcome, result.error or "unnamed", result.detail)
        return result

    async def _tick(self) -> None:
        """Cut windows and intervals until cancelled. The two share a tick where they meet."""
        window = round(self.plan.window * NS_PER_SECOND)
        interval = round(self.plan.interval * NS_PER_SECOND)
        next_window = self.origin_ns + window
        next_interval = self.origin_ns + interval if interval else None
        while True:
            due = next_window if next_interval is None else min(next_window, next_interval)
            await self.clock.sleep_until_ns(due)
            now = self.clock.now_ns()
            self._show(now)
            if next_interval is not None and now >= next_interval:
                self.observer.interval(self.collector.cut_interval())
                next_interval += (1 + (now - next_interval) // interval) * interval
            if now >= next_window:
                if len(self.collector.windows) % _WINDOWS_BEFORE_DOUBLING == 0:
                    window *= 2
                next_window += (1 + (now - next_window) // window) * window

    def _show(self, now: int) -> None:
        if self.feed is not None:
            self.feed()
        window = self.collector.take(now)
        self.observer.progress(
            Progress(
                self.plan.phase,
                self.recorder.recorded,
                self.plan.operations,
                now - self.origin_ns,
                self.plan.seconds,
                len(self.errors),
                window,
            )
        )

    def _summary(self, cpu_ns: int) -> Summary:
        by_kind = self.collector.accounting()
        never = self.dispenser.not_begun()
        done = Accounting()
        for one in by_kind.values():
            done += one
        accounting = Accounting(
            never.planned, done.ok, done.not_found, done.failed, done.unknown, never.dropped, never.not_started
        )
        if not accounting.adds_up:  # a bug of ours; say so rather than report numbers that are wrong
            raise AssertionError(f"operations do not add up: {accounting}")
        return Summary(
            phase=Phase(self.plan.phase).name.lower(),
            started_wall_ns=self.started_wall_ns,
            elapsed_ns=max(self.ended_ns, self.dispenser.stopped_ns) - self.origin_ns,
            cpu_ns=cpu_ns,
            clients=self.plan.clients,
            target=self.plan.target,
            accounting=accounting,
            by_kind=by_kind,
            series=self.collector.series(),
            errors=self.errors.counts(),
            stopped_by=self.dispenser.stopped_by,
            integrity_violations=self.violations,
            integrity_example=self.violation_example,
            attempts=self.attempts if self.retries is None else self.retries.attempts(done.done),
            client_load=self.client_load,
            batch=self.plan.batch,
            windows=self.collector.windows,
        )


def _runs_natively(driver: Driver | SyncDriver, workload: Workload, plan: PhasePlan) -> bool:
    """Asked of TiKV's drivers alone: the engine need not be imported, or be there, for others."""
    if not driver.needs_tikv or plan.insert_retries.limit:
        return False
    from ycsbpy.runner.engine import runs_natively

    return runs_natively(driver, workload)


async def _all_done(tasks: list[asyncio.Task[None]]) -> None:
    """Wait for all; when one breaks (a bug, since no operation raises) or we are cancelled, end the others first."""
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise

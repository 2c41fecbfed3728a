"""Clients of a driver that blocks: one OS thread each.

They share the phase's counters under one lock; the recorder needs none, because a record is one call that keeps the
GIL. Windows are cut by the event loop meanwhile, as for coroutines.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.errors import RunError
from ycsbpy.ops import Operation, Outcome, Result
from ycsbpy.runner.calls import method_table, raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.runner.phases import PhaseRun
    from ycsbpy.workload.base import Workload

__all__ = ["run_threads"]

_LOST_OPERATION = Result(Outcome.FAILED, error="not_started")


async def run_threads(phase: PhaseRun) -> None:
    """Run the phase's clients on threads and return when all have ended.

    A call that blocks cannot be given up from outside, so a second stop does not shorten the wait for calls in flight.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    clients = [_ThreadClient(phase, phase.workload.for_thread()) for _ in range(phase.clients)]
    shared = _Shared(len(clients), partial(loop.call_soon_threadsafe, done.set_result, None))
    threads = [threading.Thread(target=client.run, args=(shared,), daemon=True) for client in clients]

    def stopped() -> None:
        with shared.lock:
            phase.dispenser.stop(phase.stop.reason, phase.clock.now_ns())
        shared.stopped.set()
        if phase.retries is not None:
            phase.retries.stopped.set()

    with phase.stop.listening(stopped):
        for thread in threads:
            thread.start()
        await done
    for thread in threads:
        thread.join()
    if shared.broken is not None:
        raise RunError(f"a client thread broke: {shared.broken}") from shared.broken


class _Shared:
    """What the threads of a phase have in common."""

    def __init__(self, running: int, all_ended: Callable[[], object]) -> None:
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.broken: Exception | None = None
        self._running = running
        self._all_ended = all_ended

    def ended(self, error: Exception | None) -> None:
        with self.lock:
            self._running -= 1
            last = self._running == 0
            self.broken = self.broken or error
        if error is not None:
            self.stopped.set()
        if last:
            self._all_ended()


class _ThreadClient:
    """The loop of one thread; the twin of ``PhaseRun.client``."""

    def __init__(self, phase: PhaseRun, workload: Workload) -> None:
        self.phase = phase
        self.workload = workload

    def run(self, shared: _Shared) -> None:
        try:
            self._run(shared)
        except Exception as error:  # noqa: BLE001  handed to the event loop, which raises it
            shared.ended(error)
        else:
            shared.ended(None)

    def _run(self, shared: _Shared) -> None:
        phase, workload = self.phase, self.workload
        dispenser, now_ns, number_of = phase.dispenser, phase.clock.now_ns, phase.plan.phase
        methods = method_table(phase.driver, workload)
        if phase.retries is not None:
            methods = phase.retries.blocking(methods)
        while True:
            with shared.lock:
                number = None if shared.broken else dispenser.take()
            if number is None:
                return
            operation = workload.draw(number_of, number)
            intended = 0
            if dispenser.schedule is not None:
                intended = dispenser.schedule.due_ns(number)
                self._wait(shared, intended)
            start = now_ns()
            with shared.lock:
                begins = dispenser.begin(start)
            if not begins:
                workload.completed(number_of, operation, _LOST_OPERATION)
                return
            self._call(shared, methods, operation, intended, start)

    def _wait(self, shared: _Shared, deadline_ns: int) -> None:
        limit = self.phase.dispenser.deadline_ns
        if limit is not None:
            deadline_ns = min(deadline_ns, limit)
        while (left := deadline_ns - self.phase.clock.now_ns()) > 0:
            if shared.stopped.wait(left / NS_PER_SECOND):
                return

    def _call(
        self,
        shared: _Shared,
        methods: tuple[Callable[[Operation], Result], ...],
        operation: Operation,
        intended: int,
        start: int,
    ) -> None:
        phase = self.phase
        try:
            result = methods[operation.kind](operation)
        except Exception as error:  # noqa: BLE001  a driver's bug must not lose the run
            result = raised(operation.kind, error)
        end = phase.clock.now_ns()
        if result.outcome or self.workload.checks:
            with shared.lock:
                result = phase.judge(self.workload, operation, result)
        phase.recorder.record(operation.kind, result.outcome, intended, start, end)
        self.workload.completed(phase.plan.phase, operation, result)
        with shared.lock:
            phase.ended_ns = max(phase.ended_ns, end)

"""Time as the rest of ycsbpy sees it: monotonic nanoseconds, the wall clock, and a way to wait.

Whoever needs time is handed a ``Clock``, so tests put in ``ycsbpy.testing.VirtualClock`` and neither sleep nor flake.
Latencies are differences of ``now_ns``; ``wall_ns`` is only for reports and file names, because it may jump.

Waiting on an event loop is no more exact than the loop's timers, and both asyncio and uvloop round those up to whole
milliseconds. A load generator that starts each operation up to a millisecond late would blame the database for it, so
on Linux ``SystemClock.sleep_until_ns`` waits on a timerfd (``ycsbpy._native.timer``), which is exact to some tens of
microseconds; elsewhere it falls back to the loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from abc import ABC, abstractmethod
from typing import Any

__all__ = ["NS_PER_SECOND", "Clock", "SystemClock"]

NS_PER_SECOND = 1_000_000_000


class Clock(ABC):
    """Where time comes from. All times are integers in nanoseconds."""

    @abstractmethod
    def now_ns(self) -> int:
        """Monotonic time; only differences mean anything."""

    @abstractmethod
    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""

    @abstractmethod
    async def sleep_until_ns(self, deadline_ns: int) -> None:
        """Return once ``now_ns() >= deadline_ns``; at once, and without yielding, if that is so already."""


class SystemClock(Clock):
    """The machine's clocks."""

    def __init__(self) -> None:
        self._alarm: _LoopAlarm | None = None

    now_ns = staticmethod(time.monotonic_ns)  # the function itself: it is called several times an operation

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        if deadline_ns <= time.monotonic_ns():
            return
        loop = asyncio.get_running_loop()
        if self._alarm is None or self._alarm.loop is not loop:
            self._alarm = _LoopAlarm(loop)
        await self._alarm.wait_until(deadline_ns)

    def close(self) -> None:
        """Give back the timer's file descriptor; the clock can be used again after."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None


class _LoopAlarm:
    """All sleepers of one loop on one timer: the earliest deadline arms it, its firing wakes all that are due."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._armed_ns: int | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._timer: Any = _new_timer()
        if self._timer is not None:
            loop.add_reader(self._timer.fileno(), self._fired)

    async def wait_until(self, deadline_ns: int) -> None:
        sleeper: asyncio.Future[None] = self.loop.create_future()
        heapq.heappush(self._sleepers, (deadline_ns, next(self._order), sleeper))
        self._arm()
        await sleeper

    def close(self) -> None:
        if self._timer is not None:
            if not self.loop.is_closed():
                self.loop.remove_reader(self._timer.fileno())
            self._timer.close()
            self._timer = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        while self._sleepers and self._sleepers[0][2].done():  # cancelled while it slept
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            return
        earliest = self._sleepers[0][0]
        if self._armed_ns is not None and self._armed_ns <= earliest:
            return
        self._armed_ns = earliest
        if self._timer is not None:
            self._timer.arm(earliest)
            return
        if self._handle is not None:
            self._handle.cancel()
        delay = max(0, earliest - time.monotonic_ns()) / NS_PER_SECOND
        self._handle = self.loop.call_later(delay, self._fired)

    def _fired(self) -> None:
        if self._timer is not None:
            self._timer.acknowledge()
        self._armed_ns = None
        now = time.monotonic_ns()
        while self._sleepers and self._sleepers[0][0] <= now:
            sleeper = heapq.heappop(self._sleepers)[2]
            if not sleeper.done():
                sleeper.set_result(None)
        self._arm()


def _new_timer() -> Any:
    try:
        from ycsbpy._native import timer
    except ImportError:  # not Linux
        return None
    return timer.TimerFd()

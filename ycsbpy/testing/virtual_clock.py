"""A clock for tests: time that stands still while anything runs and jumps when everybody sleeps."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from ycsbpy.clock import NS_PER_SECOND, Clock

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["VirtualClock"]

T = TypeVar("T")


class VirtualClock(Clock):
    """Time that stands still while anything runs and jumps to the next deadline when all are asleep.

    ``run(main())`` drives a coroutine to its end on a private event loop; ``sleep_until_ns`` is the only thing that
    moves the time, so a test of hours takes milliseconds and gives the same numbers each time. (The idea is trio's
    autojump clock.) Everything under test has to wait by this clock; waiting for a real socket would look like being
    stuck.
    """

    def __init__(self, start_ns: int = 1_000_000_000_000, wall_ns: int = 1_700_000_000 * NS_PER_SECOND) -> None:
        self._now = start_ns
        self._wall_offset = wall_ns - start_ns
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        return self._now

    def wall_ns(self) -> int:
        return self._now + self._wall_offset

    def advance(self, ns: int) -> None:
        """Let ``ns`` nanoseconds pass without waking anybody, as a busy processor does."""
        self._now += ns

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        if deadline_ns <= self._now:
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (deadline_ns, next(self._order), sleeper))
        await sleeper

    async def sleep_ns(self, ns: int) -> None:
        """Sleep for ``ns`` nanoseconds of this clock."""
        await self.sleep_until_ns(self._now + ns)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run ``main`` to its end and return its result. Raises ``RuntimeError`` when nothing can wake it any more."""
        loop = asyncio.new_event_loop()
        try:
            task = loop.create_task(main)
            while not task.done():
                self._run_ready(loop)
                if not task.done() and not self._wake_next():
                    task.cancel()
                    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
                    raise RuntimeError("all tasks wait, and none of them for this clock")
            return task.result()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    @staticmethod
    def _run_ready(loop: asyncio.AbstractEventLoop) -> None:
        """Run callbacks until none is ready: what one makes ready runs in the next turn, so look at the queue
        itself."""
        ready = loop._ready  # type: ignore[attr-defined]  # noqa: SLF001
        while True:
            loop.call_soon(loop.stop)
            loop.run_forever()
            if not ready:
                return

    def _wake_next(self) -> bool:
        while self._sleepers:
            deadline, _, sleeper = heapq.heappop(self._sleepers)
            if sleeper.done():
                continue
            self._now = max(self._now, deadline)
            sleeper.set_result(None)
            return True
        return False

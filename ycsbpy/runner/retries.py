"""Trying inserts again that went wrong, and only those.

YCSB has the properties for it; go-ycsb, which has them too, repeats the inserts that went well. A load repeats an
insert also when its answer was lost: the same record is written again, and nobody changes it. A run does not: once a
second attempt has been acknowledged the record may be changed, and the first one, still on its way, would then undo
that. If a later attempt fails for certain, an earlier one of unknown outcome may still have been done, so the whole is
``UNKNOWN`` then.

To the report it is one operation, from the first attempt to the last, pauses included; attempts are counted apart.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.measure.summary import Attempts
from ycsbpy.ops import Operation, OpKind, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.clock import Clock
    from ycsbpy.runner.calls import Methods
    from ycsbpy.runner.plan import Retries

__all__ = ["InsertRetries"]

_INSERTS = (OpKind.INSERT, OpKind.BATCH_INSERT)


class InsertRetries:
    """Wraps the calls of a phase's clients and counts what they tried again. ``repeats_lost`` is a load's."""

    def __init__(self, retries: Retries, clock: Clock, *, repeats_lost: bool) -> None:
        self._again_after = (Outcome.FAILED, Outcome.UNKNOWN) if repeats_lost else (Outcome.FAILED,)
        self._limit = retries.limit
        self._interval_ns = round(retries.interval * NS_PER_SECOND)
        self._clock = clock
        self._lock = threading.Lock()
        self._again = 0
        self._failed: Counter[str] = Counter()
        self.stopped = threading.Event()
        """Set when the phase is to end: no pause is waited for any more, nothing is tried again."""

    def attempts(self, operations: int) -> Attempts:
        """Of a phase with so many operations."""
        return Attempts(operations + self._again, dict(self._failed))

    def coroutines(self, methods: Methods) -> Methods:
        """The same methods, with inserts tried again."""
        return self._wrapped(methods, self._coroutine)

    def blocking(self, methods: Methods) -> Methods:
        """The same for calls that block."""
        return self._wrapped(methods, self._blocking)

    def _wrapped(self, methods: Methods, wrap: Callable[[Callable[[Operation], Any]], Any]) -> Methods:
        return tuple(wrap(method) if kind in _INSERTS else method for kind, method in enumerate(methods))

    def _coroutine(self, insert: Callable[[Operation], Any]) -> Callable[[Operation], Any]:
        async def inserted(op: Operation) -> Result:
            result: Result = await insert(op)
            lost = result.outcome is Outcome.UNKNOWN
            for _ in range(self._limit):
                if not self._tries_again(result):
                    break
                await self._clock.sleep_until_ns(self._clock.now_ns() + self._pause_ns())
                if self.stopped.is_set():
                    break
                result = await insert(op)
                self._count()
                lost = lost or result.outcome is Outcome.UNKNOWN
            return _summed_up(result, lost=lost)

        return inserted

    def _blocking(self, insert: Callable[[Operation], Any]) -> Callable[[Operation], Any]:
        def inserted(op: Operation) -> Result:
            result: Result = insert(op)
            lost = result.outcome is Outcome.UNKNOWN
            for _ in range(self._limit):
                if not self._tries_again(result) or self.stopped.wait(self._pause_ns() / NS_PER_SECOND):
                    break
                result = insert(op)
                self._count()
                lost = lost or result.outcome is Outcome.UNKNOWN
            return _summed_up(result, lost=lost)

        return inserted

    def _tries_again(self, result: Result) -> bool:
        if result.outcome not in self._again_after or self.stopped.is_set():
            return False
        with self._lock:
            self._failed[result.error or "unnamed"] += 1
        return True

    def _count(self) -> None:
        with self._lock:
            self._again += 1

    def _pause_ns(self) -> int:
        return round(self._interval_ns * (0.8 + 0.4 * random.random()))  # noqa: S311  clients must not march in step


def _summed_up(result: Result, *, lost: bool) -> Result:
    """A certain failure after an attempt of unknown outcome is not certain."""
    if lost and result.outcome is Outcome.FAILED:
        return result._replace(outcome=Outcome.UNKNOWN)
    return result

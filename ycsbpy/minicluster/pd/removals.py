"""How far the stores are that are to go: what has left them already, how fast, and how long it will take.

PD shows the same for stores that are being filled (``preparing``); here a store serves as soon as it has joined.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field

from ycsbpy.clock import NS_PER_SECOND

__all__ = ["REMOVING", "Progress", "Removals"]

REMOVING = "removing"
WINDOW_NS = 600 * NS_PER_SECOND
SAMPLE_NS = 10 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Progress:
    """``share`` from 0 to 1; ``speed`` in MiB a second; ``left_s`` the largest float while nothing moves."""

    share: float
    speed: float
    left_s: float


@dataclass(slots=True)
class _Store:
    total: int
    remaining: int
    samples: deque[tuple[int, int]] = field(default_factory=deque)
    """(when, MiB that remained), one each ten seconds, of the last ten minutes."""

    def note(self, remaining: int, now_ns: int) -> None:
        self.remaining = remaining
        if not self.samples or now_ns - self.samples[-1][0] >= SAMPLE_NS:
            self.samples.append((now_ns, remaining))
        while now_ns - self.samples[0][0] > WINDOW_NS:
            self.samples.popleft()

    def progress(self, now_ns: int) -> Progress:
        then_ns, then = self.samples[0]
        elapsed = (now_ns - then_ns) / NS_PER_SECOND
        speed = max(0.0, (then - self.remaining) / elapsed) if elapsed > 0 else 0.0
        left = self.remaining / speed if speed > 0 else (sys.float_info.max if self.remaining else 0.0)
        gone = max(0, self.total - self.remaining)
        return Progress(gone / self.total if self.total else 0.0, speed, left)


class Removals:
    """The stores that are to go. Sizes in MiB, times of the wall clock."""

    def __init__(self) -> None:
        self._stores: dict[int, _Store] = {}

    def note(self, remaining: dict[int, int], now_ns: int) -> None:
        """What each store that is to go still holds; others have gone, or stay after all."""
        for store_id in self._stores.keys() - remaining.keys():
            del self._stores[store_id]
        for store_id, size in remaining.items():
            self._stores.setdefault(store_id, _Store(size, size)).note(size, now_ns)

    def of_store(self, store_id: int, now_ns: int) -> Progress | None:
        """One store's, ``None`` if it is not to go."""
        store = self._stores.get(store_id)
        return store.progress(now_ns) if store is not None else None

    def average(self, now_ns: int) -> Progress | None:
        """That of all, ``None`` if there is none."""
        every = [store.progress(now_ns) for store in self._stores.values()]
        if not every:
            return None
        left = sum(each.left_s for each in every)
        return Progress(
            sum(each.share for each in every) / len(every),
            sum(each.speed for each in every) / len(every),
            left / len(every) if left <= sys.float_info.max else sys.float_info.max,
        )

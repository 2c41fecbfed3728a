"""The timestamp oracle: timestamps that only grow, in blocks.

A timestamp is milliseconds since the epoch and an 18-bit counter. The clock may stand still or jump back; the
timestamps may not, so the physical part follows the clock only forwards, and when the counter is used up it runs
ahead of the clock instead of waiting for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.clock import Clock

__all__ = ["LOGICAL_BITS", "MAX_LOGICAL", "Timestamp", "TimestampOracle"]

LOGICAL_BITS = 18
MAX_LOGICAL = 1 << LOGICAL_BITS


class Timestamp(NamedTuple):
    """``physical`` in milliseconds, ``logical`` below 2**18."""

    physical: int
    logical: int

    @property
    def number(self) -> int:
        """As one integer."""
        return self.physical << LOGICAL_BITS | self.logical


class TimestampOracle:
    """Hands out timestamps. ``save`` is told an upper bound (milliseconds) before any timestamp reaches it."""

    SAVE_AHEAD_MS = 3000

    def __init__(self, clock: Clock, floor_ms: int = 0, save: Callable[[int], None] | None = None) -> None:
        self._clock = clock
        self._physical = floor_ms
        self._logical = 0
        self._save = save
        self._saved_ms = floor_ms

    def take(self, count: int) -> Timestamp:
        """Reserve ``count`` timestamps and return the largest; the others are the ones below it.

        Raises ``ValueError`` for a count that is not in 1 … 2**18 - 1.
        """
        if not 0 < count < MAX_LOGICAL:
            raise ValueError("tso count should be positive" if count <= 0 else f"tso count {count} is too large")
        now = self._clock.wall_ns() // 1_000_000
        if now > self._physical:
            self._physical, self._logical = now, 0
        if self._logical + count >= MAX_LOGICAL:
            self._physical, self._logical = self._physical + 1, 0
        self._logical += count
        if self._save is not None and self._physical >= self._saved_ms:
            self._saved_ms = self._physical + self.SAVE_AHEAD_MS
            self._save(self._saved_ms)
        return Timestamp(self._physical, self._logical)

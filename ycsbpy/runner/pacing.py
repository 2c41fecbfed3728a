"""When each operation is due.

The schedule is fixed before the phase begins: operation *n* is due ``n / rate`` seconds after its start, whatever the
database does meanwhile. An operation that starts late because the ones before it were slow is late in the measurement
too (response time counts from when it was due): leaving that out is *coordinated omission* (Gil Tene, "How NOT to
measure latency", 2013). After a stall the clients catch up as fast as the database lets them, which is what a queue
of users does.

Times are integers: ``n * 10^9 // rate`` has no rounding that adds up, also after 10^12 operations.
"""

from __future__ import annotations

from fractions import Fraction

from ycsbpy.clock import NS_PER_SECOND

__all__ = ["Schedule"]


class Schedule:
    """Due times of operations 0, 1, 2, … at ``rate`` a second (any positive number), from ``start_ns`` on; where an
    operation is a batch, ``rate`` is of its records, of which it has ``batch``."""

    __slots__ = ("_denominator", "_numerator", "rate", "start_ns")

    def __init__(self, rate: float, start_ns: int, batch: int = 1) -> None:
        if not rate > 0:
            raise ValueError(f"a rate has to be positive, not {rate}")
        period = (
            batch * NS_PER_SECOND / Fraction(repr(rate))
        )  # of the decimal that was written, not of its binary neighbour
        self.rate = rate
        self.start_ns = start_ns
        self._numerator, self._denominator = period.numerator, period.denominator

    def due_ns(self, number: int) -> int:
        """When operation ``number`` is to start, in nanoseconds of the clock that ``start_ns`` is of."""
        return self.start_ns + number * self._numerator // self._denominator

    def due_before(self, now_ns: int) -> int:
        """How many operations are due before ``now_ns``."""
        elapsed = now_ns - self.start_ns
        if elapsed <= 0:
            return 0
        # n is due before now iff n * num // den < elapsed iff n * num < elapsed * den
        return (elapsed * self._denominator - 1) // self._numerator + 1

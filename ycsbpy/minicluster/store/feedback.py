"""The store's word on its own health, which clients may use to prefer other replicas."""

from __future__ import annotations

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb

__all__ = ["HealthReporter"]

HEALTHY = 1  # a slow score goes from 1 to 100


class HealthReporter:
    """Numbers the reports, and says when a stream is due for one: once a second, whichever stream sends first."""

    def __init__(self, store_id: int, clock: Clock) -> None:
        self._store_id = store_id
        self._clock = clock
        self._sequence = 0
        self._next_ns = 0

    def now(self) -> bytes:
        """A ``HealthFeedback`` with the next number."""
        self._sequence += 1
        return kvrpcpb.HealthFeedback(
            store_id=self._store_id, feedback_seq_no=self._sequence, slow_score=HEALTHY
        ).SerializeToString()

    def due(self) -> bytes:
        """A ``HealthFeedback`` if the last one was a second ago; otherwise nothing."""
        now_ns = self._clock.now_ns()
        if now_ns < self._next_ns:
            return b""
        self._next_ns = now_ns + NS_PER_SECOND
        return self.now()

"""What a leader knows of each other node, and how fast it may send to it.

A node is in one of three states. **Probe**: where its log ends is not known; one append is sent, and the next after an
answer or a heartbeat's. **Replicate**: the log is known to match; appends follow each other without waiting, as many as
the window of messages in flight allows, and ``next_index`` runs ahead. **Snapshot**: the entries it needs are gone; a
snapshot is under way and nothing else is sent.
"""

from __future__ import annotations

import enum
from collections import deque

__all__ = ["Inflights", "Progress", "ProgressState"]


class ProgressState(enum.IntEnum):
    """How a leader sends to a node."""

    PROBE = 0
    REPLICATE = 1
    SNAPSHOT = 2


_PROBE = ProgressState.PROBE
_REPLICATE = ProgressState.REPLICATE
_SNAPSHOT = ProgressState.SNAPSHOT


class Inflights:
    """The appends that were sent and not yet answered, each by the index of its last entry, in order."""

    __slots__ = ("_indexes", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._indexes: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._indexes)

    def full(self) -> bool:
        return len(self._indexes) >= self.capacity

    def add(self, index: int) -> None:
        """Note an append that ends at ``index``; only while not full."""
        self._indexes.append(index)

    def free_to(self, index: int) -> None:
        """All appends that end at or below ``index`` were answered."""
        indexes = self._indexes
        while indexes and indexes[0] <= index:
            indexes.popleft()

    def free_first(self) -> None:
        """Give the oldest append up for lost, so that one more can be sent."""
        if self._indexes:
            self._indexes.popleft()

    def clear(self) -> None:
        self._indexes.clear()


class Progress:
    """One node as the leader sees it.

    ``matched``: its log is known to be the leader's up to here, durably. ``next_index``: the next entry to send to it.
    ``committed_index``: what it said it knows to be committed. ``acked_round``: the newest heartbeat round it answered.
    """

    __slots__ = (
        "acked_round",
        "committed_index",
        "id",
        "inflights",
        "matched",
        "next_index",
        "paused",
        "pending_request_snapshot",
        "pending_snapshot",
        "recent_active",
        "state",
    )

    def __init__(self, node_id: int, next_index: int, max_inflight: int) -> None:
        self.id = node_id
        self.matched = 0
        self.next_index = next_index
        self.state: int = _PROBE
        self.paused = False
        self.pending_snapshot = 0
        self.pending_request_snapshot = 0
        self.recent_active = False
        self.committed_index = 0
        self.acked_round = 0
        self.inflights = Inflights(max_inflight)

    def __repr__(self) -> str:
        flags = "".join(text for text, on in ((" paused", self.paused), (" inactive", not self.recent_active)) if on)
        snapshot = f" snapshot={self.pending_snapshot}" if self.pending_snapshot else ""
        return f"{ProgressState(self.state).name} matched={self.matched} next={self.next_index}{snapshot}{flags}"

    def reset(self, next_index: int) -> None:
        """Forget what was learnt in an earlier term."""
        self.matched = 0
        self.next_index = next_index
        self.pending_request_snapshot = 0
        self.recent_active = False
        self.committed_index = 0
        self.acked_round = 0
        self._enter(_PROBE)

    def _enter(self, state: int) -> None:
        self.state = state
        self.paused = False
        self.pending_snapshot = 0
        self.inflights.clear()

    def become_probe(self) -> None:
        """Find out where its log ends; after a snapshot, it is expected to end there at least."""
        behind = self.pending_snapshot if self.state == _SNAPSHOT else 0
        self._enter(_PROBE)
        self.next_index = max(self.matched, behind) + 1

    def become_replicate(self) -> None:
        self._enter(_REPLICATE)
        self.next_index = self.matched + 1

    def become_snapshot(self, index: int) -> None:
        self._enter(_SNAPSHOT)
        self.pending_snapshot = index

    def is_paused(self) -> bool:
        """Whether nothing may be sent now."""
        if self.state == _REPLICATE:
            return self.inflights.full()
        return self.state == _SNAPSHOT or self.paused

    def maybe_update(self, index: int) -> bool:
        """It acknowledged everything up to ``index``. Returns whether that is news."""
        if self.next_index <= index:
            self.next_index = index + 1
        if self.matched >= index:
            return False
        self.matched = index
        self.paused = False
        return True

    def sent(self, last_index: int) -> None:
        """An append that ends at ``last_index`` was sent."""
        if self.state == _REPLICATE:
            self.next_index = last_index + 1
            self.inflights.add(last_index)
        else:
            self.paused = True

    def maybe_decrease(self, rejected: int, hint: int, request_snapshot: int) -> bool:
        """It rejected an append after ``rejected``, or asked for a snapshot. Returns whether that is to be acted on.

        ``hint`` is where its log may agree with the leader's. An answer that was overtaken by newer knowledge is of no
        use: one for an append before ``matched``, or from when the log agreed less far than ``matched``.
        """
        if self.state == _REPLICATE:
            if rejected < self.matched or ((rejected == self.matched or hint < self.matched) and not request_snapshot):
                return False
            if request_snapshot:
                self.pending_request_snapshot = request_snapshot
            else:
                self.next_index = self.matched + 1
            return True
        if request_snapshot:
            self.pending_request_snapshot = self.pending_request_snapshot or request_snapshot
        elif self.next_index - 1 != rejected:
            return False
        else:
            self.next_index = max(min(rejected, hint + 1), self.matched + 1)
        self.paused = False
        return True

"""A group's log: what the storage has, followed by what the core holds in memory, and the marks on it.

::

    storage:   first_index ......................... last_index
    memory:                     offset ............................ last
    marks:         applied <= applying <= committed           persisted, handed

The memory's part, the *tail*, holds every entry that is not yet known to be durable, and of those that are, the ones
not yet applied or not yet sent to all replicas, so that the steady state never reads the storage. The two overlap.

Marks, all of them indexes: ``committed`` is durable on a quorum; ``applying`` was handed to the caller to be applied,
``applied`` came back as done. ``handed`` was handed over to be written, ``persisted`` came back as durable. Only what
is both committed and persisted here is applied.

Writes may be under way while the log goes on changing. If a new leader replaces entries that were handed over and not
yet reported, their report must not be taken for one of the new entries, even if they happen to have the same index and
term again later. So replacing entries also shortens the record of every handover in flight (``Handover``): what it
will report as durable is only what still stands.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ycsbpy.minicluster.raft.errors import CompactedError, LogCorruptionError, StorageError
from ycsbpy.minicluster.raft.messages import ENTRY_OVERHEAD, NO_LIMIT, EntryType
from ycsbpy.minicluster.raft.storage import limit_size

if TYPE_CHECKING:
    from ycsbpy.minicluster.raft.messages import Entry, Snapshot
    from ycsbpy.minicluster.raft.storage import Storage

__all__ = ["Handover", "RaftLog"]


class Handover:
    """What one ``Ready`` gave the caller to write: up to which index, under which term, and which snapshot."""

    __slots__ = ("last", "number", "snapshot", "term")

    def __init__(self, number: int, last: int, snapshot: int, term: int) -> None:
        self.number = number
        self.last = last
        self.snapshot = snapshot
        self.term = term


class RaftLog:
    """See the module."""

    __slots__ = (
        "_tail",
        "_tail_bytes",
        "applied",
        "applying",
        "cache_bytes",
        "committed",
        "handed",
        "in_flight",
        "offset",
        "offset_term",
        "persisted",
        "snapshot",
        "snapshot_handed",
        "storage",
    )

    def __init__(self, storage: Storage, cache_bytes: int) -> None:
        first, last = storage.first_index(), storage.last_index()
        self.storage = storage
        self.cache_bytes = cache_bytes
        self.snapshot: Snapshot | None = None
        """A snapshot that came in and is not yet reported as durable: it stands for all entries up to its index."""
        self.snapshot_handed = False
        self.offset = last + 1
        self.offset_term = storage.term(last)
        """Term of the entry before ``offset``: the one that is asked for most often and not in the tail."""
        self._tail: list[Entry] = []
        self._tail_bytes = 0
        self.handed = last
        self.persisted = last
        self.committed = first - 1
        self.applying = first - 1
        self.applied = first - 1
        self.in_flight: deque[Handover] = deque()

    # reading

    def last_index(self) -> int:
        return self.offset + len(self._tail) - 1

    def last_term(self) -> int:
        return self._tail[-1].term if self._tail else self.offset_term

    def first_index(self) -> int:
        """The oldest entry that can be read."""
        return self.snapshot.index + 1 if self.snapshot is not None else self.storage.first_index()

    def term(self, index: int) -> int:
        """Term of the entry at ``index``; 0 before the truncated index and after the last."""
        place = index - self.offset
        if place >= 0:
            return self._tail[place].term if place < len(self._tail) else 0
        if place == -1:
            return self.offset_term
        if index < self.first_index() - 1:
            return 0
        return self.storage.term(index)

    def matches(self, index: int, term: int) -> bool:
        """Whether the log has an entry of this index and term."""
        try:
            return self.term(index) == term and index <= self.last_index()
        except StorageError:
            return False

    def slice(self, low: int, high: int, max_bytes: int = NO_LIMIT) -> list[Entry]:
        """Entries ``low <= index < high``, cut off before ``max_bytes`` but not before the first.

        Raises CompactedError where ``low`` is gone, and what the storage raises.
        """
        offset = self.offset
        if low >= offset:
            return limit_size(self._tail[low - offset : high - offset], max_bytes)
        if low < self.first_index():
            raise CompactedError(f"entry {low} is compacted; the first is {self.first_index()}")
        stored = self.storage.entries(low, min(high, offset), max_bytes)
        if high <= offset or len(stored) < offset - low:
            return stored
        return limit_size(stored + self._tail[: high - offset], max_bytes)

    def is_up_to_date(self, last_index: int, last_term: int) -> bool:
        """Whether a log that ends so is at least as new as this one (Raft paper 5.4.1)."""
        mine = self.last_term()
        return last_term > mine or (last_term == mine and last_index >= self.last_index())

    def find_conflict(self, entries: list[Entry]) -> int:
        """How many of ``entries``, from the first, the log has already."""
        if entries[0].index > self.last_index():
            return 0
        for count, entry in enumerate(entries):
            if not self.matches(entry.index, entry.term):
                return count
        return len(entries)

    def find_conflict_by_term(self, index: int, term: int) -> tuple[int, int]:
        """The last entry at or before ``index`` whose term is ``term`` at most, as index and term.

        Whoever has an entry of ``term`` at ``index`` can agree with this log there at the latest, because terms only
        rise along a log. A term that is compacted away is given as 0.
        """
        index = min(index, self.last_index())
        while True:
            try:
                mine = self.term(index)
            except StorageError:
                return index, 0
            if mine <= term:
                return index, mine
            index -= 1

    def has_conf_change(self, low: int, high: int) -> bool:
        """Whether an entry ``low <= index < high`` changes the configuration. Raises what the storage raises."""
        page = 1 << 20
        while low < high:
            entries = self.slice(low, high, page)
            if not entries:
                raise LogCorruptionError(f"no entries at {low} of a log that ends at {self.last_index()}")
            if any(entry.entry_type != EntryType.NORMAL for entry in entries):
                return True
            low += len(entries)
        return False

    # writing

    def append(self, entries: list[Entry]) -> None:
        """Put entries at the end, in the place of what was there from the first one's index on."""
        first = entries[0].index
        if first <= self.committed:
            raise LogCorruptionError(f"entry {first} would replace one that is committed (up to {self.committed})")
        place = first - self.offset
        if place < len(self._tail) or first <= self.handed:
            self._truncate(first)
            place = first - self.offset
        if place != len(self._tail):
            raise LogCorruptionError(f"a gap between {self.last_index()} and {first}")
        self._tail.extend(entries)
        size = 0
        for entry in entries:
            size += len(entry.data) + len(entry.context) + ENTRY_OVERHEAD
        self._tail_bytes += size

    def _truncate(self, first: int) -> None:
        """Forget entries from ``first`` on, and that any of them was, or is being, written."""
        place = first - self.offset
        if place < 0:
            self.offset_term = self.storage.term(first - 1)
            self.offset = first
            place = 0
        del self._tail[place:]
        self._tail_bytes = sum(len(one.data) + len(one.context) + ENTRY_OVERHEAD for one in self._tail)
        keep = first - 1
        self.handed = min(self.handed, keep)
        self.persisted = min(self.persisted, keep)
        for handover in self.in_flight:
            handover.last = min(handover.last, keep)

    def maybe_append(self, index: int, term: int, committed: int, entries: list[Entry]) -> bool:
        """Take a leader's entries, which follow its entry ``index`` of ``term``; False where ours is another.

        Commits as far as the leader has, but not beyond what is now known to be the leader's.
        """
        if index == self.offset + len(self._tail) - 1:  # they follow the end: the steady state
            if self.last_term() != term:
                return False
            if entries:
                self.append(entries)
        else:
            if not self.matches(index, term):
                return False
            if entries:
                known = self.find_conflict(entries)
                if known < len(entries):
                    self.append(entries[known:])
        self.commit_to(min(committed, index + len(entries)))
        return True

    def commit_to(self, index: int) -> None:
        """Everything up to ``index`` is committed; never goes back. Raises LogCorruptionError beyond the end."""
        if index <= self.committed:
            return
        if index > self.last_index():
            raise LogCorruptionError(
                f"entry {index} is said to be committed, but the log ends at {self.last_index()}: durable data was lost"
            )
        self.committed = index

    def maybe_commit(self, index: int, term: int) -> bool:
        """Commit up to ``index`` if its entry is of ``term`` (Raft paper 5.4.2). Returns whether that was news."""
        if index <= self.committed or not self.matches(index, term):
            return False
        self.commit_to(index)
        return True

    def restore(self, snapshot: Snapshot) -> None:
        """Replace the whole log by a snapshot that is ahead of what is committed."""
        self.persisted = min(self.persisted, self.committed)
        self.snapshot = snapshot
        self.snapshot_handed = False
        self.committed = snapshot.index
        self.offset = snapshot.index + 1
        self.offset_term = snapshot.term
        self.handed = snapshot.index
        self._tail = []
        self._tail_bytes = 0
        for handover in self.in_flight:
            handover.last = 0

    # handing over, and what comes back

    def has_unhanded(self) -> bool:
        """Whether there is something to write that was not handed over."""
        return self.handed < self.last_index() or (self.snapshot is not None and not self.snapshot_handed)

    def hand_over(self, number: int, term: int) -> tuple[list[Entry], Snapshot | None]:
        """What is to be written now; noted under ``number`` until ``persisted_to`` reports it."""
        snapshot = None
        if self.snapshot is not None and not self.snapshot_handed:
            snapshot = self.snapshot
            self.snapshot_handed = True
            self.applying = snapshot.index
        entries = self._tail[self.handed + 1 - self.offset :] if self.handed < self.last_index() else []
        if entries:
            self.handed = entries[-1].index
        self.in_flight.append(Handover(number, self.handed, snapshot.index if snapshot else 0, term))
        return entries, snapshot

    def persisted_to(self, number: int) -> int:
        """Everything handed over up to ``number`` is durable. Returns the highest term that became durable with it."""
        term = 0
        while self.in_flight and self.in_flight[0].number <= number:
            handover = self.in_flight.popleft()
            term = handover.term
            if handover.snapshot and self.snapshot is not None and handover.snapshot == self.snapshot.index:
                self.snapshot = None
                self.persisted = max(self.persisted, handover.snapshot)
            if handover.last > self.persisted and self.snapshot is None:
                self.persisted = handover.last
        return term

    def has_committed(self) -> bool:
        """Whether there is something to apply that was not handed over."""
        return self.snapshot is None and self.applying < self.committed and self.applying < self.persisted

    def next_committed(self, max_bytes: int) -> list[Entry]:
        """Entries to apply now, which are thereby handed over."""
        if self.snapshot is not None:
            return []
        high = min(self.committed, self.persisted)
        if high <= self.applying:
            return []
        entries = self.slice(self.applying + 1, high + 1, max_bytes)
        self.applying = entries[-1].index
        return entries

    def applied_to(self, index: int) -> None:
        """The caller has applied everything up to ``index``."""
        if not self.applied <= index <= self.applying:
            raise LogCorruptionError(
                f"applied {index} is reported, but {self.applied} was before, and only {self.applying} was handed over"
            )
        self.applied = index

    def release(self, index: int) -> None:
        """Nobody will need the tail's entries up to ``index`` soon. What is not durable or not applied stays.

        Where the tail is larger than ``cache_bytes``, ``index`` is passed over: who still needs them reads the storage.
        """
        limit = min(self.applied, self.persisted)
        if index < limit and self._tail_bytes <= self.cache_bytes:
            limit = index
        count = limit - self.offset + 1
        if count <= 0:
            return
        tail = self._tail
        size = 0
        for entry in tail[:count]:
            size += len(entry.data) + len(entry.context) + ENTRY_OVERHEAD
        self.offset_term = tail[count - 1].term
        self.offset += count
        self._tail_bytes -= size
        del tail[:count]

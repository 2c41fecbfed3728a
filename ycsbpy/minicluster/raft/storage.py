"""Where a group's durable log is read from, and the same in memory for tests.

The core never writes: ``Ready`` says what to write, and the caller does. So a storage is only asked, and it answers
from what has been written, or at least handed over for writing. Entries that are not yet reported as persisted, and
those written since and not yet applied, are kept by the core itself (``log.py``); a storage is asked for older ones:
by a replica that lags, and after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ycsbpy.minicluster.raft.errors import CompactedError, TemporarilyUnavailableError, UnavailableError
from ycsbpy.minicluster.raft.messages import NO_LIMIT, ConfState, Entry, HardState, Snapshot, entry_size

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MemoryStorage", "Storage", "limit_size"]


class Storage(Protocol):
    """What the core reads. The log holds ``first_index() .. last_index()``; ``first_index() - 1`` is the truncated
    index, whose term is known although its entry is gone."""

    def initial_state(self) -> tuple[HardState, ConfState]:
        """What was stored, at start. ``ConfState`` is that of the applied state, not of the log's end."""
        ...

    def first_index(self) -> int:
        """Index of the oldest entry that can be read; one past ``last_index()`` in an empty log."""
        ...

    def last_index(self) -> int:
        """Index of the newest entry; the truncated index in an empty log."""
        ...

    def term(self, index: int) -> int:
        """Term of an entry, or of the truncated index.

        Raises CompactedError below and UnavailableError above.
        """
        ...

    def entries(self, low: int, high: int, max_bytes: int) -> list[Entry]:
        """Entries ``low <= index < high``, as many as ``max_bytes`` allow and at least one. The list is the caller's.

        Raises CompactedError and UnavailableError as ``term`` does.
        """
        ...

    def snapshot(self, request_index: int, to: int) -> Snapshot:
        """A snapshot for the node ``to`` that covers ``request_index`` at least.

        Raises TemporarilyUnavailableError while one is being made; the core asks again.
        """
        ...


def limit_size(entries: list[Entry], max_bytes: int) -> list[Entry]:
    """The longest prefix that is no larger than ``max_bytes``, but never none of some."""
    if max_bytes >= NO_LIMIT:
        return entries
    size = 0
    for count, entry in enumerate(entries):
        size += entry_size(entry)
        if size > max_bytes and count:
            return entries[:count]
    return entries


class MemoryStorage:
    """A log in memory, for tests and as the smallest example of a storage.

    Beside what ``Storage`` asks for it has the caller's side: ``append``, ``set_hard_state``, ``apply_snapshot``,
    ``compact``.
    """

    __slots__ = ("_entries", "conf_state", "hard_state", "making_snapshot", "snapshot_data", "truncated")

    def __init__(self, conf_state: ConfState | None = None, *, index: int = 0, term: int = 0) -> None:
        self.hard_state = HardState(term=term, commit=index)
        self.conf_state = conf_state or ConfState()
        self.truncated = (index, term)
        self.snapshot_data = b""
        self.making_snapshot = False
        """Set it to have ``snapshot`` answer that it is not ready."""
        self._entries: list[Entry] = []

    @classmethod
    def with_voters(cls, *voters: int) -> MemoryStorage:
        """An empty log whose configuration has these voters."""
        return cls(ConfState(voters=voters))

    def initial_state(self) -> tuple[HardState, ConfState]:
        return self.hard_state, self.conf_state

    def first_index(self) -> int:
        return self.truncated[0] + 1

    def last_index(self) -> int:
        return self.truncated[0] + len(self._entries)

    def term(self, index: int) -> int:
        place = index - self.truncated[0] - 1
        if place == -1:
            return self.truncated[1]
        if place < 0:
            raise CompactedError(f"entry {index} is compacted; the first is {self.first_index()}")
        if place >= len(self._entries):
            raise UnavailableError(f"entry {index} is not there; the last is {self.last_index()}")
        return self._entries[place].term

    def entries(self, low: int, high: int, max_bytes: int = NO_LIMIT) -> list[Entry]:
        first = self.first_index()
        if low < first:
            raise CompactedError(f"entry {low} is compacted; the first is {first}")
        if high > self.last_index() + 1:
            raise UnavailableError(f"entry {high - 1} is not there; the last is {self.last_index()}")
        return limit_size(self._entries[low - first : high - first], max_bytes)

    def snapshot(self, request_index: int, to: int) -> Snapshot:
        """A snapshot at the committed index, with ``conf_state`` and ``snapshot_data`` as they are now."""
        index = self.hard_state.commit
        if self.making_snapshot or index < request_index:
            raise TemporarilyUnavailableError("no snapshot at hand")
        return Snapshot(index, self.term(index), self.conf_state, self.snapshot_data)

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries; what was there from the first one's index on is replaced."""
        if not entries:
            return
        place = entries[0].index - self.first_index()
        if place < 0:
            raise CompactedError(f"entry {entries[0].index} is compacted; the first is {self.first_index()}")
        if place > len(self._entries):
            raise UnavailableError(f"a gap between {self.last_index()} and {entries[0].index}")
        self._entries[place:] = entries

    def set_hard_state(self, hard_state: HardState) -> None:
        self.hard_state = hard_state

    def set_conf_state(self, conf_state: ConfState) -> None:
        """What ``initial_state`` and snapshots say from now on."""
        self.conf_state = conf_state

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Throw the log away for a snapshot. Raises CompactedError for one that is older than the log's beginning."""
        if snapshot.index < self.truncated[0]:
            raise CompactedError(f"snapshot at {snapshot.index} is older than {self.truncated[0]}")
        self.truncated = (snapshot.index, snapshot.term)
        self.conf_state = snapshot.conf_state
        self.snapshot_data = snapshot.data
        self._entries = []
        state = self.hard_state
        self.hard_state = HardState(max(state.term, snapshot.term), state.vote, max(state.commit, snapshot.index))

    def compact(self, index: int) -> None:
        """Drop entries up to and with ``index``; nothing to do where they are gone already."""
        place = index - self.truncated[0]
        if place <= 0:
            return
        self.truncated = (index, self.term(index))
        del self._entries[:place]

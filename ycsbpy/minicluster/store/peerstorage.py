"""What a store keeps of a Region's replica, and the log as the Raft core reads it.

Everything is in the column family ``raft`` of the store's one engine, so that a WriteBatch can hold a Region's log, its
applied index and its data at once::

    region/ID      RegionLocalState: the description, or that the replica was removed (a tombstone)
    state/ID       RaftLocalState: term, vote and commit index; the log's end
    apply/ID       RaftApplyState: what is applied; where the log begins
    log/ID/INDEX   eraftpb.Entry

Numbers are eight bytes, big-endian, so a Region's log is one range. A Region begins, as TiKV's do, with a log truncated
at index 5 in term 5: a replica without anything can then never be taken for one that has the (empty) beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.peerchange import conf_state_of
from ycsbpy.minicluster.raft import (
    NO_LIMIT,
    CompactedError,
    ConfState,
    Entry,
    HardState,
    LogCorruptionError,
    Snapshot,
    UnavailableError,
)
from ycsbpy.minicluster.store.encoding import varint
from ycsbpy.minicluster.store.engine import CF_RAFT, DELETE, DELETE_RANGE, PUT, KvEngine, Mutation
from ycsbpy.minicluster.store.raftcodec import entry_bytes, entry_from_bytes, hard_state_to_pb
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ycsbpy.minicluster.model import Region

__all__ = [
    "APPLYING",
    "FIRST_INDEX",
    "FIRST_TERM",
    "NORMAL",
    "TOMBSTONE",
    "PeerStorage",
    "forget",
    "region_key",
    "region_states",
    "state_mutation",
]

FIRST_INDEX = FIRST_TERM = 5
"""Index and term of what a new Region begins with."""

NORMAL, APPLYING, TOMBSTONE = raft_serverpb.Normal, raft_serverpb.Applying, raft_serverpb.Tombstone
LAST_ID = (1 << 64) - 1


def region_key(region_id: int) -> bytes:
    """The key of a Region's description."""
    return b"region/" + region_id.to_bytes(8)


def _state_key(region_id: int) -> bytes:
    return b"state/" + region_id.to_bytes(8)


def _apply_key(region_id: int) -> bytes:
    return b"apply/" + region_id.to_bytes(8)


def state_mutation(region: Region, state: raft_serverpb.PeerState) -> Mutation:
    """Keep a Region's description, and what its replica here is."""
    made = raft_serverpb.RegionLocalState(state=state, region=wire.region_to_pb(region))
    return (PUT, CF_RAFT, region_key(region.id), made.SerializeToString())


def region_states(engine: KvEngine) -> Iterator[raft_serverpb.RegionLocalState]:
    """What is kept of every Region that has, or had, a replica here."""
    for _, value in engine.rows(CF_RAFT, region_key(0), region_key(LAST_ID) + b"\x00"):
        yield raft_serverpb.RegionLocalState.FromString(value)


def forget(region_id: int) -> list[Mutation]:
    """Throw away a replica's log and states, but not what is said of its Region."""
    log = b"log/" + region_id.to_bytes(8)
    return [
        (DELETE, CF_RAFT, _state_key(region_id), b""),
        (DELETE, CF_RAFT, _apply_key(region_id), b""),
        (DELETE_RANGE, CF_RAFT, log, log + b"\xff" * 9),
    ]


class PeerStorage:
    """The durable state of one replica: ``Storage`` for the core, and what has to be written for its caller.

    Methods that end in ``_mutations`` say what to write and take it for written: the caller writes it before anybody
    relies on it. ``make_snapshot`` is called for a node with the index that a snapshot must cover.
    """

    def __init__(self, engine: KvEngine, region_id: int) -> None:
        self.region_id = region_id
        self.hard_state = HardState()
        self.conf_state = ConfState()
        self.truncated = (0, 0)
        self.last = 0
        self.applied = 0
        self.make_snapshot: Callable[[int, int], Snapshot]
        self._engine = engine
        self._prefix = b"log/" + region_id.to_bytes(8)
        self._state_key = _state_key(region_id)
        self._apply_key = _apply_key(region_id)

    def load(self, region: Region) -> None:
        """Read what was kept. Raises ``LogCorruptionError`` if it does not fit together."""
        state = raft_serverpb.RaftLocalState.FromString(self._engine.get(CF_RAFT, self._state_key) or b"")
        apply = raft_serverpb.RaftApplyState.FromString(self._engine.get(CF_RAFT, self._apply_key) or b"")
        hard = state.hard_state
        self.hard_state = HardState(hard.term, hard.vote, hard.commit)
        self.conf_state = conf_state_of(region)
        self.truncated = (apply.truncated_state.index, apply.truncated_state.term)
        self.last = max(state.last_index, self.truncated[0])
        self.applied = apply.applied_index
        if self.applied < self.truncated[0] or self.applied > self.last:
            raise LogCorruptionError(
                f"region {self.region_id}: applied {self.applied} of a log of {self.truncated[0]} to {self.last}"
            )

    # ---- what is to be written ----

    def begin_mutations(self, region: Region) -> list[Mutation]:
        """A new Region's first state; a promise that an empty replica of it gave is kept."""
        before = self.hard_state
        vote = before.vote if before.term > FIRST_TERM else 0
        self.hard_state = HardState(max(before.term, FIRST_TERM), vote, FIRST_INDEX)
        self.truncated = (FIRST_INDEX, FIRST_TERM)
        self.last = self.applied = FIRST_INDEX
        self.conf_state = conf_state_of(region)
        return [state_mutation(region, NORMAL), self._state(), self.apply_mutation(FIRST_INDEX)]

    def append_mutations(self, entries: list[Entry], hard_state: HardState | None) -> list[Mutation]:
        """Entries at the log's end, or in the place of some, and what was promised with them."""
        if hard_state is not None:
            self.hard_state = hard_state
        made: list[Mutation] = []
        if entries:
            prefix = self._prefix
            made = [(PUT, CF_RAFT, prefix + entry.index.to_bytes(8), entry_bytes(entry)) for entry in entries]
            last = entries[-1].index
            if last < self.last:
                made.append((DELETE_RANGE, CF_RAFT, self._log_key(last + 1), self._log_key(self.last + 1)))
            self.last = last
        made.append(self._state())
        return made

    def apply_mutation(self, applied: int) -> Mutation:
        """Everything up to ``applied`` is applied: to be written with it."""
        self.applied = applied
        index, term = self.truncated
        truncated = b"\x08" + varint(index) + b"\x10" + varint(term)
        value = b"\x08" + varint(applied) + b"\x12" + varint(len(truncated)) + truncated
        return (PUT, CF_RAFT, self._apply_key, value)

    def compact_mutations(self, index: int, term: int) -> list[Mutation]:
        """Forget the log up to ``index``; nothing to do where it is forgotten already."""
        first = self.truncated[0] + 1
        if index < first:
            return []
        self.truncated = (index, term)
        return [(DELETE_RANGE, CF_RAFT, self._log_key(first), self._log_key(index + 1))]

    def restore_mutations(self, snapshot: Snapshot, hard_state: HardState | None) -> list[Mutation]:
        """A snapshot in the place of the whole log."""
        first, last = self.truncated[0] + 1, self.last
        state = hard_state or self.hard_state
        self.hard_state = HardState(state.term, state.vote, max(state.commit, snapshot.index))
        self.truncated = (snapshot.index, snapshot.term)
        self.last = snapshot.index
        self.conf_state = snapshot.conf_state
        made = [self._state(), self.apply_mutation(snapshot.index)]
        if last >= first:
            made.append((DELETE_RANGE, CF_RAFT, self._log_key(first), self._log_key(last + 1)))
        return made

    def _state(self) -> Mutation:
        state = raft_serverpb.RaftLocalState(hard_state=hard_state_to_pb(self.hard_state), last_index=self.last)
        return (PUT, CF_RAFT, self._state_key, state.SerializeToString())

    def _log_key(self, index: int) -> bytes:
        return self._prefix + index.to_bytes(8)

    # ---- what the core reads ----

    def initial_state(self) -> tuple[HardState, ConfState]:
        """See ``Storage``."""
        return self.hard_state, self.conf_state

    def first_index(self) -> int:
        """See ``Storage``."""
        return self.truncated[0] + 1

    def last_index(self) -> int:
        """See ``Storage``."""
        return self.last

    def term(self, index: int) -> int:
        """See ``Storage``."""
        if index == self.truncated[0]:
            return self.truncated[1]
        if index < self.truncated[0]:
            raise CompactedError(f"entry {index} is compacted; the first is {self.truncated[0] + 1}")
        return self._entry(index).term

    def _entry(self, index: int) -> Entry:
        if index > self.last:
            raise UnavailableError(f"entry {index} is not there; the last is {self.last}")
        kept = self._engine.get(CF_RAFT, self._log_key(index))
        if kept is None:
            raise LogCorruptionError(f"region {self.region_id}: entry {index} of a log to {self.last} is missing")
        return entry_from_bytes(kept)

    def entries(self, low: int, high: int, max_bytes: int = NO_LIMIT) -> list[Entry]:
        """See ``Storage``."""
        if low <= self.truncated[0]:
            raise CompactedError(f"entry {low} is compacted; the first is {self.truncated[0] + 1}")
        if high > self.last + 1:
            raise UnavailableError(f"entry {high - 1} is not there; the last is {self.last}")
        found: list[Entry] = []
        size = 0
        for _, kept in self._engine.rows(CF_RAFT, self._log_key(low), self._log_key(high)):
            size += len(kept)
            if found and size > max_bytes:
                return found
            found.append(entry_from_bytes(kept))
        if len(found) != high - low:
            raise LogCorruptionError(
                f"region {self.region_id}: of the entries from {low} to {high - 1} only {len(found)} are there"
                + (f", {found[0].index} to {found[-1].index}" if found else "")
            )
        return found

    def snapshot(self, request_index: int, to: int) -> Snapshot:
        """See ``Storage``."""
        return self.make_snapshot(request_index, to)

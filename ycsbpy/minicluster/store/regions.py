"""The replicas that a store has: which Region each is of, who leads it, and what has been written to it.

A ``Replica`` is the store's side of one Peer; the ``ReplicaMap`` finds it by Region id and, for the neighbours that
an outdated client should hear of, by key. Whatever decision is kept about a Region has to be forgotten when one
changes, so the map tells its listeners of every change.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from ycsbpy.minicluster.model import Peer, Region

__all__ = ["FlowStats", "Group", "Replica", "ReplicaMap"]


class FlowStats:
    """What went into a Region: estimates of its size, and the flow since the last report to PD. In bytes and keys."""

    __slots__ = ("bytes_written", "checked", "keys_written", "known", "size", "total_keys")

    def __init__(self) -> None:
        self.size = 0
        self.total_keys = 0
        self.bytes_written = 0
        self.keys_written = 0
        self.known = True
        """Whether the size is an estimate at all: after a restart it is not, until somebody counts."""
        self.checked = 0
        """The size when it was last looked at whether the Region should split."""

    def wrote(self, size: int, keys: int) -> None:
        """Note a write. Overwritten and deleted data is not known here, so the size is an upper estimate."""
        self.size += size
        self.total_keys += keys
        self.bytes_written += size
        self.keys_written += keys

    def count(self, size: int, keys: int) -> None:
        """Somebody has counted."""
        self.size, self.total_keys, self.known = size, keys, True
        self.checked = size

    def split(self, pieces: int, *, share: bool) -> None:
        """The Region has become ``pieces``. They share what there is, or else nobody knows where it went."""
        if share:
            self.size //= pieces
            self.total_keys //= pieces
        else:
            self.known = False
        self.checked = 0


class Group(Protocol):
    """The Raft group behind a replica, as those who serve requests need it."""

    def may_read(self) -> bool:
        """Whether a read may be answered from this replica's data now."""
        ...

    def read_barrier(self) -> asyncio.Future[None]:
        """Done when a read that came now may be answered; raises ``RegionError`` if another replica has to."""
        ...

    def wake(self) -> None:
        """Somebody is interested in the Region."""
        ...


class Replica:
    """One Region's replica on this store. ``leader`` is the Peer that leads as far as this replica knows."""

    __slots__ = ("group", "leader", "peer", "region", "stats", "term")

    def __init__(self, region: Region, peer: Peer, *, group: Group, leader: Peer | None = None, term: int = 0) -> None:
        self.region = region
        self.group = group
        self.peer = peer
        self.leader = leader
        self.term = term
        self.stats = FlowStats()

    @property
    def is_leader(self) -> bool:
        """Whether this replica leads its Region."""
        return self.leader is not None and self.leader.id == self.peer.id


class ReplicaMap:
    """The replicas of one store, by Region id and by start key."""

    def __init__(self, store_id: int) -> None:
        self.store_id = store_id
        self._by_id: dict[int, Replica] = {}
        self._order: list[tuple[bytes, int]] = []
        self._listeners: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Replica]:
        """In key order."""
        return (self._by_id[region_id] for _, region_id in self._order)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each change of a Region, a leader, a term, or of what is here at all."""
        self._listeners.append(listener)

    def get(self, region_id: int) -> Replica | None:
        """The replica of that Region, or ``None``."""
        return self._by_id.get(region_id)

    def add(self, replica: Replica) -> None:
        """Take in a new replica. Raises ``ValueError`` if there is one of its Region already."""
        region = replica.region
        if region.id in self._by_id:
            raise ValueError(f"store {self.store_id} has a replica of region {region.id} already")
        self._by_id[region.id] = replica
        insort(self._order, (region.start, region.id))
        self.changed()

    def remove(self, region_id: int) -> Replica:
        """Take a replica out. Raises ``KeyError`` if there is none."""
        replica = self._by_id.pop(region_id)
        self._forget_place(replica)
        self.changed()
        return replica

    def update(self, replica: Replica, region: Region) -> None:
        """Give a replica its Region's new description."""
        self._forget_place(replica)
        replica.region = region
        peer = region.peer_on(self.store_id)
        if peer is not None:
            replica.peer = peer
        insort(self._order, (region.start, region.id))
        self.changed()

    def put(self, replica: Replica, region: Region) -> None:
        """Give a replica its Region's description, which may be the first that it gets."""
        if self._by_id.get(region.id) is replica:
            self.update(replica, region)
        else:
            replica.region = region
            self.add(replica)

    def overlapping(self, start: bytes, end: bytes, but: int) -> Replica | None:
        """A replica, other than of Region ``but``, whose range meets ``[start, end)``; ``None`` if there is none."""
        for replica in self:
            region = replica.region
            if end and region.start >= end:
                break
            if region.id != but and region.overlaps(start, end):
                return replica
        return None

    def lead(self, replica: Replica, leader: Peer | None, term: int) -> None:
        """Note who leads a replica's Region in which term."""
        replica.leader = leader
        replica.term = term
        if replica.region.id in self._by_id:
            self.changed()

    def neighbours(self, replica: Replica, count: int) -> list[Region]:
        """The ``count`` Regions on this store just left of ``replica``, nearest first."""
        index = bisect_left(self._order, (replica.region.start, replica.region.id))
        return [self._by_id[region_id].region for _, region_id in reversed(self._order[max(0, index - count) : index])]

    def changed(self) -> None:
        """Tell the listeners."""
        for listener in self._listeners:
            listener()

    def _forget_place(self, replica: Replica) -> None:
        place = (replica.region.start, replica.region.id)
        del self._order[bisect_left(self._order, place)]

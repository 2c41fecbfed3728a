"""Stores without processes and sockets: three and more ``MultiRaft`` on one loop, with engines in memory.

Messages go from one to the other at the loop's next round, unless a test cuts the way; time passes when ``ticks`` says
so. Snapshots take the way of the real ones, without gRPC around them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ycsbpy.minicluster.model import Epoch, Peer, Region, SplitIds
from ycsbpy.minicluster.peerchange import PeerChange
from ycsbpy.minicluster.raft import ConfChangeType
from ycsbpy.minicluster.store.commands import Split, Write
from ycsbpy.minicluster.store.engine import CF_DEFAULT, PUT, KvEngine, MemoryEngine
from ycsbpy.minicluster.store.multiraft import MultiRaft, RaftOptions
from ycsbpy.minicluster.store.rawkv import RawKv
from ycsbpy.minicluster.store.regions import ReplicaMap
from ycsbpy.minicluster.store.snapshots import BadSnapshotError, chunks
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ycsbpy.minicluster.store.peer import RaftPeer

__all__ = ["Cluster", "Node", "put"]


def put(key: bytes, value: bytes = b"v") -> Write:
    """A command that puts one key."""
    return Write([(PUT, CF_DEFAULT, key, value)], len(key) + len(value))


class Net:
    """The network of one store."""

    def __init__(self, cluster: Cluster, store_id: int) -> None:
        self.cluster = cluster
        self.store_id = store_id
        self.posted: list[tuple[int, bytes, int, int]] = []

    def post(self, store_id: int, frame: bytes, region_id: int, peer_id: int) -> None:
        self.posted.append((store_id, frame, region_id, peer_id))

    def flush(self) -> None:
        posted, self.posted = self.posted, []
        if posted:
            asyncio.get_running_loop().call_soon(self._deliver, posted)

    def _deliver(self, posted: list[tuple[int, bytes, int, int]]) -> None:
        for store_id, frame, region_id, peer_id in posted:
            self.cluster.messages += 1
            if self.cluster.reaches(self.store_id, store_id):
                self.cluster.nodes[store_id].raft.receive(raft_serverpb.RaftMessage.FromString(frame))
            else:
                self.cluster.nodes[self.store_id].raft.unreachable(region_id, peer_id)

    def send_snapshot(self, store_id: int, first: bytes, peer: RaftPeer, to: int) -> None:
        asyncio.get_running_loop().call_soon(self._snapshot, store_id, first, peer, to)

    def _snapshot(self, store_id: int, first: bytes, peer: RaftPeer, to: int) -> None:
        views = peer.host.snapshots.take_views(peer.region.id, to)
        assert views is not None
        arrived = False
        if self.cluster.reaches(self.store_id, store_id):
            target = self.cluster.nodes[store_id].raft.snapshots
            try:
                spool = target.receive(raft_serverpb.RaftMessage.FromString(first))
                for number, chunk in enumerate(chunks(views)):
                    if self.cluster.break_snapshots and number >= self.cluster.break_snapshots - 1:
                        target.failed(spool)
                        raise BadSnapshotError("broken by the test")
                    spool.add(chunk)
                target.received(spool)
                arrived = True
                self.cluster.snapshots += 1
            except BadSnapshotError:
                pass
        peer.raw.report_snapshot(to, arrived=arrived)
        peer.host.mark(peer)


class Node:
    """One store."""

    def __init__(self, cluster: Cluster, store_id: int, folder: Path, engine: KvEngine | None = None) -> None:
        self.engine = engine or MemoryEngine()
        self.kv = RawKv(self.engine, ttl_enabled=False, now_s=lambda: 1000)
        self.replicas = ReplicaMap(store_id)
        self.died: list[str] = []
        self.raft = MultiRaft(
            self.engine, self.kv, self.replicas, cluster.clock, folder, cluster.options, fatal=self.died.append
        )
        self.raft.network = Net(cluster, store_id)

    def rows(self, start: bytes = b"", end: bytes = b"") -> dict[bytes, bytes]:
        """The data."""
        return dict(self.engine.rows(CF_DEFAULT, start, end))


class Cluster:
    """Stores 1 … n, of which the first has Region 2 as its only replica, peer 3, until a test adds more."""

    def __init__(self, folder: Path, stores: int = 3, **options: Any) -> None:
        self.clock = VirtualClock()
        self.options = RaftOptions(**options)
        self.folder = folder
        self.cut: set[tuple[int, int]] = set()
        self.down: set[int] = set()
        self.messages = 0
        self.snapshots = 0
        self.break_snapshots = 0
        """Snapshots break at this chunk; 0 for none."""
        self.nodes = {store: Node(self, store, folder / str(store)) for store in range(1, stores + 1)}
        self._next_id = 1000

    def reaches(self, one: int, other: int) -> bool:
        return (one, other) not in self.cut and not self.down & {one, other}

    def begin(self, *, together: bool = True) -> None:
        """Make Region 2 at store 1, or at all stores at once."""
        stores = list(self.nodes) if together else [1]
        region = Region(2, epoch=Epoch(1, 1), peers=tuple(Peer(2 + store, store) for store in stores))
        for store in stores:
            raft = self.nodes[store].raft
            raft.begin(region, raft.prepare(region))

    async def settle(self) -> None:
        """Let everything happen that can without time going on."""
        for _ in range(60):
            await asyncio.sleep(0)

    async def ticks(self, count: int = 1) -> None:
        """Let time pass."""
        for _ in range(count):
            self.clock.advance(self.options.tick_ns)
            for store, node in self.nodes.items():
                if store not in self.down:
                    node.raft.tick()
            for _ in range(12):
                await asyncio.sleep(0)

    async def until(self, true: Callable[[], object], ticks: int = 300) -> None:
        """Let time pass until something is so."""
        for _ in range(ticks):
            await self.settle()
            if true():
                return
            await self.ticks()
        raise AssertionError("it never came to that")

    def peer(self, store: int, region_id: int = 2) -> RaftPeer:
        return self.nodes[store].raft.peers[region_id]

    def leader(self, region_id: int = 2) -> RaftPeer:
        """Who leads, and can be reached."""
        found = [
            node.raft.peers[region_id]
            for store, node in self.nodes.items()
            if store not in self.down and region_id in node.raft.peers and node.raft.peers[region_id].is_leader
        ]
        return max(found, key=lambda peer: peer.raw.term)

    def has_leader(self, region_id: int = 2) -> bool:
        try:
            leader = self.leader(region_id)
        except ValueError:
            return False
        return leader.raw.raft.committed_in_term()

    async def write(self, *keys: bytes, value: bytes = b"v", region_id: int = 2) -> None:
        """Put keys, and wait until they are acknowledged."""
        await self.until(lambda: self.has_leader(region_id))
        leader = self.leader(region_id)
        version = leader.region.epoch.version
        futures = [leader.host.propose(leader.replica, version, put(key, value)) for key in keys]
        await self.until(lambda: all(future.done() for future in futures))
        for future in futures:
            future.result()

    async def change(self, *changes: tuple[ConfChangeType, Peer]) -> None:
        """Change the peers of Region 2; none leaves the joint state."""
        await self.until(self.has_leader)
        leader = self.leader()
        made = leader.change_peers([PeerChange(*change) for change in changes], leader.region.epoch.conf_ver)
        await self.until(made.done)
        made.result()

    async def add(self, peer: Peer) -> None:
        """Add a replica as PD does: a learner first, a voter when it has caught up."""
        await self.change((ConfChangeType.ADD_LEARNER_NODE, peer))
        await self.until(lambda: not self.leader().pending_peers())
        await self.change((ConfChangeType.ADD_NODE, peer))

    async def split(self, *keys: bytes, right_derive: bool = True) -> list[int]:
        """Split Region 2; the new Regions' ids."""
        leader = self.leader()
        ids = []
        for _ in keys:
            self._next_id += 100
            peers = tuple(self._next_id + 1 + index for index in range(len(leader.region.peers)))
            ids.append(SplitIds(self._next_id, peers))
        command = Split(keys, tuple(ids), right_derive)
        future = leader.host.propose(leader.replica, leader.region.epoch.version, command)
        await self.until(future.done)
        future.result()
        return [each.region_id for each in ids]

    async def read(self, peer: RaftPeer, key: bytes) -> bytes | None:
        """Read as a client does."""
        if not peer.may_read():
            future = peer.read_barrier()
            await self.until(future.done)
            future.result()
        return peer.host.kv.get(CF_DEFAULT, key)

    def restart(self, store: int) -> Node:
        """The process ends, and starts anew on what its engine has."""
        old = self.nodes[store]
        old.raft.close()
        node = Node(self, store, self.folder / str(store), old.engine)
        self.nodes[store] = node
        node.raft.load()
        node.raft.start()
        return node

    def same(self, stores: Sequence[int]) -> bool:
        """Whether these stores have the same data."""
        rows = [self.nodes[store].rows() for store in stores]
        return all(each == rows[0] for each in rows)

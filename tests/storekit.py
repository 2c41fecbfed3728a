"""A store without processes and sockets: engine in memory, replicas as a test wants them, time that stands still."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.store.admission import Admissions
from ycsbpy.minicluster.store.engine import MemoryEngine
from ycsbpy.minicluster.store.feedback import HealthReporter
from ycsbpy.minicluster.store.multiraft import MultiRaft
from ycsbpy.minicluster.store.rawkv import RawKv
from ycsbpy.minicluster.store.rawservice import RawCalls
from ycsbpy.minicluster.store.regions import Replica, ReplicaMap
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ycsbpy.minicluster.store.commands import Command
    from ycsbpy.minicluster.store.proposals import Proposals

__all__ = ["CLUSTER", "STORE", "NoGroup", "StoreKit", "context", "run", "settled"]

FOLDER = Path("/nonexistent")

CLUSTER = 77
STORE = 1

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on a loop of its own."""
    return asyncio.run(main)


def context(region: Region, **changes: Any) -> kvrpcpb.Context:
    """The context of a request for ``region`` at its peer on this store."""
    peer = region.peer_on(STORE)
    assert peer is not None
    made = kvrpcpb.Context(region_id=region.id, **changes)
    made.region_epoch.conf_ver, made.region_epoch.version = region.epoch.conf_ver, region.epoch.version
    made.peer.id, made.peer.store_id = peer.id, peer.store_id
    return made


class NoGroup:
    """The Raft group of a replica that leads without one; ``woken`` counts."""

    def __init__(self) -> None:
        self.woken = 0

    def may_read(self) -> bool:
        return True

    def read_barrier(self) -> asyncio.Future[None]:
        raise AssertionError

    def wake(self) -> None:
        self.woken += 1


async def settled() -> None:
    """Let the groups do what they have to do."""
    for _ in range(10):
        await asyncio.sleep(0)


class StoreKit:
    """Store 1 of cluster 77, which leads one Region for each range between ``splits``; ids are 2, 3, …"""

    def __init__(self, *splits: bytes, ttl: bool = True) -> None:
        self.clock = VirtualClock()
        self.now_s = 1000
        self.engine = MemoryEngine()
        self.kv = RawKv(self.engine, ttl_enabled=ttl, now_s=lambda: self.now_s)
        self.replicas = ReplicaMap(STORE)
        self.died: list[str] = []
        self.raft = MultiRaft(self.engine, self.kv, self.replicas, self.clock, FOLDER, fatal=self.died.append)
        self.proposals: Proposals = self.raft
        asyncio.run(self._begin([b"", *splits, b""]))
        self.admissions = Admissions(self.replicas, CLUSTER, "V1ttl" if ttl else "V1")
        self.calls = RawCalls(self.kv, self.admissions, self.proposals, self.clock)
        self.health = HealthReporter(STORE, self.clock)

    async def _begin(self, bounds: list[bytes]) -> None:
        for index, (start, end) in enumerate(itertools.pairwise(bounds)):
            peer = Peer(20 + index, STORE)
            region = Region(2 + index, start, end, Epoch(1, len(bounds) - 1), (peer,))
            self.raft.begin(region, self.raft.prepare(region))
        await settled()
        assert all(replica.is_leader for replica in self.replicas)

    def do(self, region_id: int, command: Command) -> None:
        """Propose a command for a Region as it is, and wait until it is applied."""

        async def propose() -> None:
            replica = self.replica(region_id)
            await self.raft.propose(replica, replica.region.epoch.version, command)
            await settled()

        asyncio.run(propose())

    def replica(self, region_id: int = 2) -> Replica:
        """The replica of that Region."""
        found = self.replicas.get(region_id)
        assert found is not None
        return found

    def context(self, region_id: int = 2, **changes: Any) -> kvrpcpb.Context:
        """The context of a request for that Region, as it is now."""
        return context(self.replica(region_id).region, **changes)

    def rows(self, cf: int = 0) -> dict[bytes, bytes]:
        """What the engine has, with TTLs taken off."""
        return {key: value[:-8] if self.kv.ttl_enabled else value for key, value in self.engine.rows(cf, b"", b"")}

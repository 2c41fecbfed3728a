"""A store without processes and sockets: engine in memory, replicas as a test wants them, time that stands still."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.store.admission import Admissions
from ycsbpy.minicluster.store.commands import StateMachine
from ycsbpy.minicluster.store.engine import MemoryEngine
from ycsbpy.minicluster.store.feedback import HealthReporter
from ycsbpy.minicluster.store.proposals import LocalProposals
from ycsbpy.minicluster.store.rawkv import RawKv
from ycsbpy.minicluster.store.rawservice import RawCalls
from ycsbpy.minicluster.store.regions import Replica, ReplicaMap
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["CLUSTER", "STORE", "StoreKit", "context", "run"]

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


class StoreKit:
    """Store 1 of cluster 77, which leads one Region for each range between ``splits``; ids are 2, 3, …"""

    def __init__(self, *splits: bytes, ttl: bool = True) -> None:
        self.clock = VirtualClock()
        self.now_s = 1000
        self.engine = MemoryEngine()
        self.kv = RawKv(self.engine, ttl_enabled=ttl, now_s=lambda: self.now_s)
        self.replicas = ReplicaMap(STORE)
        bounds = [b"", *splits, b""]
        for index, (start, end) in enumerate(itertools.pairwise(bounds)):
            peer = Peer(20 + index, STORE)
            region = Region(2 + index, start, end, Epoch(1, len(splits) + 1), (peer,))
            self.replicas.add(Replica(region, peer, leader=peer, term=6))
        self.machine = StateMachine(self.kv, self.replicas)
        self.proposals = LocalProposals(self.machine, self.clock)
        self.admissions = Admissions(self.replicas, CLUSTER, "V1ttl" if ttl else "V1")
        self.calls = RawCalls(self.kv, self.admissions, self.proposals, self.clock)
        self.health = HealthReporter(STORE, self.clock)

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

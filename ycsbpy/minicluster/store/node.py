"""One store: its identity, its groups, and its life in the cluster: bootstrap, time, reports, PD's commands."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Peer, Region, Store
from ycsbpy.minicluster.store.engine import CF_RAFT, DELETE, PUT, KvEngine
from ycsbpy.minicluster.store.multiraft import MultiRaft, RaftOptions
from ycsbpy.minicluster.store.pdlink import PdLink, PdRefusedError
from ycsbpy.minicluster.store.peerstorage import forget, region_key
from ycsbpy.minicluster.store.regions import ReplicaMap
from ycsbpy.minicluster.store.reports import PdCommands, Reports
from ycsbpy.minicluster.store.splits import SplitOptions, Splitter
from ycsbpy.minicluster.store.transport import Transport
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ycsbpy.minicluster.store.rawkv import RawKv

__all__ = ["Identity", "StoreNode", "load_identity"]

log = logging.getLogger(__name__)

IDENTITY_KEY = b"identity"
REGION_CONFIRMED_WITHIN_S = 10.0
DISK_CHECK_TICKS = 10


@dataclass(frozen=True)
class Identity:
    """Which store of which cluster the data in a folder belongs to."""

    cluster_id: int
    store_id: int


async def load_identity(engine: KvEngine, link: PdLink) -> Identity:
    """Return the identity that the engine's data has, or get a new one from PD and keep it.

    Raises ``ClusterError`` when the data belongs to another cluster than PD's.
    """
    kept = engine.get(CF_RAFT, IDENTITY_KEY)
    if kept is not None:
        identity = Identity(int.from_bytes(kept[:8]), int.from_bytes(kept[8:16]))
        if identity.cluster_id != link.cluster_id:
            raise ClusterError(f"the data is of cluster {identity.cluster_id}, PD is of cluster {link.cluster_id}")
        return identity
    answer = await link.call("AllocID", pdpb.AllocIDRequest(count=1), pdpb.AllocIDResponse)
    identity = Identity(link.cluster_id, answer.id)
    engine.write([(PUT, CF_RAFT, IDENTITY_KEY, identity.cluster_id.to_bytes(8) + identity.store_id.to_bytes(8))])
    return identity


class StoreNode:
    """A store without its gRPC service. It is the ``Reporter`` of its ``PdLink``.

    ``reserve_bytes`` is how much of the disk writes may not take: below it they are refused as ``DiskFull``, while
    what is committed can still be applied. ``fatal`` is called when the engine cannot be written at all.
    """

    def __init__(
        self,
        engine: KvEngine,
        kv: RawKv,
        identity: Identity,
        link: PdLink,
        folder: Path,
        clock: Clock,
        *,
        raft: RaftOptions | None = None,
        split: SplitOptions | None = None,
        region_heartbeat_s: float = 60.0,
        reserve_bytes: int = 0,
        fatal: Callable[[str], None],
    ) -> None:
        self.identity = identity
        self.replicas = ReplicaMap(identity.store_id)
        self.raft = MultiRaft(engine, kv, self.replicas, clock, folder, raft, fatal=fatal)
        self.transport = Transport(self.raft, self._address)
        self.raft.network = self.transport
        self.splitter = Splitter(self.raft, engine, link, split or SplitOptions())
        self.reports = Reports(self.raft, folder, clock, region_heartbeat_s)
        self.commands = PdCommands(self.raft, link, self.splitter)
        self._engine = engine
        self._link = link
        self._folder = folder
        self._clock = clock
        self._reserve_bytes = reserve_bytes
        self._tasks: list[asyncio.Task[None]] = []
        self.replicas.on_change(link.changed)
        self.raft.load()

    # ---- joining the cluster ----

    async def join(self, address: str, status_address: str, release: str, version: str) -> None:
        """Make the cluster if there is none, register with PD, and begin to work and to report."""
        store = Store(
            id=self.identity.store_id,
            address=address,
            status_address=status_address,
            version=version,
            git_hash=f"ycsbpy-{release}",
            start_timestamp=self.reports.started_s,
            deploy_path=str(self._folder),
        )
        answer = await self._link.call("IsBootstrapped", pdpb.IsBootstrappedRequest(), pdpb.IsBootstrappedResponse)
        if not answer.bootstrapped:
            await self._bootstrap(store)
        try:
            await self._link.call(
                "PutStore", pdpb.PutStoreRequest(store=wire.store_to_pb(store)), pdpb.PutStoreResponse
            )
        except PdRefusedError as error:
            raise ClusterError(str(error)) from None
        self.raft.start()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._ticks()), loop.create_task(self.splitter.run())]
        self._link.start(self)

    async def _bootstrap(self, store: Store) -> None:
        """Offer PD a first Region; another store may be faster, then ours was never there."""
        ids = [await self._link.call("AllocID", pdpb.AllocIDRequest(count=1), pdpb.AllocIDResponse) for _ in range(2)]
        region = Region(ids[0].id, peers=(Peer(ids[1].id, store.id),))
        prepared = self.raft.prepare(region)
        request = pdpb.BootstrapRequest(store=wire.store_to_pb(store), region=wire.region_to_pb(region))
        try:
            await self._link.call("Bootstrap", request, pdpb.BootstrapResponse)
        except PdRefusedError as error:
            if error.kind != pdpb.ALREADY_BOOTSTRAPPED:
                raise ClusterError(str(error)) from None
            first = await self._link.call("GetRegion", pdpb.GetRegionRequest(), pdpb.GetRegionResponse)
            if first.region.id != region.id:
                self._engine.write([*forget(region.id), (DELETE, CF_RAFT, region_key(region.id), b"")])
                return
        self.raft.begin(region, prepared)

    async def _address(self, store_id: int) -> str:
        """Where a store is. Raises ``LookupError`` if PD does not know, or has given it up."""
        try:
            answer = await self._link.call(
                "GetStore", pdpb.GetStoreRequest(store_id=store_id), pdpb.GetStoreResponse, timeout_s=3.0
            )
        except (PdRefusedError, ClusterError) as error:
            raise LookupError(str(error)) from None
        address = answer.store.peer_address or answer.store.address
        if not address:
            raise LookupError(f"PD has no address of store {store_id}")
        return address

    async def confirmed(self) -> None:
        """Return when PD knows every Region that this store leads, and its leader.

        Raises ``ClusterError`` if that takes longer than ten seconds.
        """
        deadline_ns = self._clock.now_ns() + int(REGION_CONFIRMED_WITHIN_S * NS_PER_SECOND)
        for peer in list(self.raft.peers.values()):
            while peer.is_leader:
                request = pdpb.GetRegionByIDRequest(region_id=peer.region.id)
                answer = await self._link.call("GetRegionByID", request, pdpb.GetRegionResponse)
                known = answer.region.region_epoch
                epoch = peer.region.epoch
                if known.version >= epoch.version and known.conf_ver >= epoch.conf_ver and answer.leader.id:
                    break
                if self._clock.now_ns() >= deadline_ns:
                    raise ClusterError(f"PD does not take the report of region {peer.region.id}")
                await asyncio.sleep(0.01)

    # ---- time ----

    async def _ticks(self) -> None:
        tick_s = self.raft.options.tick_ms / 1000
        count = 0
        while True:
            await asyncio.sleep(tick_s)
            self.raft.tick()
            self.transport.tick()
            count += 1
            if count % DISK_CHECK_TICKS == 0:
                self._look_at_disk()
                self._link.changed()

    def _look_at_disk(self) -> None:
        disk = os.statvfs(self._folder)
        left = disk.f_bavail * disk.f_frsize
        full = f"disk full: {left >> 20} MiB left" if left < self._reserve_bytes else ""
        if bool(full) != bool(self.raft.full):
            log.warning("%s", full or "the disk has room again")
        self.raft.full = full

    async def close(self) -> None:
        """Stop everything that runs by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.commands.close()
        await self.transport.close()
        self.raft.close()
        await self.raft.snapshots.close()

    # ---- Reporter ----

    def store_stats(self) -> pdpb.StoreStats:
        """See ``Reporter``."""
        return self.reports.store_stats()

    def region_reports(self, *, anew: bool = False) -> Iterable[pdpb.RegionHeartbeatRequest]:
        """See ``Reporter``."""
        if anew:
            self.reports.forget()
        return self.reports.region_reports()

    def command(self, command: pdpb.RegionHeartbeatResponse) -> None:
        """See ``Reporter``."""
        self.commands.command(command)

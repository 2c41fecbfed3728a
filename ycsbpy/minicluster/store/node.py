"""One store: its identity, its replicas and data, and its life in the cluster: bootstrap, reports, PD's commands."""

from __future__ import annotations

import asyncio
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Peer, Region, SplitIds, Store, valid_split_keys
from ycsbpy.minicluster.store.commands import Split, StateMachine, region_key
from ycsbpy.minicluster.store.engine import CF_RAFT, DELETE, PUT, KvEngine
from ycsbpy.minicluster.store.pdlink import PdLink, PdRefusedError
from ycsbpy.minicluster.store.proposals import LocalProposals, Proposals
from ycsbpy.minicluster.store.regions import Replica, ReplicaMap
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ycsbpy.minicluster.store.rawkv import RawKv

__all__ = ["Identity", "StoreNode", "load_identity"]

log = logging.getLogger(__name__)

IDENTITY_KEY = b"identity"
FIRST_TERM = 6  # TiKV's: a new Region starts in term 5, and its only peer is elected in the next
REGION_CONFIRMED_WITHIN_S = 10.0


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
    """A store without its gRPC service. It is the ``Reporter`` of its ``PdLink``."""

    def __init__(
        self, engine: KvEngine, kv: RawKv, identity: Identity, link: PdLink, folder: Path, clock: Clock
    ) -> None:
        self.identity = identity
        self.replicas = ReplicaMap(identity.store_id)
        self.proposals: Proposals = LocalProposals(StateMachine(kv, self.replicas), clock)
        self._engine = engine
        self._link = link
        self._folder = folder
        self._clock = clock
        self._started_s = clock.wall_ns() // NS_PER_SECOND
        self._reported_s = self._started_s
        self._written = (0, 0)
        self._work: set[asyncio.Task[None]] = set()
        self.replicas.on_change(link.changed)
        for _, description in engine.rows(CF_RAFT, region_key(0), region_key((1 << 64) - 1)):
            self._open(wire.region_from_pb(metapb.Region.FromString(description)))

    def _open(self, region: Region) -> None:
        peer = region.peer_on(self.identity.store_id)
        if peer is None:
            return
        alone = len(region.peers) == 1
        self.replicas.add(Replica(region, peer, leader=peer if alone else None, term=FIRST_TERM))

    # ---- joining the cluster ----

    async def join(self, address: str, release: str, version: str) -> None:
        """Make the cluster if there is none, register with PD, and begin to report."""
        store = Store(
            id=self.identity.store_id,
            address=address,
            version=version,
            git_hash=f"ycsbpy-{release}",
            start_timestamp=self._started_s,
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
        self._link.start(self)

    async def _bootstrap(self, store: Store) -> None:
        """Offer PD a first Region; another store may be faster, then ours was never there."""
        ids = [await self._link.call("AllocID", pdpb.AllocIDRequest(count=1), pdpb.AllocIDResponse) for _ in range(2)]
        region = Region(ids[0].id, peers=(Peer(ids[1].id, store.id),))
        message = wire.region_to_pb(region)
        self._engine.write([(PUT, CF_RAFT, region_key(region.id), message.SerializeToString())])
        request = pdpb.BootstrapRequest(store=wire.store_to_pb(store), region=message)
        try:
            await self._link.call("Bootstrap", request, pdpb.BootstrapResponse)
        except PdRefusedError as error:
            if error.kind != pdpb.ALREADY_BOOTSTRAPPED:
                raise ClusterError(str(error)) from None
            first = await self._link.call("GetRegion", pdpb.GetRegionRequest(), pdpb.GetRegionResponse)
            if first.region.id != region.id:
                self._engine.write([(DELETE, CF_RAFT, region_key(region.id), b"")])
                return
        self._open(region)

    async def confirmed(self) -> None:
        """Return when PD knows every Region that this store leads, as it is, and its leader.

        Raises ``ClusterError`` if that takes longer than ten seconds.
        """
        deadline_ns = self._clock.now_ns() + int(REGION_CONFIRMED_WITHIN_S * NS_PER_SECOND)
        for replica in list(self.replicas):
            while replica.is_leader:
                request = pdpb.GetRegionByIDRequest(region_id=replica.region.id)
                answer = await self._link.call("GetRegionByID", request, pdpb.GetRegionResponse)
                known = wire.region_from_pb(answer.region) == replica.region
                if known and answer.leader.id == replica.peer.id:
                    break
                if self._clock.now_ns() >= deadline_ns:
                    raise ClusterError(f"PD does not take the report of region {replica.region.id}")
                await asyncio.sleep(0.01)

    # ---- splits ----

    async def split(self, keys: Sequence[bytes]) -> None:
        """Split whatever Regions this store leads at ``keys``."""
        for replica in list(self.replicas):
            inside = valid_split_keys(replica.region, keys)
            if inside and replica.is_leader:
                await self._split_one(replica, inside)

    async def _split_one(self, replica: Replica, keys: Sequence[bytes]) -> None:
        region = replica.region
        request = pdpb.AskBatchSplitRequest(region=wire.region_to_pb(region), split_count=len(keys))
        answer = await self._link.call("AskBatchSplit", request, pdpb.AskBatchSplitResponse)
        ids = tuple(SplitIds(each.new_region_id, tuple(each.new_peer_ids)) for each in answer.ids)
        await self.proposals.propose(replica, region.epoch.version, Split(tuple(keys), ids))
        pieces = [self.replicas.get(each.region_id) for each in ids]
        regions = [wire.region_to_pb(piece.region) for piece in [*pieces, replica] if piece is not None]
        await self._link.call(
            "ReportBatchSplit", pdpb.ReportBatchSplitRequest(regions=regions), pdpb.ReportBatchSplitResponse
        )
        log.info("region %d split at %d keys", region.id, len(keys))

    # ---- what the heartbeats say, and what comes back ----

    def store_stats(self) -> pdpb.StoreStats:
        """See ``Reporter``."""
        disk = shutil.disk_usage(self._folder)
        now_s = self._clock.wall_ns() // NS_PER_SECOND
        total = [
            sum(column) for column in zip(*((r.stats.size, r.stats.total_keys) for r in self.replicas), strict=True)
        ]
        written = (total[0], total[1]) if total else (0, 0)
        stats = pdpb.StoreStats(
            store_id=self.identity.store_id,
            capacity=disk.total,
            available=disk.free,
            used_size=sum(entry.stat().st_size for entry in self._folder.rglob("*") if entry.is_file()),
            region_count=len(self.replicas),
            start_time=self._started_s,
            bytes_written=max(0, written[0] - self._written[0]),
            keys_written=max(0, written[1] - self._written[1]),
        )
        stats.interval.start_timestamp, stats.interval.end_timestamp = self._reported_s, now_s
        self._reported_s, self._written = now_s, written
        return stats

    def region_reports(self) -> Iterator[pdpb.RegionHeartbeatRequest]:
        """See ``Reporter``."""
        now_s = self._clock.wall_ns() // NS_PER_SECOND
        for replica in list(self.replicas):
            if not replica.is_leader:
                continue
            stats = replica.stats
            report = pdpb.RegionHeartbeatRequest(
                region=wire.region_to_pb(replica.region),
                leader=wire.peer_to_pb(replica.peer),
                term=replica.term,
                approximate_size=stats.size,
                approximate_keys=stats.total_keys,
                bytes_written=stats.bytes_written,
                keys_written=stats.keys_written,
            )
            report.interval.start_timestamp, report.interval.end_timestamp = self._reported_s, now_s
            stats.bytes_written = stats.keys_written = 0
            yield report

    def command(self, command: pdpb.RegionHeartbeatResponse) -> None:
        """See ``Reporter``. A command for another epoch, or for a Region that is not led here, is out of date."""
        replica = self.replicas.get(command.region_id)
        if replica is None or not replica.is_leader:
            return
        epoch = replica.region.epoch
        if (command.region_epoch.conf_ver, command.region_epoch.version) != (epoch.conf_ver, epoch.version):
            return
        if command.HasField("split_region") and command.split_region.policy == pdpb.USEKEY:
            keys = valid_split_keys(replica.region, list(command.split_region.keys))
            if keys:
                self._spawn(replica, keys)
            return
        log.info("PD's command for region %d is not one that this store can do", command.region_id)

    def _spawn(self, replica: Replica, keys: Sequence[bytes]) -> None:
        async def work() -> None:
            try:
                await self._split_one(replica, keys)
            except Exception:
                log.exception("split of region %d failed", replica.region.id)

        task = asyncio.ensure_future(work())
        self._work.add(task)
        task.add_done_callback(self._work.discard)

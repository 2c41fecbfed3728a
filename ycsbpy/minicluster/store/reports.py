"""What a store tells PD of itself and of the Regions that it leads, and what it does when PD wants something done."""

from __future__ import annotations

import asyncio
import logging
import shutil
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.peerchange import PeerChange
from ycsbpy.minicluster.raft import ConfChangeType
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.pdlink import PdRefusedError
from ycsbpy.minicluster.store.peer import nobody_waits
from ycsbpy.minicluster.store.rawkv import StorageError
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from pathlib import Path

    from ycsbpy.minicluster.model import Peer
    from ycsbpy.minicluster.store.multiraft import MultiRaft
    from ycsbpy.minicluster.store.pdlink import PdLink
    from ycsbpy.minicluster.store.peer import RaftPeer
    from ycsbpy.minicluster.store.splits import Splitter

__all__ = ["Disk", "PdCommands", "Reports"]

log = logging.getLogger(__name__)


class Disk(NamedTuple):
    """Bytes of a file system, and those that a store's files take."""

    capacity: int
    available: int
    used: int


class Reports:
    """Heartbeats. A Region's is due when something of it has changed, and every ``interval_s``."""

    def __init__(self, raft: MultiRaft, folder: Path, clock: Clock, interval_s: float) -> None:
        self._raft = raft
        self._folder = folder
        self._clock = clock
        self._interval_ns = int(interval_s * NS_PER_SECOND)
        self.started_s = clock.wall_ns() // NS_PER_SECOND
        self._reported_s = self.started_s
        self._said: dict[int, tuple[object, int]] = {}
        self._written = (0, 0)

    def store_stats(self) -> pdpb.StoreStats:
        """See ``Reporter``."""
        raft = self._raft
        disk = self.disk()
        now_s = self._clock.wall_ns() // NS_PER_SECOND
        replicas = [replica.stats for replica in raft.replicas]
        written = (sum(each.size for each in replicas), sum(each.total_keys for each in replicas))
        stats = pdpb.StoreStats(
            store_id=raft.store_id,
            capacity=disk.capacity,
            available=disk.available,
            used_size=disk.used,
            region_count=len(raft.replicas),
            sending_snap_count=raft.snapshots.sending,
            receiving_snap_count=raft.snapshots.receiving,
            applying_snap_count=raft.snapshots.ingesting,
            start_time=self.started_s,
            is_busy=bool(raft.full),
            bytes_written=max(0, written[0] - self._written[0]),
            keys_written=max(0, written[1] - self._written[1]),
        )
        stats.interval.start_timestamp, stats.interval.end_timestamp = self._reported_s, now_s
        self._reported_s, self._written = now_s, written
        return stats

    def disk(self) -> Disk:
        """The disk under the store, and what the store takes of it."""
        disk = shutil.disk_usage(self._folder)
        return Disk(disk.total, disk.free, _folder_size(self._folder))

    def region_reports(self) -> Iterator[pdpb.RegionHeartbeatRequest]:
        """See ``Reporter``."""
        now_ns = self._clock.now_ns()
        for peer in list(self._raft.peers.values()):
            if not peer.is_leader:
                self._said.pop(peer.region.id, None)
                continue
            down, pending = peer.down_peers(), peer.pending_peers()
            news = (
                peer.region,
                peer.raw.term,
                tuple(each for each, _ in down),
                tuple(pending),
                peer.replica.stats.known,
            )
            said, when_ns = self._said.get(peer.region.id, (None, 0))
            if news != said or now_ns - when_ns >= self._interval_ns:
                self._said[peer.region.id] = (news, now_ns)
                yield self._report(peer, down, pending)

    def forget(self) -> None:
        """A new stream: say everything again."""
        self._said.clear()

    def _report(
        self, peer: RaftPeer, down: Sequence[tuple[Peer, int]], pending: Sequence[Peer]
    ) -> pdpb.RegionHeartbeatRequest:
        stats = peer.replica.stats
        report = pdpb.RegionHeartbeatRequest(
            region=wire.region_to_pb(peer.region),
            leader=wire.peer_to_pb(peer.peer),
            term=peer.raw.term,
            down_peers=[pdpb.PeerStats(peer=wire.peer_to_pb(each), down_seconds=seconds) for each, seconds in down],
            pending_peers=[wire.peer_to_pb(each) for each in pending],
            approximate_size=stats.size,
            approximate_keys=stats.total_keys,
            bytes_written=stats.bytes_written,
            keys_written=stats.keys_written,
        )
        now_s = self._clock.wall_ns() // NS_PER_SECOND
        report.interval.start_timestamp, report.interval.end_timestamp = self._reported_s, now_s
        stats.bytes_written = stats.keys_written = 0
        return report


def _folder_size(folder: Path) -> int:
    total = 0
    for entry in folder.rglob("*"):
        try:
            total += entry.stat().st_size
        except OSError:  # RocksDB removes files at any time
            continue
    return total


class PdCommands:
    """What PD wants done to Regions that this store leads. PD repeats itself: what cannot be done now is not kept."""

    def __init__(self, raft: MultiRaft, link: PdLink, splitter: Splitter) -> None:
        self._raft = raft
        self._link = link
        self._splitter = splitter
        self._work: set[asyncio.Task[None]] = set()
        raft.stale = self.check_stale

    def command(self, command: pdpb.RegionHeartbeatResponse) -> None:
        """See ``Reporter``. A command for another epoch, or for a Region that is not led here, is out of date."""
        peer = self._raft.peers.get(command.region_id)
        if peer is None or not peer.is_leader or command.target_peer.id not in (0, peer.peer.id):
            return
        epoch = peer.region.epoch
        if (command.region_epoch.conf_ver, command.region_epoch.version) != (epoch.conf_ver, epoch.version):
            return
        if command.HasField("change_peer_v2"):
            self._change(peer, list(command.change_peer_v2.changes))
        elif command.HasField("change_peer"):
            self._change(peer, [command.change_peer])
        elif command.HasField("transfer_leader"):
            self._transfer(peer, command.transfer_leader)
        elif command.HasField("split_region"):
            self._spawn(peer, "split", self._splitter.by_policy(peer, command.split_region))
        else:
            log.info("PD's command for region %d is not one that this store can do", command.region_id)

    def _change(self, peer: RaftPeer, messages: Sequence[pdpb.ChangePeer]) -> None:
        changes = [
            PeerChange(ConfChangeType(message.change_type), wire.peer_from_pb(message.peer)) for message in messages
        ]
        try:
            nobody_waits(peer.change_peers(changes, peer.region.epoch.conf_ver))
        except ValueError as error:
            log.info("region %d: PD's change of peers is not made: %s", peer.region.id, error)

    def _transfer(self, peer: RaftPeer, command: pdpb.TransferLeader) -> None:
        wanted = [command.peer.id, *(each.id for each in command.peers)]
        voters = {each.id: each for each in peer.region.peers if each.role in (Role.VOTER, Role.INCOMING_VOTER)}
        progress = peer.raw.raft.tracker.progress
        able = [voters[each] for each in wanted if each in voters and each in progress]
        if able and able[0].id != peer.peer.id:
            peer.transfer_leader(max(able, key=lambda each: progress[each.id].matched))

    def _spawn(self, peer: RaftPeer, what: str, work: Coroutine[object, object, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except (RegionError, StorageError, PdRefusedError, ClusterError) as error:
                log.info("region %d: %s is not done: %s", peer.region.id, what, error)
            except Exception:
                log.exception("region %d: %s failed", peer.region.id, what)

        task = asyncio.get_running_loop().create_task(guarded())
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def check_stale(self, peer: RaftPeer) -> None:
        """A replica that has had no leader for long may have been removed without hearing of it: ask PD."""
        self._spawn(peer, "the question whether it was removed", self._check(peer))

    async def _check(self, peer: RaftPeer) -> None:
        request = pdpb.GetRegionByIDRequest(region_id=peer.region.id)
        answer = await self._link.call("GetRegionByID", request, pdpb.GetRegionResponse)
        if not answer.HasField("region") or peer.removed or peer.ingesting or peer.is_leader:
            return
        region = wire.region_from_pb(answer.region)
        own = region.peer_on(self._raft.store_id)
        newer = region.epoch.conf_ver > peer.region.epoch.conf_ver
        if newer and (own is None or own.id != peer.peer.id):
            self._raft.destroy(peer)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

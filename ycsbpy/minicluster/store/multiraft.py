"""All Regions' groups of one store, driven together: one pass, one write, one message to each other store.

Whatever happens to a replica (a proposal, a message, a tick) only marks it. At the end of the event loop's round one
pass takes all that are marked: proposals become entries, all entries, promises and applied commands of all Regions
become one ``WriteBatch``, and all messages one ``BatchRaft`` message for each peer store. Messages that promise nothing
leave before the write, so the others work meanwhile; promises and answers leave after it.

Messages for replicas that are not here make them, or tell their senders that they are out of date, by TiKV's rules: a
replica is made by a vote request or by a leader's first heartbeat, never where it was removed in the same or a later
configuration, and never over another Region's data.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.raft import VOTE_REQUESTS, LogCorruptionError, MessageType
from ycsbpy.minicluster.store.checks import RegionError, disk_full, server_is_busy
from ycsbpy.minicluster.store.commands import Command, CompactLog, Outcome, Result, size_of
from ycsbpy.minicluster.store.engine import DATA_CFS, DELETE_RANGE, EngineError, KvEngine, Mutation
from ycsbpy.minicluster.store.frames import Frames
from ycsbpy.minicluster.store.peer import RaftPeer, nobody_waits, settle
from ycsbpy.minicluster.store.peerstorage import (
    APPLYING,
    TOMBSTONE,
    PeerStorage,
    forget,
    region_states,
    state_mutation,
)
from ycsbpy.minicluster.store.snapshots import Snapshots
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Protocol

    from ycsbpy.minicluster.raft import Message, Ready
    from ycsbpy.minicluster.store.rawkv import RawKv
    from ycsbpy.minicluster.store.regions import Replica, ReplicaMap

    class Network(Protocol):
        """The way to other stores."""

        def post(self, store_id: int, frame: bytes, region_id: int, peer_id: int) -> None:
            """Put a ``RaftMessage`` into the next message for a store."""
            ...

        def flush(self) -> None:
            """Send what was posted."""
            ...

        def send_snapshot(self, store_id: int, first: bytes, peer: RaftPeer, to: int) -> None:
            """Send the snapshot that was made for a Peer, beginning with this ``RaftMessage``."""
            ...


__all__ = ["MultiRaft", "RaftOptions", "WriteSet"]

log = logging.getLogger(__name__)

MAX_EARLY = 256
SLEEPERS_TURNS = 6
"""After so many times ``stale_ticks`` each replica that sleeps has been asked about (TiKV: five minutes)."""


@dataclass(frozen=True)
class RaftOptions:
    """Times of the groups on a store; the defaults are a playground's, where a killed leader is replaced in a second.

    ``tick_ms`` is the length of a tick; followers campaign after one to two times ``election_ticks`` of silence, a
    leader is heard every ``heartbeat_ticks``, and a group that was idle for ``sleep_ticks`` is left alone. TiKV's:
    1000, 10, 2. ``max_peer_down_s`` is after how long a silent Peer is reported to PD as down (TiKV: 600).
    ``gc_entries``: the log is compacted when it has so many entries that all have, and where one lags, when it has
    ``gc_force_bytes``.
    """

    tick_ms: int = 100
    election_ticks: int = 7
    heartbeat_ticks: int = 2
    sleep_ticks: int = 30
    max_peer_down_s: float = 10.0
    gc_ticks: int = 10
    gc_entries: int = 50
    gc_force_bytes: int = 72 << 20
    stale_ticks: int = 100
    max_queued_bytes: int = 64 << 20
    max_queued: int = 65536

    @property
    def tick_ns(self) -> int:
        """The length of a tick."""
        return self.tick_ms * 1_000_000

    @property
    def max_peer_down_ns(self) -> int:
        """After what silence a Peer is down."""
        return int(self.max_peer_down_s * NS_PER_SECOND)


class WriteSet:
    """What a pass writes: ``outcomes`` are told, and ``after`` is called, once it is written."""

    def __init__(self, engine: KvEngine) -> None:
        self._engine = engine
        self.mutations: list[Mutation] = []
        self.outcomes: list[tuple[list[asyncio.Future[Result]], Outcome]] = []
        self.after: list[Callable[[], None]] = []

    def flush(self) -> None:
        """Write what there is so far."""
        if self.mutations:
            mutations, self.mutations = self.mutations, []
            self._engine.write(mutations)


class MultiRaft:
    """See the module. It is the ``Proposals`` of its store. ``fatal`` is called when the engine cannot be written."""

    MAX_EMPTY = 256
    """Replicas that know nothing of their Region yet; no message makes more."""

    def __init__(
        self,
        engine: KvEngine,
        kv: RawKv,
        replicas: ReplicaMap,
        clock: Clock,
        folder: Path,
        options: RaftOptions | None = None,
        *,
        fatal: Callable[[str], None],
    ) -> None:
        self.engine = engine
        self.kv = kv
        self.replicas = replicas
        self.store_id = replicas.store_id
        self.clock = clock
        self.options = options or RaftOptions()
        self.network: Network | None = None
        self.frames = Frames()
        self.snapshots = Snapshots(self, folder / "snap")
        self.peers: dict[int, RaftPeer] = {}
        self.tombstones: dict[int, Region] = {}
        self.applying = False
        """Whether the applied indexes are ahead of what is written."""
        self.full = ""
        """Why writes are refused, if they are."""
        self.stale: Callable[[RaftPeer], None] = lambda _peer: None
        """What to do about a replica that has had no leader for long, or sleeps."""
        self._fatal = fatal
        self._stopped = False
        self._awake: dict[int, RaftPeer] = {}
        self._dirty: list[RaftPeer] = []
        self._scheduled = False
        self._queued = 0
        self._queued_bytes = 0
        self._early: dict[int, raft_serverpb.RaftMessage] = {}
        """Vote requests for Regions that a split here is going to make."""
        self._ticks = 0
        self.applied_commands = 0

    # ---- what there is ----

    def load(self) -> None:
        """Take up the replicas that the engine has. Raises ``LogCorruptionError``."""
        for state in region_states(self.engine):
            region = wire.region_from_pb(state.region)
            if state.state == TOMBSTONE:
                self.tombstones[region.id] = region
                continue
            if state.state == APPLYING:
                self.snapshots.resume(region)
            peer = region.peer_on(self.store_id)
            if peer is None:
                log.error("region %d has no peer on this store", region.id)
                continue
            storage = PeerStorage(self.engine, region.id)
            storage.load(region)
            self._add(region, peer, storage, fresh=False).replica.stats.known = False
        self.snapshots.clean()

    def start(self) -> None:
        """Groups of one lead themselves at once; the others wait for their leaders."""
        for peer in list(self.peers.values()):
            if peer.raw.campaign():
                self.mark(peer)

    def prepare(self, region: Region) -> PeerStorage:
        """Write what a new cluster's first Region begins with, before PD is asked whether it may."""
        storage = PeerStorage(self.engine, region.id)
        self.engine.write(storage.begin_mutations(region))
        return storage

    def begin(self, region: Region, storage: PeerStorage) -> RaftPeer:
        """Begin the replica of a Region that was prepared; it leads at once."""
        peer = region.peer_on(self.store_id)
        assert peer is not None
        made = self._add(region, peer, storage, fresh=True)
        made.raw.campaign()
        self.mark(made)
        return made

    def _add(self, region: Region, peer: Peer, storage: PeerStorage, *, fresh: bool) -> RaftPeer:
        made = RaftPeer(self, region, peer, storage, fresh=fresh)
        made.replica.term = made.raw.term
        self.peers[region.id] = made
        self._awake[region.id] = made
        if made.initialized:
            self.replicas.add(made.replica)
        return made

    def create_child(self, parent: RaftPeer, region: Region, batch: WriteSet, *, led: bool, share: bool) -> None:
        """A split has made a Region: begin its replica here."""
        peer = region.peer_on(self.store_id)
        if peer is None:
            return
        storage = PeerStorage(self.engine, region.id)
        empty = self.peers.get(region.id)
        if empty is not None:
            if empty.initialized:
                raise LogCorruptionError(f"a split makes region {region.id}, which is here already")
            storage.hard_state = empty.storage.hard_state
            empty.close()
            self._awake.pop(region.id, None)
        batch.mutations += storage.begin_mutations(region)
        child = self._add(region, peer, storage, fresh=True)
        stats = child.replica.stats
        if share:
            stats.size, stats.total_keys = parent.replica.stats.size, parent.replica.stats.total_keys
            stats.known = parent.replica.stats.known
        else:
            stats.known = False
        early = self._early.pop(region.id, None)

        def begin() -> None:
            if led:
                child.raw.campaign()
            if early is not None:
                self._to_peer(child, early)
            self.mark(child)

        batch.after.append(begin)

    def destroy(self, peer: RaftPeer) -> None:
        """A replica was removed from its Region: leave nothing of it but the note that it was."""
        region = peer.region
        log.info("region %d: the replica here, peer %d, is gone", region.id, peer.peer.id)
        peer.removed = True
        peer.close()
        self.peers.pop(region.id, None)
        self._awake.pop(region.id, None)
        self.frames.forget(region.id)
        self.snapshots.drop(region.id)
        mutations = forget(region.id)
        if peer.initialized:
            mutations += [(DELETE_RANGE, cf, region.start, region.end) for cf in DATA_CFS]
            mutations.append(state_mutation(region, TOMBSTONE))
            self.tombstones[region.id] = region
            if self.replicas.get(region.id) is peer.replica:
                self.replicas.remove(region.id)
        self.write(mutations)

    # ---- proposals ----

    def propose(self, replica: Replica, version: int, command: Command, deadline_ns: int = 0) -> asyncio.Future[Result]:
        """See ``Proposals``. Beyond what may be queued, the answer is ``ServerIsBusy``."""
        size = size_of(command)
        if (
            self.full
            or self._queued >= self.options.max_queued
            or (self._queued_bytes and self._queued_bytes + size > self.options.max_queued_bytes)
        ):
            future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            settle([future], self._overload())
            return future
        peer = replica.group
        assert isinstance(peer, RaftPeer)
        return self._enqueue(peer, command, version, deadline_ns)

    def _enqueue(self, peer: RaftPeer, command: Command, version: int, deadline_ns: int = 0) -> asyncio.Future[Result]:
        self._queued += 1
        self._queued_bytes += size_of(command)
        return peer.propose(command, version, deadline_ns)

    def _overload(self) -> RegionError:
        if self.full:
            return (
                server_is_busy(self.full) if not self.full.startswith("disk") else disk_full(self.store_id, self.full)
            )
        return server_is_busy("raftstore is busy")

    def unqueue(self, count: int, size: int) -> None:
        """So many commands of so many bytes are no longer under way."""
        self._queued -= count
        self._queued_bytes -= size

    # ---- the pass ----

    def mark(self, peer: RaftPeer) -> None:
        """Something is to be done for a replica."""
        if not peer.dirty:
            peer.dirty = True
            self._dirty.append(peer)
            if not self._scheduled and not self._stopped:
                self._scheduled = True
                asyncio.get_running_loop().call_soon(self._pass)

    def _pass(self) -> None:
        try:
            self._do_pass()
        except Exception as error:  # half a pass is done, and nothing can be said for the rest
            log.exception("a pass failed")
            self.stop(f"internal error: {error}")

    def _do_pass(self) -> None:
        self._scheduled = False
        peers, self._dirty = self._dirty, []
        for peer in peers:
            peer.dirty = False
            if not peer.removed:
                self._guarded(peer, peer.propose_queued)
        while peers and not self._stopped:
            peers = self._round(peers)

    def _round(self, peers: list[RaftPeer]) -> list[RaftPeer]:
        """Drain each replica once. Returns those that have more."""
        batch = WriteSet(self.engine)
        drained: list[tuple[RaftPeer, Ready]] = []
        for peer in peers:
            if not peer.ingesting and not peer.removed and peer.raw.has_ready():
                self._guarded(peer, lambda peer=peer: self._collect(peer, batch, drained))  # type: ignore[misc]
        if not drained:
            return []
        self.flush()
        self.applying = True
        try:
            for peer, ready in drained:
                if ready.committed_entries:
                    self._guarded(peer, lambda peer=peer, ready=ready: peer.apply(ready.committed_entries, batch))  # type: ignore[misc]
            batch.flush()
        except EngineError as error:
            self.stop(str(error))
            for futures, _ in batch.outcomes:
                settle(futures, disk_full(self.store_id, str(error)))
            return []
        finally:
            self.applying = False
        for peer, ready in drained:
            peer.written(ready)
            if ready.promises:
                peer.outbox(ready.promises)
        for futures, outcome in batch.outcomes:
            self.applied_commands += len(futures)
            settle(futures, outcome)
        for todo in batch.after:
            todo()
        self.flush()
        return [peer for peer, _ in drained if not peer.removed and peer.raw.has_ready()]

    def _collect(self, peer: RaftPeer, batch: WriteSet, drained: list[tuple[RaftPeer, Ready]]) -> None:
        ready = peer.raw.ready()
        if ready.messages:
            peer.outbox(ready.messages)
        if peer.collect(ready, batch):
            drained.append((peer, ready))
        else:
            self.snapshots.ingest(peer, ready)

    def _guarded(self, peer: RaftPeer, call: Callable[[], object]) -> None:
        """A group whose log contradicts itself stops; the others go on."""
        try:
            call()
        except LogCorruptionError as error:
            self._stop_group(peer, error)

    def _stop_group(self, peer: RaftPeer, error: LogCorruptionError) -> None:
        peer.removed = True
        self._awake.pop(peer.region.id, None)
        peer.fail(error)

    def write(self, mutations: list[Mutation]) -> None:
        """Write something outside of a pass; the store stops if it cannot."""
        try:
            self.engine.write(mutations)
        except EngineError as error:
            self.stop(str(error))

    def stop(self, why: str) -> None:
        """What was promised can no longer be kept: promise nothing more, and end the process."""
        if not self._stopped:
            self._stopped = True
            for peer in self.peers.values():
                peer.close(disk_full(self.store_id, why))
            self._fatal(why)

    def close(self) -> None:
        """No more passes."""
        self._stopped = True

    # ---- time ----

    def tick(self) -> None:
        """One tick of all groups that are awake."""
        self._ticks += 1
        options = self.options
        for peer in list(self._awake.values()):
            self._guarded(peer, peer.tick)
            if peer.leaderless_ticks and peer.leaderless_ticks % options.stale_ticks == 0:
                self.stale(peer)
        if self._ticks % options.gc_ticks == 0:
            for peer in list(self._awake.values()):
                if peer.is_leader:
                    self._compact(peer)
        if self._ticks % options.stale_ticks == 0:
            self._ask_about_sleepers(self._ticks // options.stale_ticks)

    def _ask_about_sleepers(self, turn: int) -> None:
        """A replica that sleeps hears nothing, so it would not notice that it was removed while it could not be
        reached, and would keep its keys from other Regions for ever: a few are asked about each time. A leader that
        fell asleep with a Peer down looks for it, since that Peer may know only of Peers that are gone."""
        for region_id, peer in list(self.peers.items()):
            if not peer.asleep or (region_id - turn) % SLEEPERS_TURNS:
                continue
            if not peer.is_leader:
                self.stale(peer)
            elif peer.down_peers():
                peer.wake()

    def awake(self, peer: RaftPeer) -> None:
        """Tick a group again."""
        if self.peers.get(peer.region.id) is peer:
            self._awake[peer.region.id] = peer

    def slept(self, peer: RaftPeer) -> None:
        """Leave a group alone until something comes for it."""
        self._awake.pop(peer.region.id, None)

    @property
    def awake_count(self) -> int:
        """How many groups are ticked."""
        return len(self._awake)

    def knows(self, store_id: int) -> bool:
        """Whether any group here has to do with another store."""
        return any(
            each.store_id == store_id
            for peer in self.peers.values()
            for each in (*peer.region.peers, *peer.known.values())
        )

    def lost_store(self, store_id: int) -> None:
        """Another store does not answer: its groups wake up, to find out who leads them."""
        for peer in list(self.peers.values()):
            if peer.asleep and any(each.store_id == store_id for each in peer.region.peers):
                peer.wake()

    def unreachable(self, region_id: int, peer_id: int) -> None:
        """A message to a Peer was lost."""
        peer = self.peers.get(region_id)
        if peer is not None and peer.is_leader and peer_id in peer.raw.raft.tracker.progress:
            peer.raw.report_unreachable(peer_id)

    def _compact(self, peer: RaftPeer) -> None:
        """Propose to forget what all have; or, where one lags too far behind, what this replica has applied."""
        storage, raw = peer.storage, peer.raw
        index = storage.applied
        progress = [each.matched for each in raw.raft.tracker.others]
        if peer.log_bytes < self.options.gc_force_bytes:
            index = min([index, *progress])
        if index - storage.truncated[0] < self.options.gc_entries:
            return
        total = storage.last - storage.truncated[0]
        peer.log_bytes = peer.log_bytes * (storage.last - index) // max(total, 1)
        # Not by ``propose``: a store that is overloaded, or whose disk is full, needs this more than any other.
        compact = CompactLog(index, raw.raft.log.term(index))
        nobody_waits(self._enqueue(peer, compact, peer.region.epoch.version))

    # ---- messages out ----

    def send(self, peer: RaftPeer, message: Message) -> None:
        """Send a node's message to the Peer it is for."""
        to = peer.peer_by_id(message.to)
        if to is None or self.network is None:
            return
        frame = self.frames.of(peer, to, message)
        if message.msg_type == MessageType.SNAPSHOT:
            self.network.send_snapshot(to.store_id, frame, peer, to.id)
        else:
            self.network.post(to.store_id, frame, peer.region.id, to.id)

    def send_extra(self, peer: RaftPeer, to: Peer, kind: str) -> None:
        """Send what is not Raft's."""
        if self.network is not None:
            self.network.post(to.store_id, self.frames.aside(peer, to, kind), peer.region.id, to.id)
            self.flush()

    def send_tombstone(self, region: Region, sender: Peer, to: Peer) -> None:
        """Tell a Peer that it was removed."""
        if self.network is not None:
            frame = self.frames.tombstone(region, sender, to)
            self.network.post(to.store_id, frame, region.id, to.id)

    # ---- messages in ----

    def receive(self, message: raft_serverpb.RaftMessage) -> None:  # noqa: PLR0911  (one for each way to be of no use)
        """Take a message of another store: for a replica that is here, or that it makes."""
        if message.to_peer.store_id != self.store_id or not message.HasField("region_epoch"):
            return
        if message.message.msg_type == MessageType.SNAPSHOT and not message.HasField("extra_msg"):
            return  # those come by a stream of their own
        peer = self.peers.get(message.region_id)
        if peer is not None and peer.removed:
            return  # it has stopped
        if message.is_tombstone:
            self._buried(peer, message)
            return
        if peer is not None and message.to_peer.id > peer.peer.id:
            # What is here is an earlier replica, removed without hearing of it; then Peers have changed since.
            newer = message.region_epoch.conf_ver > peer.region.epoch.conf_ver
            if peer.ingesting or peer.is_leader or not newer:
                return
            self.destroy(peer)
            peer = None
        if peer is None:
            peer = self._make(message)
            if peer is None:
                return
        elif message.to_peer.id < peer.peer.id or self._from_stranger(peer, message):
            return
        self._to_peer(peer, message)

    def deliver(self, message: raft_serverpb.RaftMessage) -> None:
        """Take the message of a snapshot whose data is here."""
        self._to_peer(self.peers[message.region_id], message)

    def flush(self) -> None:
        """Send what waits to be sent."""
        if self.network is not None:
            self.network.flush()

    def _to_peer(self, peer: RaftPeer, message: raft_serverpb.RaftMessage) -> None:
        if message.HasField("extra_msg"):
            sender = peer.peer_by_id(message.from_peer.id)
            if sender is not None:
                self._extra(peer, sender, message.extra_msg.type)
            return
        try:
            peer.receive(message)
        except LogCorruptionError as error:
            self._stop_group(peer, error)
        except ValueError as error:
            log.warning("region %d: a message that is none: %s", peer.region.id, error)

    def _extra(self, peer: RaftPeer, sender: Peer, kind: int) -> None:
        if kind == raft_serverpb.MsgHibernateRequest:
            peer.sleep_asked(sender)
        elif kind == raft_serverpb.MsgHibernateResponse:
            peer.sleep_agreed(sender)
        elif kind == raft_serverpb.MsgRegionWakeUp:
            peer.wake()

    def _from_stranger(self, peer: RaftPeer, message: raft_serverpb.RaftMessage) -> bool:
        """Whether a message is of a Peer that was removed, or never was one; if it asks for votes, it is told.

        Who has applied as many changes of Peers as this replica, or fewer, must be one of the Peers here. One that has
        applied more may be a newcomer of whom this replica will hear.
        """
        sender = message.from_peer
        if not peer.initialized or message.region_epoch.conf_ver > peer.region.epoch.conf_ver:
            return False
        if any(each.id == sender.id for each in peer.region.peers):
            return False
        if message.message.msg_type in VOTE_REQUESTS:
            self.send_tombstone(peer.region, peer.peer, Peer(sender.id, sender.store_id))
            self.flush()
        return True

    def _buried(self, peer: RaftPeer | None, message: raft_serverpb.RaftMessage) -> None:
        """A replica here is said to be removed."""
        if peer is None or peer.ingesting or message.to_peer.id != peer.peer.id:
            return
        if message.region_epoch.conf_ver > peer.region.epoch.conf_ver:
            self.destroy(peer)

    def _make(self, message: raft_serverpb.RaftMessage) -> RaftPeer | None:
        """Make an empty replica for a message, if it may be made."""
        raft = message.message
        kind = raft.msg_type
        if kind not in VOTE_REQUESTS and not (kind == MessageType.HEARTBEAT and raft.commit == 0):
            return None
        region_id = message.region_id
        buried = self.tombstones.get(region_id)
        if buried is not None and message.region_epoch.conf_ver <= buried.epoch.conf_ver:
            if kind in VOTE_REQUESTS and buried.peer_on(message.from_peer.store_id) is None:
                own = Peer(message.to_peer.id, message.to_peer.store_id)
                self.send_tombstone(buried, own, Peer(message.from_peer.id, message.from_peer.store_id))
            return None
        if self.replicas.overlapping(message.start_key, message.end_key, region_id) is not None and (
            message.start_key or message.end_key or kind in VOTE_REQUESTS
        ):
            if kind in VOTE_REQUESTS and len(self._early) < MAX_EARLY:
                self._early[region_id] = message
            return None
        if sum(not each.initialized for each in self.peers.values()) >= self.MAX_EMPTY:
            return None
        region = Region(region_id, epoch=Epoch(0, 0))
        peer = Peer(message.to_peer.id, self.store_id)
        log.info("region %d: a replica is made here, peer %d", region_id, peer.id)
        return self._add(region, peer, PeerStorage(self.engine, region_id), fresh=False)

    def may_take_snapshot(self, message: raft_serverpb.RaftMessage, region: Region) -> bool:
        """Whether the snapshot that begins with this message can be taken in here."""
        peer = self.peers.get(message.region_id)
        if peer is None or peer.peer.id != message.to_peer.id or peer.ingesting or peer.removed:
            return False
        own = region.peer_on(self.store_id)
        if region.id != message.region_id or own is None or own.id != peer.peer.id:
            return False
        if message.message.msg_type != MessageType.SNAPSHOT or self._from_stranger(peer, message):
            return False
        if self.replicas.overlapping(region.start, region.end, region.id) is not None:
            return False
        return not self.snapshots.overlaps(region)

"""One Region's replica on this store: its Raft node, the commands that wait for it, and what it does to the data.

A ``RaftPeer`` is driven by ``MultiRaft``, which gathers what all replicas have to write and to send in one pass. What a
pass does with a replica, in this order: ``propose_queued`` (all that came since the last pass, in as few entries as
sizes allow), ``collect`` (what Raft wants written and sent), ``apply`` (what is committed), and, once all that is
written, ``written`` (answers, promises, reads).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import Epoch, Peer, Region, Role
from ycsbpy.minicluster.peerchange import change_peers, conf_state_of, is_joint
from ycsbpy.minicluster.raft import (
    ConfChangeError,
    ConfChangeSingle,
    ConfChangeTransition,
    ConfChangeType,
    ConfChangeV2,
    Config,
    Entry,
    EntryType,
    LogCorruptionError,
    MessageType,
    ProposalDroppedError,
    RawNode,
)
from ycsbpy.minicluster.raft import Role as RaftRole
from ycsbpy.minicluster.store.applying import Applier
from ycsbpy.minicluster.store.checks import (
    RegionError,
    check_epoch,
    deadline_exceeded,
    not_leader,
    region_not_found,
    stale_command,
)
from ycsbpy.minicluster.store.commands import ChangePeers, Command, Outcome, Result, Write, encode, size_of
from ycsbpy.minicluster.store.peerstorage import NORMAL, PeerStorage, state_mutation
from ycsbpy.minicluster.store.raftcodec import ProtobufConfChanges, message_from_pb
from ycsbpy.minicluster.store.rawkv import StorageError
from ycsbpy.minicluster.store.regions import Replica

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.minicluster.peerchange import PeerChange
    from ycsbpy.minicluster.raft import Message, Ready, Snapshot
    from ycsbpy.minicluster.store.multiraft import MultiRaft, WriteSet
    from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb

__all__ = ["RaftPeer", "nobody_waits", "settle"]

log = logging.getLogger(__name__)

JOINED_BYTES = 1 << 20
"""Writes are joined into one entry up to this size."""

BETWEEN_STORES = frozenset(
    {
        MessageType.APPEND,
        MessageType.APPEND_RESPONSE,
        MessageType.HEARTBEAT,
        MessageType.HEARTBEAT_RESPONSE,
        MessageType.REQUEST_VOTE,
        MessageType.REQUEST_VOTE_RESPONSE,
        MessageType.REQUEST_PRE_VOTE,
        MessageType.REQUEST_PRE_VOTE_RESPONSE,
        MessageType.SNAPSHOT,
        MessageType.TIMEOUT_NOW,
    }
)
"""What replicas say to each other. Proposals, reads and transfers are the leader's own affair: its store alone asks."""

MAX_KNOWN = 64
"""Peers outside of its Region that a replica remembers."""

CODEC = ProtobufConfChanges()


class _Queued(NamedTuple):
    """A command that is to be proposed."""

    command: Command
    version: int
    future: asyncio.Future[Result]
    deadline_ns: int


class _Pending(NamedTuple):
    """An entry that was proposed here: where it should come back, and who waits for it."""

    at: int
    term: int
    command: Command
    epoch: Epoch
    futures: list[asyncio.Future[Result]]


class RaftPeer:
    """See the module. ``region`` has no peers as long as nobody has told the replica what it is a replica of."""

    def __init__(self, host: MultiRaft, region: Region, peer: Peer, storage: PeerStorage, *, fresh: bool) -> None:
        self.host = host
        self.region = region
        self.peer = peer
        self.storage = storage
        self.replica = Replica(region, peer, group=self)
        storage.make_snapshot = self._make_snapshot
        options = host.options
        config = Config(
            peer.id,
            election_tick=options.election_ticks,
            heartbeat_tick=options.heartbeat_ticks,
            applied=storage.applied,
            fresh=fresh,
            tick_ns=options.tick_ns,
            max_committed_size_per_ready=16 << 20,
        )
        self.raw = RawNode(config, storage, CODEC, clock=host.clock.now_ns)
        self.applier = Applier(self)
        self.dirty = False
        self.asleep = False
        self.removed = False
        self.ingesting = False
        self.heard: dict[int, int] = {}
        """Peer id → when it was heard of last, in the clock's nanoseconds; a leader's, of those in its Region."""
        self.known: dict[int, Peer] = {}
        """Peers that sent something, for one that does not know its Region yet."""
        self.log_bytes = 0
        self.leaderless_ticks = 0
        self._agreed: set[int] | None = None
        self._down: set[int] = set()
        self._lagging = 0
        self._queue: list[_Queued] = []
        self._queued_bytes = 0
        self._pending: deque[_Pending] = deque()
        self._asked: dict[bytes, list[asyncio.Future[None]]] = {}
        self._asked_ticks = 0
        self._to_ask: list[asyncio.Future[None]] = []
        self._readable: list[tuple[int, list[asyncio.Future[None]]]] = []
        self._reads = 0

    @property
    def initialized(self) -> bool:
        """Whether the replica knows its Region."""
        return bool(self.region.peers)

    @property
    def is_leader(self) -> bool:
        """Whether it leads its group."""
        return self.raw.role == RaftRole.LEADER

    def peer_by_id(self, peer_id: int) -> Peer | None:
        """A Peer of the Region, or one that has made itself known."""
        return next((peer for peer in self.region.peers if peer.id == peer_id), None) or self.known.get(peer_id)

    # ---- asking it to do something ----

    def propose(self, command: Command, version: int, deadline_ns: int = 0) -> asyncio.Future[Result]:
        """Queue a command for the next pass; see ``Proposals``."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append(_Queued(command, version, future, deadline_ns))
        self._queued_bytes += size_of(command)
        self.wake()
        self.host.mark(self)
        return future

    def propose_queued(self) -> None:
        """Make entries of what is queued, and append them to the log."""
        if self._to_ask:
            self._ask()
        if not self._queue or self.raw.transferee or (self._pending and self._queued_bytes < JOINED_BYTES):
            return  # what comes while an entry is on its way goes together in the next, as in any group commit
        queue, self._queue, self._queued_bytes = self._queue, [], 0
        if not self.is_leader:
            for each in queue:
                self._drop(each, not_leader(self.replica))
            return
        groups = self._grouped(queue)
        if not groups:
            return
        epoch = self.region.epoch
        entries = [Entry(data=encode(command, epoch)) for command, _ in groups]
        try:
            first = self.raw.propose_entries(entries)
        except ProposalDroppedError:
            for command, futures in groups:
                self.host.unqueue(len(futures), size_of(command))
                settle(futures, not_leader(self.replica))
            return
        term = self.raw.term
        for place, (command, futures) in enumerate(groups):
            self._pending.append(_Pending(first + place, term, command, epoch, futures))

    def _grouped(self, queue: list[_Queued]) -> list[tuple[Command, list[asyncio.Future[Result]]]]:
        """Join writes that follow each other; refuse what is too late or meant for another range."""
        groups: list[tuple[Command, list[asyncio.Future[Result]]]] = []
        now_ns = self.host.clock.now_ns()
        version = self.region.epoch.version
        open_size = -1
        for each in queue:
            command, made_for, future, deadline_ns = each
            if 0 < deadline_ns <= now_ns:
                self._drop(each, deadline_exceeded())
                continue
            if made_for != version:
                self._drop(each, self.epoch_error(made_for))
                continue
            if not isinstance(command, Write):
                groups.append((command, [future]))
                open_size = -1
                continue
            if open_size >= 0 and open_size + command.size <= JOINED_BYTES:
                joined, futures = groups[-1]
                assert isinstance(joined, Write)
                joined.mutations.extend(command.mutations)
                futures.append(future)
                open_size += command.size
                groups[-1] = (Write(joined.mutations, open_size), futures)
            else:
                groups.append((Write(list(command.mutations), command.size), [future]))
                open_size = command.size
        return groups

    def _drop(self, queued: _Queued, outcome: Outcome) -> None:
        """Answer a command that is not proposed."""
        self.host.unqueue(1, size_of(queued.command))
        settle([queued.future], outcome)

    def _lose(self, pending: _Pending, outcome: Outcome) -> None:
        """Answer for an entry that was proposed and does not come back, or is no longer waited for."""
        if not isinstance(pending.command, ChangePeers):
            self.host.unqueue(len(pending.futures), size_of(pending.command))
        settle(pending.futures, outcome)

    def epoch_error(self, version: int) -> Outcome:
        """What a command made for another version of the range is told."""
        try:
            check_epoch(self.host.replicas, self.replica, version)
        except RegionError as error:
            return error
        return stale_command()

    def change_peers(self, changes: Sequence[PeerChange], conf_ver: int) -> asyncio.Future[Result]:
        """Propose a change of the Region's Peers. Raises ``ValueError`` for one that cannot be, or not now."""
        if not self.is_leader:
            raise ValueError("this replica does not lead")
        region = self.region
        if conf_ver != region.epoch.conf_ver:
            raise ValueError(f"for conf_ver {conf_ver}, which is {region.epoch.conf_ver}")
        changed = change_peers(region, changes)
        self._check_leader_stays(changed, changes)
        command = ChangePeers(tuple(changes))
        context = encode(command, region.epoch)
        singles = tuple(ConfChangeSingle(change.change_type, change.peer.id) for change in changes)
        transition = ConfChangeTransition.EXPLICIT if len(changes) > 1 else ConfChangeTransition.AUTO
        self.wake()
        try:
            index = self.raw.propose_conf_change(ConfChangeV2(singles, transition, context))
        except ProposalDroppedError as error:
            raise ValueError(str(error)) from None
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(index, self.raw.term, command, region.epoch, [future]))
        self.host.mark(self)
        return future

    def _check_leader_stays(self, changed: Region, changes: Sequence[PeerChange]) -> None:
        own = next((peer for peer in changed.peers if peer.id == self.peer.id), None)
        if own is None or own.role == Role.LEARNER:
            other = self._best_voter(changed)
            if other is not None:
                self.transfer_leader(other)
            raise ValueError("the leader cannot remove or demote itself; leadership has to go first")
        tracker = self.raw.raft.tracker
        for change in changes:
            progress = tracker.progress.get(change.peer.id)
            adds = change.change_type == ConfChangeType.ADD_NODE
            if adds and progress is not None and progress.matched < self.storage.truncated[0]:
                raise ValueError(f"peer {change.peer.id} has not caught up with the log yet")

    def _best_voter(self, region: Region) -> Peer | None:
        progress = self.raw.raft.tracker.progress
        voters = [peer for peer in region.peers if peer.role == Role.VOTER and peer.id in progress]
        return max(voters, key=lambda peer: progress[peer.id].matched, default=None)

    def transfer_leader(self, peer: Peer) -> None:
        """Bid a Peer to lead; best effort."""
        self.wake()
        self.raw.transfer_leader(peer.id)
        self.host.mark(self)

    # ---- reads ----

    def may_read(self) -> bool:
        """Whether this replica may answer a read from its data now, without asking anybody."""
        index = self.raw.lease_read_index(self.host.clock.now_ns())
        return 0 < index <= self.storage.applied

    def read_barrier(self) -> asyncio.Future[None]:
        """Done when a read that came now may be answered; ``RegionError`` if this replica does not lead."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.is_leader:
            future.set_exception(not_leader(self.replica))
            return future
        self._to_ask.append(future)
        self.wake()
        self.host.mark(self)
        return future

    def _ask(self) -> None:
        futures, self._to_ask = self._to_ask, []
        if not self.is_leader:
            settle(futures, not_leader(self.replica))
            return
        self._reads += 1
        context = self._reads.to_bytes(8)
        self._asked[context] = futures
        self.raw.read_index(context)

    def _give_up_reads(self, error: RegionError) -> None:
        for futures in [self._to_ask, *self._asked.values(), *(futures for _, futures in self._readable)]:
            settle(futures, error)
        self._to_ask, self._readable = [], []
        self._asked.clear()

    def _answer_reads(self) -> None:
        waiting = []
        for index, futures in self._readable:
            if index <= self.storage.applied:
                settle(futures, None)
            else:
                waiting.append((index, futures))
        self._readable = waiting

    # ---- messages and time ----

    def receive(self, message: raft_serverpb.RaftMessage) -> None:
        """Take a message of another replica. Raises ``LogCorruptionError``, and ``ValueError`` for one that is none."""
        sender = message.from_peer
        raft_message = message_from_pb(message.message)
        kind = raft_message.msg_type
        if kind not in BETWEEN_STORES or raft_message.sender != sender.id:
            raise ValueError(f"of type {kind} and peer {raft_message.sender}, sent by peer {sender.id}")
        if sender.id in self.heard:
            self.heard[sender.id] = self.host.clock.now_ns()
        if all(peer.id != sender.id for peer in self.region.peers) and (
            sender.id in self.known or len(self.known) < MAX_KNOWN
        ):
            # Of a Region that is not known yet, or one that came while this replica was away: it needs an answer.
            self.known[sender.id] = Peer(sender.id, sender.store_id)
        if self.asleep and kind not in (MessageType.HEARTBEAT, MessageType.HEARTBEAT_RESPONSE):
            self.wake()
        self.raw.step(raft_message)
        if self._lagging and kind == MessageType.APPEND_RESPONSE:
            self.note_lagging()
        self.host.mark(self)

    def tick(self) -> None:
        """One tick has passed."""
        if self.asleep or self.ingesting:
            return
        if self.raw.tick():
            self.host.mark(self)
        if self.is_leader:
            self.leaderless_ticks = 0
            if self.raw.idle_ticks >= self.host.options.sleep_ticks:
                self._try_to_sleep()
            if self._asked:
                self._asked_ticks += 1
                if self._asked_ticks > self.host.options.election_ticks:
                    self._ask_again()
        elif self.raw.leader_id and self.raw.raft.election_elapsed <= 2 * self.host.options.election_ticks:
            # A learner goes on believing in its last leader: it never campaigns. That it hears nothing tells.
            self.leaderless_ticks = 0
        else:
            self.leaderless_ticks += 1

    def _ask_again(self) -> None:
        """Questions may be lost; the futures are asked for once more, with all that have come since."""
        self._asked_ticks = 0
        for futures in self._asked.values():
            self._to_ask += futures
        self._asked.clear()
        self.host.mark(self)

    # ---- sleep ----

    def wake(self) -> None:
        """Something is going on: tick again."""
        self._agreed = None
        if self.asleep:
            self.asleep = False
            now_ns = self.host.clock.now_ns()
            self.heard = {
                peer_id: heard_ns if peer_id in self._down else now_ns for peer_id, heard_ns in self.heard.items()
            }
            self.raw.wake()
            self.host.awake(self)
            self.host.mark(self)

    def _try_to_sleep(self) -> None:
        down = self.down_peers()
        if not self.raw.may_sleep([peer.id for peer, _ in down]) or self._queue:
            return
        others = [peer for peer in self.region.peers if peer.id != self.peer.id]
        asked = {peer.id for peer in others} - {peer.id for peer, _ in down}
        if self._agreed is None:
            self._agreed = set()
        if asked <= self._agreed:
            self._sleep()
            return
        if self.raw.idle_ticks % self.host.options.heartbeat_ticks == 0:
            for peer in others:
                if peer.id in asked - self._agreed:
                    self.host.send_extra(self, peer, "MsgHibernateRequest")

    def _sleep(self) -> None:
        self._agreed = None
        self.asleep = True
        self.host.slept(self)

    def sleep_asked(self, peer: Peer) -> None:
        """The leader would like to stop its heartbeats."""
        if self.raw.may_sleep() and not self.is_leader and self.raw.leader_id == peer.id:
            self.host.send_extra(self, peer, "MsgHibernateResponse")
            if not self.asleep:
                self._sleep()

    def sleep_agreed(self, peer: Peer) -> None:
        """A follower sleeps, and will not campaign."""
        if self._agreed is not None:
            self._agreed.add(peer.id)

    # ---- one pass ----

    def collect(self, ready: Ready, batch: WriteSet) -> bool:
        """Put what Raft wants written into the batch; False if a snapshot has to be taken in first."""
        if ready.soft_state is not None:
            self._soft_state(ready)
        if ready.snapshot is not None:
            self.ingesting = True
            return False
        if ready.entries or ready.must_sync:
            batch.mutations += self.storage.append_mutations(ready.entries, ready.hard_state)
            for entry in ready.entries:
                self.log_bytes += len(entry.data)
        return True

    def _soft_state(self, ready: Ready) -> None:
        assert ready.soft_state is not None
        leader = self.peer_by_id(ready.soft_state.leader_id) if ready.soft_state.leader_id else None
        if self.replica.is_leader and not self.is_leader:
            self._lost_leadership()
        self._agreed = None
        if self.is_leader:
            now_ns = self.host.clock.now_ns()
            self.heard = {peer.id: now_ns for peer in self.region.peers}
            leader = self.peer
        self.host.replicas.lead(self.replica, leader, self.raw.term)
        if self._to_ask or self._asked or self._readable:
            self._give_up_reads(not_leader(self.replica))

    def _lost_leadership(self) -> None:
        """Nobody knows what will become of what was proposed."""
        pending, self._pending = self._pending, deque()
        for each in pending:
            self._lose(each, stale_command())
        self.host.mark(self)

    def apply(self, entries: Sequence[Entry], batch: WriteSet) -> None:
        """Apply committed entries: what they do goes into the batch, and what became of them after it is written."""
        for entry in entries:
            pending = self._pending_at(entry)
            futures = pending.futures if pending is not None else None
            if entry.entry_type != EntryType.NORMAL:
                outcome = self._apply_change(entry, batch)
            elif entry.data:
                known = (pending.epoch, pending.command) if pending is not None else None
                outcome = self.applier.apply(entry, known, batch, wanted=futures is not None)
            else:
                outcome = None
            if futures is not None:
                batch.outcomes.append((futures, outcome))
            self.storage.applied = entry.index
            if self.removed:
                break
        batch.mutations.append(self.storage.apply_mutation(self.storage.applied))

    def _pending_at(self, entry: Entry) -> _Pending | None:
        """Who waits for this entry; those who waited for another one in its place hear that theirs is lost."""
        pending = self._pending
        while pending and pending[0].at <= entry.index:
            first = pending.popleft()
            if first.at == entry.index and first.term == entry.term:
                if not isinstance(first.command, ChangePeers):
                    self.host.unqueue(len(first.futures), size_of(first.command))
                return first
            self._lose(first, stale_command())
        return None

    def _apply_change(self, entry: Entry, batch: WriteSet) -> Outcome:
        change = CODEC.decode(entry.entry_type, entry.data)
        try:
            region = self.applier.changed_region(change.context)
            self.raw.apply_conf_change(change)
        except (ValueError, ConfChangeError) as error:
            log.info("region %d: a change of peers is refused: %s", self.region.id, error)
            return StorageError(f"the change of peers is refused: {error}")
        gone = [peer for peer in self.region.peers if all(each.id != peer.id for each in region.peers)]
        self.set_region(region)
        batch.mutations.append(state_mutation(region, NORMAL))
        log.info("region %d: peers are now %s", region.id, _text(region))
        if any(peer.id == self.peer.id for peer in gone):
            self.removed = True
            batch.after.append(lambda: self.host.destroy(self))
        elif self.is_leader:
            now_ns = self.host.clock.now_ns()
            self.heard = {peer.id: self.heard.get(peer.id, now_ns) for peer in region.peers}
            self.raw.wake()  # a heartbeat is what makes a new replica
            self._lagging = len(self.pending_peers())
            for peer in gone:
                self.host.send_tombstone(region, self.peer, peer)
        return None

    def set_region(self, region: Region) -> None:
        """The Region has become another, or is known at last; its Peers may have changed."""
        self.region = region
        own = region.peer_on(self.host.store_id)
        if own is not None and own.id == self.peer.id:
            self.peer = self.replica.peer = own
        self.storage.conf_state = conf_state_of(region)
        self.host.frames.forget(region.id)
        self.host.replicas.put(self.replica, region)

    def written(self, ready: Ready) -> None:
        """What the ready wanted written is written, and what it wanted applied is applied."""
        raw = self.raw
        raw.persisted(ready.number)
        if ready.committed_entries:
            raw.applied(self.storage.applied if not self.removed else ready.committed_entries[-1].index)
        for state in ready.read_states:
            futures = self._asked.pop(state.context, None)
            if futures is not None:
                self._readable.append((state.index, futures))
        if self._queue and not self._pending:
            self.host.mark(self)
        if self._readable:
            self._answer_reads()
        if not self._asked:
            self._asked_ticks = 0

    def outbox(self, messages: Sequence[Message]) -> None:
        """Send messages of the node."""
        for message in messages:
            self.host.send(self, message)

    # ---- snapshots and the log's beginning ----

    def _make_snapshot(self, request_index: int, to: int) -> Snapshot:
        return self.host.snapshots.make(self, request_index, to)

    def restored(self, region: Region) -> None:
        """A snapshot's data is in place."""
        self.ingesting = False
        leader = next((peer for peer in region.peers if peer.id == self.raw.leader_id), None)
        self.replica.leader, self.replica.term = leader, self.raw.term
        self.known.clear()
        self.set_region(region)

    # ---- what PD hears ----

    def down_peers(self) -> list[tuple[Peer, int]]:
        """Peers that were not heard of for long, and for how many seconds. While the group sleeps, those of before."""
        limit_ns, now_ns = self.host.options.max_peer_down_ns, self.host.clock.now_ns()
        if not self.asleep:
            self._down = {peer_id for peer_id, heard_ns in self.heard.items() if now_ns - heard_ns >= limit_ns}
        return [
            (peer, (now_ns - self.heard[peer.id]) // NS_PER_SECOND)
            for peer in self.region.peers
            if peer.id in self._down and peer.id != self.peer.id and peer.id in self.heard
        ]

    def pending_peers(self) -> list[Peer]:
        """Peers that lack what the log no longer has."""
        if not self.is_leader:
            return []
        first = self.storage.truncated[0]
        progress = self.raw.raft.tracker.progress
        return [
            peer
            for peer in self.region.peers
            if peer.id != self.peer.id and (peer.id not in progress or progress[peer.id].matched < first)
        ]

    def note_lagging(self) -> None:
        """Tell PD at once when Peers that lagged have caught up: it waits for that to go on."""
        lagging = len(self.pending_peers())
        if lagging != self._lagging:
            self._lagging = lagging
            self.host.replicas.changed()

    @property
    def joint(self) -> bool:
        """Whether the Region is between two configurations."""
        return is_joint(self.region)

    def close(self, error: RegionError | None = None) -> None:
        """The replica goes: nobody shall wait for it."""
        error = error or region_not_found(self.region.id)
        for queued in self._queue:
            self._drop(queued, error)
        self._queue, self._queued_bytes = [], 0
        for pending in self._pending:
            self._lose(pending, error)
        self._pending.clear()
        self._give_up_reads(error)

    def fail(self, error: LogCorruptionError) -> None:
        """The group cannot go on here."""
        log.error("region %d stops on this store: %s", self.region.id, error)
        self.asleep = True
        self.close()
        self.host.replicas.lead(self.replica, None, self.replica.term)


def settle(futures: Sequence[asyncio.Future[Any]], outcome: Outcome) -> None:
    """Tell those who wait what became of a command, or of a question; a read's futures take no result but ``None``."""
    refused = isinstance(outcome, RegionError | StorageError)
    for future in futures:
        if future.done():  # its call was cancelled
            continue
        if refused:
            future.set_exception(outcome)  # type: ignore[arg-type]
        else:
            future.set_result(outcome)


def nobody_waits(future: asyncio.Future[Result]) -> None:
    """What becomes of a command is not asked for, so asyncio shall not complain of an error that nobody sees."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())


def _text(region: Region) -> str:
    return ", ".join(
        f"{peer.id}@{peer.store_id}{'' if not peer.role else ' ' + peer.role.name}" for peer in region.peers
    )

"""One node of a Raft group as its caller uses it: ticked, stepped and drained.

The contract
============

The caller owns the disk, the network, the clock and the state machine; a ``RawNode`` only says what is to be done. It
is fed by ``tick``, ``step`` (messages), ``propose``, ``propose_conf_change``, ``read_index``, ``transfer_leader`` and
``campaign``, as many as come together; then, if ``has_ready()``, it is drained by one ``ready()``:

1. **Send** ``ready.messages``. They promise nothing, so they may leave before anything is written.
2. **Write**, in one atomic batch and in the order of the ``number`` of the readies: ``snapshot`` (it replaces the whole
   log, and the data), ``hard_state``, ``entries`` (from the first one's index on they replace what is stored, so delete
   what is stored beyond the last). If ``must_sync`` is false, only a commit index changed: writing it can wait.
   The storage may, but need not, serve entries that are being written: the node keeps them until they are reported.
3. When that is durable, **report** it: ``persisted(ready.number)``; reports come in order, and one number stands for
   all before it. Then **send** ``ready.promises``: votes and acknowledgements, which others count on after a crash of
   this node. Reporting may commit entries or decide an election, so ask ``has_ready()`` again.
4. **Apply** ``committed_entries`` in order, exactly once: keep the applied index with the data, in one batch. An entry
   without data is applied by doing nothing. For a configuration change call ``apply_conf_change`` with the decoded
   change, store the ``ConfState`` it returns with the applied index, and go on if it raises ConfChangeError (it is
   refused on all nodes alike). A snapshot is applied by taking its data and ``conf_state``.
5. **Report** that: ``applied(index)``, for a snapshot its index. It may propose the end of a joint configuration.
6. **Answer reads**: each of ``read_states`` once its index is applied. Requests that were lost, by a message or a
   change of leader, never come back: give up all that wait when ``soft_state`` changes, and ask again after a while.
7. **Tell clients**: a proposal has succeeded when its entry is applied with the index *and term* it was proposed with.
   If another term's entry comes at its index, it has failed; after a change of leader it may still go either way.

Writing and applying may go on in the background while the node is stepped and drained; only the order of reports
matters. ``advance(ready)`` is steps 3 and 5 in one, for callers that do all at once.

Ticks
-----
A tick is a period that has *passed*: after a pause, tick once and not as often as was missed, since a follower's
promise not to vote is counted in ticks. A group with nothing to do may be left unticked: ``may_sleep()`` says when
(a leader also wants its followers to agree before it stops its heartbeats, or they would campaign); any message other
than a heartbeat, and any request, wakes it: tick it again. ``wake()`` makes a leader send heartbeats at once.

Restart and lease
-----------------
Make the node with what was stored and ``Config.applied``; for the first ``election_tick`` ticks after a restart it
votes for nobody, because it may have answered a leader's heartbeat before. Only a node that a bootstrap or a split has
just made, durably, is ``Config.fresh``. A leader may read locally, once it has applied ``lease_read_index(now_ns)``,
with a time taken after the request came, from the clock that the node was made with. That clock must go on while the
process is stopped.

Errors
------
``LogCorruptionError`` means that a message or a report contradicts what is durable. Nothing has been changed by then;
stop the group and keep its data. ``ProposalDroppedError`` means that nothing was appended.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ycsbpy.minicluster.raft.core import Raft
from ycsbpy.minicluster.raft.messages import (
    NO_NODE,
    ConfChange,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Role,
    SoftState,
    is_local,
    is_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ycsbpy.minicluster.raft.config import Config
    from ycsbpy.minicluster.raft.messages import ConfChangeCodec, ConfChangeV2, ConfState, ReadState, Snapshot
    from ycsbpy.minicluster.raft.storage import Storage

__all__ = ["RawNode", "Ready"]

_RANDOM = random.Random()  # noqa: S311  election timeouts, to be unlike those of other nodes


@dataclass(slots=True)
class Ready:
    """What is to be done now; see the contract above for how."""

    number: int
    soft_state: SoftState | None = None
    """Set if it changed."""
    hard_state: HardState | None = None
    """Set if it changed."""
    must_sync: bool = False
    entries: list[Entry] = field(default_factory=list)
    snapshot: Snapshot | None = None
    messages: list[Message] = field(default_factory=list)
    promises: list[Message] = field(default_factory=list)
    committed_entries: list[Entry] = field(default_factory=list)
    read_states: list[ReadState] = field(default_factory=list)


class RawNode:
    """See the contract. ``clock`` gives nanoseconds for the lease; ``random_tick(a, b)`` a tick ``a <= t < b``."""

    __slots__ = ("_hard_commit", "_hard_term", "_hard_vote", "_number", "_soft_leader", "_soft_role", "raft")

    def __init__(
        self,
        config: Config,
        storage: Storage,
        codec: ConfChangeCodec,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        random_tick: Callable[[int, int], int] = _RANDOM.randrange,
        raft_type: type[Raft] = Raft,
    ) -> None:
        self.raft = raft_type(config, storage, codec, clock, random_tick)
        self._number = 0
        self._remember()

    def _remember(self) -> None:
        raft = self.raft
        self._soft_leader = raft.leader_id
        self._soft_role = raft.role
        self._hard_term = raft.term
        self._hard_vote = raft.vote
        self._hard_commit = raft.log.committed

    # feeding

    def tick(self) -> bool:
        """One tick has passed. Returns whether there may be something ready."""
        return self.raft.tick()

    def step(self, message: Message) -> bool:
        """Take a message from the network. Returns False for one that is ignored: malformed, of a type that never
        comes from the network, or an answer of somebody who is no member. Raises LogCorruptionError."""
        msg_type = message.msg_type
        if message.entries:
            if msg_type == MessageType.APPEND and not _follow(message):
                return False
        elif msg_type == MessageType.READ_INDEX:
            return False
        if is_local(msg_type) or (is_response(msg_type) and message.sender not in self.raft.tracker.progress):
            return False
        self.raft.step(message)
        return True

    def propose(self, data: bytes, context: bytes = b"") -> int:
        """Append one entry; returns its index, or 0 where a follower passed it on. Raises ProposalDroppedError."""
        return self.raft.propose([Entry(data=data, context=context)])

    def propose_entries(self, entries: list[Entry]) -> int:
        """Append entries of which only type, data and context are set; returns the first one's index. Either all are
        appended or none."""
        return self.raft.propose(entries)

    def propose_conf_change(self, change: ConfChange | ConfChangeV2, context: bytes = b"") -> int:
        """Append a change of the configuration; returns its index. Raises ProposalDroppedError also where the change is
        impossible, or another is not applied yet."""
        kind = EntryType.CONF_CHANGE if isinstance(change, ConfChange) else EntryType.CONF_CHANGE_V2
        data = self.raft.codec.encode(change)
        return self.raft.propose([Entry(entry_type=kind, data=data, context=context)])

    def read_index(self, context: bytes) -> bool:
        """Ask up to where to apply before reading; the answer is a ``ReadState`` with this context, which should be
        unique. False where no leader is known; True is no promise that an answer comes."""
        return self.raft.read_index(context)

    def transfer_leader(self, to: int) -> None:
        """Ask for node ``to`` to become the leader. Best effort: see ``transferee``, and who leads in the end."""
        self.raft.transfer_leader(to)

    def campaign(self) -> bool:
        """Campaign now, without waiting for the election timeout. False while a leader may count on this node not to,
        or where it has no vote. A group of one may always, once it knows that it is one."""
        raft = self.raft
        if not raft.promotable or raft.role == Role.LEADER:
            return False
        log = raft.log
        alone = raft.tracker.config.is_singleton() and not log.has_conf_change(log.applied + 1, log.last_index() + 1)
        if raft.in_lease() and not alone:
            return False
        raft.hup(transfer=False)
        return True

    def request_snapshot(self) -> bool:
        """Ask the leader to replace this follower's state by a snapshot. False where that is not possible now."""
        return self.raft.request_snapshot()

    def report_unreachable(self, node_id: int) -> None:
        """A message to this node was lost."""
        self.raft.step(Message(MessageType.UNREACHABLE, sender=node_id))

    def report_snapshot(self, node_id: int, *, arrived: bool) -> None:
        """A snapshot message to this node has been delivered, or has not. To be called for each of them."""
        self.raft.step(Message(MessageType.SNAP_STATUS, sender=node_id, reject=not arrived))

    # draining

    def has_ready(self) -> bool:
        """Whether ``ready`` would have anything to say."""
        raft = self.raft
        log = raft.log
        return bool(
            raft.messages
            or raft.promises
            or raft.append_due
            or raft.commit_due
            or raft.round_due
            or raft.read_states
            or raft.log.committed != self._hard_commit
            or raft.term != self._hard_term
            or raft.vote != self._hard_vote
            or raft.role != self._soft_role
            or raft.leader_id != self._soft_leader
            or log.has_unhanded()
            or log.has_committed()
        )

    def ready(self) -> Ready:
        """What is to be done; with it goes the duty to do it, and to report it by ``persisted`` and ``applied``."""
        raft = self.raft
        raft.settle()
        log = raft.log
        self._number += 1
        ready = Ready(self._number)
        if raft.role != self._soft_role or raft.leader_id != self._soft_leader:
            ready.soft_state = SoftState(raft.leader_id, raft.role)
            self._soft_role = raft.role
            self._soft_leader = raft.leader_id
        if raft.term != self._hard_term or raft.vote != self._hard_vote:
            ready.must_sync = True
            self._hard_commit = -1
        if log.committed != self._hard_commit:
            ready.hard_state = HardState(raft.term, raft.vote, log.committed)
            self._hard_term = raft.term
            self._hard_vote = raft.vote
            self._hard_commit = log.committed
        ready.entries, ready.snapshot = log.hand_over(self._number, raft.term)
        if ready.entries or ready.snapshot is not None:
            ready.must_sync = True
        if log.has_committed():
            ready.committed_entries = log.next_committed(raft.config.max_committed_size_per_ready)
            raft.count_committed(ready.committed_entries)
        if raft.messages:
            ready.messages, raft.messages = raft.messages, ready.messages
        if raft.promises:
            ready.promises, raft.promises = raft.promises, ready.promises
        if raft.read_states:
            ready.read_states, raft.read_states = raft.read_states, ready.read_states
        return ready

    def persisted(self, number: int) -> None:
        """Everything that readies up to ``number`` gave to write is durable."""
        raft = self.raft
        log = raft.log
        before = log.persisted
        term = log.persisted_to(number)
        if term > raft.durable_term:
            raft.durable_term = term
            raft.count_own_vote()
        if raft.role == Role.LEADER and log.persisted > before:
            raft.handle_persisted()

    def applied(self, index: int) -> None:
        """Everything up to ``index`` is applied."""
        raft = self.raft
        raft.log.applied_to(index)
        if raft.role == Role.LEADER:
            raft.leave_joint_if_due()
            raft.log.release(raft.tracker.matched_by_all())
        else:
            raft.log.release(index)

    def advance(self, ready: Ready) -> None:
        """Report a ready as written and applied."""
        self.persisted(ready.number)
        if ready.committed_entries:
            self.applied(ready.committed_entries[-1].index)
        elif ready.snapshot is not None:
            self.applied(ready.snapshot.index)

    def apply_conf_change(self, change: ConfChange | ConfChangeV2) -> ConfState:
        """A committed change of the configuration takes effect. Raises ConfChangeError for one that is refused."""
        return self.raft.apply_conf_change(change.as_v2() if isinstance(change, ConfChange) else change)

    # asking

    @property
    def id(self) -> int:
        return self.raft.id

    @property
    def role(self) -> Role:
        return self.raft.role

    @property
    def term(self) -> int:
        return self.raft.term

    @property
    def leader_id(self) -> int:
        """Who leads in this term; 0 where that is not known."""
        return self.raft.leader_id

    @property
    def transferee(self) -> int:
        """Whom leadership is being transferred to; 0 for nobody. Meanwhile nothing can be proposed."""
        return self.raft.lead_transferee

    def lease_read_index(self, now_ns: int) -> int:
        """The index that this leader must have applied to answer a read by itself, at a time taken just now.

        0 where its lease does not allow it, and ``read_index`` is the way. Where all that is committed is applied, as
        is usual, the read can be answered at once."""
        return self.raft.lease_read_index(now_ns)

    def suspect_lease(self) -> None:
        """Do not trust the lease until it is renewed by something sent from now on."""
        self.raft.lease.suspect()

    # sleeping

    def may_sleep(self, members_down: Sequence[int] = ()) -> bool:
        """Whether the group may be left unticked as far as this node can tell.

        A leader: everybody except ``members_down`` has the whole log and knows it to be committed, those who do are a
        quorum, all is applied, no read waits, and leadership is not being transferred. Others: they follow a leader,
        and all they have is of its term and applied. How long it should have been so is the caller's choice
        (``idle_ticks``).
        """
        raft = self.raft
        log = raft.log
        last = log.last_index()
        if log.applied < last or log.persisted < last or log.snapshot is not None:
            return False
        if raft.role != Role.LEADER:
            return raft.role == Role.FOLLOWER and raft.leader_id != NO_NODE and log.last_term() == raft.term
        if raft.reads or raft.lead_transferee or raft.tracker.config.is_joint():
            return False
        return (
            all(
                progress.id in members_down or (progress.matched == last and progress.committed_index == last)
                for progress in raft.tracker.others
            )
            and raft.tracker.committed() >= last
        )

    @property
    def idle_ticks(self) -> int:
        """Ticks since anything but heartbeats happened in this group."""
        return self.raft.idle_ticks

    def wake(self) -> None:
        """A leader that was left unticked sends heartbeats at once, as a sign of life and to learn who is there."""
        raft = self.raft
        raft.idle_ticks = 0
        if raft.role == Role.LEADER:
            raft.round_due = True

    def release_cache(self) -> None:
        """Free the memory of entries that are applied, even if a replica still lacks them."""
        self.raft.log.release(self.raft.log.applied)


def _follow(message: Message) -> bool:
    """Whether an append's entries follow each other and the index they claim to follow."""
    entries = message.entries
    return entries[0].index == message.index + 1 and entries[-1].index == message.index + len(entries)

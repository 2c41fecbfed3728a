"""What a node of a group knows, and the change from one role to another.

This is the first of a chain of classes, each of which adds one part of the protocol and uses only those before it:
``RaftState`` (this), ``Replication``, ``Reads``, ``Membership``, ``Election``, ``Raft``. One object, so that the hot
path costs attribute look-ups and no delegation; a chain and not mixins, so that every part says what it builds on.

Messages go to one of two places. ``messages`` may leave at once. ``promises`` may leave only when everything that the
node had changed by then is durable: votes, acknowledged entries, and all else that others would count on after a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ycsbpy.minicluster.raft.confchange import Configuration
from ycsbpy.minicluster.raft.errors import LogCorruptionError
from ycsbpy.minicluster.raft.lease import Lease
from ycsbpy.minicluster.raft.log import RaftLog
from ycsbpy.minicluster.raft.messages import (
    NO_LIMIT,
    NO_NODE,
    VOTE_REQUESTS,
    Entry,
    Message,
    MessageType,
    ReadState,
    Role,
)
from ycsbpy.minicluster.raft.readonly import ReadQueue
from ycsbpy.minicluster.raft.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.minicluster.raft.config import Config
    from ycsbpy.minicluster.raft.messages import ConfChangeCodec
    from ycsbpy.minicluster.raft.storage import Storage

__all__ = ["RaftState"]

_WITH_OWN_TERM: Final = frozenset(
    {
        MessageType.REQUEST_VOTE,
        MessageType.REQUEST_VOTE_RESPONSE,
        MessageType.REQUEST_PRE_VOTE,
        MessageType.REQUEST_PRE_VOTE_RESPONSE,
    }
)
"""Messages whose term is not simply the sender's."""

_WITHOUT_TERM: Final = frozenset({MessageType.PROPOSE, MessageType.READ_INDEX})
"""Requests that are passed on to whoever leads, in whatever term."""

_PROMISE_NOTHING: Final = frozenset(
    {MessageType.HEARTBEAT_RESPONSE, MessageType.PROPOSE, MessageType.READ_INDEX, MessageType.TRANSFER_LEADER}
)
"""What a follower may send before anything is durable: nobody counts on it after the follower has crashed, save the
lease, which a restarted node honours by not voting at first."""


class RaftState:
    """The variables of one node; see the module for how the rest builds on it."""

    __slots__ = (
        "append_due",
        "check_quorum",
        "clock",
        "codec",
        "commit_due",
        "config",
        "contact_elapsed",
        "durable_term",
        "election_elapsed",
        "election_timeout",
        "heartbeat_elapsed",
        "id",
        "idle_ticks",
        "lead_transferee",
        "leader_id",
        "lease",
        "log",
        "messages",
        "pending_conf_index",
        "pending_request_snapshot",
        "priority",
        "promises",
        "promotable",
        "random_tick",
        "randomized_timeout",
        "read_states",
        "reads",
        "request_elapsed",
        "role",
        "round_due",
        "round_number",
        "term",
        "term_start",
        "tracker",
        "uncommitted_bytes",
        "uncommitted_from",
        "vote",
    )

    def __init__(
        self,
        config: Config,
        storage: Storage,
        codec: ConfChangeCodec,
        clock: Callable[[], int],
        random_tick: Callable[[int, int], int],
    ) -> None:
        hard_state, conf_state = storage.initial_state()
        self.config = config
        self.codec = codec
        self.clock = clock
        self.random_tick = random_tick
        self.id = config.id
        self.log = RaftLog(storage, config.cache_bytes)
        self.tracker = Tracker(config.id, Configuration.of(conf_state), self.log.last_index(), config.max_inflight_msgs)
        self.term = hard_state.term
        self.vote = hard_state.vote
        self.durable_term = hard_state.term
        """The term under which all that is durable was written; votes count from then on."""
        self.leader_id = NO_NODE
        self.role = Role.FOLLOWER
        self.promotable = self.tracker.config.is_voter(config.id)
        self.check_quorum = config.check_quorum
        self.election_timeout = config.election_tick
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.idle_ticks = 0
        """Ticks since anything but heartbeats happened."""
        self.contact_elapsed = self.election_timeout if config.fresh else 0
        """Ticks since a leader was heard, in whatever term: until they reach the election timeout it is a leader's
        right that this node votes for nobody else. After a restart nobody knows when that was, so it counts anew."""
        self.randomized_timeout = 0
        self.priority = config.priority
        self.lead_transferee = NO_NODE
        self.pending_conf_index = 0
        """The last configuration change in the log is here at most; none is proposed until this is applied."""
        self.pending_request_snapshot = 0
        self.request_elapsed = 0
        self.term_start = 0
        """Index of the first entry of this node's leadership."""
        self.uncommitted_bytes = 0
        self.uncommitted_from = 0
        self.messages: list[Message] = []
        self.promises: list[Message] = []
        self.read_states: list[ReadState] = []
        self.reads = ReadQueue()
        self.round_number = 0
        self.round_due = False
        self.append_due = False
        self.commit_due = False
        self.lease = Lease(config.lease_duration_ns)
        self._load(hard_state.commit)
        self.become_follower(self.term, NO_NODE)

    def _load(self, committed: int) -> None:
        """Take up the marks where they were. The applied one may be ahead of a commit index that was not synced."""
        log, applied = self.log, self.config.applied
        committed = max(committed, applied, log.committed)
        if committed > log.last_index():
            raise LogCorruptionError(
                f"the log ends at {log.last_index()}, but {committed} was committed or applied: entries were lost"
            )
        if applied and applied < log.committed:
            raise LogCorruptionError(f"applied {applied} is older than the log, which begins after {log.committed}")
        log.committed = committed
        log.applying = log.applied = max(applied, log.applied)

    # sending

    def send(self, message: Message) -> None:
        """Put a message into the right place, with sender and term filled in."""
        if message.sender == NO_NODE:
            message.sender = self.id
        if message.msg_type not in _WITH_OWN_TERM and message.msg_type not in _WITHOUT_TERM:
            message.term = self.term
        if message.msg_type in VOTE_REQUESTS:
            message.priority = self.priority
        if self.role == Role.LEADER or message.msg_type in _PROMISE_NOTHING:
            self.messages.append(message)
        else:
            self.promises.append(message)

    # roles

    def reset(self, term: int) -> None:
        """Begin a term, or begin anew in one."""
        if term != self.term:
            self.term = term
            self.vote = NO_NODE
        if self.role == Role.LEADER:
            self.contact_elapsed = self.election_timeout  # it was nobody's follower
        self.leader_id = NO_NODE
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.idle_ticks = 0
        self.randomized_timeout = self.random_tick(self.config.first_election_tick, self.config.last_election_tick)
        self.lead_transferee = NO_NODE
        self.tracker.votes = {}
        self.pending_conf_index = 0
        self.pending_request_snapshot = 0
        self.term_start = 0
        self.reads.clear()
        self.lease.reset()
        self.round_due = self.append_due = self.commit_due = False
        next_index = self.log.last_index() + 1
        for progress in self.tracker.progress.values():
            progress.reset(next_index)
        own = self.tracker.own
        if own is not None:
            own.matched = self.log.persisted
            own.committed_index = self.log.committed

    def become_follower(self, term: int, leader_id: int) -> None:
        """Follow ``leader_id``, or nobody yet."""
        pending_request_snapshot = self.pending_request_snapshot
        self.reset(term)
        self.pending_request_snapshot = pending_request_snapshot
        self.leader_id = leader_id
        self.role = Role.FOLLOWER

    def become_pre_candidate(self) -> None:
        """Ask whether an election could be won. Neither term nor vote changes."""
        self.role = Role.PRE_CANDIDATE
        self.tracker.votes = {}
        self.leader_id = NO_NODE

    def become_candidate(self) -> None:
        """Stand in a new term; the own vote counts once it is durable."""
        self.reset(self.term + 1)
        self.vote = self.id
        self.role = Role.CANDIDATE

    def become_leader(self) -> None:
        """Lead, beginning with an empty entry: one of this term commits those of earlier terms (paper 5.4.2, 8)."""
        log = self.log
        if log.persisted != log.last_index():
            raise LogCorruptionError(f"leader of a log to {log.last_index()} that is durable to {log.persisted} only")
        self.reset(self.term)
        self.leader_id = self.id
        self.role = Role.LEADER
        last = log.last_index()
        self.uncommitted_bytes = 0
        self.uncommitted_from = last
        own = self.tracker.own
        if own is not None:
            own.become_replicate()
            own.recent_active = True
        self.pending_conf_index = last  # there may be a change among them; looking could be long
        self.term_start = last + 1
        self.append_entries([Entry()])

    # the log as leaders and members see it

    def append_entries(self, entries: list[Entry]) -> bool:
        """Number entries and put them at the end of a leader's log; False if too much is uncommitted already."""
        if self.config.max_uncommitted_size != NO_LIMIT and not self._reserve(entries):
            return False
        log, term = self.log, self.term
        index = log.last_index()
        for entry in entries:
            index += 1
            entry.term = term
            entry.index = index
        log.append(entries)
        if self.lease.duration_ns:
            self.lease.entry_sent(index, self.clock())
        self.append_due = True
        self.idle_ticks = 0
        return True

    def _reserve(self, entries: list[Entry]) -> bool:
        """Count entries as uncommitted. Empty ones always pass, and so does one when nothing is uncommitted."""
        size = sum(len(entry.data) for entry in entries)
        total = self.uncommitted_bytes + size
        if size and self.uncommitted_bytes and total > self.config.max_uncommitted_size:
            return False
        self.uncommitted_bytes = total
        return True

    def count_committed(self, entries: list[Entry]) -> None:
        """These entries are about to be applied: they are no longer uncommitted."""
        if self.config.max_uncommitted_size == NO_LIMIT or self.role != Role.LEADER:
            return
        size = sum(len(entry.data) for entry in entries if entry.index > self.uncommitted_from)
        self.uncommitted_bytes = max(0, self.uncommitted_bytes - size)

    def has_pending_conf(self) -> bool:
        """Whether there may be a configuration change that is not applied yet."""
        return self.pending_conf_index > self.log.applied

    def committed_in_term(self) -> bool:
        """Whether this leader has committed an entry of its own term, and so knows all that was committed before."""
        return self.role == Role.LEADER and self.log.committed >= self.term_start

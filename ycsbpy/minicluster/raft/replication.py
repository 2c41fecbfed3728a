"""Entries and snapshots from the leader to the others, and their answers (Raft paper 5.3, 5.4, 7).

A leader does not send when something is proposed but when the caller next asks for a ``Ready``: all that was proposed
in one pass then goes out in one message to each node. So handlers here only note what is due (``append_due``,
``commit_due``), except where an answer makes the leader send to the one node that gave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ycsbpy.minicluster.raft.confchange import Configuration
from ycsbpy.minicluster.raft.errors import (
    CompactedError,
    ConfChangeError,
    LogCorruptionError,
    TemporarilyUnavailableError,
)
from ycsbpy.minicluster.raft.messages import Message, MessageType, Role
from ycsbpy.minicluster.raft.progress import ProgressState
from ycsbpy.minicluster.raft.state import RaftState

if TYPE_CHECKING:
    from ycsbpy.minicluster.raft.messages import Snapshot
    from ycsbpy.minicluster.raft.progress import Progress

__all__ = ["Replication"]

_APPEND: Final = MessageType.APPEND
_APPEND_RESPONSE: Final = MessageType.APPEND_RESPONSE
_HEARTBEAT_RESPONSE: Final = MessageType.HEARTBEAT_RESPONSE
_PROBE: Final = ProgressState.PROBE
_REPLICATE: Final = ProgressState.REPLICATE
_SNAPSHOT: Final = ProgressState.SNAPSHOT


class Replication(RaftState):
    """Adds the log's way through the group."""

    __slots__ = ()

    # the leader sends

    def flush(self) -> None:
        """Send what is due: to each node the entries it lacks, or where only the commit index is news, that."""
        commit_due = self.commit_due
        self.append_due = self.commit_due = False
        last = self.log.last_index()
        for progress in self.tracker.others:
            if progress.next_index <= last:
                self.send_entries(progress)
            elif commit_due:
                self.maybe_send_append(progress, allow_empty=True)

    def send_entries(self, progress: Progress) -> None:
        """Send all entries that a node lacks, in as many messages as sizes and its window ask for."""
        last = self.log.last_index()
        while progress.next_index <= last and self.maybe_send_append(progress, allow_empty=False):
            pass

    def maybe_send_append(self, progress: Progress, *, allow_empty: bool) -> bool:
        """Send one append, or a snapshot where the entries are gone; returns whether something was sent.

        A snapshot that was asked for is only sent once it can exist. It cannot before the node's log is committed, and
        that may need the node itself, so until then entries are sent, in case it gave up asking.
        """
        if progress.is_paused():
            return False
        log = self.log
        previous = progress.next_index - 1
        if 0 < progress.pending_request_snapshot <= log.committed:
            return self._send_snapshot(progress)
        if previous + 1 < log.offset and previous + 1 < log.first_index():
            return self._send_snapshot(progress)
        try:
            entries = log.slice(previous + 1, log.last_index() + 1, self.config.max_size_per_msg)
            if not entries and not allow_empty:
                return False
            term = log.term(previous)
        except CompactedError:
            return self._send_snapshot(progress)
        self.messages.append(Message(_APPEND, progress.id, self.id, self.term, term, previous, entries, log.committed))
        if entries:
            progress.sent(entries[-1].index)
        return True

    def _send_snapshot(self, progress: Progress) -> bool:
        """Send a snapshot to a node that was heard of lately; to others it would go nowhere."""
        if not progress.recent_active:
            return False
        try:
            snapshot = self._snapshot_for(progress)
        except TemporarilyUnavailableError:
            return False
        if not snapshot.index:
            raise LogCorruptionError("the storage gave an empty snapshot")
        self.send(Message(MessageType.SNAPSHOT, progress.id, snapshot=snapshot))
        progress.become_snapshot(snapshot.index)
        return True

    def _snapshot_for(self, progress: Progress) -> Snapshot:
        return self.log.storage.snapshot(progress.pending_request_snapshot, progress.id)

    # the leader is answered

    def handle_append_response(self, message: Message) -> None:
        """A node took entries, or says where its log differs."""
        progress = self.tracker.progress.get(message.sender)
        if progress is None:
            return
        progress.recent_active = True
        progress.committed_index = max(progress.committed_index, message.commit)
        if message.reject:
            self._handle_rejection(progress, message)
            return
        was_paused = progress.is_paused()
        index = message.index
        if not progress.maybe_update(index) and not (progress.state == _PROBE and progress.matched == index):
            return
        if progress.state == _REPLICATE:
            progress.inflights.free_to(index)
        elif progress.state == _PROBE:
            progress.become_replicate()
        elif progress.matched >= progress.pending_snapshot:
            progress.become_probe()
        if index >= progress.pending_request_snapshot:
            progress.pending_request_snapshot = 0
        if self.maybe_commit():
            self.commit_due = self.commit_due or self.should_send_commit()
        elif was_paused and progress.next_index > self.log.last_index():
            self.maybe_send_append(progress, allow_empty=True)
        if progress.next_index <= self.log.last_index():
            self.send_entries(progress)
        if progress.id == self.lead_transferee and progress.matched == self.log.last_index():
            self.send_timeout_now(progress.id)

    def _handle_rejection(self, progress: Progress, message: Message) -> None:
        """Go back to where the logs may agree. The node's term there rules out our entries of higher terms before it,
        so one probe for each term is enough however long the logs differ."""
        hint = message.reject_hint
        if message.log_term > 0:
            hint = self.log.find_conflict_by_term(hint, message.log_term)[0]
        if progress.maybe_decrease(message.index, hint, message.request_snapshot):
            if progress.state == _REPLICATE:
                progress.become_probe()
            self.maybe_send_append(progress, allow_empty=True)

    def maybe_commit(self) -> bool:
        """Commit what a quorum has by now. Returns whether that was news. Entries of earlier terms are not counted, but
        committed by a later one of this term (paper 5.4.2)."""
        index = self.tracker.committed()
        if not self.log.maybe_commit(index, self.term):
            return False
        own = self.tracker.own
        if own is not None:
            own.committed_index = index
        self.lease.entries_acked(index)
        return True

    def should_send_commit(self) -> bool:
        """Whether followers are told of a new commit index at once. Configuration changes are worth it."""
        return not self.config.skip_bcast_commit or self.has_pending_conf()

    def handle_persisted(self) -> None:
        """More of a leader's log is durable: it counts itself in."""
        own = self.tracker.own
        if own is not None and own.maybe_update(self.log.persisted) and self.maybe_commit():
            self.commit_due = self.commit_due or self.should_send_commit()

    def handle_snapshot_status(self, message: Message) -> None:
        """The transport reports on a snapshot. After a failure the next try waits for a heartbeat's answer, after a
        success the next append waits for the node's own."""
        progress = self.tracker.progress.get(message.sender)
        if progress is None or progress.state != _SNAPSHOT:
            return
        if message.reject:
            progress.pending_snapshot = 0
        progress.become_probe()
        progress.paused = True
        progress.pending_request_snapshot = 0

    def handle_unreachable(self, message: Message) -> None:
        """The transport reports that a message was lost, so what was sent ahead probably was as well."""
        progress = self.tracker.progress.get(message.sender)
        if progress is not None and progress.state == _REPLICATE:
            progress.become_probe()

    def send_timeout_now(self, to: int) -> None:
        """Bid a node to campaign at once; from here on nobody can tell when it does, so the lease is given up."""
        self.lease.give_up()
        self.send(Message(MessageType.TIMEOUT_NOW, to))

    # the others take

    def heard_leader(self, leader_id: int) -> None:
        """A message of this term's leader is being handled."""
        self.leader_id = leader_id
        self.election_elapsed = 0
        self.contact_elapsed = 0

    def handle_append(self, message: Message) -> None:
        """Entries of the leader."""
        self.heard_leader(message.sender)
        if message.entries:
            self.idle_ticks = 0
        if self.pending_request_snapshot:
            self.send_request_snapshot()
            return
        log = self.log
        answer = Message(_APPEND_RESPONSE, message.sender, self.id, self.term)
        if message.index < log.committed:
            answer.index = log.committed
        elif log.maybe_append(message.index, message.log_term, message.commit, message.entries):
            answer.index = message.index + len(message.entries)
        else:
            answer.index = message.index
            answer.reject = True
            answer.reject_hint, answer.log_term = log.find_conflict_by_term(message.index, message.log_term)
        answer.commit = log.committed
        self.promises.append(answer)

    def handle_heartbeat(self, message: Message) -> None:
        """The leader is there, and tells how much is committed of what this node is known to have."""
        self.heard_leader(message.sender)
        self.log.commit_to(message.commit)
        if self.pending_request_snapshot:
            self.send_request_snapshot()
            return
        self.messages.append(
            Message(
                _HEARTBEAT_RESPONSE,
                message.sender,
                self.id,
                self.term,
                commit=self.log.committed,
                context=message.context,
            )
        )

    def handle_snapshot(self, message: Message) -> None:
        """State in the place of entries that the leader no longer has."""
        self.heard_leader(message.sender)
        self.idle_ticks = 0
        snapshot = message.snapshot
        if snapshot is None:
            return
        restored = self.restore(snapshot)
        index = self.log.last_index() if restored else self.log.committed
        self.send(Message(_APPEND_RESPONSE, message.sender, index=index, commit=self.log.committed))

    def restore(self, snapshot: Snapshot) -> bool:
        """Take a snapshot as the new beginning of the log; False where it is not needed or not for this node."""
        log = self.log
        if snapshot.index < log.committed or self.role != Role.FOLLOWER:
            return False
        try:
            config = Configuration.of(snapshot.conf_state)
        except ConfChangeError as error:
            raise LogCorruptionError(f"the snapshot at {snapshot.index} has an impossible configuration") from error
        if self.id not in config.members():
            return False
        wanted = 0 < self.pending_request_snapshot <= snapshot.index
        if not wanted and log.matches(snapshot.index, snapshot.term):
            # The entries are here already, and cheaper. And those after them may count as acknowledged: not even a node
            # that asked for a snapshot may lose them for one that is older than it asked for.
            log.commit_to(snapshot.index)
            return False
        log.restore(snapshot)
        self.tracker.switch(config, log.last_index())
        self.promotable = config.is_voter(self.id)
        self.pending_request_snapshot = 0
        return True

    def request_snapshot(self) -> bool:
        """Ask the leader for a snapshot that covers this node's log, as a node does whose data turned out bad.

        It must cover what is not committed as well: this node has acknowledged that, and throws it away for the
        snapshot. While it asks it takes no entries, so after an election timeout it gives up: the group may need it.
        """
        log = self.log
        if self.role == Role.LEADER or not self.leader_id or log.snapshot is not None or self.pending_request_snapshot:
            return False
        if log.last_term() != self.term:
            return False
        self.pending_request_snapshot = log.last_index()
        self.request_elapsed = 0
        self.send_request_snapshot()
        return True

    def send_request_snapshot(self) -> None:
        """A rejection that names the index a snapshot must cover."""
        log = self.log
        self.send(
            Message(
                _APPEND_RESPONSE,
                self.leader_id,
                index=log.committed,
                reject=True,
                reject_hint=log.last_index(),
                log_term=log.last_term(),
                request_snapshot=self.pending_request_snapshot,
            )
        )

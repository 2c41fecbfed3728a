"""Reads that see everything acknowledged before them: by lease, or by asking a quorum (Raft thesis 6.4).

A read may be answered once everything is applied that was committed when it came. While its lease holds, a leader knows
how far that is (``lease_read_index``); otherwise a round of heartbeats finds out (``read_index``), and any member may
ask for it. Both need the leader to have committed an entry of its own term: before that it does not know what its
predecessors committed.
"""

from __future__ import annotations

from typing import Final

from ycsbpy.minicluster.raft.config import ReadOnlyOption
from ycsbpy.minicluster.raft.messages import NO_NODE, Entry, Message, MessageType, ReadState, Role
from ycsbpy.minicluster.raft.progress import ProgressState
from ycsbpy.minicluster.raft.readonly import round_context, round_of
from ycsbpy.minicluster.raft.replication import Replication

__all__ = ["Reads"]

_HEARTBEAT: Final = MessageType.HEARTBEAT
_REPLICATE: Final = ProgressState.REPLICATE


class Reads(Replication):
    """Adds heartbeats with their rounds, the lease, and read requests."""

    __slots__ = ()

    # heartbeats

    def send_heartbeats(self) -> None:
        """Begin a round: a heartbeat to everybody, which also carries the commit index, as far as each can follow."""
        self.round_due = False
        self.round_number += 1
        if self.lease.duration_ns:
            self.lease.round_sent(self.round_number, self.clock())
        context = round_context(self.round_number)
        committed = self.log.committed
        for progress in self.tracker.others:
            self.messages.append(
                Message(
                    _HEARTBEAT,
                    progress.id,
                    self.id,
                    self.term,
                    commit=min(progress.matched, committed),
                    context=context,
                )
            )

    def handle_heartbeat_response(self, message: Message) -> None:
        """A node is there. What it lacks is sent again, and the round it answers may prove reads and the lease."""
        progress = self.tracker.progress.get(message.sender)
        if progress is None:
            return
        progress.recent_active = True
        progress.paused = False
        progress.committed_index = max(progress.committed_index, message.commit)
        if progress.state == _REPLICATE and progress.inflights.full():
            progress.inflights.free_first()
        if progress.matched < self.log.last_index() or progress.pending_request_snapshot:
            self.maybe_send_append(progress, allow_empty=True)
        number = round_of(message.context)
        if progress.acked_round < number <= self.round_number:
            progress.acked_round = number
            self.handle_round()

    def handle_round(self) -> None:
        """Count who answered which round."""
        number = self.tracker.acked_round(self.round_number)
        self.lease.rounds_acked(number)
        if self.reads:
            for index, request in self.reads.proven(number):
                self._answer_read(request, index)

    # reads

    def handle_read_index(self, message: Message) -> None:
        """A leader is asked for a read index, by itself or another node."""
        self.idle_ticks = 0
        if not self.committed_in_term():
            self.reads.early.append(message)
            return
        committed = self.log.committed
        alone = self.tracker.config.is_singleton()
        if alone or (self.config.read_only_option == ReadOnlyOption.LEASE_BASED and self.lease_holds(self.clock())):
            self._answer_read(message, committed)
            return
        self.reads.add(self.round_number + 1, committed, message)
        self.round_due = True

    def release_early_reads(self) -> None:
        """The term's first entry is committed: requests that came before can begin."""
        early, self.reads.early = self.reads.early, []
        for message in early:
            self.handle_read_index(message)

    def handle_read_index_response(self, message: Message) -> None:
        """The leader's answer. Its commit index is of its own term, so it holds here as well where that entry is."""
        if len(message.entries) != 1:
            return
        self.read_states.append(ReadState(message.index, message.entries[0].data))
        self.log.maybe_commit(message.index, message.term)

    def _answer_read(self, request: Message, index: int) -> None:
        if request.sender in {NO_NODE, self.id}:
            self.read_states.append(ReadState(index, request.entries[0].data))
        else:
            self.send(Message(MessageType.READ_INDEX_RESP, request.sender, index=index, entries=request.entries))

    def read_index(self, context: bytes) -> bool:
        """Ask for a read index; it comes back with ``context`` in a ``ReadState``. False where no leader is known."""
        message = Message(MessageType.READ_INDEX, self.leader_id, self.id, entries=[Entry(data=context)])
        if self.role == Role.LEADER:
            self.handle_read_index(message)
        elif self.leader_id:
            self.send(message)
        return self.leader_id != NO_NODE

    # the lease

    def lease_holds(self, now_ns: int) -> bool:
        """Whether no other node can lead at ``now_ns``, a time taken just now."""
        if self.role != Role.LEADER:
            return False
        return self.lease.holds(now_ns) or (self.tracker.config.is_singleton() and not self.lease.given_up)

    def lease_read_index(self, now_ns: int) -> int:
        """Up to where to apply before reading here at ``now_ns``; 0 where the lease allows no read.

        All that is committed, and not merely what is applied here: a follower may have applied more than its leader by
        now, and shown it to a reader.
        """
        committed = self.log.committed
        return committed if committed >= self.term_start and self.lease_holds(now_ns) else 0

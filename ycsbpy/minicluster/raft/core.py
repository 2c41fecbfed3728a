"""The state machine as a whole: ticks and messages in, state and messages out. No I/O, and no clock but the one given.

A message first settles the terms (``step``), then goes to the handler that the table of the node's role names. What a
table does not name is ignored: an answer to something this role never asked, or a request that only others serve.
"""

from __future__ import annotations

from typing import Final

from ycsbpy.minicluster.raft.election import ANSWER_TO, Election
from ycsbpy.minicluster.raft.messages import CAMPAIGN_TRANSFER, NO_NODE, VOTE_REQUESTS, Message, MessageType, Role

__all__ = ["Raft"]

_FROM_LEADER: Final = frozenset({MessageType.APPEND, MessageType.HEARTBEAT, MessageType.SNAPSHOT})

_FOLLOWER: Final[dict[int, str]] = {
    MessageType.APPEND: "handle_append",
    MessageType.HEARTBEAT: "handle_heartbeat",
    MessageType.SNAPSHOT: "handle_snapshot",
    MessageType.TIMEOUT_NOW: "handle_timeout_now",
    MessageType.READ_INDEX_RESP: "handle_read_index_response",
}
_CANDIDATE: Final[dict[int, str]] = {
    MessageType.APPEND: "follow_and_handle_append",
    MessageType.HEARTBEAT: "follow_and_handle_heartbeat",
    MessageType.SNAPSHOT: "follow_and_handle_snapshot",
    MessageType.REQUEST_VOTE_RESPONSE: "handle_vote_response",
    MessageType.REQUEST_PRE_VOTE_RESPONSE: "handle_vote_response",
}
_LEADER: Final[dict[int, str]] = {
    MessageType.APPEND_RESPONSE: "handle_append_response",
    MessageType.HEARTBEAT_RESPONSE: "handle_heartbeat_response",
    MessageType.PROPOSE: "handle_propose",
    MessageType.READ_INDEX: "handle_read_index",
    MessageType.SNAP_STATUS: "handle_snapshot_status",
    MessageType.UNREACHABLE: "handle_unreachable",
    MessageType.TRANSFER_LEADER: "handle_transfer_leader",
}
HANDLERS: Final[dict[int, dict[int, str]]] = {
    Role.FOLLOWER: _FOLLOWER,
    Role.PRE_CANDIDATE: _CANDIDATE,
    Role.CANDIDATE: _CANDIDATE,
    Role.LEADER: _LEADER,
}
"""Role and message → method. Votes are asked of all roles alike and are not in it.

A follower passes on its own requests to the leader but not those of others, which two followers that take each other
for the leader would play back and forth.
"""


class Raft(Election):
    """One node of a group; ``RawNode`` is what callers use."""

    __slots__ = ()

    # time

    def tick(self) -> bool:
        """One tick went by. Returns whether there may be something to do."""
        self.idle_ticks += 1
        self.election_elapsed += 1
        if self.role == Role.LEADER:
            return self._tick_leader()
        self.contact_elapsed += 1
        if self.pending_request_snapshot:
            self.request_elapsed += 1
            if self.request_elapsed >= self.election_timeout:
                self.pending_request_snapshot = 0
        if self.election_elapsed < self.randomized_timeout or not self.promotable:
            return False
        self.election_elapsed = 0
        self.hup(transfer=False)
        return True

    def _tick_leader(self) -> bool:
        if self.election_elapsed >= self.election_timeout:
            self.election_elapsed = 0
            if self.check_quorum and not self.tracker.quorum_was_active():
                self.become_follower(self.term, NO_NODE)
                return True
            self.lead_transferee = NO_NODE  # it had its time
        self.heartbeat_elapsed += 1
        if self.heartbeat_elapsed < self.config.heartbeat_tick:
            return False
        self.heartbeat_elapsed = 0
        self.send_heartbeats()
        return True

    # messages

    def step(self, message: Message) -> None:
        """Handle one message of another node, or of this one.

        Raises LogCorruptionError where it contradicts what is durable here.
        """
        term = message.term
        if term != self.term and term and not self._settle_term(message):
            return
        msg_type = message.msg_type
        if msg_type in VOTE_REQUESTS:
            self.handle_vote_request(message)
            return
        name = HANDLERS[self.role].get(msg_type)
        if name is not None:
            getattr(self, name)(message)

    def _settle_term(self, message: Message) -> bool:
        """A message of another term. Returns whether it is to be handled after that."""
        if message.term < self.term:
            self._answer_stale(message)
            return False
        msg_type = message.msg_type
        if msg_type in VOTE_REQUESTS:
            if message.context != CAMPAIGN_TRANSFER and self.in_lease():
                return False
            if msg_type == MessageType.REQUEST_PRE_VOTE:
                return True
        elif msg_type == MessageType.REQUEST_PRE_VOTE_RESPONSE and not message.reject:
            return True  # it has the term that the pre-vote was asked for
        self.become_follower(message.term, message.sender if msg_type in _FROM_LEADER else NO_NODE)
        return True

    def _answer_stale(self, message: Message) -> None:
        """A message of an earlier term. Those who lead, or stand, without knowing better have to learn the new term, or
        they could stay outside for good (a candidate of a newer configuration is not asked by those of the older); all
        else is ignored."""
        msg_type = message.msg_type
        if msg_type in {MessageType.HEARTBEAT, MessageType.APPEND}:
            if self.check_quorum or self.config.pre_vote:
                self.send(Message(MessageType.APPEND_RESPONSE, message.sender))
        elif msg_type in VOTE_REQUESTS:
            answer = ANSWER_TO[MessageType(msg_type)]
            self.send(Message(answer, message.sender, term=self.term, reject=True))

    def follow_and_handle_append(self, message: Message) -> None:
        """A candidate hears of the term's leader."""
        self.become_follower(message.term, message.sender)
        self.handle_append(message)

    def follow_and_handle_heartbeat(self, message: Message) -> None:
        self.become_follower(message.term, message.sender)
        self.handle_heartbeat(message)

    def follow_and_handle_snapshot(self, message: Message) -> None:
        self.become_follower(message.term, message.sender)
        self.handle_snapshot(message)

    # between messages and Ready

    def settle(self) -> None:
        """Do what was put off until everything of this pass is known, so that it is done once."""
        if self.role != Role.LEADER:
            return
        if self.reads.early and self.log.committed >= self.term_start:
            self.release_early_reads()
        if self.append_due or self.commit_due:
            self.flush()
        if self.round_due:
            self.send_heartbeats()

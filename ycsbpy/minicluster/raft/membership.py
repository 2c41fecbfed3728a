"""Proposals, and among them changes of the configuration (Raft thesis, chapter 4).

A change is an entry like others and takes effect on a node when the node applies it. Between proposing and applying it
no other is proposed, so the configurations of any two nodes are the same or neighbours, and neighbours' quorums meet.
A leader that applies a change which leaves it without a vote steps down.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ycsbpy.minicluster.raft import confchange
from ycsbpy.minicluster.raft.errors import ConfChangeError, ProposalDroppedError
from ycsbpy.minicluster.raft.messages import NO_NODE, Entry, EntryType, Message, MessageType, Role
from ycsbpy.minicluster.raft.reads import Reads

if TYPE_CHECKING:
    from ycsbpy.minicluster.raft.messages import ConfChangeV2, ConfState

__all__ = ["Membership"]


class Membership(Reads):
    """Adds proposing, and changing who takes part."""

    __slots__ = ()

    # proposing

    def propose(self, entries: list[Entry]) -> int:
        """Append entries at the leader; the index of the first, or 0 where a follower passed them on.

        Raises ProposalDroppedError, and then nothing was appended.
        """
        if self.role != Role.LEADER:
            self._forward(entries)
            return 0
        if self.tracker.own is None:
            raise ProposalDroppedError("this node is no member of the group any more")
        if self.lead_transferee:
            raise ProposalDroppedError(f"leadership is being transferred to node {self.lead_transferee}")
        first = self.log.last_index() + 1
        pending = self.pending_conf_index
        try:
            for place, entry in enumerate(entries):
                if entry.entry_type != EntryType.NORMAL:
                    self._admit_conf_change(entry, first + place)
            if not self.append_entries(entries):
                raise ProposalDroppedError(f"{self.uncommitted_bytes} bytes are uncommitted, as many as are allowed")
        except ProposalDroppedError:
            self.pending_conf_index = pending
            raise
        return first

    def _forward(self, entries: list[Entry]) -> None:
        if not self.leader_id:
            raise ProposalDroppedError(f"no leader is known in term {self.term}")
        if not self.config.forward_proposals:
            raise ProposalDroppedError(f"node {self.leader_id} leads, not this one")
        self.send(Message(MessageType.PROPOSE, self.leader_id, entries=entries))

    def handle_propose(self, message: Message) -> None:
        """Entries that another node passed on. It gets no answer, and has to try again what does not come back.

        Configuration changes that cannot be become empty entries.
        """
        if not message.entries:
            return
        entries = []
        for one in message.entries:
            entry = Entry(entry_type=one.entry_type, data=one.data, context=one.context)
            if entry.entry_type != EntryType.NORMAL and self._refusal(entry):
                entry = Entry()
            entries.append(entry)
        with contextlib.suppress(ProposalDroppedError):
            self.propose(entries)

    def _admit_conf_change(self, entry: Entry, index: int) -> None:
        """Let a change into the log if it is possible now, or raise ProposalDroppedError."""
        refusal = self._refusal(entry)
        if refusal:
            raise ProposalDroppedError(refusal)
        self.pending_conf_index = index

    def _refusal(self, entry: Entry) -> str:
        """Why a change cannot be proposed now; nothing if it can."""
        try:
            change = self.codec.decode(entry.entry_type, entry.data)
        except ValueError as error:
            return f"not a configuration change: {error}"
        if self.has_pending_conf():
            return f"a configuration change at or before {self.pending_conf_index} is not applied yet"
        try:
            confchange.after(self.tracker.config, change)
        except ConfChangeError as error:
            return str(error)
        return ""

    # changing

    def apply_conf_change(self, change: ConfChangeV2) -> ConfState:
        """Go over to the configuration that a committed change leads to.

        Raises ConfChangeError where it is not possible, on all nodes alike, and then nothing has changed.
        """
        config = confchange.after(self.tracker.config, change)
        self.tracker.switch(config, self.log.last_index())
        self.idle_ticks = 0
        self.promotable = config.is_voter(self.id)
        if self.role == Role.LEADER:
            if self.promotable:
                self._lead_changed()
            else:
                self.flush()  # what is committed so far is still this leader's to tell
                self.become_follower(self.term, NO_NODE)
        return config.state()

    def _lead_changed(self) -> None:
        """More may be committed now, newcomers are waiting, and fewer may have to prove a read."""
        if self.maybe_commit():
            self.commit_due = True
        self.append_due = True
        if self.tracker.config.is_singleton() or self.round_number:
            self.handle_round()
        if self.lead_transferee and not self.tracker.config.is_voter(self.lead_transferee):
            self.lead_transferee = NO_NODE

    def leave_joint_if_due(self) -> None:
        """The configuration is joint and to be left by itself: propose that, once nothing else is pending.

        Asked after everything that is applied, so a new leader takes it up where the old one stopped.
        """
        config = self.tracker.config
        if config.auto_leave and self.role == Role.LEADER and not self.has_pending_conf():
            self.append_entries([Entry(entry_type=EntryType.CONF_CHANGE_V2)])
            self.pending_conf_index = self.log.last_index()

"""Elections: who may campaign when, who votes for whom, and giving leadership away.

Paper 5.2 and 5.4.1, with pre-votes (thesis 9.6): before a node begins a new term it asks whether it would win, so a
node that was cut off does not unseat a leader when it returns; check-quorum (6.2): a leader that no quorum answers
steps down, and a voter that hears a leader ignores other candidates; and leadership transfer (3.10), which is the one
thing that such a voter lets pass. A vote that is refused tells what is committed, so a candidate with a stale commit
index learns of configuration changes that it should have applied before it stood.
"""

from __future__ import annotations

from typing import Final

from ycsbpy.minicluster.raft.membership import Membership
from ycsbpy.minicluster.raft.messages import CAMPAIGN_TRANSFER, NO_NODE, Message, MessageType, Role
from ycsbpy.minicluster.raft.progress import ProgressState
from ycsbpy.minicluster.raft.quorum import VoteResult

__all__ = ["ANSWER_TO", "Election"]

ANSWER_TO: Final = {
    MessageType.REQUEST_VOTE: MessageType.REQUEST_VOTE_RESPONSE,
    MessageType.REQUEST_PRE_VOTE: MessageType.REQUEST_PRE_VOTE_RESPONSE,
}
"""Vote request → the type of its answer."""


class Election(Membership):
    """Adds campaigning and voting."""

    __slots__ = ()

    # campaigning

    def hup(self, *, transfer: bool) -> None:
        """Campaign, unless a configuration change is committed and not applied: the election might count the wrong
        voters."""
        if self.role == Role.LEADER or not self.promotable:
            return
        log = self.log
        low = log.applied + 1 if log.snapshot is None else log.snapshot.index + 1
        if log.has_conf_change(low, log.committed + 1):
            return
        if transfer:
            self._campaign(pre_vote=False, context=CAMPAIGN_TRANSFER)
        else:
            self._campaign(pre_vote=self.config.pre_vote)

    def _campaign(self, *, pre_vote: bool, context: bytes = b"") -> None:
        if pre_vote:
            self.become_pre_candidate()
            msg_type, term = MessageType.REQUEST_PRE_VOTE, self.term + 1
        else:
            self.become_candidate()
            msg_type, term = MessageType.REQUEST_VOTE, self.term
        log = self.log
        commit, commit_term = self._commit_info()
        for voter in sorted(self.tracker.config.voters()):
            if voter == self.id:
                continue
            self.send(
                Message(
                    msg_type,
                    voter,
                    term=term,
                    log_term=log.last_term(),
                    index=log.last_index(),
                    commit=commit,
                    commit_term=commit_term,
                    context=context,
                )
            )
        if pre_vote:  # it changes nothing that would have to be durable, so the node's own counts at once
            self.poll(self.id, granted=True)

    def count_own_vote(self) -> None:
        """The vote that a candidate gave itself counts now, because it is durable."""
        if self.role == Role.CANDIDATE and self.durable_term == self.term and self.id not in self.tracker.votes:
            self.poll(self.id, granted=True)

    def poll(self, voter: int, *, granted: bool) -> None:
        """Count a vote, and go on where the outcome is clear."""
        result = self.tracker.record_vote(voter, granted)
        if result == VoteResult.LOST:
            self.become_follower(self.term, NO_NODE)
        elif result == VoteResult.WON:
            if self.role == Role.PRE_CANDIDATE:
                self._campaign(pre_vote=False)
            elif self.durable_term == self.term:
                self.become_leader()

    def handle_vote_response(self, message: Message) -> None:
        """A voter's answer; those to the other kind of election are stale."""
        expected = (
            MessageType.REQUEST_PRE_VOTE_RESPONSE
            if self.role == Role.PRE_CANDIDATE
            else MessageType.REQUEST_VOTE_RESPONSE
        )
        if message.msg_type != expected:
            return
        self.poll(message.sender, granted=not message.reject)
        self._commit_by_vote(message)

    # voting

    def in_lease(self) -> bool:
        """Whether a leader may count on this node voting for nobody else."""
        if not self.check_quorum:
            return False
        hears_leader = self.leader_id != NO_NODE and self.election_elapsed < self.election_timeout
        return hears_leader or self.contact_elapsed < self.election_timeout

    def handle_vote_request(self, message: Message) -> None:
        """Answer a candidate. The term of a granted vote is the candidate's, so that it is not taken for stale."""
        pre_vote = message.msg_type == MessageType.REQUEST_PRE_VOTE
        answer = Message(ANSWER_TO[MessageType(message.msg_type)], message.sender)
        if self._would_vote(message, pre_vote=pre_vote) and self._log_allows(message):
            answer.term = message.term
            if not pre_vote:
                self.election_elapsed = 0
                self.vote = message.sender
            self.send(answer)
            return
        answer.term = self.term
        answer.reject = True
        answer.commit, answer.commit_term = self._commit_info()
        self.send(answer)
        self._commit_by_vote(message)

    def _would_vote(self, message: Message, *, pre_vote: bool) -> bool:
        """Whether the vote is still free, or was this candidate's before."""
        if self.vote == message.sender:
            return True
        if pre_vote and message.term > self.term:
            return True
        return self.vote == NO_NODE and self.leader_id == NO_NODE

    def _log_allows(self, message: Message) -> bool:
        """Whether the candidate's log is as new as ours, and longer where ours has the higher priority."""
        if not self.log.is_up_to_date(message.index, message.log_term):
            return False
        return message.index > self.log.last_index() or self.priority <= message.priority

    def _commit_info(self) -> tuple[int, int]:
        return self.log.committed, self.log.term(self.log.committed)

    def _commit_by_vote(self, message: Message) -> None:
        """Commit what a candidate or voter says is committed, if our entry there is the same."""
        if not message.commit or not message.commit_term or self.role == Role.LEADER:
            return
        before = self.log.committed
        if not self.log.maybe_commit(message.commit, message.commit_term):
            return
        if self.role == Role.FOLLOWER:
            return
        if self.log.has_conf_change(before + 1, self.log.committed + 1):
            self.become_follower(self.term, NO_NODE)

    # giving leadership away

    def handle_transfer_leader(self, message: Message) -> None:
        """The leader is asked to make another voter the leader: bring its log up to date, then bid it to campaign.

        Refused for learners, for a node that is being sent a snapshot, and while a configuration change is pending,
        which would keep the node from campaigning. It is given one election timeout.
        """
        to = message.sender
        progress = self.tracker.progress.get(to)
        if progress is None or not self.tracker.config.is_voter(to) or to in {self.id, self.lead_transferee}:
            return
        if progress.state == ProgressState.SNAPSHOT or self.has_pending_conf():
            return
        self.election_elapsed = 0
        self.idle_ticks = 0
        self.lead_transferee = to
        if progress.matched == self.log.last_index():
            self.send_timeout_now(to)
        else:
            self.maybe_send_append(progress, allow_empty=True)

    def transfer_leader(self, to: int) -> None:
        """Wish for another leader; a follower passes that on to the present one."""
        if self.role == Role.LEADER:
            self.handle_transfer_leader(Message(MessageType.TRANSFER_LEADER, sender=to))
        elif self.leader_id:
            self.send(Message(MessageType.TRANSFER_LEADER, self.leader_id, to))

    def handle_timeout_now(self, message: Message) -> None:
        """The leader bids this node to campaign. Without pre-vote: it is known not to come back from a partition."""
        self.hup(transfer=True)

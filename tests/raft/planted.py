"""Bugs to be planted in the core, one class each, to see that the simulation would find them.

Each is a mistake that somebody has made, or might while making the core faster. ``PLANTED`` says how many seeds each
may take to be found, several times what it takes today; a new bug of that kind would be found as soon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ycsbpy.minicluster.raft.core import Raft
from ycsbpy.minicluster.raft.log import RaftLog
from ycsbpy.minicluster.raft.messages import Message, MessageType, Role
from ycsbpy.minicluster.raft.quorum import committed_of
from ycsbpy.minicluster.raft.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from raft.simulation import Settings

    from ycsbpy.minicluster.raft.messages import Entry, Snapshot

__all__ = ["PLANTED"]


class CommitsWithoutQuorum(Raft):
    """What the leader itself has is taken for committed."""

    __slots__ = ()

    def maybe_commit(self) -> bool:
        own = self.tracker.own
        return own is not None and self.log.maybe_commit(own.matched, self.term)


class CommitsWithHalf(Raft):
    """An even number of voters is taken to have a majority at half of them."""

    __slots__ = ()

    def maybe_commit(self) -> bool:
        incoming = self.tracker.config.incoming
        matched = sorted(self.tracker.progress[node].matched for node in incoming)
        return self.log.maybe_commit(matched[len(matched) // 2], self.term)


class VotesTwice(Raft):
    """A vote is given to whoever asks."""

    __slots__ = ()

    def _would_vote(self, message: Message, *, pre_vote: bool) -> bool:
        return True


class VotesForAnyLog(Raft):
    """A candidate's log may be older than the voter's (paper 5.4.1)."""

    __slots__ = ()

    def _log_allows(self, message: Message) -> bool:
        return True


class PromisesTooEarly(Raft):
    """Votes and acknowledgements leave before what they promise is durable."""

    __slots__ = ()

    def settle(self) -> None:
        super().settle()
        self.messages += self.promises
        self.promises = []


class _EagerLog(RaftLog):
    __slots__ = ()

    def has_committed(self) -> bool:
        return self.snapshot is None and self.applying < self.persisted

    def next_committed(self, max_bytes: int) -> list[Entry]:
        if not self.has_committed():
            return []
        entries = self.slice(self.applying + 1, self.persisted + 1, max_bytes)
        self.applying = entries[-1].index
        return entries


class AppliesBeforeCommit(Raft):
    """What is durable on this node is applied, whether or not it is committed."""

    __slots__ = ()

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.log.__class__ = _EagerLog


class HeartbeatsCommitAll(Raft):
    """Heartbeats carry the commit index also to nodes that are not known to have those entries."""

    __slots__ = ()

    def send_heartbeats(self) -> None:
        before = len(self.messages)
        super().send_heartbeats()
        for message in self.messages[before:]:
            message.commit = self.log.committed


class ReadsAfterLease(Raft):
    """A leader trusts its lease for as long as it takes itself for the leader."""

    __slots__ = ()

    def lease_holds(self, now_ns: int) -> bool:
        return self.role == Role.LEADER


class KeepsLeaseWhenGivingAway(Raft):
    """The lease outlives the bid to another node to campaign, which the voters let pass."""

    __slots__ = ()

    def send_timeout_now(self, to: int) -> None:
        self.send(Message(MessageType.TIMEOUT_NOW, to))


class ReadsWithoutAsking(Raft):
    """A read index is answered without a round of heartbeats."""

    __slots__ = ()

    def handle_read_index(self, message: Message) -> None:
        if self.committed_in_term():
            self._answer_read(message, self.log.committed)


class ReadsBeforeOwnEntry(Raft):
    """A new leader serves reads before an entry of its term is committed: it does not know what is (paper 8)."""

    __slots__ = ()

    def committed_in_term(self) -> bool:
        return self.role == Role.LEADER


class ChangesOverlap(Raft):
    """A configuration change is proposed while another is not applied."""

    __slots__ = ()

    def has_pending_conf(self) -> bool:
        return False


class _HalfTracker(Tracker):
    __slots__ = ()

    def committed(self) -> int:
        return committed_of([progress.matched for progress in self._incoming])


class CommitsWithOneHalf(Raft):
    """In a joint configuration the incoming voters alone commit."""

    __slots__ = ()

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tracker.__class__ = _HalfTracker


class TakesOldSnapshots(Raft):
    """A snapshot that is behind what is committed is taken all the same."""

    __slots__ = ()

    def restore(self, snapshot: Snapshot) -> bool:
        if self.log.snapshot is None and self.role == Role.FOLLOWER:
            self.log.restore(snapshot)
            return True
        return False


def _anything(settings: Settings) -> None:
    """The worlds as they are drawn."""


def _reads(settings: Settings) -> None:
    settings.mix = (8, 4, 0)
    settings.think = 0.02
    settings.clients = 8
    settings.voters = 3
    settings.change_every = 0


def _leases(settings: Settings) -> None:
    """Many reads by lease, and leaders that are cut off."""
    _reads(settings)
    settings.raft.update(check_quorum=True, tick_ns=100_000_000)
    settings.lease_reads = 1
    settings.trouble_every = 1.5
    settings.acts = {"isolate leader": 4, "heal": 4, "crash": 1}


def _transfers(settings: Settings) -> None:
    """The same, with leadership given away by leaders that do not hear what comes of it."""
    _leases(settings)
    settings.trouble_every = 0.7
    settings.acts = {"transfer from the deaf": 4, "heal": 4}


def _indexed_reads(settings: Settings) -> None:
    """Many reads by read index, and leaders that are cut off, or unseated while their messages are under way."""
    _reads(settings)
    settings.raft.update(check_quorum=False, pre_vote=False, tick_ns=0)
    settings.raft.pop("read_only_option", None)
    settings.lease_reads = 0
    settings.straggling = 0.1
    settings.trouble_every = 0.7
    settings.acts = {"isolate leader": 4, "campaign": 6, "heal": 4}


def _changes(settings: Settings) -> None:
    """Configuration changes all the time, applied late, and partitions."""
    settings.raft.update(check_quorum=False, tick_ns=0)
    settings.raft.pop("read_only_option", None)
    settings.lease_reads = 0
    settings.change_every = 0.1
    settings.apply = 0.1
    settings.voters = 3
    settings.trouble_every = 0.4
    settings.acts = {"partition": 4, "one way": 2, "heal": 6, "crash": 1, "campaign": 2}


PLANTED: dict[type[Raft], tuple[int, Callable[[Settings], None]]] = {
    CommitsWithoutQuorum: (20, _anything),
    CommitsWithHalf: (100, _anything),
    VotesTwice: (50, _anything),
    VotesForAnyLog: (50, _anything),
    PromisesTooEarly: (30, _anything),
    AppliesBeforeCommit: (50, _anything),
    HeartbeatsCommitAll: (20, _anything),
    ReadsAfterLease: (200, _leases),
    KeepsLeaseWhenGivingAway: (80, _transfers),
    ReadsWithoutAsking: (80, _indexed_reads),
    ReadsBeforeOwnEntry: (100, _anything),
    ChangesOverlap: (150, _changes),
    CommitsWithOneHalf: (60, _anything),
    TakesOldSnapshots: (60, _anything),
}
"""Bug → seeds within which it must be found, and the worlds to look in."""

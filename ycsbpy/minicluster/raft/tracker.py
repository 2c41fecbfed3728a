"""The members of a group with what the leader knows of each, and the counting of votes and acknowledgements.

Counting goes on with every append that is acknowledged, so the voters' ``Progress`` objects are kept in lists beside
the map, rebuilt when the configuration changes, which is seldom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.raft.progress import Progress
from ycsbpy.minicluster.raft.quorum import committed_of, has_quorum, joint_vote_result

if TYPE_CHECKING:
    from ycsbpy.minicluster.raft.confchange import Configuration
    from ycsbpy.minicluster.raft.quorum import VoteResult

__all__ = ["Tracker"]


class Tracker:
    """``progress`` has every member, the node itself too, in ascending order of ids; ``others`` all but itself."""

    __slots__ = ("_incoming", "_outgoing", "_self_id", "config", "max_inflight", "others", "own", "progress", "votes")

    def __init__(self, self_id: int, config: Configuration, next_index: int, max_inflight: int) -> None:
        self._self_id = self_id
        self.max_inflight = max_inflight
        self.config = config
        self.progress: dict[int, Progress] = {}
        self.others: list[Progress] = []
        self.own: Progress | None = None
        self.votes: dict[int, bool] = {}
        self._incoming: list[Progress] = []
        self._outgoing: list[Progress] = []
        self.switch(config, next_index)

    def switch(self, config: Configuration, next_index: int) -> None:
        """Go over to a configuration: forget who left, and begin with who came at ``next_index``.

        Newcomers count as active, or a check of the quorum could come before their first answer.
        """
        members = sorted(config.members())
        known = self.progress
        self.progress = {}
        for node_id in members:
            progress = known.get(node_id)
            if progress is None:
                progress = Progress(node_id, max(next_index, 1), self.max_inflight)
                progress.recent_active = True
            self.progress[node_id] = progress
        self.config = config
        self.own = self.progress.get(self._self_id)
        self.others = [progress for progress in self.progress.values() if progress.id != self._self_id]
        self._incoming = [self.progress[node_id] for node_id in sorted(config.incoming)]
        self._outgoing = [self.progress[node_id] for node_id in sorted(config.outgoing)]

    def committed(self) -> int:
        """The largest index that a quorum has acknowledged as durable."""
        index = committed_of([progress.matched for progress in self._incoming])
        if self._outgoing:
            index = min(index, committed_of([progress.matched for progress in self._outgoing]))
        return index

    def acked_round(self, newest: int) -> int:
        """The newest heartbeat round that a quorum has answered; the node itself has answered all, up to ``newest``."""
        own = self.own
        if own is not None:
            own.acked_round = newest
        acked = committed_of([progress.acked_round for progress in self._incoming])
        if self._outgoing:
            acked = min(acked, committed_of([progress.acked_round for progress in self._outgoing]))
        return acked

    def matched_by_all(self) -> int:
        """The largest index that every member that was heard of lately has; what the cache may forget."""
        index = self.own.matched if self.own is not None else 0
        for progress in self.others:
            if progress.recent_active and progress.matched < index:
                index = progress.matched
        return index

    def record_vote(self, node_id: int, granted: bool) -> VoteResult:
        """Count a vote, unless that node voted before, and say where the election stands."""
        self.votes.setdefault(node_id, granted)
        return joint_vote_result(self.config.incoming, self.config.outgoing, self.votes)

    def quorum_was_active(self) -> bool:
        """Whether a quorum was heard of since the last time this was asked."""
        active = [self._self_id]
        for progress in self.others:
            if progress.recent_active:
                active.append(progress.id)
                progress.recent_active = False
        return has_quorum(self.config.incoming, self.config.outgoing, active)

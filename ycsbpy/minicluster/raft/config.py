"""The settings of one node of a group, which check themselves and each other.

Names and meanings are those of TiKV's Raft library where it has them; defaults are what TiKV's stores use. Times are
counted in ticks of the caller; ``tick_ns`` says how long one is, and only the lease needs to know.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ycsbpy.minicluster.raft.errors import RaftConfigError
from ycsbpy.minicluster.raft.messages import NO_LIMIT, NO_NODE

__all__ = ["Config", "ReadOnlyOption"]


class ReadOnlyOption(enum.IntEnum):
    """How a leader makes sure that it leads before it answers ``RawNode.read_index``."""

    SAFE = 0
    """It asks a quorum."""
    LEASE_BASED = 1
    """It trusts its lease while it holds, and asks a quorum when it does not."""


@dataclass(frozen=True, slots=True)
class Config:
    """``id`` is the node's own, never 0, and never used again by another node of the group.

    ``election_tick``: a follower that hears nothing for so many ticks campaigns, at a random tick of
    ``min_election_tick <= t < max_election_tick`` (0: ``election_tick`` and twice that). ``heartbeat_tick``: a leader
    is heard every so many ticks.

    ``applied``: up to where the caller has applied the log, at restart. ``fresh``: the node is new, made by a
    bootstrap or a split, so it cannot have promised a leader not to vote; it may campaign and vote at once. A node that
    ran before must not say so, because a leader may still count on the answer it gave before it went down.

    ``tick_ns`` is the length of a tick in nanoseconds; 0 where leases are not wanted. ``lease_ns`` is how long a lease
    holds; 0 for nine tenths of what ``election_tick`` allows, which leaves room for clocks that differ by a tenth.

    Sizes in bytes: ``max_size_per_msg`` of an append's entries, ``max_committed_size_per_ready`` of the entries that
    one ``Ready`` gives to apply, ``max_uncommitted_size`` of what a leader takes before a quorum has it (then it drops
    proposals), ``cache_bytes`` of applied entries kept for replicas that lag a little. ``max_inflight_msgs``: appends
    to one node that are not yet answered.

    ``skip_bcast_commit``: followers learn what is committed by the next append or heartbeat, not by a message of its
    own. ``forward_proposals``: followers pass proposals on to the leader instead of dropping them. ``priority``: a
    node votes for no candidate of lower priority unless that has a longer log.
    """

    id: int
    election_tick: int = 10
    heartbeat_tick: int = 2
    min_election_tick: int = 0
    max_election_tick: int = 0
    applied: int = 0
    fresh: bool = False
    pre_vote: bool = True
    check_quorum: bool = True
    tick_ns: int = 0
    lease_ns: int = 0
    read_only_option: ReadOnlyOption = ReadOnlyOption.SAFE
    max_size_per_msg: int = 1 << 20
    max_inflight_msgs: int = 256
    max_uncommitted_size: int = NO_LIMIT
    max_committed_size_per_ready: int = NO_LIMIT
    cache_bytes: int = 4 << 20
    skip_bcast_commit: bool = True
    forward_proposals: bool = False
    priority: int = 0

    def __post_init__(self) -> None:
        if self.id <= NO_NODE:
            raise RaftConfigError(f"id must be positive, not {self.id}")
        for name in ("heartbeat_tick", "max_inflight_msgs"):
            if getattr(self, name) < 1:
                raise RaftConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in (
            "applied",
            "tick_ns",
            "lease_ns",
            "max_size_per_msg",
            "max_committed_size_per_ready",
            "cache_bytes",
        ):
            if getattr(self, name) < 0:
                raise RaftConfigError(f"{name} must not be negative, but is {getattr(self, name)}")
        if self.election_tick <= self.heartbeat_tick:
            self._clash("election_tick", "must be greater than", "heartbeat_tick")
        if self.first_election_tick < self.election_tick:
            self._clash("min_election_tick", "must not be less than", "election_tick")
        if self.last_election_tick <= self.first_election_tick:
            raise RaftConfigError(
                f"max_election_tick ({self.last_election_tick}) must be greater than"
                f" min_election_tick ({self.first_election_tick})"
            )
        if self.max_uncommitted_size < self.max_size_per_msg:
            self._clash("max_uncommitted_size", "must not be less than", "max_size_per_msg")
        self._check_lease()

    def _check_lease(self) -> None:
        if self.lease_ns and not self.tick_ns:
            raise RaftConfigError(f"lease_ns ({self.lease_ns}) needs tick_ns, which is 0")
        if self.lease_ns > self.longest_lease_ns:
            raise RaftConfigError(
                f"lease_ns ({self.lease_ns}) must not be more than {self.longest_lease_ns}:"
                f" (election_tick - 1) * tick_ns, with election_tick {self.election_tick} and tick_ns {self.tick_ns}"
            )
        if self.tick_ns and not self.check_quorum:
            raise RaftConfigError("tick_ns asks for a lease, which needs check_quorum, but check_quorum is off")
        if self.read_only_option == ReadOnlyOption.LEASE_BASED and not self.tick_ns:
            raise RaftConfigError("read_only_option LEASE_BASED needs tick_ns, which is 0")

    def _clash(self, one: str, relation: str, other: str) -> None:
        raise RaftConfigError(f"{one} ({getattr(self, one)}) {relation} {other} ({getattr(self, other)})")

    @property
    def first_election_tick(self) -> int:
        """The first tick at which a follower may campaign."""
        return self.min_election_tick or self.election_tick

    @property
    def last_election_tick(self) -> int:
        """One past the last tick at which a follower campaigns."""
        return self.max_election_tick or 2 * self.election_tick

    @property
    def longest_lease_ns(self) -> int:
        """The longest lease that voters honour, were all clocks to run at the same rate."""
        return (self.election_tick - 1) * self.tick_ns

    @property
    def lease_duration_ns(self) -> int:
        """How long a lease holds; 0 where there is none."""
        return self.lease_ns or self.longest_lease_ns * 9 // 10

"""Majorities, and pairs of them: how many must agree, and on what they already do.

In a joint configuration (Raft thesis 4.3) every decision needs a majority of both halves, so a vote is won when both
win and lost when either loses, and an index is committed when both commit it. An empty half agrees with everything,
which makes a configuration that is not joint a joint one with an empty half. Pure functions; the tables that test them
are meant to be read (tests/raft/testdata).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "EVERYTHING",
    "VoteResult",
    "committed_index",
    "committed_of",
    "has_quorum",
    "joint_committed_index",
    "joint_vote_result",
    "majority",
    "vote_result",
]

EVERYTHING: Final = (1 << 64) - 1
"""The committed index of no voters at all: they hold nothing back."""


class VoteResult(enum.IntEnum):
    """Where an election stands."""

    PENDING = 0
    LOST = 1
    WON = 2


def majority(voters: int) -> int:
    """How many of so many voters are a majority."""
    return voters // 2 + 1


def committed_of(acknowledged: list[int]) -> int:
    """The largest index that a majority has acknowledged; one number for each voter."""
    count = len(acknowledged)
    if not count:
        return EVERYTHING
    acknowledged.sort()
    return acknowledged[(count - 1) // 2]


def committed_index(voters: Collection[int], acknowledged: Mapping[int, int]) -> int:
    """The same by node id; a voter that is not in ``acknowledged`` has acknowledged nothing."""
    return committed_of([acknowledged.get(voter, 0) for voter in voters])


def joint_committed_index(incoming: Collection[int], outgoing: Collection[int], acknowledged: Mapping[int, int]) -> int:
    """The largest index that both halves of a configuration have committed."""
    return min(committed_index(incoming, acknowledged), committed_index(outgoing, acknowledged))


def vote_result(voters: Collection[int], votes: Mapping[int, bool]) -> VoteResult:
    """Where an election among ``voters`` stands after ``votes``; votes of others do not count."""
    if not voters:
        return VoteResult.WON
    needed = majority(len(voters))
    cast = [votes[voter] for voter in voters if voter in votes]
    granted = sum(cast)
    if granted >= needed:
        return VoteResult.WON
    missing = len(voters) - len(cast)
    return VoteResult.PENDING if granted + missing >= needed else VoteResult.LOST


def joint_vote_result(incoming: Collection[int], outgoing: Collection[int], votes: Mapping[int, bool]) -> VoteResult:
    """Where an election stands that both halves of a configuration must win."""
    first, second = vote_result(incoming, votes), vote_result(outgoing, votes)
    if first == second:
        return first
    return VoteResult.LOST if VoteResult.LOST in {first, second} else VoteResult.PENDING


def has_quorum(incoming: Collection[int], outgoing: Collection[int], nodes: Collection[int]) -> bool:
    """Whether ``nodes`` hold a majority of both halves."""
    return joint_vote_result(incoming, outgoing, dict.fromkeys(nodes, True)) == VoteResult.WON

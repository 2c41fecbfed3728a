"""The steps of an operator: what PD wants of a Region's leader next, and how its heartbeats show that it is done.

Each step is a configuration change of one entry in the Raft log (or a transfer of leadership, or a split), numbered by
``conf_ver``: a step that is done has moved it by ``conf_ver_change``, so that a change nobody asked for is noticed. The
sequences are PD's with joint consensus (all changes are sent as ``change_peer_v2``).
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.peerchange import is_joint

if TYPE_CHECKING:
    from ycsbpy.minicluster.model import Peer
    from ycsbpy.minicluster.pd.regiontree import RegionInfo

__all__ = [
    "AddLearner",
    "DemoteVoter",
    "EnterJoint",
    "LeaveJoint",
    "PromoteLearner",
    "RemovePeer",
    "SplitRegion",
    "Step",
    "TransferLeader",
]


def _role(info: RegionInfo, peer_id: int) -> Role | None:
    return next((peer.role for peer in info.region.peers if peer.id == peer_id), None)


def _pending(info: RegionInfo, peer_id: int) -> bool:
    return any(peer.id == peer_id for peer in info.pending_peers)


@dataclass(frozen=True, slots=True)
class _Change(abc.ABC):
    """What the steps have in common; ``slow`` ones carry a Region's data over and may take minutes."""

    slow = False
    waits = 1
    """Times as long as a single change may take."""
    conf_ver_change = 1

    @abc.abstractmethod
    def done(self, info: RegionInfo) -> bool:
        """Whether a Region, as its leader reports it, shows that the step is done."""

    def applied(self, info: RegionInfo) -> bool:
        """Whether the change is in the Region's description, even if what follows from it is not yet there."""
        return self.done(info)

    def problem(self, info: RegionInfo) -> str:
        """Why the step can't be taken any more; empty if it can."""
        return ""


@dataclass(frozen=True, slots=True)
class AddLearner(_Change):
    """A new replica, without a vote until it has the data."""

    peer_id: int
    store_id: int
    slow = True

    def done(self, info: RegionInfo) -> bool:
        return self.applied(info) and not _pending(info, self.peer_id)

    def applied(self, info: RegionInfo) -> bool:
        return _role(info, self.peer_id) is not None

    def problem(self, info: RegionInfo) -> str:
        there = info.region.peer_on(self.store_id)
        return f"store {self.store_id} holds peer {there.id}" if there and there.id != self.peer_id else ""

    def __str__(self) -> str:
        return f"add learner peer {self.peer_id} on store {self.store_id}"


@dataclass(frozen=True, slots=True)
class PromoteLearner(_Change):
    """A learner that has the data gets a vote, by a simple change."""

    peer_id: int
    store_id: int

    def done(self, info: RegionInfo) -> bool:
        return self.applied(info) and not _pending(info, self.peer_id)

    def applied(self, info: RegionInfo) -> bool:
        return _role(info, self.peer_id) is Role.VOTER

    def problem(self, info: RegionInfo) -> str:
        return "" if _role(info, self.peer_id) is not None else f"peer {self.peer_id} is gone"

    def __str__(self) -> str:
        return f"promote learner peer {self.peer_id} on store {self.store_id} to voter"


@dataclass(frozen=True, slots=True)
class DemoteVoter(_Change):
    """A voter becomes a learner, by a simple change, before it is removed."""

    peer_id: int
    store_id: int

    def done(self, info: RegionInfo) -> bool:
        return _role(info, self.peer_id) is Role.LEARNER

    def problem(self, info: RegionInfo) -> str:
        return _is_leader(info, self.store_id, "demoted")

    def __str__(self) -> str:
        return f"demote voter peer {self.peer_id} on store {self.store_id} to learner"


@dataclass(frozen=True, slots=True)
class _Joint(_Change):
    promote: tuple[tuple[int, int], ...]
    demote: tuple[tuple[int, int], ...]
    """(peer id, store id) of the voters to come, and of those that are to go."""

    @property
    def conf_ver_change(self) -> int:  # type: ignore[override]
        return len(self.promote) + len(self.demote)

    @property
    def waits(self) -> int:  # type: ignore[override]
        return self.conf_ver_change + 1

    def changes(self) -> str:
        return ", ".join(
            [f"promote learner peer {peer} on store {store} to voter" for peer, store in self.promote]
            + [f"demote voter peer {peer} on store {store} to learner" for peer, store in self.demote]
        )

    def _roles(self, info: RegionInfo) -> tuple[set[Role | None], set[Role | None]]:
        return {_role(info, peer) for peer, _ in self.promote}, {_role(info, peer) for peer, _ in self.demote}


@dataclass(frozen=True, slots=True)
class EnterJoint(_Joint):
    """Both configurations decide together from now on."""

    def done(self, info: RegionInfo) -> bool:
        return self.applied(info) and not any(_pending(info, peer) for peer, _ in self.promote)

    def applied(self, info: RegionInfo) -> bool:
        incoming, leaving = self._roles(info)
        # Somebody may have left the joint state already, by PD's own timetable or ours.
        return incoming <= {Role.INCOMING_VOTER, Role.VOTER} and leaving <= {Role.DEMOTING_VOTER, Role.LEARNER, None}

    def problem(self, info: RegionInfo) -> str:
        gone = [peer for peer, _ in self.promote if _role(info, peer) is None]
        return f"peer {gone[0]} is gone" if gone else ""

    def __str__(self) -> str:
        return f"use joint consensus, {self.changes()}"


@dataclass(frozen=True, slots=True)
class LeaveJoint(_Joint):
    """The new configuration decides alone."""

    def done(self, info: RegionInfo) -> bool:
        incoming, leaving = self._roles(info)
        return incoming <= {Role.VOTER} and leaving <= {Role.LEARNER, None} and not is_joint(info.region)

    def problem(self, info: RegionInfo) -> str:
        if info.leader is not None and any(info.leader.id == peer for peer, _ in self.demote):
            return f"the leader, peer {info.leader.id}, would be demoted"
        return ""

    def __str__(self) -> str:
        return f"leave joint state, {self.changes()}"


@dataclass(frozen=True, slots=True)
class RemovePeer(_Change):
    """A replica goes, and its data with it."""

    peer_id: int
    store_id: int

    def done(self, info: RegionInfo) -> bool:
        return _role(info, self.peer_id) is None

    def problem(self, info: RegionInfo) -> str:
        return _is_leader(info, self.store_id, "removed")

    def __str__(self) -> str:
        return f"remove peer on store {self.store_id}"


@dataclass(frozen=True, slots=True)
class TransferLeader(_Change):
    """Another voter leads. ``peer_id`` is on ``to_store``."""

    peer_id: int
    from_store: int
    to_store: int
    conf_ver_change = 0

    def done(self, info: RegionInfo) -> bool:
        return info.leader is not None and info.leader.store_id == self.to_store

    def problem(self, info: RegionInfo) -> str:
        role = _role(info, self.peer_id)
        return "" if role in (Role.VOTER, Role.INCOMING_VOTER) else f"peer {self.peer_id} is no voter"

    def __str__(self) -> str:
        return f"transfer leader from store {self.from_store} to store {self.to_store}"


@dataclass(frozen=True, slots=True)
class SplitRegion(_Change):
    """The Region is split: at ``keys`` (policy USEKEY), or where its store finds the middle (SCAN, APPROXIMATE)."""

    start: bytes
    end: bytes
    policy: str = "SCAN"
    keys: tuple[bytes, ...] = ()
    conf_ver_change = 0

    def done(self, info: RegionInfo) -> bool:
        return (info.region.start, info.region.end) != (self.start, self.end)

    def __str__(self) -> str:
        return f"split region with policy {self.policy}"


Step: TypeAlias = (
    AddLearner | PromoteLearner | DemoteVoter | EnterJoint | LeaveJoint | RemovePeer | TransferLeader | SplitRegion
)


def _is_leader(info: RegionInfo, store_id: int, what: str) -> str:
    leader: Peer | None = info.leader
    return f"the leader on store {store_id} cannot be {what}" if leader and leader.store_id == store_id else ""

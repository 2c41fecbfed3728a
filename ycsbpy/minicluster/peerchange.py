"""What a change of its Peers makes of a Region's description, by TiKV's rules.

Pure: a ``Region`` and changes in, the ``Region`` after them out. The Raft group has its own idea of the same change
(``raft.confchange``); the two are made together or not at all. ``conf_ver`` grows by one for each Peer that changes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.minicluster.model import Epoch, Peer, Region, Role
from ycsbpy.minicluster.raft import ConfChangeType, ConfState

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PeerChange", "change_peers", "conf_state_of", "is_joint", "roles_by_store"]

_AFTER_JOINT = {Role.INCOMING_VOTER: Role.VOTER, Role.DEMOTING_VOTER: Role.LEARNER}


class PeerChange(NamedTuple):
    """Add ``peer`` as a voter or as a learner, whichever it is already, or remove it."""

    change_type: ConfChangeType
    peer: Peer


def conf_state_of(region: Region) -> ConfState:
    """The configuration of the Region's Raft group that its Peers' roles say."""
    roles: dict[Role, list[int]] = {role: [] for role in Role}
    for peer in region.peers:
        roles[peer.role].append(peer.id)
    joint = is_joint(region)
    return ConfState(
        voters=tuple(sorted(roles[Role.VOTER] + roles[Role.INCOMING_VOTER])),
        learners=tuple(sorted(roles[Role.LEARNER])),
        voters_outgoing=tuple(sorted(roles[Role.VOTER] + roles[Role.DEMOTING_VOTER])) if joint else (),
        learners_next=tuple(sorted(roles[Role.DEMOTING_VOTER])),
    )


def is_joint(region: Region) -> bool:
    """Whether the Region is between two configurations."""
    return any(peer.role in _AFTER_JOINT for peer in region.peers)


def roles_by_store(region: Region, *, without: int = 0) -> dict[int, Role]:
    """Store → the role of the Region's Peer there, but for one store."""
    return {peer.store_id: peer.role for peer in region.peers if peer.store_id != without}


def change_peers(region: Region, changes: Sequence[PeerChange]) -> Region:
    """The Region after ``changes``: none leaves the joint state, one is made at once, more enter the joint state.

    Raises ``ValueError`` for what is not allowed; the text is for people.
    """
    if not changes:
        return _leave(region)
    if is_joint(region):
        raise ValueError("the region is in a joint state and must leave it first")
    if len({change.peer.id for change in changes}) != len(changes):
        raise ValueError("a peer is changed twice at once")
    peers = list(region.peers)
    for change in changes:
        _one(peers, change, joint=len(changes) > 1)
    return _changed(region, peers, len(changes))


def _leave(region: Region) -> Region:
    if not is_joint(region):
        raise ValueError("the region is not in a joint state")
    peers = [replace(peer, role=_AFTER_JOINT.get(peer.role, peer.role)) for peer in region.peers]
    return _changed(region, peers, sum(peer.role in _AFTER_JOINT for peer in region.peers))


def _changed(region: Region, peers: list[Peer], count: int) -> Region:
    epoch = Epoch(region.epoch.conf_ver + count, region.epoch.version)
    return replace(region, peers=tuple(peers), epoch=epoch)


def _one(peers: list[Peer], change: PeerChange, *, joint: bool) -> None:
    peer = change.peer
    place = next((index for index, each in enumerate(peers) if each.store_id == peer.store_id), None)
    if change.change_type == ConfChangeType.REMOVE_NODE:
        _remove(peers, place, peer, joint=joint)
        return
    voter = change.change_type == ConfChangeType.ADD_NODE
    if place is None:
        role = (Role.INCOMING_VOTER if joint else Role.VOTER) if voter else Role.LEARNER
        peers.append(replace(peer, role=role))
        return
    present = peers[place]
    if present.id != peer.id:
        raise ValueError(f"store {peer.store_id} has peer {present.id}, not {peer.id}")
    if voter and present.role == Role.LEARNER:
        peers[place] = replace(present, role=Role.INCOMING_VOTER if joint else Role.VOTER)
    elif not voter and present.role == Role.VOTER:
        peers[place] = replace(present, role=Role.DEMOTING_VOTER if joint else Role.LEARNER)
    else:
        raise ValueError(f"peer {peer.id} is a {present.role.name.lower()} already")


def _remove(peers: list[Peer], place: int | None, peer: Peer, *, joint: bool) -> None:
    if place is None or peers[place].id != peer.id:
        raise ValueError(f"there is no peer {peer.id} on store {peer.store_id}")
    if joint and peers[place].role == Role.VOTER:
        raise ValueError(f"peer {peer.id} is a voter, which cannot be removed in a joint change: demote it first")
    del peers[place]

"""What is wrong with one Region, and the operator that mends it: PD's patrol, one Region at a time.

The order is PD's: a joint state that was left behind; replicas on stores that are down; replicas on stores that are to
go; too few; one that never got its vote; too many; a better place by location labels. One operator at a time; the rest
shows again at the next look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.peerchange import is_joint, roles_by_store
from ycsbpy.minicluster.placement.filters import can_take_replica
from ycsbpy.minicluster.placement.moving import move_in
from ycsbpy.minicluster.placement.operators import ImpossibleError, Kind, Operator, Priority, leave_joint
from ycsbpy.minicluster.placement.scores import isolation, region_score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.minicluster.model import Peer
    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.view import Cluster, StoreView

__all__ = ["check_region", "pick_store"]


def check_region(cluster: Cluster, info: RegionInfo) -> Operator | None:
    """The operator that the Region needs most, or ``None``. It is for the caller to see that it has none yet."""
    if info.leader is None:
        return None  # nobody could carry out anything
    for checker in (_joint_state, _down_peers, _offline_peers, _missing, _left_over_learners, _extra, _location):
        try:
            found = checker(cluster, info)
        except ImpossibleError:
            continue
        if found is not None:
            return found
    return None


def pick_store(cluster: Cluster, info: RegionInfo, *, instead_of: int = 0) -> StoreView | None:
    """The best store for one more replica: isolated best from the others, then the one with the lowest score."""
    schedule = cluster.schedule
    staying = [peer.store_id for peer in info.region.peers if peer.store_id != instead_of]
    taken = {peer.store_id for peer in info.region.peers}
    others = [cluster.stores[store] for store in staying if store in cluster.stores]

    def rank(store: StoreView) -> tuple[float, float, int]:
        score = region_score(store, store.region_influence, schedule.low_space_ratio)
        return (-isolation(schedule.location_labels, store, others), score, store.id)

    candidates = [
        store for store in cluster.stores.values() if store.id not in taken and can_take_replica(store, schedule)
    ]
    return min(candidates, key=rank, default=None)


def _voters(info: RegionInfo) -> list[Peer]:
    return [peer for peer in info.region.peers if peer.role is Role.VOTER]


def _change(
    cluster: Cluster, info: RegionInfo, desc: str, target: dict[int, Role], priority: Priority = Priority.HIGH
) -> Operator:
    return move_in(cluster, info, desc, target, kind=Kind.REPLICA | Kind.REGION, priority=priority)


def _joint_state(_cluster: Cluster, info: RegionInfo) -> Operator | None:
    return leave_joint(info) if is_joint(info.region) else None


def _down_peers(cluster: Cluster, info: RegionInfo) -> Operator | None:
    schedule = cluster.schedule
    if not schedule.enable_remove_down_replica:
        return None
    for down in info.down_peers:
        if info.region.peer_on(down.peer.store_id) is None or down.down_seconds < schedule.max_store_down_time:
            continue
        if cluster.state_of(down.peer.store_id) in ("Down", "Tombstone"):
            found = _replace(cluster, info, down.peer.store_id, "down")
            if found is not None:
                return found
    return None


def _offline_peers(cluster: Cluster, info: RegionInfo) -> Operator | None:
    if not cluster.schedule.enable_replace_offline_replica:
        return None
    for peer in info.region.peers:
        if cluster.state_of(peer.store_id) in ("Offline", "Tombstone"):
            found = _replace(cluster, info, peer.store_id, "offline")
            if found is not None:
                return found
    return None


def _replace(cluster: Cluster, info: RegionInfo, store_id: int, why: str) -> Operator | None:
    """Another replica for the one on a store that is not coming back, or simply without it where there are enough."""
    target = roles_by_store(info.region, without=store_id)
    if sum(role is Role.VOTER for role in target.values()) >= cluster.schedule.max_replicas:
        return _change(cluster, info, f"remove-orphan-{why}-peer", target)
    place = pick_store(cluster, info, instead_of=store_id)
    if place is None:
        return None
    target[place.id] = Role.VOTER
    return _change(cluster, info, f"replace-rule-{why}-peer", target)


def _missing(cluster: Cluster, info: RegionInfo) -> Operator | None:
    schedule = cluster.schedule
    if not schedule.enable_make_up_replica or len(info.region.peers) >= schedule.max_replicas:
        return None
    place = pick_store(cluster, info)
    if place is None:
        return None
    return _change(cluster, info, "add-rule-peer", {**roles_by_store(info.region), place.id: Role.VOTER})


def _left_over_learners(cluster: Cluster, info: RegionInfo) -> Operator | None:
    """A learner that an operator left behind when it was given up: the vote it lacks, or out with it."""
    learners = [peer for peer in info.region.peers if peer.role is Role.LEARNER]
    if not learners:
        return None
    lagging = {peer.id for peer in info.pending_peers} | {each.peer.id for each in info.down_peers}
    if len(_voters(info)) < cluster.schedule.max_replicas:
        ready = [peer for peer in learners if peer.id not in lagging]
        if not ready:
            return None
        return _change(cluster, info, "fix-peer-role", {**roles_by_store(info.region), ready[0].store_id: Role.VOTER})
    return _change(cluster, info, "remove-orphan-peer", roles_by_store(info.region, without=learners[0].store_id))


def _extra(cluster: Cluster, info: RegionInfo) -> Operator | None:
    schedule = cluster.schedule
    voters = _voters(info)
    if not schedule.enable_remove_extra_replica or len(voters) <= schedule.max_replicas:
        return None
    unwell = {peer.id for peer in info.pending_peers} | {each.peer.id for each in info.down_peers}
    leader = info.leader.id if info.leader is not None else 0

    def rank(peer: Peer) -> tuple[bool, bool, float, float, int]:
        store = cluster.stores.get(peer.store_id)
        others = [cluster.stores[p.store_id] for p in voters if p.id != peer.id and p.store_id in cluster.stores]
        apart = isolation(schedule.location_labels, store, others) if store else 0.0
        score = region_score(store, store.region_influence, schedule.low_space_ratio) if store else 0.0
        return (peer.id not in unwell, peer.id == leader, apart, -score, peer.id)

    goes = min(voters, key=rank)
    return _change(cluster, info, "remove-extra-replica", roles_by_store(info.region, without=goes.store_id))


def _location(cluster: Cluster, info: RegionInfo) -> Operator | None:
    schedule = cluster.schedule
    if not schedule.enable_location_replacement or not schedule.location_labels:
        return None
    for peer, gain in _worst_placed(cluster, info):
        place = pick_store(cluster, info, instead_of=peer.store_id)
        if place is None:
            continue
        others = [cluster.stores[p.store_id] for p in info.region.peers if p.id != peer.id]
        if isolation(schedule.location_labels, place, others) > gain:
            target = {**roles_by_store(info.region, without=peer.store_id), place.id: Role.VOTER}
            return _change(cluster, info, "move-to-better-location", target, Priority.LOW)
    return None


def _worst_placed(cluster: Cluster, info: RegionInfo) -> Iterator[tuple[Peer, float]]:
    known = [peer for peer in _voters(info) if peer.store_id in cluster.stores]
    if len(known) != len(info.region.peers):
        return
    labels = cluster.schedule.location_labels
    scored = []
    for peer in known:
        others = [cluster.stores[each.store_id] for each in known if each.id != peer.id]
        scored.append((isolation(labels, cluster.stores[peer.store_id], others), peer.id, peer))
    for score, _, peer in sorted(scored, key=lambda row: row[:2]):
        yield peer, score

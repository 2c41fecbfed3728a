"""What is uneven between stores, and the operator that evens it out: balance-region and balance-leader.

After PD's schedulers (protocol facts, not code): the store with the highest score gives, the one with the lowest takes,
and nothing moves while the difference is within tolerance, counting what is under way already against the move, so that
it stops. Empty Regions are not moved once there are a hundred (tikv/pd#8285), and leaders only while the difference of
their counts is above ten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.peerchange import roles_by_store
from ycsbpy.minicluster.placement.filters import (
    can_give_leader,
    can_give_replica,
    can_take_leader,
    can_take_replica,
    is_healthy,
    is_replicated,
)
from ycsbpy.minicluster.placement.moving import move_in
from ycsbpy.minicluster.placement.operators import ImpossibleError, Kind, Operator, transfer_leader
from ycsbpy.minicluster.placement.scores import isolation, leader_score, region_score

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.view import Cluster, StoreView

__all__ = ["BALANCE_LEADER", "BALANCE_REGION", "Chance", "balance_leader", "balance_region"]

BALANCE_REGION = "balance-region-scheduler"
BALANCE_LEADER = "balance-leader-scheduler"
EMPTY_MIB = 1
EMPTY_MOVES_BELOW = 100
"""Regions in the cluster below which empty ones are balanced too."""
LEADER_TOLERANCE = 5
TRIES = 10


class Chance(Protocol):
    """What is needed of ``random.Random``."""

    def sample(self, population: Sequence[RegionInfo], k: int) -> list[RegionInfo]: ...


def balance_region(cluster: Cluster, chance: Chance) -> Operator | None:
    """Move one replica from a fuller store to an emptier one, or nothing."""
    low = cluster.schedule.low_space_ratio

    def score(store: StoreView) -> float:
        return region_score(store, store.region_influence, low)

    tolerance = cluster.tolerant_size()
    stores = sorted((s for s in cluster.stores.values() if s.state != "Tombstone"), key=lambda s: (-score(s), s.id))
    for position, source in enumerate(stores[:-1]):
        if not can_give_replica(source, cluster.schedule):
            continue
        for info in _candidates(cluster, source, chance):
            for target in reversed(stores[position + 1 :]):
                if _keeps_isolation(cluster, info, source, target) and _worth_it(source, target, tolerance, low):
                    return _move(cluster, info, source, target)
    return None


def _candidates(cluster: Cluster, source: StoreView, chance: Chance) -> list[RegionInfo]:
    """Some of the Regions that may be moved off a store, those with a follower there first."""
    followers: list[RegionInfo] = []
    leaders: list[RegionInfo] = []
    for info in cluster.regions:
        if info.region.peer_on(source.id) is None or info.region.id in cluster.busy_regions or info.leader is None:
            continue
        if not is_healthy(info) or not is_replicated(info, cluster):
            continue
        if info.size_mib <= EMPTY_MIB and len(cluster.regions) >= EMPTY_MOVES_BELOW:
            continue
        (leaders if info.leader.store_id == source.id else followers).append(info)
    chosen = chance.sample(followers, min(TRIES, len(followers)))
    return chosen + chance.sample(leaders, min(TRIES - len(chosen), len(leaders)))


def _keeps_isolation(cluster: Cluster, info: RegionInfo, source: StoreView, target: StoreView) -> bool:
    if info.region.peer_on(target.id) is not None or not can_take_replica(target, cluster.schedule):
        return False
    labels = cluster.schedule.location_labels
    if not labels:
        return True
    others = [
        cluster.stores[peer.store_id]
        for peer in info.region.peers
        if peer.store_id != source.id and peer.store_id in cluster.stores
    ]
    return isolation(labels, target, others) >= isolation(labels, source, others)


def _worth_it(source: StoreView, target: StoreView, tolerance: int, low: float) -> bool:
    """PD's ``shouldBalance``: would the source still be the fuller one, with what is under way and the tolerance?"""
    given, taken = source.region_influence, target.region_influence
    if given > 0:
        given = -given
    if taken < 0:
        taken = -taken
    return region_score(source, given * 5 - tolerance, low) > region_score(target, taken * 5 + tolerance, low)


def _move(cluster: Cluster, info: RegionInfo, source: StoreView, target: StoreView) -> Operator | None:
    roles = roles_by_store(info.region, without=source.id)
    try:
        return move_in(cluster, info, BALANCE_REGION, {**roles, target.id: Role.VOTER}, kind=Kind.REGION)
    except ImpossibleError:
        return None


def balance_leader(cluster: Cluster, chance: Chance) -> Operator | None:
    """Give one leadership from the store with the most to one with fewer, or nothing."""
    stores = [store for store in cluster.stores.values() if store.state in ("Up", "Offline", "Disconnected")]

    def score(store: StoreView) -> tuple[float, int]:
        return (leader_score(store, store.leader_influence), store.id)

    givers = sorted((s for s in stores if can_give_leader(s)), key=score, reverse=True)
    takers = sorted((s for s in stores if can_take_leader(s)), key=score)
    for giver, taker in zip(givers, takers, strict=False):  # in turn, as PD does: who has most, who has least
        found = _send_out(cluster, giver, takers, chance) or _pull_in(cluster, taker, chance)
        if found is not None:
            return found
    return None


def _send_out(cluster: Cluster, giver: StoreView, takers: Iterable[StoreView], chance: Chance) -> Operator | None:
    led = [info for info in _movable(cluster) if info.leader is not None and info.leader.store_id == giver.id]
    for info in chance.sample(led, min(TRIES, len(led))):
        for taker in takers:
            found = _transfer(cluster, info, giver, taker)
            if found is not None:
                return found
    return None


def _pull_in(cluster: Cluster, taker: StoreView, chance: Chance) -> Operator | None:
    followed = [
        info
        for info in _movable(cluster)
        if info.leader is not None and info.leader.store_id != taker.id and info.region.peer_on(taker.id) is not None
    ]
    for info in chance.sample(followed, min(TRIES, len(followed))):
        assert info.leader is not None
        giver = cluster.stores.get(info.leader.store_id)
        if giver is not None and can_give_leader(giver):
            found = _transfer(cluster, info, giver, taker)
            if found is not None:
                return found
    return None


def _movable(cluster: Cluster) -> list[RegionInfo]:
    return [info for info in cluster.regions if info.region.id not in cluster.busy_regions and is_healthy(info)]


def _transfer(cluster: Cluster, info: RegionInfo, giver: StoreView, taker: StoreView) -> Operator | None:
    peer = info.region.peer_on(taker.id)
    if peer is None or peer.role is not Role.VOTER or taker.id == giver.id:
        return None
    ratio = cluster.schedule.tolerant_size_ratio
    tolerance = ratio if ratio > 0 else LEADER_TOLERANCE
    gives = leader_score(giver, -abs(giver.leader_influence) - tolerance)
    takes = leader_score(taker, abs(taker.leader_influence) + tolerance)
    if gives <= takes:
        return None
    try:
        return transfer_leader(info, BALANCE_LEADER, taker.id)
    except ImpossibleError:
        return None

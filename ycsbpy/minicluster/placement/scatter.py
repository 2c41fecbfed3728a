"""Scatter: spread the replicas and the leaders of some Regions evenly, whatever else the stores hold.

Split Regions all begin on their parent's stores; a scatter moves them apart at once instead of waiting for balance.
Each Region in turn gives each of its Peers the store that has the fewest of the group so far, then its leader
likewise. PD remembers a group for three minutes, so that Regions which are named one by one are spread as one group.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.placement.filters import can_take_leader, can_take_replica, is_healthy, is_replicated
from ycsbpy.minicluster.placement.operators import ImpossibleError, Kind, Operator, Priority, move
from ycsbpy.minicluster.placement.scores import isolation

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.view import Cluster

__all__ = ["SCATTER", "Groups", "Spread", "scatter"]

SCATTER = "scatter-region"
GROUP_LIVES_NS = 180 * NS_PER_SECOND


@dataclass(slots=True)
class Spread:
    """How many replicas and leaders of a group have been given to each store so far."""

    peers: Counter[int] = field(default_factory=Counter)
    leaders: Counter[int] = field(default_factory=Counter)
    used_ns: int = 0


class Groups:
    """The groups by name; one that has not been used for three minutes begins anew."""

    def __init__(self) -> None:
        self._by_name: dict[str, Spread] = {}

    def of(self, name: str, now_ns: int) -> Spread:
        """The group's spread so far."""
        for old in [each for each, spread in self._by_name.items() if now_ns - spread.used_ns > GROUP_LIVES_NS]:
            del self._by_name[old]
        spread = self._by_name.setdefault(name, Spread())
        spread.used_ns = now_ns
        return spread


def scatter(cluster: Cluster, info: RegionInfo, spread: Spread) -> Operator | None:
    """The operator for one Region more of a group, ``None`` if it is well placed.

    Raises ``ImpossibleError`` for a Region without a leader, not fully replicated, or with a Peer that is unwell.
    """
    region_id = info.region.id
    if not is_replicated(info, cluster):
        raise ImpossibleError(f"region {region_id} is not fully replicated")
    if info.leader is None:
        raise ImpossibleError(f"region {region_id} has no leader")
    if not is_healthy(info):
        raise ImpossibleError(f"region {region_id} has a peer that is down or lags")
    stores = _places(cluster, info, spread.peers)
    fit = [each for each in stores if each in cluster.stores and can_take_leader(cluster.stores[each])]
    now = info.leader.store_id
    leader = min(fit or stores, key=lambda each: (spread.leaders[each], each != now))
    spread.peers.update(stores)
    spread.leaders[leader] += 1
    if leader == now and set(stores) == {peer.store_id for peer in info.region.peers}:
        return None
    return move(
        info,
        SCATTER,
        dict.fromkeys(stores, Role.VOTER),
        kind=Kind.ADMIN | Kind.REGION,
        priority=Priority.HIGH,
        new_id=cluster.new_id,
        leader_store=leader,
        joint=cluster.schedule.enable_joint_consensus,
    )


def _places(cluster: Cluster, info: RegionInfo, group: Counter[int]) -> list[int]:
    """Where the Region's replicas go: as many stores as it has Peers, none twice."""
    labels = cluster.schedule.location_labels
    chosen = [peer.store_id for peer in info.region.peers]
    for position, here in enumerate(chosen):
        others = [cluster.stores[each] for each in chosen if each != here and each in cluster.stores]
        now = isolation(labels, cluster.stores[here], others) if here in cluster.stores else 0.0
        better = [
            store.id
            for store in cluster.stores.values()
            if store.id not in chosen
            and can_take_replica(store, cluster.schedule, urgent=True)
            and group[store.id] < group[here]
            and isolation(labels, store, others) >= now
        ]
        if better:
            chosen[position] = min(better, key=lambda each: (group[each], each))
    return chosen

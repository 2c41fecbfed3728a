"""Scatter: spread the replicas and the leaders of some Regions evenly, whatever else the stores hold.

Split Regions all begin on their parent's stores; a scatter moves them apart at once instead of waiting for balance.
Each Region in turn gives each of its Peers the store that has the fewest of the group so far, then its leader
likewise.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.placement.filters import can_take_leader, can_take_replica, is_healthy, is_replicated
from ycsbpy.minicluster.placement.operators import ImpossibleError, Kind, Operator, Priority, move
from ycsbpy.minicluster.placement.scores import isolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.view import Cluster

__all__ = ["scatter"]


def scatter(cluster: Cluster, regions: Sequence[RegionInfo]) -> list[Operator]:
    """The operators; none for a Region that is well placed, unwell or not fully replicated."""
    peers: Counter[int] = Counter()
    leaders: Counter[int] = Counter()
    operators = []
    for info in regions:
        if info.leader is None or not is_healthy(info) or not is_replicated(info, cluster):
            continue
        stores = _places(cluster, info, peers)
        peers.update(stores)
        fit = [each for each in stores if each in cluster.stores and can_take_leader(cluster.stores[each])]
        now = info.leader.store_id
        leader = min(fit or stores, key=lambda each: (leaders[each], each != now))
        leaders[leader] += 1
        try:
            operators.append(
                move(
                    info,
                    "scatter-region",
                    dict.fromkeys(stores, Role.VOTER),
                    kind=Kind.ADMIN | Kind.REGION,
                    priority=Priority.HIGH,
                    new_id=cluster.new_id,
                    leader_store=leader,
                    joint=cluster.schedule.enable_joint_consensus,
                )
            )
        except ImpossibleError:
            continue
    return operators


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

"""Moves as the cluster's settings and the state of its stores have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.placement.filters import can_take_leader
from ycsbpy.minicluster.placement.operators import Kind, Operator, Priority, move

if TYPE_CHECKING:
    from ycsbpy.minicluster.model import Role
    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.view import Cluster

__all__ = ["move_in"]


def move_in(
    cluster: Cluster,
    info: RegionInfo,
    desc: str,
    target: dict[int, Role],
    *,
    kind: Kind,
    priority: Priority = Priority.MEDIUM,
) -> Operator:
    """``operators.move``, with leadership going to stores that may take it, jointly if joint changes are enabled."""
    return move(
        info,
        desc,
        target,
        kind=kind,
        priority=priority,
        new_id=cluster.new_id,
        can_lead=lambda store: store in cluster.stores and can_take_leader(cluster.stores[store]),
        joint=cluster.schedule.enable_joint_consensus,
    )

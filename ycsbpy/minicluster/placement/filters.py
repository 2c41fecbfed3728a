"""Which stores may give or take a replica or a leader (PD's ``StoreStateFilter``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.model import Role

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.schedule import Schedule
    from ycsbpy.minicluster.placement.view import Cluster, StoreView

__all__ = [
    "can_give_leader",
    "can_give_replica",
    "can_take_leader",
    "can_take_replica",
    "is_healthy",
    "is_replicated",
]


def can_take_replica(store: StoreView, schedule: Schedule, *, urgent: bool = False) -> bool:
    """Whether a replica may be put there. ``urgent`` looks past the store's limit, which a queue then waits for."""
    return (
        store.up
        and not store.busy
        and (urgent or store.can_add)
        and store.snapshots <= schedule.max_snapshot_count
        and store.pending <= schedule.max_pending_peer_count
    )


def can_give_replica(store: StoreView, schedule: Schedule) -> bool:
    """Whether balance may take a replica away."""
    return store.state in ("Up", "Disconnected", "Offline") and (
        not store.busy and store.can_remove and store.snapshots <= schedule.max_snapshot_count
    )


def can_take_leader(store: StoreView) -> bool:
    """Whether a leader may be moved there."""
    return store.up and not store.busy


def can_give_leader(store: StoreView) -> bool:
    """Whether leaders may be moved away by balance."""
    return store.state in ("Up", "Offline")


def is_healthy(info: RegionInfo, *, allow_pending: bool = False) -> bool:
    """No down Peer, and none that lags."""
    return not info.down_peers and (allow_pending or not info.pending_peers)


def is_replicated(info: RegionInfo, cluster: Cluster) -> bool:
    """As many voters as there should be, and nothing else."""
    voters = [peer for peer in info.region.peers if peer.role is Role.VOTER]
    return len(voters) == len(info.region.peers) == cluster.schedule.max_replicas

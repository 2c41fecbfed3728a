"""The cluster's values as protobuf messages, there and back."""

from __future__ import annotations

from ycsbpy.minicluster.model import Epoch, NodeState, Peer, Region, Role, Store, StoreState
from ycsbpy.proto import metapb_pb2 as metapb

__all__ = [
    "peer_from_pb",
    "peer_to_pb",
    "region_from_pb",
    "region_to_pb",
    "store_from_pb",
    "store_to_pb",
]


def peer_to_pb(peer: Peer) -> metapb.Peer:
    """Return ``peer`` as ``metapb.Peer``."""
    return metapb.Peer(id=peer.id, store_id=peer.store_id, role=int(peer.role), is_witness=peer.is_witness)  # type: ignore[arg-type]


def peer_from_pb(message: metapb.Peer) -> Peer:
    """Return the ``Peer`` of a message; a role that we do not know raises ``ValueError``."""
    return Peer(message.id, message.store_id, Role(message.role), message.is_witness)


def region_to_pb(region: Region) -> metapb.Region:
    """Return ``region`` as ``metapb.Region``."""
    return metapb.Region(
        id=region.id,
        start_key=region.start,
        end_key=region.end,
        region_epoch=metapb.RegionEpoch(conf_ver=region.epoch.conf_ver, version=region.epoch.version),
        peers=[peer_to_pb(peer) for peer in region.peers],
    )


def region_from_pb(message: metapb.Region) -> Region:
    """Return the ``Region`` of a message; a role that we do not know raises ``ValueError``."""
    epoch = message.region_epoch
    return Region(
        message.id,
        message.start_key,
        message.end_key,
        Epoch(epoch.conf_ver, epoch.version),
        tuple(peer_from_pb(peer) for peer in message.peers),
    )


def store_to_pb(store: Store) -> metapb.Store:
    """Return ``store`` as ``metapb.Store``."""
    return metapb.Store(
        id=store.id,
        address=store.address,
        state=int(store.state),  # type: ignore[arg-type]
        labels=[metapb.StoreLabel(key=key, value=value) for key, value in store.labels],
        version=store.version,
        peer_address=store.peer_address,
        status_address=store.status_address,
        git_hash=store.git_hash,
        start_timestamp=store.start_timestamp,
        deploy_path=store.deploy_path,
        last_heartbeat=store.last_heartbeat,
        physically_destroyed=store.physically_destroyed,
        node_state=int(store.node_state),  # type: ignore[arg-type]
    )


def store_from_pb(message: metapb.Store) -> Store:
    """Return the ``Store`` of a message; a state that we do not know raises ``ValueError``."""
    return Store(
        id=message.id,
        address=message.address,
        state=StoreState(message.state),
        labels=tuple((label.key, label.value) for label in message.labels),
        version=message.version,
        peer_address=message.peer_address,
        status_address=message.status_address,
        git_hash=message.git_hash,
        start_timestamp=message.start_timestamp,
        deploy_path=message.deploy_path,
        last_heartbeat=message.last_heartbeat,
        physically_destroyed=message.physically_destroyed,
        node_state=NodeState(message.node_state),
    )

"""A step of an operator as the command that PD sends to a Region's leader (``pdpb.RegionHeartbeatResponse``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Peer, Role
from ycsbpy.minicluster.placement.steps import (
    AddLearner,
    DemoteVoter,
    EnterJoint,
    LeaveJoint,
    PromoteLearner,
    RemovePeer,
    SplitRegion,
    TransferLeader,
)
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.steps import Step

__all__ = ["command"]


def command(cluster_id: int, info: RegionInfo, step: Step) -> pdpb.RegionHeartbeatResponse:
    """The message for the leader of ``info``. All changes of Peers go as ``change_peer_v2``, as PD sends them to
    clusters that know joint consensus; one without changes means to leave the joint state."""
    message = pdpb.RegionHeartbeatResponse(header=pdpb.ResponseHeader(cluster_id=cluster_id))
    message.region_id = info.region.id
    message.region_epoch.conf_ver = info.region.epoch.conf_ver
    message.region_epoch.version = info.region.epoch.version
    if info.leader is not None:
        message.target_peer.CopyFrom(wire.peer_to_pb(info.leader))
    if isinstance(step, TransferLeader):
        peer = wire.peer_to_pb(Peer(step.peer_id, step.to_store))
        message.transfer_leader.peer.CopyFrom(peer)
        message.transfer_leader.peers.append(peer)
    elif isinstance(step, SplitRegion):
        message.split_region.policy = pdpb.CheckPolicy.Value(step.policy)  # type: ignore[assignment]
        message.split_region.keys.extend(step.keys)
    else:
        message.change_peer_v2.SetInParent()
        for kind, peer_value in _changes(step):
            message.change_peer_v2.changes.add(peer=wire.peer_to_pb(peer_value), change_type=kind)
    return message


def _changes(
    step: AddLearner | PromoteLearner | DemoteVoter | EnterJoint | LeaveJoint | RemovePeer,
) -> list[tuple[pdpb.ConfChangeType, Peer]]:
    if isinstance(step, AddLearner | DemoteVoter):
        return [(pdpb.AddLearnerNode, Peer(step.peer_id, step.store_id, Role.LEARNER))]
    if isinstance(step, PromoteLearner):
        return [(pdpb.AddNode, Peer(step.peer_id, step.store_id))]
    if isinstance(step, RemovePeer):
        return [(pdpb.RemoveNode, Peer(step.peer_id, step.store_id, Role.LEARNER))]
    if isinstance(step, LeaveJoint):
        return []
    return [(pdpb.AddNode, Peer(peer, store)) for peer, store in step.promote] + [
        (pdpb.AddLearnerNode, Peer(peer, store, Role.LEARNER)) for peer, store in step.demote
    ]

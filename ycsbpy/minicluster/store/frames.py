"""Messages to other replicas as bytes: what Raft says, in the frame that says which Region and Peers it is about.

The frame is the same for all messages from one Peer to another until the Region changes, so it is kept as bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.raft import VOTE_REQUESTS, MessageType
from ycsbpy.minicluster.store.encoding import varint
from ycsbpy.minicluster.store.raftcodec import message_to_pb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.model import Peer, Region
    from ycsbpy.minicluster.raft import Message
    from ycsbpy.minicluster.store.peer import RaftPeer

__all__ = ["Frames"]


class Frames:
    """Makes ``raft_serverpb.RaftMessage`` as bytes."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[int, bytes]] = {}

    def forget(self, region_id: int) -> None:
        """The Region has changed, or is gone."""
        self._kept.pop(region_id, None)

    def of(self, peer: RaftPeer, to: Peer, message: Message) -> bytes:
        """Raft's message. Those that may make a replica tell the Region's range."""
        frames = self._kept.setdefault(peer.region.id, {})
        frame = frames.get(to.id)
        if frame is None:
            frame = frames[to.id] = _frame(peer.region, peer.peer, to).SerializeToString()
        body = message_to_pb(message).SerializeToString()
        parts = [frame, b"\x22", varint(len(body)), body]
        kind = message.msg_type
        if peer.initialized and (kind in VOTE_REQUESTS or (kind == MessageType.HEARTBEAT and not message.commit)):
            region = peer.region
            parts.append(raft_serverpb.RaftMessage(start_key=region.start, end_key=region.end).SerializeToString())
        return b"".join(parts)

    @staticmethod
    def aside(peer: RaftPeer, to: Peer, kind: str) -> bytes:
        """A message between stores about a group, beside Raft's."""
        message = _frame(peer.region, peer.peer, to)
        message.extra_msg.type = raft_serverpb.ExtraMessageType.Value(kind)  # type: ignore[assignment]
        return message.SerializeToString()

    @staticmethod
    def tombstone(region: Region, sender: Peer, to: Peer) -> bytes:
        """Word to a Peer that it was removed."""
        message = _frame(region, sender, to)
        message.is_tombstone = True
        return message.SerializeToString()


def _frame(region: Region, sender: Peer, to: Peer) -> raft_serverpb.RaftMessage:
    return raft_serverpb.RaftMessage(
        region_id=region.id,
        from_peer=wire.peer_to_pb(sender),
        to_peer=wire.peer_to_pb(to),
        region_epoch=metapb.RegionEpoch(conf_ver=region.epoch.conf_ver, version=region.epoch.version),
    )

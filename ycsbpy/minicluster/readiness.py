"""Is every Region of a cluster on as many stores as it should be? Asked of PD, as any client may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ycsbpy.errors import ClusterError
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["missing", "wait_replicated"]

POLL_S = 0.02
CALL_S = 3.0


def missing(regions: Sequence[pdpb.Region], replicas: int) -> str:
    """What the first Region lacks that is not where it should be, in words; empty if all are."""
    if not regions:
        return "PD knows no region"
    for each in regions:
        peers = each.region.peers
        voters = sum(peer.role == metapb.Voter for peer in peers)
        if len(peers) != voters or voters != replicas:
            return f"region {each.region.id} has {voters} voters of {len(peers)} peers and should have {replicas}"
        if not each.leader.id:
            return f"region {each.region.id} has no leader"
        if each.pending_peers or each.down_peers:
            return f"region {each.region.id} has peers that lag or are down"
    return ""


def wait_replicated(pd_address: str, cluster_id: int, replicas: int, timeout_s: float) -> None:
    """Wait until nothing is missing. Raises ``ClusterError`` that says what is, after ``timeout_s``."""
    import grpc

    from ycsbpy.minicluster.rpc import channel_options

    deadline = time.monotonic() + timeout_s
    request = pdpb.ScanRegionsRequest(header=pdpb.RequestHeader(cluster_id=cluster_id))
    with grpc.insecure_channel(pd_address, channel_options()) as channel:
        call: Any = channel.unary_unary("/pdpb.PD/ScanRegions")
        while True:
            try:
                answer = pdpb.ScanRegionsResponse.FromString(call(request.SerializeToString(), timeout=CALL_S))
                lacks = missing(answer.regions, replicas)
            except grpc.RpcError as error:
                lacks = f"PD does not answer: {error.details()}"
            if not lacks:
                return
            if time.monotonic() >= deadline:
                raise ClusterError(f"not replicated within {timeout_s:g} s: {lacks}")
            time.sleep(POLL_S)

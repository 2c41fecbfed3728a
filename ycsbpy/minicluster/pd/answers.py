"""PD's answers about Regions and stores, as protobuf messages."""

from __future__ import annotations

import math
from typing import TypeAlias

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.pd.regiontree import DownPeer, RegionInfo, RegionTree
from ycsbpy.minicluster.pd.state import SlowTrend, StoreStats
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

__all__ = ["fill_region", "fill_scanned", "query_regions", "report_from_pb", "stats_from_pb", "stats_to_pb"]

Described: TypeAlias = pdpb.GetRegionResponse | pdpb.RegionResponse | pdpb.Region

STATS = (
    "capacity",
    "available",
    "used_size",
    "region_count",
    "start_time",
    "sending_snap_count",
    "receiving_snap_count",
    "applying_snap_count",
    "is_busy",
    "bytes_written",
    "keys_written",
    "bytes_read",
    "keys_read",
    "slow_score",
)


def fill_region(response: Described, info: RegionInfo | None) -> None:
    """Describe a Region in ``response``; leave it as it is when there is none."""
    if info is None:
        return
    response.region.CopyFrom(wire.region_to_pb(info.region))
    if info.leader is not None:
        response.leader.CopyFrom(wire.peer_to_pb(info.leader))
    for down in info.down_peers:
        response.down_peers.add(peer=wire.peer_to_pb(down.peer), down_seconds=down.down_seconds)
    for peer in info.pending_peers:
        response.pending_peers.append(wire.peer_to_pb(peer))


def fill_scanned(response: pdpb.Region, info: RegionInfo) -> None:
    """As ``fill_region``, for lists: there an unknown leader is an empty Peer, so that lists stay aligned."""
    fill_region(response, info)
    if info.leader is None:
        response.leader.CopyFrom(metapb.Peer())


def query_regions(regions: RegionTree, request: pdpb.QueryRegionRequest) -> pdpb.QueryRegionResponse:
    """Answer many look-ups at once: by key, by the key that follows, by id. The header is the caller's to set.

    Each asked key gets a Region id, in order, 0 for none; each Region is described once; an id that nobody knows has an
    empty description.
    """
    response = pdpb.QueryRegionResponse()
    found: dict[int, RegionInfo] = {}
    for keys, find, ids in (
        (request.keys, regions.find, response.key_id_map),
        (request.prev_keys, regions.find_previous, response.prev_key_id_map),
    ):
        for key in keys:
            info = find(key)
            ids.append(info.region.id if info is not None else 0)
            if info is not None:
                found[info.region.id] = info
    for region_id in request.ids:
        info = regions.get(region_id)
        if info is not None:
            found[region_id] = info
        elif region_id:
            response.regions_by_id[region_id].SetInParent()
    for region_id, info in found.items():
        fill_region(response.regions_by_id[region_id], info)
    return response


def report_from_pb(request: pdpb.RegionHeartbeatRequest) -> RegionInfo:
    """Return what a leader reports of its Region; a role that we do not know raises ``ValueError``."""
    return RegionInfo(
        region=wire.region_from_pb(request.region),
        leader=wire.peer_from_pb(request.leader) if request.HasField("leader") else None,
        term=request.term,
        down_peers=tuple(
            sorted(
                (DownPeer(wire.peer_from_pb(down.peer), down.down_seconds) for down in request.down_peers),
                key=lambda down: down.peer.id,
            )
        ),
        pending_peers=tuple(
            sorted((wire.peer_from_pb(peer) for peer in request.pending_peers), key=lambda peer: peer.id)
        ),
        approximate_size=request.approximate_size,
        approximate_keys=request.approximate_keys,
        bytes_written=request.bytes_written,
        keys_written=request.keys_written,
        bytes_read=request.bytes_read,
        keys_read=request.keys_read,
    )


def stats_from_pb(message: pdpb.StoreStats) -> StoreStats:
    """Return a store's statistics."""
    interval = message.interval
    values = {name: getattr(message, name) for name in STATS}
    trend = SlowTrend(*(getattr(message.slow_trend, name) for name in SlowTrend._fields))
    told = message.HasField("slow_trend") and all(map(math.isfinite, trend))  # JSON has no other numbers
    return StoreStats(
        **values,
        interval=(interval.start_timestamp, interval.end_timestamp),
        slow_trend=trend if told else None,
        network_slow_scores=tuple(sorted(message.network_slow_scores.items())),
    )


def stats_to_pb(store_id: int, stats: StoreStats) -> pdpb.StoreStats:
    """Return a store's statistics as it reported them."""
    start, end = stats.interval
    message = pdpb.StoreStats(store_id=store_id, **{name: getattr(stats, name) for name in STATS})
    message.interval.start_timestamp, message.interval.end_timestamp = start, end
    if stats.slow_trend is not None:
        message.slow_trend.CopyFrom(pdpb.SlowTrend(**stats.slow_trend._asdict()))
    message.network_slow_scores.update(stats.network_slow_scores)
    return message

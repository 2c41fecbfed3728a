"""Regions and statistics in PD's messages."""

from __future__ import annotations

import math

import pytest

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.pd import answers
from ycsbpy.minicluster.pd.regiontree import DownPeer, RegionInfo, RegionTree
from ycsbpy.minicluster.pd.state import SlowTrend, StoreStats
from ycsbpy.proto import pdpb_pb2 as pdpb

PEERS = (Peer(3, 1), Peer(5, 2))
LEFT = RegionInfo(Region(2, b"", b"m", Epoch(4, 2), PEERS), PEERS[0], 6, (DownPeer(PEERS[1], 9),), (PEERS[1],))
RIGHT = RegionInfo(Region(7, b"m", b"", Epoch(1, 2), (Peer(8, 1),)), Peer(8, 1))


def tree() -> RegionTree:
    regions = RegionTree()
    regions.put(LEFT)
    regions.put(RIGHT)
    return regions


def test_a_region_is_told_with_all_that_is_known() -> None:
    response = pdpb.GetRegionResponse()
    answers.fill_region(response, LEFT)
    assert wire.region_from_pb(response.region) == LEFT.region
    assert wire.peer_from_pb(response.leader) == PEERS[0]
    assert [(down.peer.id, down.down_seconds) for down in response.down_peers] == [(5, 9)]
    assert [peer.id for peer in response.pending_peers] == [5]


def test_no_region_is_no_field() -> None:
    response = pdpb.GetRegionResponse()
    answers.fill_region(response, None)
    assert not response.HasField("region")
    assert not response.HasField("leader")


def test_lists_have_an_empty_leader_where_none_is_known() -> None:
    entry = pdpb.Region()
    answers.fill_scanned(entry, RegionInfo(RIGHT.region))
    assert entry.HasField("leader")
    assert entry.leader.id == 0


def test_many_look_ups_at_once() -> None:
    request = pdpb.QueryRegionRequest(ids=[7, 99, 0], keys=[b"a", b"m", b"a"], prev_keys=[b"m", b""])
    response = answers.query_regions(tree(), request)
    assert list(response.key_id_map) == [2, 7, 2]
    assert list(response.prev_key_id_map) == [2, 0]
    assert sorted(response.regions_by_id) == [2, 7, 99]
    assert wire.region_from_pb(response.regions_by_id[7].region) == RIGHT.region
    assert not response.regions_by_id[99].HasField("region")
    for region_id in (2, 7):
        assert response.regions_by_id[region_id].HasField("leader")


def test_many_look_ups_without_any_region() -> None:
    response = answers.query_regions(RegionTree(), pdpb.QueryRegionRequest(keys=[b"a"], prev_keys=[b"b"]))
    assert (list(response.key_id_map), list(response.prev_key_id_map)) == ([0], [0])


def test_a_report_is_read() -> None:
    request = pdpb.RegionHeartbeatRequest(
        region=wire.region_to_pb(LEFT.region),
        leader=wire.peer_to_pb(PEERS[0]),
        term=6,
        approximate_size=100,
        approximate_keys=10,
        bytes_written=1,
        keys_written=2,
        bytes_read=3,
        keys_read=4,
    )
    request.down_peers.add(peer=wire.peer_to_pb(PEERS[1]), down_seconds=9)
    request.pending_peers.append(wire.peer_to_pb(PEERS[1]))
    info = answers.report_from_pb(request)
    assert info == RegionInfo(LEFT.region, PEERS[0], 6, (DownPeer(PEERS[1], 9),), (PEERS[1],), 100, 10, 1, 2, 3, 4)
    request.ClearField("leader")
    assert answers.report_from_pb(request).leader is None


def test_statistics_survive() -> None:
    for trend in (None, SlowTrend(0.5, 0.0, 16.0, -17.5), SlowTrend(0.0, 0.0, 0.0, 0.0)):
        stats = StoreStats(1, 2, 3, 4, 5, 6, 7, 8, True, 9, 10, 11, 12, 13, (14, 15), trend, ((4, 1), (5, 100)))
        message = answers.stats_to_pb(21, stats)
        assert message.store_id == 21
        assert answers.stats_from_pb(message) == stats


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_trend_that_is_no_number_is_none(value: float) -> None:
    message = pdpb.StoreStats(slow_trend=pdpb.SlowTrend(cause_rate=value))
    assert answers.stats_from_pb(message).slow_trend is None

"""PD's JSON, checked against what a pd-server printed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import Epoch, NodeState, Peer, Region, Role, Store
from ycsbpy.minicluster.pd import shapes
from ycsbpy.minicluster.pd.regiontree import DownPeer, RegionInfo
from ycsbpy.minicluster.pd.state import SlowTrend, StoreInfo, StoreLoad, StoreStats

GIB = 1 << 30
HEARTBEAT_NS = 1795427395721498266
STORE = Store(
    5,
    "127.0.0.1:20162",
    status_address="127.0.0.1:20182",
    start_timestamp=1795427206,
    deploy_path="/x",
    last_heartbeat=HEARTBEAT_NS,
    node_state=NodeState.SERVING,
)
STATS = StoreStats(
    capacity=100 * GIB, available=int(97.59375 * GIB), used_size=int(1.40625 * GIB), start_time=1795427206
)
PRINTED_STORE = """
{
  "store": {
    "id": 5,
    "address": "127.0.0.1:20162",
    "version": "8.5.0",
    "status_address": "127.0.0.1:20182",
    "start_timestamp": 1795427206,
    "deploy_path": "/x",
    "last_heartbeat": 1795427395721498266,
    "node_state": 1,
    "state_name": "Up"
  },
  "status": {
    "capacity": "100GiB",
    "available": "97.59GiB",
    "used_size": "1.406GiB",
    "leader_count": 3,
    "leader_weight": 1,
    "leader_score": 3,
    "leader_size": 288,
    "region_count": 15,
    "region_weight": 1,
    "region_score": 1440,
    "region_size": 1440,
    "start_ts": "2026-11-23T09:46:46Z",
    "last_heartbeat_ts": "2026-11-23T09:49:55.721498266Z",
    "uptime": "3m9.721498266s"
  }
}
"""
PRINTED_REGION = (
    '{"id":8,"start_key":"6B303030313030","end_key":"6B303030323030","epoch":{"conf_ver":5,"version":20},'
    '"peers":[{"role_name":"Voter","id":9,"store_id":1},{"role_name":"Voter","id":65,"store_id":5},'
    '{"role_name":"Voter","id":81,"store_id":74}],"leader":{"role_name":"Voter","id":9,"store_id":1},"cpu_usage":0,'
    '"written_bytes":0,"read_bytes":0,"written_keys":0,"read_keys":0,"approximate_size":96,"approximate_keys":960000,'
    '"approximate_kv_size":0,"approximate_columnar_kv_size":0}'
)
PEERS = (Peer(9, 1), Peer(65, 5), Peer(81, 74))
REGION = RegionInfo(
    Region(8, b"k000100", b"k000200", Epoch(5, 20), PEERS),
    PEERS[0],
    approximate_size=96 << 20,
    approximate_keys=960000,
)


def test_a_store_is_printed_as_pd_prints_it() -> None:
    load = StoreLoad(regions=15, leaders=3, region_size=1440, leader_size=288)
    shape = shapes.store(StoreInfo(STORE, STATS), load, HEARTBEAT_NS + NS_PER_SECOND)
    assert json.dumps(shape, indent=2) == PRINTED_STORE.strip()


def test_a_store_that_has_said_nothing_has_no_times() -> None:
    status = shapes.store(StoreInfo(STORE), StoreLoad(), HEARTBEAT_NS)["status"]
    assert {"start_ts", "uptime", "last_heartbeat_ts"}.isdisjoint(status)
    assert status["capacity"] == "0B"


def test_what_is_not_zero_is_told() -> None:
    info = StoreInfo(
        replace(STORE, labels=(("zone", "z1"),), physically_destroyed=True),
        replace(STATS, is_busy=True, sending_snap_count=2, slow_score=1),
        leader_weight=2.0,
        region_weight=0.5,
    )
    shape = shapes.store(info, StoreLoad(leaders=3, region_size=7, learners=1, pending=1, witnesses=1), HEARTBEAT_NS)
    assert shape["store"]["labels"] == [{"key": "zone", "value": "z1"}]
    assert shape["store"]["physically_destroyed"] is True
    assert (shape["status"]["leader_score"], shape["status"]["region_score"]) == (1.5, 14)
    for name in ("learner_count", "pending_peer_count", "witness_count", "is_busy", "sending_snap_count", "slow_score"):
        assert name in shape["status"]


def test_a_region_is_printed_as_pd_prints_it() -> None:
    assert json.dumps(shapes.region(REGION), separators=(",", ":")) == PRINTED_REGION


def test_peers_that_are_not_voters() -> None:
    peers = (PEERS[0], Peer(65, 5, Role.LEARNER), Peer(81, 74, Role.DEMOTING_VOTER, is_witness=True))
    info = replace(
        REGION,
        region=replace(REGION.region, peers=peers),
        down_peers=(DownPeer(peers[1], 60),),
        pending_peers=(peers[1],),
    )
    shape = shapes.region(info)
    learner = {"role_name": "Learner", "is_learner": True, "id": 65, "store_id": 5, "role": 1}
    assert shape["peers"][1] == learner
    assert shape["peers"][2] == {"role_name": "DemotingVoter", "id": 81, "store_id": 74, "role": 3, "is_witness": True}
    assert shape["down_peers"] == [{"down_seconds": 60, "peer": learner}]
    assert shape["pending_peers"] == [learner]


def test_sums_over_regions() -> None:
    other = replace(REGION, region=replace(REGION.region, id=9, peers=(Peer(10, 1),)), leader=None, approximate_size=1)
    shape = shapes.region_stats([REGION, other])
    assert shape == {
        "count": 2,
        "empty_count": 1,
        "storage_size": 97,
        "user_storage_size": 0,
        "user_columnar_storage_size": 0,
        "storage_keys": 1920000,
        "store_leader_count": {"1": 1},
        "store_peer_count": {"1": 2, "5": 1, "74": 1},
        "store_leader_size": {"1": 96},
        "store_leader_keys": {"1": 960000},
        "store_peer_size": {"1": 97, "5": 96, "74": 96},
        "store_peer_keys": {"1": 1920000, "5": 960000, "74": 960000},
    }


def test_a_count_alone() -> None:
    shape = shapes.region_stats([], count=20)
    assert shape["count"] == 20
    assert "store_peer_keys" not in shape


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0B"), (512, "512B"), (1024, "1KiB"), (1536, "1.5KiB"), (100 * GIB, "100GiB"), (1 << 50, "1PiB")],
)
def test_sizes(count: int, text: str) -> None:
    assert shapes.size(count) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (577_126_000, "577.126ms"),
        (NS_PER_SECOND, "1s"),
        (61 * NS_PER_SECOND, "1m1s"),
        (3600 * NS_PER_SECOND, "1h0m0s"),
        (189 * NS_PER_SECOND + 721_498_266, "3m9.721498266s"),
    ],
)
def test_durations(ns: int, text: str) -> None:
    assert shapes.duration(ns) == text


def test_how_slow_a_store_is() -> None:
    stats = replace(
        STATS, slow_score=7, slow_trend=SlowTrend(0.5, 0.0, 16.0, -1.25), network_slow_scores=((4, 1), (6, 80))
    )
    shape = json.loads(json.dumps(shapes.store(StoreInfo(STORE, stats), StoreLoad(), HEARTBEAT_NS)))
    assert shape["status"]["slow_score"] == 7
    assert shape["status"]["network_slow_score"] == {"4": 1, "6": 80}
    trend = shape["status"]["slow_trend"]
    assert trend == {"cause_value": 0.5, "cause_rate": 0, "result_value": 16, "result_rate": -1.25}
    still = shapes.store(StoreInfo(STORE, STATS), StoreLoad(), HEARTBEAT_NS)["status"]
    assert not still.keys() & {"slow_score", "slow_trend", "network_slow_score"}

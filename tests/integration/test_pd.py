"""PD's gRPC calls and its HTTP interface, on one port, as clients and stores use them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import grpc
import pytest
from pdkit import STORE, asked, running_pd
from pdkit import lone_region as region
from processes import until
from rawclient import RawClient

from ycsbpy.minicluster import MiniCluster
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def client(split_cluster: MiniCluster) -> Iterator[RawClient]:
    with RawClient(split_cluster.pd_address) as made:
        yield made


@pytest.fixture
def lone_pd(tmp_path: Path) -> Iterator[str]:
    """The address of a PD without stores."""
    with running_pd(tmp_path) as address:
        yield address


# ---- members, ids, timestamps ----


def test_members_need_no_cluster_id(client: RawClient, split_cluster: MiniCluster) -> None:
    for header in (None, client.header(), client.header(1)):
        answer = client.pd("GetMembers", header=header)
        assert answer.header.cluster_id == split_cluster.cluster_id
        assert not answer.header.HasField("error")
        assert answer.leader == answer.etcd_leader == answer.members[0]
        assert list(answer.leader.client_urls) == [f"http://{split_cluster.pd_address}"]
        assert answer.leader.member_id


def test_the_mode_needs_no_cluster_id(client: RawClient) -> None:
    answer = client.pd("GetClusterInfo", header=None)
    assert list(answer.service_modes) == [pdpb.PD_SVC_MODE]


CALLS: dict[str, dict[str, Any]] = {
    "IsBootstrapped": {},
    "AllocID": {"count": 1},
    "GetStore": {"store_id": 1},
    "PutStore": {"store": STORE},
    "GetAllStores": {},
    "StoreHeartbeat": {"stats": pdpb.StoreStats(store_id=1)},
    "GetRegion": {"region_key": b"k"},
    "GetPrevRegion": {"region_key": b"k"},
    "GetRegionByID": {"region_id": 2},
    "ScanRegions": {},
    "BatchScanRegions": {},
    "AskBatchSplit": {"region": region(), "split_count": 1},
    "ReportBatchSplit": {"regions": [region()]},
    "GetClusterConfig": {},
    "GetGCSafePoint": {},
    "UpdateGCSafePoint": {"safe_point": 0},
    "UpdateServiceGCSafePoint": {"service_id": b"backup", "TTL": 0},
    "SplitRegions": {},
    "ScatterRegion": {"region_id": 2},
    "SplitAndScatterRegions": {},
    "GetOperator": {"region_id": 2},
    "ReportMinResolvedTS": {"store_id": 1},
    "SetExternalTimestamp": {"timestamp": 1},
    "Bootstrap": {"store": STORE, "region": region()},
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("wrong", [None, 0, 1])
def test_another_cluster_is_refused(client: RawClient, method: str, wrong: int | None) -> None:
    header = None if wrong is None else client.header(wrong)
    with pytest.raises(grpc.RpcError) as caught:
        client.pd(method, header=header, **CALLS[method])
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    text = f"mismatch cluster id, need {client.cluster_id} but got {wrong or 0}"
    assert caught.value.details() == text


def test_ids_grow(client: RawClient) -> None:
    one = client.pd("AllocID", count=1)
    many = client.pd("AllocID", count=10)
    none = client.pd("AllocID")
    assert (many.id, many.count) == (one.id + 10, 10)
    assert (none.id, none.count) == (many.id + 1, 0)


def test_timestamps_grow_on_one_stream_and_over_streams(client: RawClient) -> None:
    last = (0, 0)
    for _ in range(2):
        messages = [pdpb.TsoRequest(header=client.header(), count=count).SerializeToString() for count in (1, 5, 64)]
        answers = [pdpb.TsoResponse.FromString(data) for data in client.pd_stream("Tso", iter(messages))]
        assert [answer.count for answer in answers] == [1, 5, 64]
        for answer in answers:
            stamp = (answer.timestamp.physical, answer.timestamp.logical)
            assert stamp > last
            assert stamp[1] >= answer.count or stamp[0] > last[0]
            last = stamp


@pytest.mark.parametrize(
    ("method", "message", "code"),
    [
        ("Tso", pdpb.TsoRequest(count=1), grpc.StatusCode.FAILED_PRECONDITION),
        ("QueryRegion", pdpb.QueryRegionRequest(), grpc.StatusCode.FAILED_PRECONDITION),
        ("RegionHeartbeat", pdpb.RegionHeartbeatRequest(), grpc.StatusCode.FAILED_PRECONDITION),
        ("Tso", b"\xff\xff", grpc.StatusCode.INTERNAL),
        ("NoSuchStream", b"", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_streams_end_with_a_status(client: RawClient, method: str, message: Any, code: grpc.StatusCode) -> None:
    data = message if isinstance(message, bytes) else message.SerializeToString()
    with pytest.raises(grpc.RpcError) as caught:
        list(client.pd_stream(method, iter([data])))
    assert caught.value.code() is code


def test_no_timestamp_for_nothing(client: RawClient) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(client.pd_stream("Tso", iter([pdpb.TsoRequest(header=client.header()).SerializeToString()])))
    assert "tso count should be positive" in (caught.value.details() or "")


def test_an_unknown_call(client: RawClient) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.pd_channel.unary_unary("/pdpb.PD/NoSuchCall")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "unknown method NoSuchCall for service pdpb.PD"


def test_a_request_that_is_none(client: RawClient) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.pd_channel.unary_unary("/pdpb.PD/GetRegion")(b"\xff\xff", timeout=10)
    assert caught.value.code() is grpc.StatusCode.INTERNAL


def test_health(client: RawClient) -> None:
    assert client.pd_channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"


# ---- Regions and stores ----


def test_regions_by_key_and_by_id(client: RawClient) -> None:
    answer = client.pd("GetRegion", region_key=b"c", need_buckets=True)
    assert (answer.region.start_key, answer.region.end_key) == (b"b", b"m")
    assert answer.leader == answer.region.peers[0]
    assert client.pd("GetRegionByID", region_id=answer.region.id) == answer
    before = client.pd("GetPrevRegion", region_key=b"c")
    assert (before.region.start_key, before.region.end_key) == (b"", b"b")
    assert before.leader.id
    for nothing in (client.pd("GetRegionByID", region_id=9999), client.pd("GetPrevRegion", region_key=b"a")):
        assert not nothing.HasField("region")
        assert not nothing.header.HasField("error")


def test_scans_of_regions(client: RawClient) -> None:
    answer = client.pd("ScanRegions", start_key=b"c", limit=64)
    assert [entry.region.start_key for entry in answer.regions] == [b"b", b"m"]
    assert [meta.start_key for meta in answer.region_metas] == [b"b", b"m"]
    assert list(answer.leaders) == [entry.leader for entry in answer.regions]
    assert [entry.region.start_key for entry in client.pd("ScanRegions", limit=1).regions] == [b""]
    ranges = [pdpb.KeyRange(start_key=b"a", end_key=b"aa"), pdpb.KeyRange(start_key=b"c")]
    answer = client.pd("BatchScanRegions", ranges=ranges, contain_all_key_range=True)
    assert [entry.region.start_key for entry in answer.regions] == [b"", b"b", b"m"]
    answer = client.pd("BatchScanRegions", ranges=[pdpb.KeyRange(start_key=b"c", end_key=b"a")])
    assert answer.header.error.type == pdpb.UNKNOWN


def test_look_ups_by_stream_come_in_order(client: RawClient) -> None:
    requests = [
        pdpb.QueryRegionRequest(header=client.header(), keys=[b"a", b"z", b"c"], prev_keys=[b"c", b"a"]),
        pdpb.QueryRegionRequest(header=client.header(), ids=[9999]),
    ]
    first, second = (
        pdpb.QueryRegionResponse.FromString(data)
        for data in client.pd_stream("QueryRegion", iter([request.SerializeToString() for request in requests]))
    )
    by_key = [client.pd("GetRegion", region_key=key).region for key in (b"a", b"z", b"c")]
    assert list(first.key_id_map) == [each.id for each in by_key]
    assert list(first.prev_key_id_map) == [by_key[0].id, 0]
    assert all(first.regions_by_id[each.id].region == each for each in by_key)
    assert all(first.regions_by_id[each.id].leader.id for each in by_key)
    assert not second.regions_by_id[9999].HasField("region")


def test_stores(client: RawClient, split_cluster: MiniCluster) -> None:
    (store,) = client.pd("GetAllStores", exclude_tombstone_stores=True).stores
    answer = client.pd("GetStore", store_id=store.id)
    assert answer.store.address == store.address == split_cluster.stores[0].address
    assert answer.store.node_state == metapb.Serving
    assert answer.store.version
    assert answer.stats.capacity > answer.stats.available > 0
    unknown = client.pd("GetStore", store_id=77)
    assert unknown.header.error == pdpb.Error(type=pdpb.UNKNOWN, message="invalid store ID 77, not found")
    assert not unknown.HasField("store")


def test_configuration(client: RawClient) -> None:
    assert client.pd("GetClusterConfig").cluster.id == client.cluster_id
    assert client.pd("GetGCSafePoint").safe_point == 0
    assert client.pd("IsBootstrapped").bootstrapped
    answer = client.pd("Bootstrap", store=STORE, region=region())
    assert answer.header.error.type == pdpb.ALREADY_BOOTSTRAPPED
    assert answer.header.cluster_id == client.cluster_id


# ---- a PD of our own, with stores played by the test ----


def test_before_the_first_store(lone_pd: str) -> None:
    with RawClient(lone_pd) as client:
        assert not client.pd("IsBootstrapped").bootstrapped
        for method in CALLS.keys() - {"IsBootstrapped", "AllocID", "Bootstrap"}:
            header = client.pd(method, **CALLS[method]).header
            assert header.error.type == pdpb.NOT_BOOTSTRAPPED
            assert header.cluster_id == client.cluster_id
        request = pdpb.QueryRegionRequest(header=client.header(), keys=[b"a"]).SerializeToString()
        (answer,) = client.pd_stream("QueryRegion", iter([request]))
        assert pdpb.QueryRegionResponse.FromString(answer).header.error.type == pdpb.NOT_BOOTSTRAPPED
        request = pdpb.RegionHeartbeatRequest(header=client.header()).SerializeToString()
        (answer,) = client.pd_stream("RegionHeartbeat", iter([request]))
        assert pdpb.RegionHeartbeatResponse.FromString(answer).header.error.type == pdpb.NOT_BOOTSTRAPPED
        status, body = asked(lone_pd, "/regions")
        assert status == 500
        assert json.loads(body).startswith("[PD:cluster:ErrNotBootstrapped]")
        assert asked(lone_pd, "/cluster/status")[1].startswith(b'{\n  "raft_bootstrap_time": "0001-01-01T00:00:00Z"')


def test_a_clusters_life(lone_pd: str) -> None:
    with RawClient(lone_pd) as client:
        assert [client.pd("AllocID").id for _ in range(3)] == [1, 2, 3]
        bad = client.pd("Bootstrap", store=STORE, region=region(start_key=b"a"))
        assert bad.header.error.type == pdpb.UNKNOWN
        assert not client.pd("Bootstrap", store=STORE, region=region()).header.HasField("error")
        first = client.pd("GetRegion", region_key=b"any")
        assert (first.region, first.leader) == (region(), region().peers[0])
        assert not client.pd("PutStore", store=STORE).header.HasField("error")
        other = metapb.Store(id=4, address="127.0.0.1:20161", version="8.5.0")
        assert not client.pd("PutStore", store=other).header.HasField("error")
        thief = metapb.Store(id=5, address="127.0.0.1:20160", version="8.5.0")
        assert "duplicated store address" in client.pd("PutStore", store=thief).header.error.message
        beat = client.pd("StoreHeartbeat", stats=pdpb.StoreStats(store_id=1, capacity=10, available=5))
        assert (beat.cluster_version, beat.state) == ("8.5.0", metapb.Serving)
        assert client.pd("GetStore", store_id=1).stats.capacity == 10
        assert client.pd("StoreHeartbeat", stats=pdpb.StoreStats(store_id=9)).header.error.type == pdpb.UNKNOWN
        assert client.pd("StoreHeartbeat").header.error.type == pdpb.UNKNOWN

        ids = client.pd("AskBatchSplit", region=region(), split_count=2).ids
        assert [(each.new_region_id, list(each.new_peer_ids)) for each in ids] == [(4, [5]), (6, [7])]
        assert client.pd("AskBatchSplit", region=region(99), split_count=1).header.error.type == pdpb.REGION_NOT_FOUND
        epoch = metapb.RegionEpoch(conf_ver=1, version=2)
        left = metapb.Region(id=4, end_key=b"m", region_epoch=epoch, peers=[metapb.Peer(id=5, store_id=1)])
        right = metapb.Region(id=2, start_key=b"m", region_epoch=epoch, peers=[metapb.Peer(id=3, store_id=1)])
        assert not client.pd("ReportBatchSplit", regions=[left, right]).header.HasField("error")
        answer = client.pd("GetRegion", region_key=b"a")
        assert (answer.region, answer.leader.id) == (left, 5)


def test_heartbeats_of_regions(lone_pd: str) -> None:
    with RawClient(lone_pd) as client:
        client.pd("Bootstrap", store=STORE, region=region())
        new = region()
        new.region_epoch.conf_ver = 2
        learner = new.peers.add(id=8, store_id=4, role=metapb.Learner)
        report = pdpb.RegionHeartbeatRequest(
            header=client.header(), region=new, leader=new.peers[0], pending_peers=[learner], term=6, approximate_size=9
        )
        stale = pdpb.RegionHeartbeatRequest(header=client.header(), region=region(), leader=new.peers[0], term=6)
        messages: list[bytes] = [report.SerializeToString(), stale.SerializeToString()]
        answers = client.pd_stream("RegionHeartbeat", iter(messages))
        refused = pdpb.RegionHeartbeatResponse.FromString(next(answers))
        assert "region is stale" in refused.header.error.message  # and no answer to the first
        answer = client.pd("GetRegion", region_key=b"")
        assert answer.region == new
        assert [peer.id for peer in answer.pending_peers] == [8]
        unknown = pdpb.RegionHeartbeatRequest(header=client.header(), region=new, leader=metapb.Peer(id=1, store_id=9))
        with pytest.raises(grpc.RpcError) as caught:
            list(client.pd_stream("RegionHeartbeat", iter([unknown.SerializeToString()])))
        assert "invalid store ID 9, not found" in (caught.value.details() or "")


def test_roles_from_the_future_are_an_error_and_not_the_end(lone_pd: str) -> None:
    with RawClient(lone_pd) as client:
        odd = region()
        odd.peers[0].role = 9  # type: ignore[assignment]
        assert "invalid request" in client.pd("Bootstrap", store=STORE, region=odd).header.error.message
        assert not client.pd("Bootstrap", store=STORE, region=region()).header.HasField("error")


# ---- HTTP ----


MEMBER = {"name", "member_id", "peer_urls", "client_urls", "deploy_path", "binary_version", "git_hash"}
STORE_KEYS = {
    "store": {"id", "address", "version", "start_timestamp", "last_heartbeat", "node_state", "state_name"},
    "status": {
        "capacity", "available", "used_size", "leader_count", "leader_weight", "leader_score", "leader_size",
        "region_count", "region_weight", "region_score", "region_size", "start_ts", "last_heartbeat_ts",
    },
}  # fmt: skip
REGION_KEYS = {
    "id", "start_key", "end_key", "epoch", "peers", "leader", "cpu_usage", "written_bytes", "read_bytes",
    "written_keys", "read_keys", "approximate_size", "approximate_keys", "approximate_kv_size",
    "approximate_columnar_kv_size",
}  # fmt: skip
STATS_KEYS = {
    "count", "empty_count", "storage_size", "user_storage_size", "user_columnar_storage_size", "storage_keys",
    "store_leader_count", "store_peer_count", "store_leader_size", "store_leader_keys", "store_peer_size",
    "store_peer_keys",
}  # fmt: skip

Check = Callable[[Any, MiniCluster], object]
HTTP: dict[str, Check] = {
    "/members": lambda body, cluster: (
        body["header"]["cluster_id"] == cluster.cluster_id
        and body["leader"].keys() == MEMBER
        and body["members"] == [body["leader"]] == [body["etcd_leader"]]
    ),
    "/leader": lambda body, cluster: body["client_urls"] == [f"http://{cluster.pd_address}"],
    "/health": lambda body, _: [each["health"] for each in body] == [True],
    "/version": lambda body, _: body["version"].startswith("v8.5.0+ycsbpy."),
    "/status": lambda body, _: body.keys() == {"build_ts", "version", "git_hash", "start_timestamp", "kernel_type"},
    "/cluster": lambda body, cluster: body == {"id": cluster.cluster_id, "max_peer_count": 3},
    "/cluster/status": lambda body, _: body["is_initialized"] is True,
    "/stores": lambda body, _: (
        body["count"] == 1
        and all(STORE_KEYS[part] <= body["stores"][0][part].keys() for part in STORE_KEYS)
        and body["stores"][0]["status"]["region_count"] == body["stores"][0]["status"]["leader_count"] == 3
    ),
    "/stores?state=2": lambda body, _: body == {"count": 0, "stores": []},
    "/stores?state=0": lambda body, _: body["count"] == 1,
    "/store/1": lambda body, cluster: body["store"]["address"] == cluster.stores[0].address,
    "/regions": lambda body, _: body["count"] == 3 and all(each.keys() == REGION_KEYS for each in body["regions"]),
    "/region/id/2": lambda body, _: body["id"] == 2 and body["leader"]["role_name"] == "Voter",
    "/region/key/c": lambda body, _: (body["start_key"], body["end_key"]) == ("62", "6D"),
    "/region/key/" + quote(b"m/\xff +%", safe=""): lambda body, _: body["start_key"] == "6D",
    "/region/key/6D?format=hex": lambda body, _: body["start_key"] == "6D",
    "/stats/region": lambda body, _: body.keys() == STATS_KEYS and body["store_peer_count"] == {"1": 3},
    "/stats/region?start_key=c&end_key=d": lambda body, _: body["count"] == 1,
    "/stats/region?count": lambda body, _: body["count"] == 3 and body["store_peer_count"] == {},
}


@pytest.mark.parametrize("path", HTTP)
def test_http(split_cluster: MiniCluster, path: str) -> None:
    status, body = asked(split_cluster.pd_address, path)
    assert status == 200
    assert HTTP[path](json.loads(body), split_cluster), body
    compact = path.startswith("/region")
    assert (b"\n" in body) != compact  # as PD prints them


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/store/99", 404, "[PD:core:ErrStoreNotFound]store 99 not found"),
        ("/store/x", 400, "invalid store id 'x'"),
        ("/stores?state=x", 400, "invalid state"),
        ("/region/id/99", 404, "[PD:region:ErrRegionNotFound]region 99 not found"),
        ("/region/id/0", 400, "[PD:region:ErrRegionInvalidID]invalid region id"),
        ("/region/id/-1", 400, "invalid region id '-1'"),
        ("/region/id/99999999999999999999999", 400, "invalid region id"),
        ("/region/key/xyz?format=hex", 400, "invalid hex key"),
    ],
)
def test_http_errors_are_json_strings(split_cluster: MiniCluster, path: str, status: int, text: str) -> None:
    found, body = asked(split_cluster.pd_address, path)
    assert found == status
    assert json.loads(body).startswith(text)


def test_http_paths_that_are_not_there(split_cluster: MiniCluster) -> None:
    address = split_cluster.pd_address
    assert asked(address, "/nope") == (404, b"404 page not found\n")
    assert asked(address, "//")[0] == 404
    assert asked(address, "/members", "DELETE")[0] == 405
    assert asked(address, "/ping") == (200, b"")


def test_sizes_and_flow_reach_pd_with_the_next_heartbeat() -> None:
    with MiniCluster(stores=1, region_heartbeat_s=0.1) as cluster, RawClient(cluster.pd_address) as client:
        context = client.context(b"k")
        for number in range(3):
            client.store("RawPut", context, key=b"%d" % number, value=bytes(1 << 20))

        def sizes() -> tuple[int, int]:
            (found,) = json.loads(asked(cluster.pd_address, "/regions")[1])["regions"]
            return found["approximate_size"], found["approximate_keys"]

        assert until(lambda: sizes() == (3, 3))

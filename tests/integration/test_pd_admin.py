"""What tools ask PD for by gRPC: splits, scatters, operators, safe points, watermarks and global configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pdkit import STORE, lone_region, running_pd, told
from processes import until
from rawclient import RawClient

from ycsbpy.minicluster import MiniCluster
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOR_EVER = (1 << 63) - 1
ROOT = "/global/config/"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RawClient]:
    """A client of a PD whose only store is this test."""
    with running_pd(tmp_path) as address, RawClient(address) as made:
        assert not made.pd("Bootstrap", store=STORE, region=lone_region()).header.HasField("error")
        yield made


def refused(client: RawClient, method: str, **fields: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        client.pd(method, **fields)
    return caught.value.code(), caught.value.details() or ""


# ---- on stores ----


@pytest.fixture(scope="module")
def running() -> Iterator[MiniCluster]:
    with MiniCluster(stores=4, max_replicas=3) as cluster:
        cluster.wait_replicated()
        yield cluster


def test_splits_and_scatters(running: MiniCluster) -> None:
    with RawClient(running.pd_address) as client:
        split = client.pd("SplitRegions", split_keys=[b"f", b"q"], retry_limit=8)
        assert split.finished_percentage == 100
        assert set(split.regions_id) == {client.region(key)[0].id for key in (b"f", b"q")}
        assert [client.region(key)[0].start_key for key in (b"a", b"g", b"z")] == [b"", b"f", b"q"]
        ids = [client.region(key)[0].id for key in (b"a", b"g", b"z")]

        def splitter() -> Any:
            return client.pd("GetOperator", region_id=ids[2])

        assert until(lambda: splitter().status == pdpb.SUCCESS)
        assert (splitter().desc, splitter().kind) == (b"region-splitter", b"split")

        def scattered(**fields: Any) -> Any:
            return client.pd("ScatterRegion", group="g", retry_limit=8, **fields)

        assert scattered(regions_id=ids).finished_percentage == 100
        partly = scattered(regions_id=[*ids, 9999])
        assert (partly.finished_percentage, list(partly.failed_regions_id)) == (75, [9999])
        assert until(lambda: told(running.pd_address, "/operators")[1] == [], 60)
        assert until(lambda: told(running.pd_address, "/regions/check/pending-peer")[1]["count"] == 0, 60)
        assert client.pd("ScatterRegion", region_id=ids[0], group="g").finished_percentage == 100

        both = client.pd("SplitAndScatterRegions", split_keys=[b"c"], group="g", retry_limit=8)
        assert (both.split_finished_percentage, list(both.regions_id)) == (100, [client.region(b"c")[0].id])
        assert both.scatter_finished_percentage == 100


def test_what_cannot_be_scattered(running: MiniCluster) -> None:
    with RawClient(running.pd_address) as client:
        assert client.pd("SplitRegions").finished_percentage == 0
        missing = client.pd("ScatterRegion", region_id=9999).header.error
        assert (missing.type, missing.message) == (pdpb.REGION_NOT_FOUND, "region 9999 not found")
        described = client.pd("ScatterRegion", region=lone_region(9999), leader=metapb.Peer(id=1, store_id=1))
        assert described.header.error.type == pdpb.UNKNOWN
        code, text = refused(client, "ScatterRegion", regions_id=[9999])
        assert (code, text) == (grpc.StatusCode.UNKNOWN, "[PD:region:ErrRegionNotFound]region 9999 not found")
        assert refused(client, "ScatterRegion", regions_id=[9998, 9999])[1] == "[PD:scatter:ErrEmptyRegion]empty region"
        nothing = client.pd("GetOperator", region_id=9999).header.error
        assert (nothing.type, nothing.message) == (pdpb.REGION_NOT_FOUND, "Not Found")


def test_a_region_without_its_replicas_is_not_scattered(client: RawClient) -> None:
    code, text = refused(client, "ScatterRegion", region_id=2)
    assert (code, text) == (grpc.StatusCode.UNKNOWN, "region 2 is not fully replicated")


# ---- safe points and watermarks ----


def test_safe_points_of_services(client: RawClient) -> None:
    def update(service: bytes, ttl: int, safe_point: int) -> tuple[bytes, int]:
        answer = client.pd("UpdateServiceGCSafePoint", service_id=service, TTL=ttl, safe_point=safe_point)
        assert answer.TTL > 0
        return answer.service_id, answer.min_safe_point

    assert update(b"br", 600, 100) == (b"gc_worker", 0)
    assert update(b"gc_worker", FOR_EVER, 200) == (b"br", 100)
    assert update(b"\xff", 600, 150) == (b"br", 100)
    assert update(b"br", 0, 0) == (b"\xff", 150)
    code, text = refused(client, "UpdateServiceGCSafePoint", service_id=b"gc_worker", TTL=5, safe_point=300)
    assert (code, text) == (grpc.StatusCode.UNKNOWN, "TTL of gc_worker's service safe point must be infinity")
    assert [client.pd("UpdateGCSafePoint", safe_point=each).new_safe_point for each in (9, 5)] == [9, 9]
    assert client.pd("GetGCSafePoint").safe_point == 9


def test_watermarks(client: RawClient) -> None:
    client.pd("ReportMinResolvedTS", store_id=1, min_resolved_ts=50)
    code, text = refused(client, "ReportMinResolvedTS", store_id=9, min_resolved_ts=50)
    assert (code, text) == (grpc.StatusCode.UNKNOWN, "[PD:core:ErrStoreNotFound]store 9 not found")
    assert client.pd("GetExternalTimestamp").timestamp == 0
    assert not client.pd("SetExternalTimestamp", timestamp=7).header.HasField("error")
    for wrong in (7, (1 << 63) - 1):
        assert client.pd("SetExternalTimestamp", timestamp=wrong).header.error.type == pdpb.INVALID_VALUE
    assert client.pd("GetExternalTimestamp").timestamp == 7
    first, second = (client.pd("GetMinTS").timestamp for _ in range(2))
    assert (first.physical, first.logical) < (second.physical, second.logical)


# ---- configuration kept for others ----


def put(client: RawClient, *items: pdpb.GlobalConfigItem, path: str = "") -> None:
    client.pd("StoreGlobalConfig", header=None, changes=items, config_path=path)


def item(name: str, payload: bytes = b"", **fields: Any) -> pdpb.GlobalConfigItem:
    return pdpb.GlobalConfigItem(name=name, payload=payload, **fields)


def test_global_configuration(client: RawClient) -> None:
    put(client, item("a", b"\xff"), item("b", value="old form"))
    put(client, item("c", b"3"), path=ROOT + "tidb")
    everything = client.pd("LoadGlobalConfig", header=None)
    assert [(each.name, each.payload) for each in everything.items] == [
        (ROOT + "a", b"\xff"), (ROOT + "b", b"old form"), (ROOT + "tidb/c", b"3"),
    ]  # fmt: skip
    found, missing = client.pd("LoadGlobalConfig", header=None, names=["a", "nope"]).items
    assert (found.name, found.payload) == ("a", b"\xff")
    assert missing.error == pdpb.Error(type=pdpb.GLOBAL_CONFIG_NOT_FOUND, message="key nope not found")
    put(client, item("a", kind=pdpb.DELETE))
    after = client.pd("LoadGlobalConfig", header=None, config_path=ROOT)
    assert ROOT + "a" not in {each.name for each in after.items}
    assert after.revision == everything.revision + 1
    for method in ("LoadGlobalConfig", "StoreGlobalConfig"):
        code, text = refused(client, method, header=None, config_path="/etc")
        assert (code, text) == (grpc.StatusCode.INVALID_ARGUMENT, 'global config path "/etc" is not allowed')


def watch(client: RawClient, revision: int, path: str = "") -> Any:
    call = client.pd_channel.unary_stream("/pdpb.PD/WatchGlobalConfig")
    request = pdpb.WatchGlobalConfigRequest(config_path=path, revision=revision)
    return call(request.SerializeToString(), timeout=30)


def test_watching_it(client: RawClient) -> None:
    put(client, item("a", b"1"))
    revision = client.pd("LoadGlobalConfig", header=None).revision
    put(client, item("a", b"2"))
    put(client, item("x", b"0"), path=ROOT + "other/")
    stream = watch(client, revision + 1)
    first, second = (pdpb.WatchGlobalConfigResponse.FromString(next(stream)) for _ in range(2))
    assert [(each.name, each.payload) for each in first.changes] == [(ROOT + "a", b"2")]
    assert (first.revision, second.revision) == (revision + 1, revision + 2)
    narrow = watch(client, revision, ROOT + "other/")
    assert next(narrow) == second.SerializeToString()
    put(client, item("a", kind=pdpb.DELETE))
    third = pdpb.WatchGlobalConfigResponse.FromString(next(stream))
    assert [(each.name, each.payload, each.kind) for each in third.changes] == [(ROOT + "a", b"2", pdpb.DELETE)]
    for each in (stream, narrow):
        each.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        next(watch(client, 0, "/etc"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


# ---- and after a restart ----


def test_it_outlives_pd(tmp_path: Path) -> None:
    with running_pd(tmp_path) as address, RawClient(address) as client:
        client.pd("Bootstrap", store=STORE, region=lone_region())
        client.pd("UpdateServiceGCSafePoint", service_id=b"gc_worker", TTL=FOR_EVER, safe_point=200)
        client.pd("UpdateServiceGCSafePoint", service_id=b"br", TTL=600, safe_point=300)
        client.pd("UpdateGCSafePoint", safe_point=9)
        client.pd("ReportMinResolvedTS", store_id=1, min_resolved_ts=50)
        client.pd("SetExternalTimestamp", timestamp=7)
        put(client, item("a", b"1"))
        put(client, item("b", b"2"))
        revision = client.pd("LoadGlobalConfig", header=None).revision
    with running_pd(tmp_path) as address, RawClient(address) as client:
        assert client.pd("GetGCSafePoint").safe_point == 9
        lowest = client.pd("UpdateServiceGCSafePoint", service_id=b"x", TTL=0)
        assert (lowest.service_id, lowest.min_safe_point) == (b"gc_worker", 200)
        assert client.pd("GetExternalTimestamp").timestamp == 7
        loaded = client.pd("LoadGlobalConfig", header=None)
        assert [each.payload for each in loaded.items] == [b"1", b"2"]
        assert loaded.revision == revision
        stream = watch(client, revision)
        assert pdpb.WatchGlobalConfigResponse.FromString(next(stream)).changes[0].name == ROOT + "b"
        stream.cancel()
        stale = watch(client, revision - 1)
        assert pdpb.WatchGlobalConfigResponse.FromString(next(stale)).header.error.type == pdpb.DATA_COMPACTED
        with pytest.raises(grpc.RpcError):
            next(stale)

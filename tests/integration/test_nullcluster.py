"""The cluster that keeps nothing: every client that we know can work on it, and what it counts is true."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from processes import port_is_open, until

import ycsbpy
from ycsbpy._native.generators import encode_row
from ycsbpy.config import make_config
from ycsbpy.config.settings import TikvSettings
from ycsbpy.drivers.pd_directory import PdDirectory
from ycsbpy.nullcluster import NullCluster
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="null stores are for Linux")

ROW = encode_row({"field0": b"nnnn", "field1": b"nnnn"}, {"field0": 0, "field1": 1})


@pytest.fixture(scope="module")
def cluster() -> Iterator[NullCluster]:
    with NullCluster(stores=3, fieldcount=2, fieldlength=4) as started:
        yield started


@pytest.fixture(scope="module")
def store(cluster: NullCluster) -> Iterator[grpc.Channel]:
    """A connection to the store of the first Region."""
    address = regions(cluster)[0][7][0][1].decode()
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        yield channel


def regions(cluster: NullCluster) -> list[Any]:
    directory = PdDirectory(TikvSettings.from_config(make_config({"tikv.pd": cluster.endpoint})))
    try:
        return directory.regions(b"", b"")
    finally:
        directory.close()


def call(channel: grpc.Channel, method: str, request: Any, answer: Any) -> Any:
    serialize, parse = (lambda message: message.SerializeToString()), answer.FromString
    return channel.unary_unary(f"/tikvpb.Tikv/{method}", serialize, parse)(request, timeout=20)


def test_the_keys_are_cut_evenly(cluster: NullCluster) -> None:
    found = regions(cluster)
    assert [region[1] for region in found] == [b"", b"usertable:user4000000", b"usertable:user7000000"]
    assert [region[2] for region in found] == [b"usertable:user4000000", b"usertable:user7000000", b""]
    assert len({address for region in found for _, address in region[7]}) == 3


def test_single_calls(store: grpc.Channel) -> None:
    found = call(store, "RawGet", kvrpcpb.RawGetRequest(key=b"k"), kvrpcpb.RawGetResponse)
    assert (found.value, found.not_found, found.error) == (ROW, False, "")
    assert call(store, "RawPut", kvrpcpb.RawPutRequest(key=b"k", value=b"v"), kvrpcpb.RawPutResponse).error == ""
    assert call(store, "RawDelete", kvrpcpb.RawDeleteRequest(key=b"k"), kvrpcpb.RawDeleteResponse).error == ""
    scanned = call(store, "RawScan", kvrpcpb.RawScanRequest(start_key=b"k", limit=7), kvrpcpb.RawScanResponse)
    assert [pair.value for pair in scanned.kvs] == [ROW] * 7
    several = kvrpcpb.RawBatchGetRequest(keys=[b"a", b"b"])
    assert [p.value for p in call(store, "RawBatchGet", several, kvrpcpb.RawBatchGetResponse).pairs] == [ROW] * 2


def test_what_it_does_not_speak_is_said(store: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        call(store, "KvGet", kvrpcpb.RawGetRequest(key=b"k"), kvrpcpb.RawGetResponse)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_batches_are_answered_by_number_and_the_stream_is_ended(store: grpc.Channel) -> None:
    def batch(*numbers: int) -> bytes:
        request = tikvpb.BatchCommandsRequest(request_ids=numbers)
        for number in numbers:
            if number % 2:
                request.requests.add().raw_get.key = b"k"
            else:
                request.requests.add().raw_put.key = b"k"
        return request.SerializeToString()

    stream: Any = store.stream_stream("/tikvpb.Tikv/BatchCommands")
    answers = [
        tikvpb.BatchCommandsResponse.FromString(data)
        for data in stream(iter([batch(1, 2, 3), batch(70_000, 5)]), timeout=20)
    ]
    assert [list(answer.request_ids) for answer in answers] == [[1, 2, 3], [70_000, 5]]
    assert [one.WhichOneof("cmd") for one in answers[0].responses] == ["raw_get", "raw_put", "raw_get"]
    assert answers[1].responses[1].raw_get.value == ROW


def test_what_is_no_message_ends_the_stream(store: grpc.Channel) -> None:
    stream: Any = store.stream_stream("/tikvpb.Tikv/BatchCommands")
    with pytest.raises(grpc.RpcError) as raised:
        list(stream(iter([b"\xff\xff"]), timeout=20))
    assert raised.value.code() is not grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("driver", ["native", "tikv-client", "tikv-python"])
def test_our_drivers_work_on_it_and_it_counts(cluster: NullCluster, driver: str) -> None:
    pytest.importorskip("tikv_client" if driver == "tikv-client" else "ycsbpy")
    before = cluster.counts()
    properties: dict[str, Any] = {"tikv.pd": cluster.endpoint, "tikv.driver": driver, "threadcount": 8}
    properties |= {"fieldcount": 2, "fieldlength": 4, "recordcount": 300}
    assert ycsbpy.load("workloada", properties=properties).accounting.ok == 300
    assert ycsbpy.run("workloade", properties=properties, operationcount=300, maxscanlength=10).accounting.ok == 300
    after = cluster.counts()
    assert after["commands"] - before["commands"] >= 600
    assert after["bytes_in"] > before["bytes_in"]
    assert after["bytes_out"] > before["bytes_out"]
    assert (after["batches"] > before["batches"]) == (driver == "native")


def test_a_run_says_how_busy_its_client_was(cluster: NullCluster) -> None:
    properties: dict[str, Any] = {"tikv.pd": cluster.endpoint, "tikv.driver": "native", "native.threads": 1}
    properties |= {"fieldcount": 2, "fieldlength": 4}
    slow = ycsbpy.run("workloadc", properties=properties, operationcount=30, threadcount=1, target=100)
    assert slow.client_load is not None
    assert slow.client_load.threads == 1
    assert 0 < slow.client_load.cpu < 0.9  # 3 ms of work at the most in 0.3 s
    fast = ycsbpy.run("workloadc", properties=properties, operationcount=100_000, threadcount=256)
    assert fast.client_load is not None
    assert fast.client_load.cpu > slow.client_load.cpu


def test_no_latency_is_shorter_than_what_the_store_says_it_took() -> None:
    """From having read a command to writing its answer lies within what the client measures, for each operation; so the
    n-th shortest time of the one is never longer than that of the other (to a bucket of the histogram)."""
    with NullCluster(fieldcount=2, fieldlength=4, delay_us=2_000, mean_us=500, rare_every=20, rare_us=5_000) as delayed:
        properties: dict[str, Any] = {"tikv.pd": delayed.endpoint, "tikv.driver": "native"}
        properties |= {"fieldcount": 2, "fieldlength": 4}
        assert delayed.times()["count"] == 0
        summary = ycsbpy.run("workloadc", properties=properties, operationcount=2_000, threadcount=32)
        took = delayed.times()
        assert delayed.times()["count"] == 0
    assert took["count"] == summary.accounting.ok == 2_000
    assert took["min_ns"] >= 2_000_000
    assert took["p99_ns"] > took["p50_ns"] > took["min_ns"]
    service = summary.series["READ"].service
    for shorter, longer in (
        (took["min_ns"], service.min_ns),
        (took["p50_ns"], service.value_at_percentile(50)),
        (took["p99_ns"], service.value_at_percentile(99)),
        (took["max_ns"], service.max_ns),
    ):
        assert longer >= shorter * 0.998


def test_it_ends_with_its_owner() -> None:
    code = (
        "import os, sys\nfrom ycsbpy.nullcluster import NullCluster\n"
        "cluster = NullCluster().__enter__()\nprint(cluster.endpoint, flush=True)\nos._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert until(lambda: not port_is_open(done.stdout.strip()))

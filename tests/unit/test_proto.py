"""The messages as they are on the wire, and the generated modules as the .proto files have them."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import generate, health_pb2, metapb_pb2, storepb_pb2
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from google.protobuf.message import Message

CLUSTER = 7711300814816027944
PD_MEMBER = pdpb.Member(
    name="pd-0", member_id=11, peer_urls=["http://127.0.0.1:2380"], client_urls=["http://127.0.0.1:2379"]
)
EPOCH = metapb.RegionEpoch(conf_ver=1, version=1)
PEER = metapb.Peer(id=3, store_id=1)
WHOLE = metapb.Region(id=2, region_epoch=EPOCH, peers=[PEER])
CONTEXT = kvrpcpb.Context(region_id=2, region_epoch=EPOCH, peer=PEER, max_execution_duration_ms=30000)
HEADER = "0a0a08a8caa8fac1e782826b"
MEMBER = "0a0470642d30100b1a15687474703a2f2f3132372e302e302e313a323338302215687474703a2f2f3132372e302e302e313a32333739"

Request = tikvpb.BatchCommandsRequest.Request
Response = tikvpb.BatchCommandsResponse.Response

GOLDEN: dict[str, tuple[Message, str]] = {
    "GetMembersResponse": (
        pdpb.GetMembersResponse(
            header=pdpb.ResponseHeader(cluster_id=CLUSTER), members=[PD_MEMBER], leader=PD_MEMBER, etcd_leader=PD_MEMBER
        ),
        HEADER + "1236" + MEMBER + "1a36" + MEMBER + "2236" + MEMBER,
    ),
    "GetRegionRequest": (
        pdpb.GetRegionRequest(header=pdpb.RequestHeader(cluster_id=CLUSTER), region_key=b"k1", need_buckets=True),
        HEADER + "12026b311801",
    ),
    "GetRegionResponse": (
        pdpb.GetRegionResponse(header=pdpb.ResponseHeader(cluster_id=CLUSTER), region=WHOLE, leader=PEER),
        HEADER + "120e08022204080110012a04080310011a0408031001",
    ),
    "GetStoreResponse": (
        pdpb.GetStoreResponse(
            header=pdpb.ResponseHeader(cluster_id=CLUSTER),
            store=metapb.Store(id=1, address="127.0.0.1:20160", version="7.1.0"),
        ),
        HEADER + "121a0801120f3132372e302e302e313a32303136302a05372e312e30",
    ),
    "RawPutRequest": (
        kvrpcpb.RawPutRequest(context=CONTEXT, key=b"k1", value=b"v1"),
        "0a1208021204080110011a040803100170b0ea0112026b311a027631",
    ),
    "BatchCommandsRequest": (
        tikvpb.BatchCommandsRequest(
            requests=[
                Request(raw_put=kvrpcpb.RawPutRequest(context=CONTEXT, key=b"k1", value=b"v1")),
                Request(raw_get=kvrpcpb.RawGetRequest(context=CONTEXT, key=b"k1")),
            ],
            request_ids=[0, 1],
        ),
        (
            "0a1e7a1c0a1208021204080110011a040803100170b0ea0112026b311a027631"
            "0a1a6a180a1208021204080110011a040803100170b0ea0112026b3112020001"
        ),
    ),
    "BatchCommandsResponse": (
        tikvpb.BatchCommandsResponse(
            responses=[
                Response(raw_put=kvrpcpb.RawPutResponse()),
                Response(raw_get=kvrpcpb.RawGetResponse(value=b"v1")),
            ],
            request_ids=[0, 1],
        ),
        "0a027a000a066a041a02763112020001",
    ),
    "NotLeader": (
        kvrpcpb.RawGetResponse(
            region_error=errorpb.Error(
                message="not leader",
                not_leader=errorpb.NotLeader(region_id=2, leader=metapb.Peer(id=7, store_id=4)),
            )
        ),
        "0a160a0a6e6f74206c656164657212080802120408071004",
    ),
    "EpochNotMatch": (
        kvrpcpb.RawGetResponse(
            region_error=errorpb.Error(message="epoch", epoch_not_match=errorpb.EpochNotMatch(current_regions=[WHOLE]))
        ),
        "0a190a0565706f63682a100a0e08022204080110012a0408031001",
    ),
    "leave joint": (
        pdpb.RegionHeartbeatResponse(
            header=pdpb.ResponseHeader(cluster_id=CLUSTER),
            region_id=2,
            region_epoch=metapb.RegionEpoch(conf_ver=4, version=20),
            target_peer=PEER,
            change_peer_v2=pdpb.ChangePeerV2(),
        ),
        HEADER + "20022a04080410143204080310014a00",
    ),
    "health": (
        health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING),
        "0801",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_bytes_of_the_protocol(name: str) -> None:
    message, golden = GOLDEN[name]
    assert message.SerializeToString(deterministic=True).hex() == golden
    assert type(message).FromString(bytes.fromhex(golden)) == message


def test_what_a_store_reads_is_what_a_client_writes() -> None:
    batch = storepb_pb2.BatchRequest.FromString(bytes.fromhex(GOLDEN["BatchCommandsRequest"][1]))
    put, get = batch.requests
    assert [put.WhichOneof("cmd"), get.WhichOneof("cmd")] == ["RawPut", "RawGet"]
    assert (put.RawPut.key, put.RawPut.value, get.RawGet.key) == (b"k1", b"v1", b"k1")
    assert kvrpcpb.Context.FromString(put.RawPut.context) == CONTEXT
    assert list(batch.request_ids) == [0, 1]


def _shape(message: type[Message]) -> dict[int, str]:
    return {field.number: field.name for field in message.DESCRIPTOR.fields}


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (storepb_pb2.GetRequest, kvrpcpb.RawGetRequest),
        (storepb_pb2.BatchGetRequest, kvrpcpb.RawBatchGetRequest),
        (storepb_pb2.PutRequest, kvrpcpb.RawPutRequest),
        (storepb_pb2.BatchPutRequest, kvrpcpb.RawBatchPutRequest),
        (storepb_pb2.DeleteRequest, kvrpcpb.RawDeleteRequest),
        (storepb_pb2.BatchDeleteRequest, kvrpcpb.RawBatchDeleteRequest),
        (storepb_pb2.ScanRequest, kvrpcpb.RawScanRequest),
        (storepb_pb2.BatchScanRequest, kvrpcpb.RawBatchScanRequest),
        (storepb_pb2.DeleteRangeRequest, kvrpcpb.RawDeleteRangeRequest),
        (storepb_pb2.GetKeyTTLRequest, kvrpcpb.RawGetKeyTTLRequest),
        (storepb_pb2.CASRequest, kvrpcpb.RawCASRequest),
        (storepb_pb2.ChecksumRequest, kvrpcpb.RawChecksumRequest),
    ],
    ids=lambda message: message.DESCRIPTOR.name,
)
def test_the_stores_messages_are_a_view_of_the_clients(read: type[Message], written: type[Message]) -> None:
    written_fields = _shape(written)
    assert _shape(read).items() <= written_fields.items()
    left_out = written_fields.keys() - _shape(read).keys()
    assert left_out <= {4}  # only RawBatchPut's ttl, which servers do not read


def test_every_raw_command_has_one_number_in_both_views() -> None:
    read = storepb_pb2.BatchRequest.Command.DESCRIPTOR.fields_by_number
    for field in Request.DESCRIPTOR.fields:
        assert read[field.number].name.lower() == field.name.replace("_", "")


def test_no_package_of_tikvs_own_is_registered() -> None:
    for module in (metapb_pb2, storepb_pb2, health_pb2):
        assert module.DESCRIPTOR.package.startswith("ycsbpy.")


def test_the_generated_modules_are_fresh() -> None:
    try:
        version = metadata.version("grpcio-tools")
    except metadata.PackageNotFoundError:
        pytest.skip("grpcio-tools is not installed")
    if not version.startswith(generate.GRPCIO_TOOLS + "."):
        pytest.skip(f"grpcio-tools {version}, the generated code is of {generate.GRPCIO_TOOLS}.*")
    if not list(generate.HERE.glob("*.proto")):
        pytest.skip("the .proto files are in the source tree only")
    assert generate.stale() == []


def test_a_missing_generator_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: "1.2.3")
    monkeypatch.setitem(__import__("sys").modules, "grpc_tools", type("Tools", (), {"protoc": None}))
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err == "error: grpcio-tools is 1.2.3, the generated code is of 1.74.*\n"

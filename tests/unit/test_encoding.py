"""Bytes put together by hand are the bytes that protobuf makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.minicluster.store import encoding
from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import tikvpb_pb2 as tikvpb


@given(st.integers(0, 2**64 - 1))
def test_varints(number: int) -> None:
    assert b"\x08" + encoding.varint(number) == kvrpcpb.Context(region_id=number).SerializeToString() or number == 0


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16383, 16384, 16385, 2**32])
def test_varints_at_their_borders(number: int) -> None:
    data = b"\x08" + encoding.varint(number)
    assert kvrpcpb.Context.FromString(data).region_id == number


@given(st.lists(st.tuples(st.binary(max_size=200), st.binary(max_size=300)), max_size=10))
def test_pairs(rows: list[tuple[bytes, bytes]]) -> None:
    message = kvrpcpb.RawScanResponse.FromString(encoding.pairs(rows))
    assert [(pair.key, pair.value) for pair in message.kvs] == rows
    assert not any(pair.HasField("error") for pair in message.kvs)


def test_region_errors_fit_every_answer() -> None:
    error = errorpb.Error(message="m", region_not_found=errorpb.RegionNotFound(region_id=2))
    for name, message in vars(kvrpcpb).items():
        if name.startswith("Raw") and name.endswith("Response"):
            assert message.FromString(encoding.region_error(error)).region_error == error


def test_key_errors() -> None:
    pair = kvrpcpb.KvPair.FromString(encoding.key_error_field(1, "why"))
    assert pair.error.abort == "why"


def test_tags_above_fifteen_have_two_bytes() -> None:
    data = encoding.bytes_field(encoding.tag(17), b"")
    assert tikvpb.BatchCommandsResponse.Response.FromString(data).WhichOneof("cmd") == "raw_delete"


def test_the_golden_bytes_of_region_errors() -> None:
    not_leader = errorpb.Error(message="not leader")
    not_leader.not_leader.region_id = 2
    not_leader.not_leader.leader.id, not_leader.not_leader.leader.store_id = 7, 4
    assert encoding.region_error(not_leader).hex() == "0a160a0a6e6f74206c656164657212080802120408071004"
    epoch = errorpb.Error(message="epoch")
    region = epoch.epoch_not_match.current_regions.add(id=2)
    region.region_epoch.conf_ver = region.region_epoch.version = 1
    region.peers.add(id=3, store_id=1)
    assert encoding.region_error(epoch).hex() == "0a190a0565706f63682a100a0e08022204080110012a0408031001"

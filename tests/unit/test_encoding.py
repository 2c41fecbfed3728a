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

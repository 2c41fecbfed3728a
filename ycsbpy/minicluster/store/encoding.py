"""Answers as bytes: the few patterns of protobuf's wire format that a store's answers are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.minicluster.store.engine import Row

__all__ = ["bytes_field", "key_error_field", "pairs", "region_error", "tag", "varint"]

REGION_ERROR = b"\x0a"  # field 1 of every answer
KEPT_VARINTS = 1 << 14


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


SHORT = [_varint(number) for number in range(KEPT_VARINTS)]


def varint(number: int) -> bytes:
    """A base-128 varint."""
    return SHORT[number] if number < KEPT_VARINTS else _varint(number)


def tag(field: int) -> bytes:
    """The tag of a length-delimited field."""
    return varint(field << 3 | 2)


def bytes_field(field_tag: bytes, value: bytes) -> bytes:
    """A length-delimited field: bytes, a string or a message."""
    return field_tag + varint(len(value)) + value


def region_error(error: errorpb.Error) -> bytes:
    """An answer that is nothing but a region error."""
    return bytes_field(REGION_ERROR, error.SerializeToString())


def pairs(rows: Sequence[Row]) -> bytes:
    """``repeated KvPair`` in field 2, as ``RawScan`` and ``RawBatchGet`` answer."""
    out = []
    for key, value in rows:
        body = b"\x12" + varint(len(key)) + key
        if value:
            body += b"\x1a" + varint(len(value)) + value
        out.append(b"\x12" + varint(len(body)))
        out.append(body)
    return b"".join(out)


def key_error_field(field: int, text: str) -> bytes:
    """A ``KeyError`` that says abort, in ``field``."""
    return bytes_field(tag(field), kvrpcpb.KeyError(abort=text).SerializeToString())

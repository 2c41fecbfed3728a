"""Rows as go-ycsb writes them: there and back, to the byte, and nothing else."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy._native.generators import decode_row, encode_row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

NAMES = [f"field{i}" for i in range(10)]
COLUMNS = {name: column for column, name in enumerate(NAMES)}
rows = st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=300))


def varint(number: int) -> bytes:
    """Zigzag, then seven bits to a byte, lowest first."""
    rest = number * 2 if number >= 0 else -number * 2 - 1
    out = bytearray()
    while rest >= 0x80:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def model(values: Mapping[str, bytes], columns: Mapping[str, int]) -> bytes:
    fields = sorted((columns[name], value) for name, value in values.items())
    return (
        b"".join(b"\x08" + varint(column) + b"\x02" + varint(len(value)) + value for column, value in fields) or b"\0"
    )


def test_known_rows() -> None:
    assert encode_row({}, COLUMNS) == b"\0"
    assert encode_row({"field0": b"ab"}, COLUMNS) == b"\x08\x00\x02\x04ab"
    assert encode_row({"field1": b"", "field0": b"x"}, COLUMNS) == b"\x08\x00\x02\x02x\x08\x02\x02\x00"
    assert encode_row({"field9": bytes(100)}, COLUMNS) == b"\x08\x12\x02\xc8\x01" + bytes(100)
    assert decode_row(b"\0", NAMES) == {}


@given(rows)
def test_there_and_back(values: dict[str, bytes]) -> None:
    row = encode_row(values, COLUMNS)
    assert row == model(values, COLUMNS)
    assert row == encode_row(MappingProxyType(values), COLUMNS)
    back = decode_row(row, NAMES)
    assert back == values
    assert list(back) == [name for name in NAMES if name in values]


@given(
    st.dictionaries(st.text(max_size=5), st.tuples(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=20))),
)
def test_any_column_is_written(fields: dict[str, tuple[int, bytes]]) -> None:
    values = {name: value for name, (_, value) in fields.items()}
    columns = {name: column for name, (column, _) in fields.items()}
    assert encode_row(values, columns) == model(values, columns)


@given(rows, st.lists(st.sampled_from([*NAMES, "other"])))
def test_only_the_fields_that_are_asked_for(values: dict[str, bytes], fields: list[str]) -> None:
    wanted = decode_row(encode_row(values, COLUMNS), NAMES, fields)
    assert wanted == {name: value for name, value in values.items() if name in fields}


@given(rows, st.randoms())
def test_any_order_is_read(values: dict[str, bytes], random: Random) -> None:
    parts = [encode_row({name: value}, COLUMNS) for name, value in values.items()]
    random.shuffle(parts)
    back = decode_row(b"".join(parts) or b"\0", NAMES)
    assert back == values
    assert list(back) == [name for name in NAMES if name in values]


def test_columns_without_a_name_are_left_out() -> None:
    row = encode_row({"a": b"1", "b": b"2", "c": b"3", "d": b"4"}, {"a": -1, "b": 0, "c": 10, "d": 2**40})
    assert decode_row(row, NAMES) == {"field0": b"2"}
    assert decode_row(row, ()) == {}


@pytest.mark.parametrize("length", [0, 1, 63, 64, 127, 128, 8191, 8192, 8193, 2**20])
@pytest.mark.parametrize("column", [0, 1, 63, 64, 8191, 8192])
@pytest.mark.parametrize("more", [b"", b"\x08\x02\x02\x00", b"\x08\x02\x02\x02y"], ids=["alone", "then none", "then y"])
def test_numbers_of_any_size_are_read(length: int, column: int, more: bytes) -> None:
    """On either side of where a number takes another byte, with and without something behind it."""
    names = [f"f{number}" for number in range(column + 2)]
    value = bytes(length)
    behind = {"f1": more[4:]} if more else {}
    row = b"\x08" + varint(column) + b"\x02" + varint(length) + value
    assert decode_row(row + more, names) == {f"f{column}": value} | behind
    for cut in {1, 2, 3, 4, 5, len(row) - length, len(row) - 1} & set(range(1, len(row))):
        with pytest.raises(ValueError, match="at byte"):
            decode_row(row[:cut], names)


def test_numbers_may_be_longer_than_they_need_be() -> None:
    """As Go's reader takes them, and that of Protocol Buffers."""
    assert decode_row(b"\x08\x80\x00\x02\x82\x00x", NAMES) == {"field0": b"x"}
    assert decode_row(b"\x08\x02\x02\x80\x80\x00", NAMES) == {"field1": b""}


def test_the_last_of_two_counts() -> None:
    row = encode_row({"field0": b"old"}, COLUMNS) + encode_row({"field0": b"new"}, COLUMNS)
    assert decode_row(row, NAMES) == {"field0": b"new"}


@given(rows)
def test_every_truncation_is_noticed(values: dict[str, bytes]) -> None:
    """But for those that end after a field, which are rows with fewer fields."""
    row = encode_row(values, COLUMNS)
    ends, at = set(), 0
    for name in sorted(values):
        at += len(encode_row({name: values[name]}, COLUMNS))
        ends.add(at)
    for size in range(len(row)):
        if size in ends:
            assert len(decode_row(row[:size], NAMES)) < len(values)
        else:
            with pytest.raises(ValueError, match="at byte"):
                decode_row(row[:size], NAMES)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"", "an empty value is not a row, at byte 0"),
        (b"\x00\x00", "at byte 0"),
        (b"\x09\x00\x02\x00", "no a column's number"),
        (b"\x08\x00\x03\x00", "at byte 2"),
        (b"\x08\x00\x02" + varint(1), "a length of 1 where 0 bytes are left, at byte 3"),
        (b"\x08\x00\x02" + varint(-1) + b"x", "a length of -1"),
        (b"\x08\x00\x02" + varint(2**62) + b"x", "a length of 4611686018427387904"),
        (b"\x08\x00\x02" + varint(2**63 - 1) + b"x", "a length of 9223372036854775807"),
        (b"\x08\x00\x02" + varint(-(2**63)) + b"x", "a length of -9223372036854775808"),
        (b"\x08" + b"\xff" * 9 + b"\x02\x02\x00", "more than 64 bits, at byte 1"),
        (b"\x08" + b"\x80" * 20, "more than 64 bits, at byte 1"),
        (b"\x08\x80", "ends within a number, at byte 2"),
        (b"\x08\x00", "it ends where"),
        (b"\x08", "it ends within a number"),
    ],
)
def test_what_is_no_row(row: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_row(row, NAMES)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_row_or_refused(data: bytes) -> None:
    try:
        row = decode_row(data, NAMES)
    except ValueError:
        return
    assert set(row) <= set(NAMES)
    assert sum(map(len, row.values())) <= len(data)


def test_what_cannot_be_encoded() -> None:
    with pytest.raises(KeyError, match="field10"):
        encode_row({"field10": b""}, COLUMNS)
    for value in ("text", None, 5, bytearray(b"x")):
        with pytest.raises(TypeError):
            encode_row({"field0": value}, COLUMNS)  # type: ignore[dict-item]
    with pytest.raises(OverflowError):
        encode_row({"a": b""}, {"a": 2**63})

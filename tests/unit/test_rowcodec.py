"""Keys and rows on TiKV: go-ycsb's bytes, field order, where a table ends, and rows that are none."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ycsbpy.config import make_config
from ycsbpy.drivers.rowcodec import RowCodec, field_names, record_key, table_prefix, table_range
from ycsbpy.errors import DriverError, PropertyError

FIELDS = ["field0", "field1", "field2"]
table_names = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]), max_size=8)
rows = st.dictionaries(st.sampled_from(FIELDS), st.binary(max_size=200))


def in_order(row: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return [(name, row[name]) for name in FIELDS if name in row]


def column(number: int, value: bytes) -> bytes:
    """One column of a row, by hand: numbers below 64 take one byte in zigzag form."""
    return bytes([0x08, number * 2, 0x02, len(value) * 2]) + value


def test_the_bytes_are_those_of_go_ycsb() -> None:
    assert record_key("usertable", b"user1") == b"usertable:user1"
    row = RowCodec(FIELDS).encode({"field2": b"cc", "field0": b"a"})
    assert row == b"\x08\x00\x02\x02a" + b"\x08\x04\x02\x04cc"
    assert RowCodec(FIELDS).encode({}) == b"\0"


@given(rows)
def test_a_row_comes_back_in_field_order(row: dict[str, bytes]) -> None:
    codec = RowCodec(FIELDS)
    shuffled = dict(reversed(row.items()))
    assert list(codec.decode(codec.encode(shuffled)).items()) == in_order(row)


@given(rows, st.lists(st.sampled_from([*FIELDS, "other"]), unique=True))
def test_only_the_fields_asked_for(row: dict[str, bytes], asked: list[str]) -> None:
    codec = RowCodec(FIELDS)
    found = codec.decode(codec.encode(row), asked)
    assert list(found.items()) == [pair for pair in in_order(row) if pair[0] in asked]


def test_columns_in_any_order_are_read() -> None:
    """go-ycsb writes them in the order of a Go map."""
    data = column(2, b"c") + column(0, b"a") + column(1, b"")
    assert list(RowCodec(FIELDS).decode(data).items()) == [("field0", b"a"), ("field1", b""), ("field2", b"c")]


@given(rows, rows)
def test_merging_changes_the_named_fields_and_keeps_the_others(old: dict[str, bytes], change: dict[str, bytes]) -> None:
    codec = RowCodec(FIELDS)
    assert codec.merge(codec.encode(old), change) == codec.encode({**old, **change})


def test_merging_keeps_columns_that_are_not_configured() -> None:
    """A table loaded with more fields than this run knows is not cut down by its updates."""
    data = column(0, b"a") + column(7, b"unknown")
    assert RowCodec(FIELDS).merge(data, {"field1": b"b"}) == column(0, b"a") + column(1, b"b") + column(7, b"unknown")


def test_merging_refuses_a_row_that_it_could_not_keep_whole() -> None:
    far = RowCodec([f"f{number}" for number in range(2000)]).encode({"f0": b"a", "f1999": b"z"})
    with pytest.raises(ValueError, match="columns past 1027"):
        RowCodec(FIELDS).merge(far, {"field0": b"b"})
    with pytest.raises(ValueError, match="or one twice"):
        RowCodec(FIELDS).merge(column(0, b"a") * 2, {})


@pytest.mark.parametrize("data", [b"", b"\x08", b"junk", b"\0\0", column(0, b"abc")[:-1]], ids=repr)
def test_bytes_that_are_no_row_are_refused(data: bytes) -> None:
    codec = RowCodec(FIELDS)
    with pytest.raises(ValueError, match="byte"):
        codec.decode(data)
    with pytest.raises(ValueError, match="byte"):
        codec.merge(data, {})


def test_a_field_that_a_record_does_not_have_is_refused() -> None:
    codec = RowCodec(FIELDS)
    with pytest.raises(DriverError, match="'field3' is not one of the 3 fields"):
        codec.encode({"field3": b""})
    with pytest.raises(DriverError, match="'field3' is not one of the 3 fields"):
        codec.merge(codec.encode({}), {"field3": b""})
    with pytest.raises(DriverError, match="same name"):
        RowCodec(["field0", "field0"])


@given(table_names, st.binary(max_size=8), table_names, st.binary(max_size=8))
def test_a_scan_covers_its_table_and_no_other(table: str, start: bytes, other: str, key: bytes) -> None:
    first, end = table_range(table, start)
    stored = record_key(other, key)
    assert (first <= stored < end) == (other == table and key >= start)


@given(table_names, st.binary(max_size=8), table_names, st.binary(max_size=8))
def test_no_two_records_share_a_key(table: str, key: bytes, other: str, other_key: bytes) -> None:
    assume((table, key) != (other, other_key))
    assert record_key(table, key) != record_key(other, other_key)


def test_a_colon_in_a_table_is_refused_with_the_way_out() -> None:
    with pytest.raises(PropertyError) as caught:
        table_prefix("a:b:c")
    assert str(caught.value) == (
        'table: "a:b:c" holds a colon, which ends the name of a table on TiKV; '
        'for the same keys set table to "a" and begin keyprefix with "b:c:"'
    )
    with pytest.raises(PropertyError, match="UTF-8"):
        table_prefix("a\udc80")


def test_fields_are_named_as_configured() -> None:
    assert field_names(make_config({"fieldcount": 3, "fieldnameprefix": "f"})) == ["f0", "f1", "f2"]

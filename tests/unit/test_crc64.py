"""The checksum, against its published check value and against the sum done row by row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.minicluster.store.crc64 import XorCrc64, crc64


def test_the_check_value_of_crc64_xz() -> None:
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA
    assert crc64(b"") == 0


rows = st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=20)), max_size=30)


@given(rows)
def test_rows_together_are_the_rows_one_by_one(rows: list[tuple[bytes, bytes]]) -> None:
    total, expected = XorCrc64(), 0
    for key, value in rows:
        total.add(key, value)
        expected ^= crc64(key + value)
    assert total.value() == expected
    assert (total.rows, total.bytes) == (len(rows), sum(len(key) + len(value) for key, value in rows))


def test_a_changed_row_changes_the_sum() -> None:
    one, other = XorCrc64(), XorCrc64()
    one.add(b"k", b"value")
    other.add(b"k", b"valuf")
    assert one.value() != other.value()

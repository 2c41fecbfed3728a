"""Keys of API V2: golden bytes, and what has to hold for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.drivers.keyspace import MAX_KEYSPACE, KeyCodec, from_memcomparable, memcomparable

keys = st.binary(max_size=40) | st.lists(st.sampled_from([b"\0", b"\xff", b"a"]), max_size=24).map(b"".join)


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        (b"", "0000000000000000f7"),
        (b"a", "6100000000000000f8"),
        (b"12345678", "3132333435363738ff0000000000000000f7"),
        (b"x\0\0\0", "7800000000000000fb"),
        (b"r\0\0\1", "7200000100000000fb"),
    ],
)
def test_golden(key: bytes, encoded: str) -> None:
    assert memcomparable(key).hex() == encoded
    assert from_memcomparable(bytes.fromhex(encoded)) == key


@given(keys)
def test_there_and_back(key: bytes) -> None:
    assert from_memcomparable(memcomparable(key)) == key


@given(keys, keys)
def test_the_order_is_kept_and_none_begins_with_another(one: bytes, other: bytes) -> None:
    assert (memcomparable(one) < memcomparable(other)) == (one < other)
    assert one == other or not memcomparable(other).startswith(memcomparable(one))


@given(st.binary(max_size=30))
def test_what_is_no_such_key_is_refused(noise: bytes) -> None:
    try:
        key = from_memcomparable(noise)
    except ValueError:
        return
    assert memcomparable(key) == noise


def test_v1_keys_are_as_they_are() -> None:
    codec = KeyCodec()
    assert (codec.key(b"k"), codec.to_pd(b"k"), codec.from_pd(b"k")) == (b"k", b"k", b"k")


@given(keys, st.integers(0, MAX_KEYSPACE))
def test_v2_keys_are_behind_their_keyspace(key: bytes, keyspace: int) -> None:
    codec = KeyCodec(2, keyspace)
    whole = codec.key(key)
    assert whole == b"r" + keyspace.to_bytes(3, "big") + key
    assert codec.from_pd(codec.to_pd(whole)) == whole
    assert codec.from_pd(b"") == b""


def test_a_keyspace_has_three_bytes() -> None:
    with pytest.raises(ValueError, match="16777216"):
        KeyCodec(2, MAX_KEYSPACE + 1)

"""The raw calls' semantics, against a dictionary with expiry times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.minicluster.store.crc64 import crc64
from ycsbpy.minicluster.store.engine import CF_DEFAULT, CF_LOCK, CF_WRITE, DELETE, PUT, MemoryEngine
from ycsbpy.minicluster.store.rawkv import (
    CasResult,
    CompareAndSwap,
    RawKv,
    StorageError,
    column_family,
    valid_ranges,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Made:
    """A RawKv at a time that the test sets."""

    def __init__(self, *, ttl_enabled: bool = True) -> None:
        self.now = 1000
        self.kv = RawKv(MemoryEngine(), ttl_enabled=ttl_enabled, now_s=lambda: self.now)

    def put(self, key: bytes, value: bytes, ttl: int = 0, cf: int = CF_DEFAULT) -> None:
        self.kv.engine.write([(PUT, cf, key, self.kv.encode(value, ttl, self.now))])

    def swap(
        self, key: bytes, previous: bytes | None, value: bytes, *, delete: bool = False, ttl: int = 0
    ) -> CasResult:
        command = CompareAndSwap(CF_DEFAULT, key, previous, value, delete, ttl, self.now)
        result, mutations = self.kv.compare_and_swap(command)
        self.kv.engine.write(mutations)
        return result

    def checksum(self, *ranges: tuple[bytes, bytes]) -> tuple[int, int, int]:
        *_, total = self.kv.checksum_steps(ranges)
        return total.value(), total.rows, total.bytes


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
def plain() -> Made:
    return Made(ttl_enabled=False)


@pytest.mark.parametrize(
    ("name", "cf"), [(b"", CF_DEFAULT), (b"default", CF_DEFAULT), (b"lock", CF_LOCK), (b"write", CF_WRITE)]
)
def test_column_families(name: bytes, cf: int) -> None:
    assert column_family(name) == cf


@pytest.mark.parametrize("name", [b"raft", b"nope", b"\xff"])
def test_no_other_column_family(name: bytes) -> None:
    with pytest.raises(StorageError, match="invalid cf name"):
        column_family(name)


def test_values_of_all_kinds_come_back(made: Made, plain: Made) -> None:
    for store in (made, plain):
        for value in (b"", b"v", bytes(8), bytes(9), b"\xff" * 1000):
            store.put(b"k", value)
            assert store.kv.get(CF_DEFAULT, b"k") == value
        assert store.kv.get(CF_DEFAULT, b"other") is None
        assert store.kv.get(CF_LOCK, b"k") is None


def test_a_value_expires_to_the_second(made: Made) -> None:
    made.put(b"k", b"v", ttl=5)
    made.put(b"for ever", b"v")
    assert (made.kv.ttl(CF_DEFAULT, b"k"), made.kv.ttl(CF_DEFAULT, b"for ever")) == (5, 0)
    made.now += 4
    assert (made.kv.get(CF_DEFAULT, b"k"), made.kv.ttl(CF_DEFAULT, b"k")) == (b"v", 1)
    made.now += 1
    assert (made.kv.get(CF_DEFAULT, b"k"), made.kv.ttl(CF_DEFAULT, b"k")) == (None, None)
    assert made.kv.scan(CF_DEFAULT, b"", b"", 9) == [(b"for ever", b"v")]
    assert made.checksum((b"", b"")) == (crc64(b"for everv"), 1, 9)
    assert made.kv.ttl(CF_DEFAULT, b"never there") is None


def test_a_ttl_beyond_all_time_is_for_ever(made: Made) -> None:
    made.put(b"k", b"v", ttl=(1 << 64) - 1)
    made.now += 1 << 40
    assert made.kv.get(CF_DEFAULT, b"k") == b"v"


def test_without_ttls_there_are_none(plain: Made) -> None:
    with pytest.raises(StorageError, match="ttl is not enabled"):
        plain.put(b"k", b"v", ttl=1)
    with pytest.raises(StorageError, match="ttl is not enabled"):
        plain.kv.ttl(CF_DEFAULT, b"k")


def test_expired_rows_do_not_use_up_a_scans_limit(made: Made) -> None:
    for index in range(10):
        made.put(b"%d" % index, b"v", ttl=1 + index % 2)
    made.now += 1
    assert [key for key, _ in made.kv.scan(CF_DEFAULT, b"", b"", 3)] == [b"1", b"3", b"5"]


@pytest.mark.parametrize(
    ("previous", "value", "delete", "result", "after"),
    [
        (b"old", b"new", False, CasResult(True, b"old"), b"new"),
        (b"other", b"new", False, CasResult(False, b"old"), b"old"),
        (None, b"new", False, CasResult(False, b"old"), b"old"),
        (b"old", b"", True, CasResult(True, b"old"), None),
        (b"other", b"", True, CasResult(False, b"old"), b"old"),
        (b"", b"new", False, CasResult(False, b"old"), b"old"),
    ],
)
def test_swaps(
    made: Made, previous: bytes | None, value: bytes, delete: bool, result: CasResult, after: bytes | None
) -> None:
    made.put(b"k", b"old")
    assert made.swap(b"k", previous, value, delete=delete) == result
    assert made.kv.get(CF_DEFAULT, b"k") == after


def test_swaps_of_what_is_not_there(made: Made) -> None:
    assert made.swap(b"k", None, b"", delete=True) == CasResult(True, None)
    assert made.swap(b"k", b"", b"x") == CasResult(False, None)
    assert made.swap(b"k", None, b"x", ttl=3) == CasResult(True, None)
    made.now += 3
    assert made.swap(b"k", None, b"y") == CasResult(True, None)  # what has expired is not there


def test_an_empty_value_is_a_value(made: Made) -> None:
    made.put(b"k", b"")
    assert made.swap(b"k", None, b"x") == CasResult(False, b"")
    assert made.swap(b"k", b"", b"x") == CasResult(True, b"")


@pytest.mark.parametrize(
    ("ranges", "reverse", "bounded"),
    [
        ([(b"a", b"c"), (b"c", b"")], False, [(b"a", b"c"), (b"c", b"")]),
        ([(b"a", b""), (b"c", b"")], False, [(b"a", b"c"), (b"c", b"")]),
        ([(b"z", b"x"), (b"c", b"")], True, [(b"z", b"x"), (b"c", b"")]),
        ([(b"z", b""), (b"c", b"")], True, [(b"z", b"c"), (b"c", b"")]),
    ],
)
def test_ranges_of_a_batch_scan(
    ranges: Sequence[tuple[bytes, bytes]], reverse: bool, bounded: list[tuple[bytes, bytes]]
) -> None:
    assert valid_ranges(ranges, reverse=reverse) == bounded


@pytest.mark.parametrize(
    ("ranges", "reverse"),
    [([(b"c", b"c")], False), ([(b"c", b"a")], False), ([(b"a", b"c")], True), ([(b"d", b""), (b"c", b"")], False)],
)
def test_ranges_that_are_none(ranges: Sequence[tuple[bytes, bytes]], reverse: bool) -> None:
    with pytest.raises(StorageError, match="Invalid KeyRanges"):
        valid_ranges(ranges, reverse=reverse)


keys = st.binary(max_size=2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.binary(max_size=10), st.integers(0, 3)),
        st.tuples(st.just("delete"), keys, st.just(b""), st.just(0)),
        st.tuples(st.just("swap"), keys, st.sampled_from([b"", b"a"]), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.just(b""), st.just(b""), st.integers(1, 2)),
    ),
    max_size=30,
)


@given(steps, keys, keys, st.integers(0, 5), st.booleans())
def test_the_calls_are_a_dictionary(
    steps: list[tuple[str, bytes, bytes, int]], start: bytes, end: bytes, limit: int, reverse: bool
) -> None:
    made, model = Made(), dict[bytes, tuple[bytes, int]]()

    def live() -> dict[bytes, bytes]:
        return {key: value for key, (value, until) in sorted(model.items()) if not until or until > made.now}

    for what, key, value, number in steps:
        if what == "put":
            made.put(key, value, number)
            model[key] = (value, made.now + number if number else 0)
        elif what == "delete":
            made.kv.engine.write([(DELETE, CF_DEFAULT, key, b"")])
            model.pop(key, None)
        elif what == "swap":
            before = live().get(key)
            result = made.swap(key, value or None, b"new", ttl=number)
            assert result == CasResult(before == (value or None), before)
            if result.succeed:
                model[key] = (b"new", made.now + number if number else 0)
        else:
            made.now += number
    rows = live()
    assert all(made.kv.get(CF_DEFAULT, key) == rows.get(key) for key in [start, end, *model])
    wanted = [row for row in rows.items() if start <= row[0] and (not end or row[0] < end)]
    if not end or start < end:
        expected = (wanted[::-1] if reverse else wanted)[:limit]
        assert made.kv.scan(CF_DEFAULT, start, end, limit, reverse=reverse) == expected
        names = made.kv.scan(CF_DEFAULT, start, end, limit, reverse=reverse, key_only=True)
        assert names == [(key, b"") for key, _ in expected]
        checksum = 0
        for key, value in wanted:
            checksum ^= crc64(key + value)
        assert made.checksum((start, end)) == (checksum, len(wanted), sum(len(k) + len(v) for k, v in wanted))

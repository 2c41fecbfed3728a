"""RocksDB does what the reference does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ycsbpy.minicluster.store.engine import (
    CF_DEFAULT,
    CF_LOCK,
    CF_NAMES,
    CF_RAFT,
    DELETE,
    DELETE_RANGE,
    PUT,
    KvEngine,
    MemoryEngine,
    Mutation,
    RocksEngine,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

keys = st.binary(max_size=3)


def mutation(what: int, cf: int, one: bytes, other: bytes) -> Mutation:
    if what == DELETE_RANGE and other:
        one, other = sorted((one, other))
    return (what, cf, one, other)


mutations = st.builds(mutation, st.sampled_from([PUT, PUT, PUT, DELETE, DELETE_RANGE]), st.integers(0, 2), keys, keys)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RocksEngine]:
    engine = RocksEngine(tmp_path_factory.mktemp("rocks"))
    yield engine
    engine.close()


def emptied(engine: KvEngine) -> None:
    engine.write([(DELETE_RANGE, cf, b"", b"") for cf in range(len(CF_NAMES))])


@settings(max_examples=150)
@given(st.lists(st.lists(mutations, max_size=6), max_size=8), st.integers(0, 2), keys, keys)
def test_rocksdb_is_the_dictionary(
    shared: RocksEngine, batches: list[list[Mutation]], cf: int, start: bytes, end: bytes
) -> None:
    memory = MemoryEngine()
    emptied(shared)
    for batch in batches:
        shared.write(batch)
        memory.write(batch)
    assert shared.get(cf, start) == memory.get(cf, start)
    for reverse in (False, True):
        assert list(shared.rows(cf, b"", b"", reverse=reverse)) == list(memory.rows(cf, b"", b"", reverse=reverse))
        if not end or start < end:
            one, other = (list(each.rows(cf, start, end, reverse=reverse)) for each in (shared, memory))
            assert one == other


@pytest.fixture(params=["memory", "rocks"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KvEngine]:
    made: KvEngine = MemoryEngine() if request.param == "memory" else RocksEngine(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("reverse", [False, True])
def test_rows_are_those_of_the_moment_when_they_were_asked_for(engine: KvEngine, reverse: bool) -> None:
    engine.write([(PUT, CF_DEFAULT, b"a", b"1"), (PUT, CF_DEFAULT, b"b", b"2")])
    view, bounded = (engine.rows(CF_DEFAULT, b"", end, reverse=reverse) for end in (b"", b"b"))
    locks = engine.rows(CF_LOCK, b"", b"")
    engine.write([(DELETE, CF_DEFAULT, b"a", b""), (PUT, CF_DEFAULT, b"c", b"3"), (PUT, CF_LOCK, b"a", b"4")])
    assert sorted(view) == [(b"a", b"1"), (b"b", b"2")]
    assert list(bounded) == [(b"a", b"1")]
    assert list(locks) == []


def test_within_a_batch_order_counts(engine: KvEngine) -> None:
    engine.write(
        [
            (PUT, CF_DEFAULT, b"a", b"1"),
            (DELETE_RANGE, CF_DEFAULT, b"a", b"b"),
            (PUT, CF_DEFAULT, b"a", b"2"),
            (PUT, CF_DEFAULT, b"b", b"3"),
            (DELETE, CF_DEFAULT, b"b", b""),
        ]
    )
    assert list(engine.rows(CF_DEFAULT, b"", b"")) == [(b"a", b"2")]


def test_a_range_without_an_end_reaches_the_longest_key(engine: KvEngine) -> None:
    engine.write([(PUT, CF_DEFAULT, b"\xff" * 8192, b"1"), (PUT, CF_DEFAULT, b"", b"2")])
    engine.write([(DELETE_RANGE, CF_DEFAULT, b"\x01", b"")])
    assert list(engine.rows(CF_DEFAULT, b"", b"")) == [(b"", b"2")]


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    first = RocksEngine(tmp_path, sync=True)
    first.write([(PUT, cf, b"k", CF_NAMES[cf].encode()) for cf in range(len(CF_NAMES))])
    first.close()
    second = RocksEngine(tmp_path)
    assert [second.get(cf, b"k") for cf in range(len(CF_NAMES))] == [name.encode() for name in CF_NAMES]
    assert second.get(CF_RAFT, b"other") is None
    second.close()

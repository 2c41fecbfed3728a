"""Commands applied: all with one write, each for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from storekit import StoreKit

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import SplitIds
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.commands import Command, Entry, Split, Write, region_key
from ycsbpy.minicluster.store.engine import CF_DEFAULT, CF_RAFT, DELETE, PUT, Mutation
from ycsbpy.minicluster.store.rawkv import CasResult, CompareAndSwap, StorageError
from ycsbpy.proto import metapb_pb2 as metapb

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def kit() -> StoreKit:
    return StoreKit(b"m", ttl=False)


def put(key: bytes, value: bytes) -> Write:
    return Write([(PUT, CF_DEFAULT, key, value)], len(key) + len(value))


def swap(key: bytes, previous: bytes | None, value: bytes) -> CompareAndSwap:
    return CompareAndSwap(CF_DEFAULT, key, previous, value, False, 0, 1000)


def test_commands_of_all_regions_are_one_write(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    really_write = kit.engine.write

    def write(mutations: Sequence[Mutation]) -> None:
        writes.append(len(mutations))
        really_write(mutations)

    monkeypatch.setattr(kit.engine, "write", write)
    left, right = kit.replica(2), kit.replica(3)
    gone = Write([(DELETE, CF_DEFAULT, b"a", b"")], 1)
    entries = [Entry(left, 2, put(b"a", b"1")), Entry(right, 2, put(b"z", b"2")), Entry(left, 2, gone)]
    assert kit.machine.apply(entries) == [None, None, None]
    assert writes == [3]
    assert kit.rows() == {b"z": b"2"}
    assert (right.stats.size, right.stats.total_keys) == (2, 1)


def test_a_swap_sees_what_was_written_before_it(kit: StoreKit) -> None:
    left = kit.replica(2)
    commands: list[Command] = [swap(b"a", None, b"1"), swap(b"a", b"1", b"2"), put(b"a", b"3"), swap(b"a", b"3", b"4")]
    outcomes = kit.machine.apply([Entry(left, 2, command) for command in commands])
    assert outcomes == [CasResult(True, None), CasResult(True, b"1"), None, CasResult(True, b"3")]
    assert kit.rows() == {b"a": b"4"}


def test_a_command_for_another_range_is_refused_and_the_others_are_not(kit: StoreKit) -> None:
    left = kit.replica(2)
    first, second = kit.machine.apply([Entry(left, 1, put(b"a", b"1")), Entry(left, 2, put(b"b", b"2"))])
    assert isinstance(first, RegionError)
    assert first.error.HasField("epoch_not_match")
    assert second is None
    assert kit.rows() == {b"b": b"2"}


def test_a_split_makes_regions_and_ends_the_old_range(kit: StoreKit) -> None:
    left = kit.replica(2)
    left.stats.wrote(90, 9)
    split = Split((b"c", b"g"), (SplitIds(7, (8,)), SplitIds(9, (10,))))
    outcomes = kit.machine.apply([Entry(left, 2, split), Entry(left, 2, put(b"a", b"1"))])
    assert outcomes[0] is None
    assert isinstance(outcomes[1], RegionError)  # it was proposed for the undivided Region
    assert [(each.region.id, each.region.start, each.region.end) for each in kit.replicas] == [
        (7, b"", b"c"),
        (9, b"c", b"g"),
        (2, b"g", b"m"),
        (3, b"m", b""),
    ]
    assert all(each.is_leader for each in kit.replicas)
    assert [each.stats.size for each in kit.replicas] == [30, 30, 30, 0]
    kept = kit.engine.get(CF_RAFT, region_key(9))
    assert kept is not None
    assert wire.region_from_pb(metapb.Region.FromString(kept)) == kit.replica(9).region


def test_a_followers_new_replicas_have_no_leader(kit: StoreKit) -> None:
    left = kit.replica(2)
    kit.replicas.lead(left, None, 7)
    kit.machine.apply([Entry(left, 2, Split((b"c",), (SplitIds(7, (8,)),)))])
    assert [each.is_leader for each in kit.replicas] == [False, False, True]


@pytest.mark.parametrize("keys", [(), (b"m",), (b"z",), (b"",), (b"d", b"c")])
def test_a_split_outside_is_refused(kit: StoreKit, keys: tuple[bytes, ...]) -> None:
    ids = tuple(SplitIds(7 + index, (8,)) for index in range(len(keys)))
    (outcome,) = kit.machine.apply([Entry(kit.replica(2), 2, Split(keys, ids))])
    assert isinstance(outcome, RegionError)
    assert "no valid key" in outcome.error.message
    assert len(kit.replicas) == 2


@pytest.mark.parametrize(("text", "kind"), [("IO error: No space left on device", RegionError), ("eek", StorageError)])
def test_an_engine_that_fails_fails_its_batch(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, text: str, kind: type[Exception]
) -> None:
    def write(_mutations: object) -> None:
        raise Exception(text)

    monkeypatch.setattr(kit.engine, "write", write)
    left = kit.replica(2)
    stale, *failed = kit.machine.apply(
        [Entry(left, 1, put(b"a", b"1")), Entry(left, 2, put(b"b", b"2")), Entry(left, 2, swap(b"c", None, b"3"))]
    )
    assert isinstance(stale, RegionError)
    assert stale.error.HasField("epoch_not_match")
    assert all(isinstance(each, kind) for each in failed)
    if kind is RegionError:
        assert isinstance(failed[0], RegionError)
        assert list(failed[0].error.disk_full.store_id) == [1]

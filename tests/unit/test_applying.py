"""What committed commands do, each for itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from storekit import StoreKit, run

from ycsbpy.minicluster.model import SplitIds
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.commands import Command, Outcome, Split, Write
from ycsbpy.minicluster.store.engine import CF_DEFAULT, PUT
from ycsbpy.minicluster.store.peerstorage import region_states
from ycsbpy.minicluster.store.rawkv import CasResult, CompareAndSwap

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def kit() -> StoreKit:
    return StoreKit(b"m", ttl=False)


def put(key: bytes, value: bytes) -> Write:
    return Write([(PUT, CF_DEFAULT, key, value)], len(key) + len(value))


def swap(key: bytes, previous: bytes | None, value: bytes) -> CompareAndSwap:
    return CompareAndSwap(CF_DEFAULT, key, previous, value, False, 0, 1000)


def applied(kit: StoreKit, *commands: tuple[int, Command]) -> Sequence[Outcome | BaseException]:
    """Propose commands, each for a Region, at once; what became of them."""

    async def test() -> Sequence[Outcome | BaseException]:
        futures = [kit.raft.propose(kit.replica(region), 2, command) for region, command in commands]
        found = await asyncio.gather(*futures, return_exceptions=True)
        await asyncio.sleep(0)
        return found

    return run(test())


def test_commands_of_all_regions(kit: StoreKit) -> None:
    assert applied(kit, (2, put(b"a", b"1")), (3, put(b"z", b"2"))) == [None, None]
    assert kit.rows() == {b"a": b"1", b"z": b"2"}
    assert (kit.replica(3).stats.size, kit.replica(3).stats.total_keys) == (2, 1)


def test_a_swap_sees_what_was_written_before_it(kit: StoreKit) -> None:
    commands: list[Command] = [swap(b"a", None, b"1"), swap(b"a", b"1", b"2"), put(b"a", b"3"), swap(b"a", b"3", b"4")]
    outcomes = applied(kit, *((2, command) for command in commands))
    assert outcomes == [CasResult(True, None), CasResult(True, b"1"), None, CasResult(True, b"3")]
    assert kit.rows() == {b"a": b"4"}


def test_a_split_makes_regions_and_ends_the_old_range(kit: StoreKit) -> None:
    kit.replica(2).stats.wrote(90, 9)
    split = Split((b"c", b"g"), (SplitIds(7, (8,)), SplitIds(9, (10,))))
    outcomes = applied(kit, (2, split), (2, put(b"a", b"1")))
    assert outcomes[0] is None
    assert isinstance(outcomes[1], RegionError)  # it was proposed for the undivided Region
    assert outcomes[1].error.HasField("epoch_not_match")
    assert [(each.region.id, each.region.start, each.region.end) for each in kit.replicas] == [
        (7, b"", b"c"),
        (9, b"c", b"g"),
        (2, b"g", b"m"),
        (3, b"m", b""),
    ]
    assert all(each.is_leader for each in kit.replicas)
    assert [each.stats.size for each in kit.replicas] == [30, 30, 30, 0]
    assert sorted(state.region.id for state in region_states(kit.engine)) == [2, 3, 7, 9]
    assert kit.rows() == {}


@pytest.mark.parametrize("keys", [(), (b"m",), (b"z",), (b"",), (b"d", b"c")])
def test_a_split_outside_is_refused(kit: StoreKit, keys: tuple[bytes, ...]) -> None:
    ids = tuple(SplitIds(7 + index, (8,)) for index in range(len(keys)))
    (outcome,) = applied(kit, (2, Split(keys, ids)))
    assert isinstance(outcome, RegionError)
    assert "no valid key" in outcome.error.message
    assert len(kit.replicas) == 2

"""What is proposed in one pass of the loop goes together, and each hears what became of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from storekit import StoreKit, run

from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.commands import Write
from ycsbpy.minicluster.store.engine import CF_DEFAULT, PUT, Mutation
from ycsbpy.minicluster.store.rawkv import CasResult, CompareAndSwap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def put(key: bytes) -> Write:
    return Write([(PUT, CF_DEFAULT, key, b"v")], 2)


@pytest.fixture
def kit() -> StoreKit:
    return StoreKit(ttl=False)


def test_one_pass_is_one_write(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    really_write = kit.engine.write

    def write(mutations: Sequence[Mutation]) -> None:
        writes.append(sum(cf == CF_DEFAULT for _, cf, _, _ in mutations))
        really_write(mutations)

    monkeypatch.setattr(kit.engine, "write", write)

    async def test() -> None:
        propose = kit.proposals.propose
        futures = [propose(kit.replica(), 1, put(b"%d" % index)) for index in range(5)]
        assert not any(future.done() for future in futures)
        assert await asyncio.gather(*futures) == [None] * 5
        await propose(kit.replica(), 1, put(b"x"))

    run(test())
    assert writes == [0, 5, 0, 1]  # each time the log, and then, since there is nobody to wait for, the data
    assert len(kit.rows()) == 6


def test_each_gets_its_own_outcome(kit: StoreKit) -> None:
    async def test() -> None:
        swap = CompareAndSwap(CF_DEFAULT, b"k", None, b"v", False, 0, 1)
        fine = kit.proposals.propose(kit.replica(), 1, swap)
        stale = kit.proposals.propose(kit.replica(), 9, put(b"k"))
        assert await fine == CasResult(True, None)
        with pytest.raises(RegionError):
            await stale

    run(test())


def test_what_waited_too_long_is_not_done(kit: StoreKit) -> None:
    async def test() -> None:
        now = kit.clock.now_ns()
        late = kit.proposals.propose(kit.replica(), 1, put(b"late"), now + 10)
        fine = kit.proposals.propose(kit.replica(), 1, put(b"fine"), now + 11)
        kit.clock.advance(10)
        await fine
        with pytest.raises(RegionError) as caught:
            await late
        assert caught.value.error.server_is_busy.reason == "deadline is exceeded"

    run(test())
    assert list(kit.rows()) == [b"fine"]


def test_a_call_that_was_given_up_disturbs_nobody(kit: StoreKit) -> None:
    async def test() -> None:
        given_up = kit.proposals.propose(kit.replica(), 1, put(b"a"))
        other = kit.proposals.propose(kit.replica(), 1, put(b"b"))
        given_up.cancel()
        await other

    run(test())
    assert sorted(kit.rows()) == [b"a", b"b"]


def test_an_entry_that_is_no_command_stops_the_group_and_no_other(tmp_path: Path) -> None:
    kit = StoreKit(b"m", ttl=False)

    async def test() -> None:
        peer = kit.raft.peers[2]
        peer.raw.propose(b"no command")
        lost = kit.proposals.propose(kit.replica(2), 2, put(b"a"))
        with pytest.raises(RegionError, match="not found"):
            await lost
        await kit.proposals.propose(kit.replica(3), 2, put(b"z"))

    run(test())
    assert list(kit.rows()) == [b"z"]
    assert not kit.replica(2).is_leader

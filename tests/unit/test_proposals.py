"""What is proposed in one pass of the loop is applied together."""

from __future__ import annotations

import asyncio

import pytest
from storekit import StoreKit, run

from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.commands import Entry, Write
from ycsbpy.minicluster.store.engine import CF_DEFAULT, PUT
from ycsbpy.minicluster.store.rawkv import CasResult, CompareAndSwap, StorageError


def put(key: bytes) -> Write:
    return Write([(PUT, CF_DEFAULT, key, b"v")], 2)


@pytest.fixture
def kit() -> StoreKit:
    return StoreKit(ttl=False)


def test_one_pass_is_one_application(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    really_apply = kit.machine.apply

    def apply(entries: list[Entry]) -> object:
        passes.append(len(entries))
        return really_apply(entries)

    monkeypatch.setattr(kit.machine, "apply", apply)

    async def test() -> None:
        propose = kit.proposals.propose
        futures = [propose(kit.replica(), 1, put(b"%d" % index)) for index in range(5)]
        assert not any(future.done() for future in futures)
        assert await asyncio.gather(*futures) == [None] * 5
        await propose(kit.replica(), 1, put(b"x"))

    run(test())
    assert passes == [5, 1]
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


def test_a_bug_in_applying_is_an_error_and_not_the_end(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        with monkeypatch.context() as broken:
            broken.setattr(kit.machine, "apply", lambda _entries: 1 / 0)
            with pytest.raises(StorageError, match="internal error"):
                await kit.proposals.propose(kit.replica(), 1, put(b"a"))
        await kit.proposals.propose(kit.replica(), 1, put(b"b"))

    run(test())
    assert list(kit.rows()) == [b"b"]

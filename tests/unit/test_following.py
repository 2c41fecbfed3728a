"""To follow a store: from where one wants, at one's own pace, and until one is left behind."""

from __future__ import annotations

import asyncio

import pytest

from ycsbpy.minicluster.pd.following import ForgottenError, follow
from ycsbpy.minicluster.pd.metastore import MetaStore


def test_what_was_and_what_comes() -> None:
    async def test() -> None:
        store = MetaStore()
        store.put(b"a", b"1")
        store.put(b"a", b"2")
        past, now = follow(store, 3), follow(store)
        assert (await anext(past)).revision == 3
        soon = asyncio.ensure_future(anext(now))
        later = asyncio.ensure_future(anext(past))
        await asyncio.sleep(0)
        assert not soon.done()
        assert not later.done()
        store.put(b"b", b"1")
        assert [(await each).revision for each in (soon, later)] == [4, 4]
        store.put(b"b", b"2")
        assert [(await anext(each)).revision for each in (now, past)] == [5, 5]
        for each in (now, past):
            await each.aclose()

    asyncio.run(test())


def test_from_a_revision_that_is_still_to_come() -> None:
    async def test() -> None:
        store = MetaStore()
        soon = asyncio.ensure_future(anext(follow(store, 4)))
        await asyncio.sleep(0)
        for value in (b"2", b"3", b"4"):
            store.put(b"a", value)
            await asyncio.sleep(0)
        change = await soon
        assert (change.revision, change.events[0].after) == (4, store.get(b"a"))

    asyncio.run(test())


def test_one_that_does_not_read_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MetaStore, "REMEMBERED", 2)

    async def test() -> None:
        store = MetaStore()
        follower = follow(store, 1)
        store.put(b"a", b"1")
        assert (await anext(follower)).revision == 2
        for value in (b"2", b"3", b"4"):
            store.put(b"a", value)
        with pytest.raises(ForgottenError, match=r"revision: 3 is smaller than .* revision 4") as caught:
            await anext(follower)
        assert caught.value.compacted == 4

    asyncio.run(test())

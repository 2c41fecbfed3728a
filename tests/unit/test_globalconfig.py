"""Configuration kept for others: items by path, and who is told of a change."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from ycsbpy.minicluster.pd.globalconfig import Change, GlobalConfig, PathError, full_name, normal_path
from ycsbpy.minicluster.pd.metastore import MetaStore


@pytest.fixture
def store() -> MetaStore:
    return MetaStore()


@pytest.fixture
def config(store: MetaStore) -> GlobalConfig:
    return GlobalConfig(store)


def followed(config: GlobalConfig, path: str, revision: int, count: int) -> list[tuple[int, list[Change]]]:
    """The first ``count`` changes that one who follows is told of."""

    async def collect() -> list[tuple[int, list[Change]]]:
        found = []
        async with aclosing(config.follow(path, revision)) as changes:
            async for each in changes:
                found.append(each)
                if len(found) == count:
                    break
        return found

    return asyncio.run(collect())


def test_paths() -> None:
    assert [normal_path(path) for path in ("", "/global/config", "/global/config/tidb")] == [
        "/global/config/", "/global/config/", "/global/config/tidb",
    ]  # fmt: skip
    assert full_name("/global/config/", "a") == full_name("/global/config", "a") == "/global/config/a"
    assert full_name("/global/config/", "") == "/global/config"
    with pytest.raises(PathError, match='global config path "/secret" is not allowed'):
        normal_path("/secret")


def test_items_come_and_go_with_revisions(config: GlobalConfig) -> None:
    config.change([("/b", b"1"), ("/a/x", b"\xff")])
    config.change([("/c", None)])  # nothing changes
    config.change([("/b", None), ("/c", b"2")])
    config.change([("/d", b"3")])
    assert config.revision == 4
    assert config.below("/") == [("/a/x", b"\xff"), ("/c", b"2"), ("/d", b"3")]
    assert config.below("/a") == [("/a/x", b"\xff")]
    assert (config.get("/c"), config.get("/b")) == (b"2", None)
    assert followed(config, "/", 2, 3) == [
        (2, [Change("/b", b"1"), Change("/a/x", b"\xff")]),
        (3, [Change("/b", b"1", removed=True), Change("/c", b"2")]),
        (4, [Change("/d", b"3")]),
    ]
    assert followed(config, "/c", 2, 1) == [(3, [Change("/c", b"2")])]


def test_what_else_is_in_the_store_is_no_configuration(config: GlobalConfig, store: MetaStore) -> None:
    store.write([(b"/zzz", b"1"), (b"/global/config/a", b"2"), (b"/global/config/\xff", b"3")])
    assert config.below("/global/config/") == [("/global/config/a", b"2")]
    assert (config.get("/zzz"), config.revision) == (b"1", 2)
    assert followed(config, "/global/config/a", 2, 1) == [(2, [Change("/global/config/a", b"2")])]

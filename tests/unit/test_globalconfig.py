"""Configuration kept for others: items by path, revisions, and who is told of a change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ycsbpy.minicluster.pd import globalconfig
from ycsbpy.minicluster.pd.globalconfig import Change, GlobalConfig, PathError, full_name, normal_path

if TYPE_CHECKING:
    from collections.abc import Sequence

Kept = list[dict[str, Any]]


@pytest.fixture
def kept() -> Kept:
    return []


@pytest.fixture
def config(kept: Kept) -> GlobalConfig:
    return GlobalConfig(None, kept.append)


def test_paths() -> None:
    assert [normal_path(path) for path in ("", "/global/config", "/global/config/tidb")] == [
        "/global/config/", "/global/config/", "/global/config/tidb",
    ]  # fmt: skip
    assert full_name("/global/config/", "a") == full_name("/global/config", "a") == "/global/config/a"
    assert full_name("/global/config/", "") == "/global/config"
    with pytest.raises(PathError, match='global config path "/secret" is not allowed'):
        normal_path("/secret")


def test_items_come_and_go_with_revisions(config: GlobalConfig) -> None:
    told: list[tuple[int, Sequence[Change]]] = []
    end = config.watch(lambda revision, changes: told.append((revision, list(changes))))
    config.change([("/b", b"1"), ("/a/x", b"\xff")])
    config.change([("/c", None)])  # nothing changes
    config.change([("/b", None), ("/c", b"2")])
    end()
    config.change([("/d", b"3")])
    assert config.revision == 4
    assert config.below("/") == [("/a/x", b"\xff"), ("/c", b"2"), ("/d", b"3")]
    assert (config.get("/c"), config.get("/b")) == (b"2", None)
    assert told == [
        (2, [Change("/b", b"1"), Change("/a/x", b"\xff")]),
        (3, [Change("/b", b"1", removed=True), Change("/c", b"2")]),
    ]
    assert config.since(3) == [told[1], (4, [Change("/d", b"3")])]
    assert config.since(0) == config.since(5) == []


def test_after_a_restart_the_last_change_is_remembered_and_those_before_are_not(
    config: GlobalConfig, kept: Kept
) -> None:
    config.change([("/a", b"1")])
    config.change([("/b", b"2")])
    config.change([("/a", None)])
    again = GlobalConfig(json.loads(json.dumps(kept[-1])), kept.append)
    assert (again.revision, again.below("")) == (4, [("/b", b"2")])
    assert again.since(4) == [(4, [Change("/a", b"1", removed=True)])]
    assert again.since(3) is None
    assert again.since(5) == []


def test_the_memory_has_an_end(config: GlobalConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(globalconfig, "REMEMBERED", 3)
    for number in range(5):
        config.change([("/a", b"%d" % number)])
    assert config.revision == 6
    assert config.since(3) is None
    assert [revision for revision, _ in config.since(4) or ()] == [4, 5, 6]

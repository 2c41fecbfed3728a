"""Stores and PD together over many seeds: Regions split and move, stores join, leave and crash, and nothing is lost.

A failure names its seed; ``python tests/raft/regionworld.py SEED SEED+1`` runs it again.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from raft.regionworld import run
from raft.simchecks import Violation

from ycsbpy.minicluster.store.multiraft import MultiRaft

pytestmark = pytest.mark.once

GROUPS = 5
SEEDS = 6


@pytest.mark.parametrize("group", range(GROUPS))
def test_many_seeds(group: int) -> None:
    run_all(range(group * SEEDS, (group + 1) * SEEDS))


@pytest.mark.ondemand
@pytest.mark.parametrize("hundred", range(10))
def test_a_thousand_seeds(hundred: int) -> None:
    run_all(range(100 * (hundred + 1), 100 * (hundred + 2)))


def test_worlds_are_eventful() -> None:
    """All kinds of trouble come, or finding nothing would mean little."""
    worlds = [run(seed) for seed in range(1000, 1006)]
    for kind in ("split", "crash", "join", "leave", "cut"):
        assert sum(world.counts[kind] for world in worlds) >= 6, kind
    assert sum(world.snapshots for world in worlds) > 30
    assert sum(sum(client.acknowledged.values()) for world in worlds for client in world.clients) > 1000
    assert min(len(list(world.pd.state.regions)) for world in worlds) >= 2


def test_writes_acknowledged_too_early_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = MultiRaft.propose

    def hasty(self: MultiRaft, *arguments: Any) -> asyncio.Future[Any]:
        original(self, *arguments).add_done_callback(lambda done: done.cancelled() or done.exception())
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    monkeypatch.setattr(MultiRaft, "propose", hasty)
    with pytest.raises(Violation, match="lost write"):
        run_all(range(10))


def run_all(seeds: range) -> None:
    for seed in seeds:
        run(seed)

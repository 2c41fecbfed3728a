"""The simulation over many seeds, and bugs planted in the core, each of which it must find.

A failure names its seed; ``python tests/raft/simulation.py SEED`` tells its story line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from raft.planted import PLANTED
from raft.simchecks import Violation
from raft.simulation import World, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from raft.simulation import Settings

    from ycsbpy.minicluster.raft.core import Raft

pytestmark = pytest.mark.once

GROUPS = 10
SEEDS = 30
"""In each group. Together they are what CI has time for: about 20 s."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_many_seeds(group: int) -> None:
    for seed in range(group * SEEDS, (group + 1) * SEEDS):
        run(seed)


@pytest.mark.ondemand
@pytest.mark.parametrize("thousand", range(10))
def test_ten_thousand_seeds(thousand: int) -> None:
    for seed in range(1000 * (thousand + 1), 1000 * (thousand + 2)):
        run(seed)


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.__name__)
def test_planted_bugs_are_found(bug: type[Raft]) -> None:
    seeds, worlds = PLANTED[bug]
    for seed in range(seeds):
        try:
            run(seed, raft_type=bug, adjust=worlds)
        except Violation:
            return
    pytest.fail(f"not found within {seeds} seeds: {bug.__doc__}")


@pytest.mark.parametrize("worlds", list(dict.fromkeys(worlds for _, worlds in PLANTED.values())))
def test_no_bug_is_found_where_none_is(worlds: Callable[[Settings], None]) -> None:
    """The worlds that are made for one bug find nothing in the core as it is."""
    for seed in range(5):
        run(seed, adjust=worlds)


def test_a_failure_names_its_seed() -> None:
    bug = next(iter(PLANTED))
    with pytest.raises(Violation, match=r"seed 0 \(python tests/raft/simulation.py 0\): no quorum: leader"):
        run(0, raft_type=bug)


def test_a_seed_is_one_story() -> None:
    """What a seed does depends on nothing else, so failures can be replayed."""

    def story(seed: int) -> list[str]:
        world = World(seed)
        world.run()
        return [str(one) for one in world.history]

    assert story(7) == story(7)
    assert story(7) != story(8)


def test_worlds_are_eventful() -> None:
    """Reads, writes, elections and changes all happen, or finding nothing would mean little."""
    worlds = [World(seed) for seed in range(20)]
    for world in worlds:
        world.run()
    kinds = [one.kind for world in worlds for one in world.history if one.returned is not None]
    assert min(kinds.count(kind) for kind in ("read", "write", "cas")) > 500
    terms = [node.raw.term for world in worlds for node in world.nodes.values()]
    assert max(terms) > 12
    assert max(node.storage.truncated[0] for world in worlds for node in world.nodes.values()) > 100
    assert max(max(world.nodes) for world in worlds) > 8  # ids are given to newcomers

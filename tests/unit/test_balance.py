"""The schedulers: what is moved, and above all what is not."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from placementkit import cluster, region

from ycsbpy.minicluster.placement.balance import balance_leader, balance_region
from ycsbpy.minicluster.placement.schedule import FAITHFUL

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.operators import Operator


def regions(count: int, peers: str = "1* 2 3", size: int = 96) -> list[RegionInfo]:
    return [region(peers, 100 + number, size=size) for number in range(count)]


def moved(count: int, sizes: str, *, peers: str = "1* 2 3", size: int = 96, **facts: Any) -> Operator | None:
    return balance_region(cluster(sizes, regions(count, peers, size), **facts), random.Random(1))


def test_the_fullest_gives_to_the_emptiest() -> None:
    operator = moved(20, "1 Up 1920,2 Up 1920,3 Up 1950,4 Up 480,5 Up 100")
    assert operator is not None
    assert operator.brief == "mv peer: store [3] to [5]"
    assert operator.desc == "balance-region-scheduler"


@pytest.mark.parametrize(("gap", "moves"), [(0, False), (190, False), (193, True)])
def test_a_difference_of_two_regions_is_let_be(gap: int, moves: bool) -> None:
    assert (moved(20, f"1 Up {1000 + gap},2 Up 1000,3 Up 1000,4 Up 1000") is not None) == moves


def test_what_is_under_way_counts_five_times() -> None:
    """So that no more is started than is needed."""
    assert moved(20, "1 Up 1900,2 Up 1000,3 Up 1000,4 Up 1000") is not None
    assert moved(20, "1 Up 1900,2 Up 1000,3 Up 1000,4 Up 1000", s1={"region_influence": -192}) is None


def test_nothing_comes_to_a_store_that_is_unwell_full_or_at_its_limit() -> None:
    for facts in ({"state": "Disconnected"}, {"state": "Offline"}, {"busy": True}, {"can_add": False}, {"pending": 99}):
        view = cluster("1 Up 1900,2 Up 1900,3 Up 1900,4 Up 10", regions(20))
        stores = {**view.stores, 4: replace(view.stores[4], **facts)}
        assert balance_region(replace(view, stores=stores), random.Random(1)) is None


@pytest.mark.parametrize("peers", ["1* 2 3?", "1* 2 3!30", "1* 2", "1* 2 3l", "1 2 3"])
def test_a_region_that_is_unwell_stays(peers: str) -> None:
    assert moved(20, "1 Up 1900,2 Up 1900,3 Up 1900,4 Up 10", peers=peers) is None


@pytest.mark.parametrize(("count", "moves"), [(99, True), (100, False)])
def test_empty_regions_move_only_in_small_clusters(count: int, moves: bool) -> None:
    """tikv/pd#8285."""
    assert (moved(count, "1 Up 190,2 Up 190,3 Up 190,4 Up 0", size=1) is not None) == moves


def test_no_two_replicas_on_one_store() -> None:
    assert moved(20, "1 Up 1900,2 Up 900,3 Up 100", peers="1* 2 3") is None


def leader_move(counts: str, peers: str = "1* 2 3", count: int = 30, ratio: float = 0, **facts: Any) -> Operator | None:
    numbers = [int(each) for each in counts.split()]
    views: dict[str, Any] = {f"s{i + 1}": {"leaders": n} for i, n in enumerate(numbers)}
    for name, more in facts.items():
        views[name] |= more
    stores = ",".join(str(number + 1) for number in range(len(numbers)))
    schedule = FAITHFUL.with_(tolerant_size_ratio=ratio)
    return balance_leader(cluster(stores, regions(count, peers), schedule, **views), random.Random(1))


@pytest.mark.parametrize(
    ("counts", "moves"), [("13 3 13", False), ("14 3 13", True), ("30 0 0", True), ("6 0 0", False)]
)
def test_leaders_move_only_while_the_difference_is_above_ten(counts: str, moves: bool) -> None:
    """Seen on a real PD: it stopped at 13 against 3."""
    assert (leader_move(counts) is not None) == moves


def test_leaders_stay_away_from_stores_that_cannot_take_them() -> None:
    assert leader_move("30 0 0", s2={"busy": True}, s3={"busy": True}) is None
    operator = leader_move("30 0 0", s2={"busy": True})
    assert operator is not None
    assert operator.brief == "transfer leader: store 1 to 3"


def test_only_voters_take_over() -> None:
    assert leader_move("30 0 0", peers="1* 2l 3l") is None
    assert leader_move("30 0 0", peers="1* 2? 3") is None


def test_a_smaller_tolerance_can_be_asked_for() -> None:
    assert leader_move("4 0 0") is None
    assert leader_move("4 0 0", ratio=1) is not None

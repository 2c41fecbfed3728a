"""Safe points by the rules of PD 8.5."""

from __future__ import annotations

from typing import Any

import pytest

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.pd.gcpoints import FOR_EVER, GcPoints, GcPointsError
from ycsbpy.testing import VirtualClock

Kept = list[dict[str, Any]]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def kept() -> Kept:
    return []


@pytest.fixture
def points(clock: VirtualClock, kept: Kept) -> GcPoints:
    return GcPoints(clock, None, kept.append)


def test_the_clusters_safe_point_only_grows(points: GcPoints) -> None:
    assert [points.advance(each) for each in (0, 5, 3, 9)] == [0, 5, 5, 9]


def test_the_collector_may_go_up_to_the_lowest(points: GcPoints) -> None:
    assert points.update("backup", 60, 100)[::2] == ("gc_worker", 0)  # who has said nothing yet
    assert points.update("gc_worker", FOR_EVER, 200)[::2] == ("backup", 100)
    assert points.update("feed", 60, 150)[::2] == ("backup", 100)
    assert points.update("late", 60, 50)[::2] == ("backup", 100)  # not taken, as the answer shows
    assert [each.service_id for each in points.services()] == ["backup", "feed", "gc_worker"]
    assert points.update("backup", 60, 170)[::2] == ("feed", 150)
    assert points.update("feed", 0, 0)[::2] == ("backup", 170)
    points.remove("backup")
    points.remove("nobody")
    assert points.lowest()[::2] == ("gc_worker", 200)


def test_a_safe_point_holds_for_its_time_to_live(points: GcPoints, clock: VirtualClock) -> None:
    points.update("gc_worker", FOR_EVER, 10)
    lowest = points.update("backup", 60, 20)
    assert lowest == ("gc_worker", FOR_EVER, 10)
    points.update("gc_worker", FOR_EVER, 100)
    assert points.lowest() == ("backup", points.now_s() + 60, 20)
    clock.advance(60 * NS_PER_SECOND)
    assert points.lowest().service_id == "backup"
    clock.advance(NS_PER_SECOND)
    assert points.lowest() == ("gc_worker", FOR_EVER, 100)
    assert [each.service_id for each in points.services()] == ["gc_worker"]


def test_a_time_to_live_beyond_all_time_is_for_ever(points: GcPoints) -> None:
    points.update("backup", FOR_EVER - 5, 1)
    assert points.services()[0].expires_s == FOR_EVER


@pytest.mark.parametrize(
    ("service", "ttl", "problem"),
    [
        ("", 5, "service id of service safepoint cannot be empty"),
        ("gc_worker", 5, "TTL of gc_worker's service safe point must be infinity"),
        ("gc_worker", 0, "cannot remove service safe point of gc_worker"),
    ],
)
def test_what_is_not_taken(points: GcPoints, service: str, ttl: int, problem: str) -> None:
    with pytest.raises(GcPointsError, match=problem):
        points.update(service, ttl, 5)


def test_they_outlive_the_process(points: GcPoints, clock: VirtualClock, kept: Kept) -> None:
    points.advance(7)
    points.update("backup", 60, 100)
    again = GcPoints(clock, kept[-1], kept.append)
    assert again.safe_point == 7
    assert again.services() == points.services()
    assert len(kept) == 3  # the cluster's; gc_worker's first; the backup's

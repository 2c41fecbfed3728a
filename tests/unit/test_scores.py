"""Scores against those that a real PD gave."""

from __future__ import annotations

import pytest
from placementkit import GIB, store

from ycsbpy.minicluster.placement.scores import isolation, leader_score, region_score


@pytest.mark.parametrize(("size", "score"), [(1440, 6611.7), (1344, 6167.1)])
def test_as_a_real_pd_scored_them(size: int, score: float) -> None:
    """Two stores of 100 GiB of which 97.59 were free (low-space-ratio 1)."""
    view = store(f"1 Up {size}", capacity=100 * GIB, available=int(97.59 * GIB))
    assert region_score(view, 0, 1.0) == pytest.approx(score, rel=2e-3)  # its free space is known to four digits


def test_equal_disks_score_by_size() -> None:
    one, two = (store(f"1 Up {size}", capacity=100 * GIB, available=80 * GIB) for size in (100, 200))
    assert region_score(two) == pytest.approx(2 * region_score(one))
    assert region_score(one, 100) == pytest.approx(region_score(two))


def test_less_room_scores_higher() -> None:
    scores = [
        region_score(store("1 Up 100", capacity=1000 * GIB, available=free * GIB)) for free in (900, 500, 250, 150, 10)
    ]
    assert scores == sorted(scores)
    assert scores[-1] > 1e8  # below the ratio everything is better than this


def test_weights_divide() -> None:
    assert region_score(store("1 Up 100", region_weight=2.0)) == 50
    assert leader_score(store("1", leaders=10, leader_weight=2.0)) == 5


def test_unknown_disks_score_by_size() -> None:
    assert region_score(store("1 Up 100")) == 100


def test_isolation_counts_the_first_label_most() -> None:
    labels = ("zone", "host")
    here = store("1", labels={"zone": "a", "host": "1"})
    zone = store("2", labels={"zone": "b", "host": "1"})
    host = store("3", labels={"zone": "a", "host": "2"})
    same = store("4", labels={"zone": "a", "host": "1"})
    assert isolation(labels, here, [zone]) > isolation(labels, here, [host]) > isolation(labels, here, [same]) == 0
    assert isolation(labels, here, [here]) == 0

"""How far the stores are that are to go."""

from __future__ import annotations

import sys

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.pd.removals import Progress, Removals


def at(seconds: int) -> int:
    return seconds * NS_PER_SECOND


def test_progress_of_stores_that_are_to_go() -> None:
    removals = Removals()
    removals.note({4: 100, 5: 0}, at(0))
    assert removals.of_store(4, at(0)) == Progress(0.0, 0.0, sys.float_info.max)
    assert removals.of_store(5, at(0)) == Progress(0.0, 0.0, 0.0)
    removals.note({4: 60, 5: 0}, at(20))
    assert removals.of_store(4, at(20)) == Progress(0.4, 2.0, 30.0)
    assert removals.average(at(20)) == Progress(0.2, 1.0, 15.0)
    assert removals.of_store(1, at(20)) is None
    removals.note({}, at(30))
    assert removals.of_store(4, at(30)) is removals.average(at(30)) is None


def test_the_speed_is_that_of_the_last_ten_minutes() -> None:
    removals = Removals()
    removals.note({4: 1000}, at(0))
    for second in range(10, 600, 10):
        removals.note({4: 500}, at(second))
    for second in range(600, 1210, 10):
        removals.note({4: 500 - (second - 600) // 2}, at(second))
    progress = removals.of_store(4, at(1200))
    assert progress is not None
    assert progress.share == 0.8
    assert abs(progress.speed - 0.5) < 0.01


def test_stores_that_do_not_move_take_for_ever() -> None:
    removals = Removals()
    removals.note({4: 10, 5: 10}, at(0))
    assert removals.average(at(5)) == Progress(0.0, 0.0, sys.float_info.max)

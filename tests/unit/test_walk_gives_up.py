"""When a walk gives a load up."""

from __future__ import annotations

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.runner.plan import Progress
from ycsbpy.walk import GIVE_UP_S, NO_PROGRESS, GivesUp
from ycsbpy.workload.base import Phase


class Heard:
    def __init__(self) -> None:
        self.ended: list[int] = []

    def progress(self, progress: Progress) -> None:
        self.ended.append(progress.ended)

    def interval(self, interval: object) -> None:
        raise AssertionError(interval)


def watched(*looks: tuple[float, int, int]) -> tuple[GivesUp, Heard]:
    """A load seen at some seconds, with so many operations ended and so many of them failed."""
    heard = Heard()
    watch = GivesUp(heard)
    for seconds, ended, errors in looks:
        watch.progress(Progress(Phase.LOAD, ended, 100, round(seconds * NS_PER_SECOND), None, errors, None))
    return watch, heard


def test_when_nothing_succeeds_it_is_stopped() -> None:
    watch, heard = watched((1, 10, 0), (2, 12, 2), (30, 20, 10), (1 + GIVE_UP_S, 30, 20))
    assert watch.stop.reason == NO_PROGRESS
    assert heard.ended == [10, 12, 20, 30]


def test_one_success_begins_the_wait_anew() -> None:
    watch, _ = watched((1, 10, 0), (50, 20, 10), (51, 21, 10), (50 + GIVE_UP_S, 30, 19))
    assert not watch.stop.reason


def test_a_load_that_only_waits_is_left_alone() -> None:
    watch, _ = watched((1, 10, 0), (500, 10, 0))
    assert not watch.stop.reason


def test_it_is_stopped_once() -> None:
    watch, _ = watched((GIVE_UP_S, 5, 5), (GIVE_UP_S + 1, 6, 6), (GIVE_UP_S + 2, 7, 7))
    assert not watch.stop.forced

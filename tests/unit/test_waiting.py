"""Waiting for a verdict, on a clock of the test's."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from unit_pictures import GOOD, WRONG

from ycsbpy.cluster.verdict import replication
from ycsbpy.cluster.waiting import Judged, wait_for
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from ycsbpy.cluster.picture import Picture


class World:
    """Time goes by only in ``sleep``; ``story`` is what is seen, second by second, the last one for ever."""

    def __init__(self, *story: Picture | ClusterError) -> None:
        self.story = story
        self.time = 0.0

    def look(self) -> Picture:
        seen = self.story[min(int(self.time), len(self.story) - 1)]
        if isinstance(seen, ClusterError):
            raise seen
        return seen

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def wait(self, timeout_s: float, stable_s: float = 0.0, rest_s: float = math.inf) -> Judged:
        return wait_for(
            self.look, replication, timeout_s=timeout_s, stable_s=stable_s, rest_s=rest_s, every_s=1.0,
            now=lambda: self.time, sleep=self.sleep,
        )  # fmt: skip


MOVED = replace(GOOD, regions=(replace(GOOD.regions[0], conf_ver=7),))
SILENT = ClusterError("PD does not answer")


def test_one_look_is_enough_where_it_is_good_at_once() -> None:
    judged = World(GOOD).wait(0)
    assert (judged.good, judged.waited_s) == (True, 0)


def test_without_time_a_bad_look_is_the_verdict() -> None:
    judged = World(WRONG, GOOD).wait(0)
    assert not judged.good
    assert judged.verdict.findings


def test_it_is_waited_for() -> None:
    assert World(WRONG, WRONG, GOOD).wait(10).waited_s == 2


def test_the_time_ends() -> None:
    world = World(WRONG)
    assert not world.wait(5).good
    assert world.time == 5


def test_it_has_to_stay_so() -> None:
    judged = World(GOOD).wait(30, stable_s=10)
    assert (judged.good, judged.waited_s) == (True, 10)


def test_what_moves_or_breaks_begins_the_wait_anew() -> None:
    assert World(GOOD, GOOD, GOOD, MOVED).wait(30, stable_s=5).waited_s == 8
    assert World(GOOD, WRONG, GOOD).wait(30, stable_s=5).waited_s == 7
    assert World(GOOD, SILENT, GOOD).wait(30, stable_s=5).waited_s == 7


def test_good_but_not_for_long_enough_is_not_good() -> None:
    judged = World(WRONG, WRONG, WRONG, GOOD).wait(5, stable_s=10)
    assert judged.verdict.good
    assert not judged.good


def test_a_pd_that_never_answers_is_an_error() -> None:
    with pytest.raises(ClusterError, match="PD does not answer"):
        World(SILENT).wait(3)


def test_a_pd_that_answers_in_the_end_is_not() -> None:
    assert World(SILENT, SILENT, GOOD).wait(5).good


def test_what_does_not_get_better_is_given_up_once_pd_is_at_rest() -> None:
    judged = World(WRONG).wait(600, rest_s=60)
    assert (judged.good, judged.waited_s, judged.at_rest_s) == (False, 60, 60)
    assert judged.why.endswith(", and nothing has moved for 60 s")


def test_while_something_moves_or_pd_is_at_it_nothing_is_given_up() -> None:
    at_it = replace(WRONG, operators=("balance-region",))
    moved = replace(WRONG, regions=(replace(WRONG.regions[0], conf_ver=7), *WRONG.regions[1:]))
    assert World(WRONG, WRONG, moved).wait(600, rest_s=5).waited_s == 7
    assert World(WRONG, *[at_it] * 20, WRONG).wait(600, rest_s=5).waited_s == 25
    assert World(*[at_it] * 20, GOOD).wait(600, rest_s=5).good
    assert World(GOOD).wait(600, stable_s=20, rest_s=5).waited_s == 20  # and what is good is not

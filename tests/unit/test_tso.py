"""Timestamps only grow, whatever the clock does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.minicluster.pd.tso import LOGICAL_BITS, MAX_LOGICAL, Timestamp, TimestampOracle
from ycsbpy.testing import VirtualClock

MS = 1_000_000
START_MS = 1_795_427_378_888


class JumpyClock(VirtualClock):
    """A wall clock that tests set."""

    def __init__(self, wall_ms: int = START_MS) -> None:
        super().__init__()
        self.wall_ms = wall_ms

    def wall_ns(self) -> int:
        return self.wall_ms * MS


def as_integer(stamp: Timestamp) -> int:
    return (stamp.physical << LOGICAL_BITS) + stamp.logical


def test_a_timestamp_as_one_integer() -> None:
    assert as_integer(Timestamp(START_MS, 3)) == 470660514811215875


def test_the_largest_of_a_batch_is_returned() -> None:
    oracle = TimestampOracle(JumpyClock())
    assert oracle.take(1) == (START_MS, 1)
    assert oracle.take(10) == (START_MS, 11)


def test_the_physical_part_follows_the_clock_forwards_only() -> None:
    clock = JumpyClock()
    oracle = TimestampOracle(clock)
    oracle.take(5)
    clock.wall_ms -= 1000
    assert oracle.take(1) == (START_MS, 6)
    clock.wall_ms = START_MS + 1
    assert oracle.take(1) == (START_MS + 1, 1)


def test_a_used_up_millisecond_is_left_ahead_of_the_clock() -> None:
    oracle = TimestampOracle(JumpyClock())
    assert oracle.take(MAX_LOGICAL - 1) == (START_MS, MAX_LOGICAL - 1)
    assert oracle.take(2) == (START_MS + 1, 2)


@pytest.mark.parametrize("count", [0, -1, MAX_LOGICAL, 2**32 - 1])
def test_a_count_that_cannot_be(count: int) -> None:
    with pytest.raises(ValueError, match="tso count"):
        TimestampOracle(JumpyClock()).take(count)


def test_what_was_saved_is_above_all_that_was_handed_out() -> None:
    clock, saved = JumpyClock(), list[int]()
    oracle = TimestampOracle(clock, save=saved.append)
    for _ in range(5):
        stamp = oracle.take(1)
        assert saved[-1] > stamp.physical
        clock.wall_ms += 1000
    assert len(saved) == 2  # one write does for three seconds
    clock.wall_ms = START_MS  # the clock of the next process is behind
    again = TimestampOracle(clock, saved[-1])
    assert as_integer(again.take(1)) > as_integer(stamp)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, MAX_LOGICAL - 1)), max_size=30))
def test_batches_never_overlap(steps: list[tuple[int, int]]) -> None:
    clock = JumpyClock()
    oracle = TimestampOracle(clock)
    last = 0
    for jump, count in steps:
        clock.wall_ms += jump
        stamp = oracle.take(count)
        assert 0 < stamp.logical < MAX_LOGICAL
        assert as_integer(stamp) - count >= last
        last = as_integer(stamp)

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.runner.pacing import Schedule


@pytest.mark.parametrize(
    ("rate", "number", "due"),
    [
        (1, 0, 0),
        (1, 3, 3_000_000_000),
        (1000, 1, 1_000_000),
        (3, 1, 333_333_333),
        (3, 3, 1_000_000_000),
        (1_000_000, 10**12, 10**15),
        (7, 7 * 10**11, 10**20),
        (0.1, 1, 10_000_000_000),
    ],
)
def test_due_times(rate: float, number: int, due: int) -> None:
    assert Schedule(rate, 5).due_ns(number) == 5 + due


@given(st.integers(1, 10**7), st.integers(0, 10**13))
def test_no_rounding_adds_up(rate: int, number: int) -> None:
    exact = Fraction(number * 10**9, rate)
    assert 0 <= exact - Schedule(rate, 0).due_ns(number) < 1


@given(st.floats(0.001, 1e7), st.integers(0, 10**9))
def test_due_before_counts_what_is_due(rate: float, number: int) -> None:
    schedule = Schedule(rate, 1000)
    due = schedule.due_ns(number)
    assert schedule.due_before(due) <= number
    assert schedule.due_before(due + 1) >= number + 1
    count = schedule.due_before(due + 12345)
    assert schedule.due_ns(count) >= due + 12345
    assert count == 0 or schedule.due_ns(count - 1) < due + 12345


def test_nothing_is_due_before_the_start() -> None:
    assert Schedule(1000, 100).due_before(100) == 0
    assert Schedule(1000, 100).due_before(0) == 0


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_is_positive(rate: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Schedule(rate, 0)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.runner.dispenser import Dispenser, NotBegun
from ycsbpy.runner.pacing import Schedule


def test_numbers_go_out_once_and_in_order() -> None:
    dispenser = Dispenser(3)
    assert [dispenser.take() for _ in range(5)] == [0, 1, 2, None, None]


def test_all_done_leaves_nothing() -> None:
    dispenser = Dispenser(2)
    while dispenser.take() is not None:
        assert dispenser.begin(0)
    dispenser.stop("interrupt", 99)
    assert dispenser.stopped_by == ""
    assert dispenser.not_begun() == NotBegun(2, 0, 0)


def test_an_interrupt_without_a_schedule_drops_nothing() -> None:
    dispenser = Dispenser(10)
    dispenser.take()
    dispenser.begin(0)
    dispenser.take()
    dispenser.stop("interrupt", 5)
    assert not dispenser.begin(6)
    assert dispenser.take() is None
    assert dispenser.not_begun() == NotBegun(10, 0, 9)


def test_due_and_not_begun_is_dropped() -> None:
    dispenser = Dispenser(100, Schedule(10, 0), deadline_ns=1_000_000_000)
    for _ in range(4):
        dispenser.take()
        assert dispenser.begin(900_000_000)
    dispenser.take()
    assert not dispenser.begin(1_000_000_000)
    assert dispenser.stopped_by == "time limit"
    assert dispenser.not_begun() == NotBegun(100, 6, 90)


def test_without_a_count_what_was_due_is_what_was_planned() -> None:
    dispenser = Dispenser(None, Schedule(10, 0), deadline_ns=1_000_000_000)
    for _ in range(4):
        dispenser.take()
        dispenser.begin(0)
    dispenser.stop("time limit", 1_000_000_000)
    assert dispenser.not_begun() == NotBegun(10, 6, 0)


@given(
    st.one_of(st.none(), st.integers(1, 50)),
    st.one_of(st.none(), st.integers(1, 1000)),
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.lists(st.integers(0, 10**8), max_size=60),
    st.booleans(),
)
def test_what_begun_and_what_did_not_make_up_the_plan(
    count: int | None, rate: int | None, deadline: int | None, steps: list[int], interrupt: bool
) -> None:
    dispenser = Dispenser(count, Schedule(rate, 0) if rate else None, deadline)
    now = 0
    begun = 0
    for step in steps:
        now += step
        if dispenser.take() is None:
            break
        begun += dispenser.begin(now)
    if interrupt:
        dispenser.stop("interrupt", now)
    planned, dropped, not_started = dispenser.not_begun()
    assert dispenser.begun == begun
    assert min(planned, dropped, not_started) >= 0
    assert planned == begun + dropped + not_started
    assert planned == count if count is not None else not_started == 0

"""The timerfd: becomes readable when the monotonic clock says so."""

from __future__ import annotations

import select
import sys
import time

import pytest

if sys.platform != "linux":
    pytest.skip("timerfd is Linux's", allow_module_level=True)

from ycsbpy._native.timer import TimerFd

SECOND = 1_000_000_000


def readable(timer: TimerFd, within_ms: int = 0) -> bool:
    poll = select.poll()
    poll.register(timer.fileno(), select.POLLIN)
    return bool(poll.poll(within_ms))


@pytest.mark.parametrize("deadline_ns", [-(2**63), -1, 0, 1, SECOND])
def test_a_deadline_in_the_past_fires_at_once(deadline_ns: int) -> None:
    timer = TimerFd()
    assert not readable(timer)
    timer.arm(deadline_ns)
    assert readable(timer)
    timer.acknowledge()
    assert not readable(timer)
    timer.acknowledge()
    timer.close()


def test_it_never_fires_early() -> None:
    timer = TimerFd()
    for ahead_ns in (1, 1_000, 1_000_000, 20_000_000):
        deadline_ns = time.monotonic_ns() + ahead_ns
        timer.arm(deadline_ns)
        assert readable(timer, 10_000)
        assert time.monotonic_ns() >= deadline_ns
        timer.acknowledge()
    timer.close()


def test_the_last_deadline_counts() -> None:
    timer = TimerFd()
    timer.arm(0)
    timer.arm(time.monotonic_ns() + 3600 * SECOND)
    assert not readable(timer)
    timer.arm(2**63 - 1)
    assert not readable(timer)
    timer.arm(0)
    assert readable(timer)
    timer.close()


def test_closing() -> None:
    timer = TimerFd()
    descriptor = timer.fileno()
    timer.close()
    timer.close()
    other = TimerFd()
    assert other.fileno() == descriptor  # given back, and not closed twice
    timer.close()
    for use in (timer.fileno, timer.acknowledge, lambda: timer.arm(0)):
        with pytest.raises(ValueError, match="closed"):
            use()
    other.arm(0)
    assert readable(other)
    del other
    assert TimerFd().fileno() == descriptor

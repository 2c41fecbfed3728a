"""What commands that take long say meanwhile, where there is no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unit_pictures import GOOD, WRONG

from ycsbpy.cli.progress import EVERY_S, Lines, ProgressLine, Seldom
from ycsbpy.cluster.verdict import replication
from ycsbpy.runner.plan import Progress
from ycsbpy.workload.base import Phase

if TYPE_CHECKING:
    import pytest


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def seldom(self) -> Seldom:
        return Seldom(lambda: self.now_s)


def test_a_wait_says_what_it_waits_for_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    line = ProgressLine(clock.seldom())
    wrong = replication(WRONG)
    for second in range(int(3 * EVERY_S)):
        clock.now_s = 100.0 + second
        line.show(1, 2, wrong)
    line.clear()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"waiting: 1 Region, 2 operators: {wrong.findings[0].text}"] * 2
    clock.now_s += EVERY_S
    line.show(5, 0, replication(GOOD))
    assert capsys.readouterr().err == "waiting: 5 Regions, 0 operators: good so far; it has to stay so\n"


def test_a_load_says_how_far_it_is_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock.seldom())
    for second in range(1, int(2.5 * EVERY_S)):
        clock.now_s = 100.0 + second
        lines.progress(Progress(Phase.LOAD, 100 * second, 10_000, second * 10**9, None, 1, None))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "load: 1,000/10,000  1 error  1:30 left",
        "load: 2,000/10,000  1 error  1:20 left",
    ]

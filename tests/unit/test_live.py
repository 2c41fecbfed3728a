from __future__ import annotations

import io

from ycsbpy.measure.summary import TOTAL, LatencyStats, WindowStats
from ycsbpy.report.live import LiveLine, facts, live_line
from ycsbpy.runner.plan import Progress
from ycsbpy.workload.base import Phase

SECOND = 1_000_000_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress(ended: int = 500, planned: int | None = 2000, seconds: float | None = None) -> Progress:
    total = LatencyStats(400, 1e6, 1, 2_000_000, {50.0: 900_000, 99.0: 1_200_000})
    window = WindowStats(SECOND, 2 * SECOND, {TOTAL: total})
    return Progress(Phase.RUN, ended, planned, 2 * SECOND, seconds, 1, window)


def test_facts_are_complete() -> None:
    assert facts(progress()) == "500/2,000  400/s  p99 1.2 ms  1 error  0:06 left"


def test_a_time_limit_may_come_first() -> None:
    assert facts(progress(seconds=4)).endswith("0:02 left")


def test_without_an_end_there_is_no_time_left() -> None:
    assert facts(progress(planned=None)) == "500  400/s  p99 1.2 ms  1 error"


def test_nothing_is_drawn_in_a_pipe() -> None:
    assert live_line(io.StringIO()) is None


def test_the_line_is_drawn_and_gone_at_the_end() -> None:
    terminal = Terminal()
    line = live_line(terminal)
    assert isinstance(line, LiveLine)
    with line:
        line.progress(progress())
        line.print(["READ - Takes(s): 1.0"])
        line.progress(progress(ended=900))
    drawn = terminal.getvalue()
    assert "900/2,000" in drawn
    assert "READ - Takes(s): 1.0" in drawn
    assert drawn.endswith(("\x1b[2K", "\x1b[?25h\r\x1b[1A\x1b[2K"))

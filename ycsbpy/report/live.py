"""The live line on a terminal: progress, rate, p99, errors, time left. On standard error, gone at the end, never in a
pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.measure.summary import TOTAL

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from ycsbpy.runner.plan import Progress
    from ycsbpy.workload.base import Phase

__all__ = ["LiveLine", "live_line"]


def live_line(stream: TextIO | None = None) -> LiveLine | None:
    """A live line if the stream (standard error) is a terminal that can show one."""
    stream = stream or sys.stderr
    if not stream.isatty():
        return None
    return LiveLine(stream)


class LiveLine:
    """Draws one line of progress; use it as a context manager."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._bars: Bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[facts]}"),
            console=Console(file=stream),
            transient=True,
            auto_refresh=False,
        )
        self._task: TaskID | None = None
        self._phase: Phase | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def progress(self, progress: Progress) -> None:
        if progress.phase != self._phase:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(progress.phase.name.lower(), facts="")
            self._phase = progress.phase
        assert self._task is not None
        share = _share(progress)
        self._bars.update(
            self._task, total=1.0 if share is not None else None, completed=share or 0.0, facts=facts(progress)
        )
        self._bars.refresh()

    def print(self, lines: list[str]) -> None:
        """Print lines above the live line, for when both are on one terminal."""
        for line in lines:
            self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)


def facts(progress: Progress) -> str:
    """``12,345/100,000  4,012/s  p99 1.2 ms  0 errors  0:21 left``"""
    done = f"{progress.ended:,}" + (f"/{progress.planned:,}" if progress.planned is not None else "")
    parts = [done]
    window = progress.window
    if window is not None and window.end_ns > window.start_ns:
        total = window.stats.get(TOTAL)
        seconds = (window.end_ns - window.start_ns) / NS_PER_SECOND
        parts.append(f"{(total.count if total else 0) / seconds:,.0f}/s")
        if total is not None:
            parts.append(f"p99 {_duration(total.percentiles_ns[99.0])}")
    parts.append(f"{progress.errors} error{'s' if progress.errors != 1 else ''}")
    left = _seconds_left(progress)
    if left is not None:
        parts.append(f"{int(left) // 60}:{int(left) % 60:02} left")
    return "  ".join(parts)


def _share(progress: Progress) -> float | None:
    shares = []
    if progress.planned:
        shares.append(progress.ended / progress.planned)
    if progress.seconds:
        shares.append(progress.elapsed_ns / NS_PER_SECOND / progress.seconds)
    return min(1.0, max(shares)) if shares else None


def _seconds_left(progress: Progress) -> float | None:
    share = _share(progress)
    if not share:
        return None
    elapsed = progress.elapsed_ns / NS_PER_SECOND
    return max(0.0, elapsed / share - elapsed)


def _duration(ns: int) -> str:
    if ns < 10_000:
        return f"{ns / 1000:.1f} us"
    if ns < 1_000_000:
        return f"{ns / 1000:.0f} us"
    if ns < 100_000_000:
        return f"{ns / 1e6:.1f} ms"
    return f"{ns / 1e9:.2f} s"

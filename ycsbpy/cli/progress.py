"""What commands that take long say on standard error meanwhile.

On a terminal it is one line that is written over; elsewhere a line now and then, so that who reads a log sees that it
goes on, and how far it is.
"""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ycsbpy.report.live import facts, live_line
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ycsbpy.cluster.verdict import Verdict
    from ycsbpy.measure.summary import Interval
    from ycsbpy.report.live import LiveLine
    from ycsbpy.runner.plan import Observer, Progress

__all__ = ["ProgressLine", "Seldom", "loading"]

EVERY_S = 10.0


class Seldom:
    """Whether it is time for a line again: not at first, and then every ``EVERY_S``."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._next = now() + EVERY_S

    def due(self) -> bool:
        """Whether so much time has gone by since the last time it was."""
        now = self._now()
        if now < self._next:
            return False
        self._next = now + EVERY_S
        return True


class ProgressLine:
    """What a verdict that is waited for still wants."""

    def __init__(self, seldom: Seldom | None = None) -> None:
        self._terminal = sys.stderr.isatty()
        self._seldom = seldom or Seldom()
        self._begun = time.monotonic()

    def show(self, regions: int, operators: int, verdict: Verdict) -> None:
        """Say it, where it is time to."""
        first = verdict.findings[0].text if verdict.findings else "good so far; it has to stay so"
        text = f"{counted(regions, 'Region')}, {counted(operators, 'operator')}: {first}"
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1  # a line that wraps cannot be written over
            waited = time.monotonic() - self._begun
            click.echo(f"\r\x1b[K{f'{waited:.0f} s  {text}'[:width]}", nl=False, err=True)
        elif self._seldom.due():
            click.echo(f"waiting: {text}", err=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._terminal:
            click.echo("\r\x1b[K", nl=False, err=True)


@contextmanager
def loading() -> Iterator[Observer]:
    """An observer of one load or run: the live line on a terminal, else a line now and then."""
    live = live_line()
    if live is None:
        yield Lines()
        return
    with live:
        yield _Live(live)


class Lines:
    """Progress as whole lines."""

    def __init__(self, seldom: Seldom | None = None) -> None:
        self._seldom = seldom or Seldom()

    def progress(self, progress: Progress) -> None:
        """A window ended."""
        if self._seldom.due():
            click.echo(f"{progress.phase.name.lower()}: {facts(progress)}", err=True)

    def interval(self, interval: Interval) -> None:
        """Not shown."""


class _Live:
    """Progress on the live line."""

    def __init__(self, line: LiveLine) -> None:
        self._line = line

    def progress(self, progress: Progress) -> None:
        self._line.progress(progress)

    def interval(self, interval: Interval) -> None:
        """Not shown."""

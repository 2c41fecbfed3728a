"""What is taken off a phase while it runs, beside its summary: every operation, and every window's histograms.

Whoever writes files makes the taps and hands them to the runner, which knows nothing of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ycsbpy._native.recording import SampleQueue
    from ycsbpy.measure.summary import Series

__all__ = ["Taps", "WindowSink"]


class WindowSink(Protocol):
    """Takes the histograms of each window. Called on the event loop, so it has to be quick."""

    def begin(self, started_wall_ns: int) -> None:
        """The phase begins: nanoseconds since 1970."""

    def window(self, start_ns: int, end_ns: int, series: Mapping[str, Series]) -> None:
        """A window, from and to in nanoseconds since the phase began; nobody changes its histograms any more."""


@dataclass(frozen=True, slots=True)
class Taps:
    """``samples`` gets each operation that ends."""

    samples: SampleQueue | None = None
    windows: tuple[WindowSink, ...] = ()

    def begin(self, started_wall_ns: int, origin_ns: int, *, paced: bool) -> None:
        """The phase begins: the same moment on the clock of the day and on that of the recorder."""
        if self.samples is not None:
            self.samples.begin(started_wall_ns - origin_ns, paced=paced)
        for sink in self.windows:
            sink.begin(started_wall_ns)

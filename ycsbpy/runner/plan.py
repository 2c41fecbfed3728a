"""What a phase is to do, and who is told of its progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ycsbpy.measure.summary import Interval, WindowStats
    from ycsbpy.workload.base import Phase

__all__ = ["Observer", "PhasePlan", "Progress"]


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase.

    ``count`` is the number of operations, ``None`` for as many as fit into ``seconds``; ``target`` operations a
    second over all clients, ``None`` for as fast as the answers come; ``interval`` seconds between interval reports,
    0 for none; ``window`` seconds between the points that are kept for the time series.
    """

    phase: Phase
    count: int | None
    clients: int = 1
    target: float | None = None
    seconds: float | None = None
    interval: float = 0.0
    window: float = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a phase is: operations that have ended, of how many (``None`` if there is no number), after how long."""

    phase: Phase
    ended: int
    planned: int | None
    elapsed_ns: int
    seconds: float | None
    errors: int
    window: WindowStats | None


class Observer(Protocol):
    """Told of progress on the event loop, so it has to be quick."""

    def progress(self, progress: Progress) -> None:
        """A window ended."""

    def interval(self, interval: Interval) -> None:
        """An interval ended."""


class Silent:
    """An observer that looks away."""

    def progress(self, progress: Progress) -> None: ...

    def interval(self, interval: Interval) -> None: ...

"""What a phase is to do, and who is told of its progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ycsbpy.measure.summary import Interval, WindowStats
    from ycsbpy.workload.base import Phase

__all__ = ["Observer", "PhasePlan", "Progress", "Retries"]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often an insert that went wrong is tried again, and after how many seconds (give or take a fifth)."""

    limit: int = 0
    interval: float = 3.0


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase.

    ``count`` is the number of operations, ``None`` for as many as fit into ``seconds``; ``target`` operations a
    second over all clients, ``None`` for as fast as the answers come; ``interval`` seconds between interval reports,
    0 for none; ``window`` seconds between the points that are kept for the time series. With a ``batch`` of more than 1
    an operation is one call for so many records: ``count`` and ``target`` are of records, and the last batch has only
    those that are left.
    """

    phase: Phase
    count: int | None
    clients: int = 1
    target: float | None = None
    seconds: float | None = None
    interval: float = 0.0
    window: float = 1.0
    batch: int = 1
    insert_retries: Retries = Retries()

    @property
    def operations(self) -> int | None:
        """How many ``count`` records need; ``None`` for no end."""
        return None if self.count is None else -(-self.count // self.batch)


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

"""Which operation is next, and when a phase ends. Shared by all clients of a phase; not locked.

Numbers go out in order, each once. A phase ends when they are used up, when its time is over or when somebody stops it;
after that no operation begins. What was planned and did not begin is told apart here: *dropped* if it was due while the
phase still ran, *not started* otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ycsbpy.runner.pacing import Schedule

__all__ = ["Dispenser", "NotBegun"]


class NotBegun(NamedTuple):
    """Operations that never began; with those that did they make up all that was planned."""

    planned: int
    dropped: int
    not_started: int


class Dispenser:
    """Hands out operation numbers from 0; ``count=None`` means without end.

    A client *takes* a number, waits until it is due, and *begins* it, which is refused once the phase has ended.
    """

    __slots__ = ("begun", "count", "deadline_ns", "schedule", "stopped_by", "stopped_ns", "taken")

    def __init__(self, count: int | None, schedule: Schedule | None = None, deadline_ns: int | None = None) -> None:
        self.count = count
        self.schedule = schedule
        self.deadline_ns = deadline_ns
        self.taken = 0
        self.begun = 0
        self.stopped_by = ""
        self.stopped_ns = 0

    def take(self) -> int | None:
        """The next number, or ``None`` when the phase has ended."""
        number = self.taken
        if self.stopped_by or number == self.count:
            return None
        self.taken = number + 1
        return number

    def begin(self, now_ns: int) -> bool:
        """Whether an operation that was taken may begin now; who is told so has to begin it."""
        if self.stopped_by:
            return False
        if self.deadline_ns is not None and now_ns >= self.deadline_ns:
            self.stop("time limit", self.deadline_ns)
            return False
        self.begun += 1
        return True

    def stop(self, reason: str, now_ns: int) -> None:
        """Let no operation begin any more; the first reason stays. Without effect once all have begun."""
        if not self.stopped_by and self.begun != self.count:
            self.stopped_by = reason
            self.stopped_ns = now_ns

    def not_begun(self) -> NotBegun:
        """To be asked when the phase is over."""
        due = self.begun
        if self.schedule is not None and self.stopped_by:
            due = max(due, self.schedule.due_before(self.stopped_ns))
            if self.count is not None:
                due = min(due, self.count)
        planned = due if self.count is None else self.count
        return NotBegun(planned, due - self.begun, planned - due)

"""Is a history of operations on registers linearizable? Wing and Gong's search, with Lowe's memory of what was tried.

An operation that a client saw end must appear to have happened at one moment between its call and its return. One whose
outcome is unknown may have happened at any moment after its call, or never. The search takes the operations one by one
in an order that their times allow; a set of operations taken together with the value they left is tried only once
(G. Lowe, Testing for linearizability, 2017). Registers are independent, so each is checked by itself, which is what
keeps the search small (the same paper calls it compositionality; Porcupine does the same).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Operation", "SearchTooLong", "first_anomaly", "linearizable", "offending_key", "step"]


@dataclass(slots=True)
class Operation:
    """One operation of a client on one register.

    ``kind`` is ``read`` (``result`` is the value seen), ``write`` (of ``value``) or ``cas`` (from ``expected`` to
    ``value``; ``result`` says whether it did). ``returned`` is None while the outcome is unknown. A register holds None
    at first.
    """

    kind: str
    key: int
    called: float
    returned: float | None = None
    value: int | None = None
    expected: int | None = None
    result: int | bool | None = None
    note: str = ""


def step(operation: Operation, state: int | None) -> tuple[bool, int | None]:
    """Whether the operation can happen while the register holds ``state``, and what it holds then."""
    if operation.kind == "write":
        return True, operation.value
    if operation.kind == "read":
        return operation.result == state, state
    matches = state == operation.expected
    if operation.returned is not None and operation.result != matches:
        return False, state
    return True, operation.value if matches else state


class _Event:
    """A call, or a return if ``call`` is set to its call, in a doubly linked list in order of time."""

    __slots__ = ("bit", "call", "following", "operation", "previous", "returning")

    def __init__(self, operation: Operation | None, bit: int, call: _Event | None) -> None:
        self.operation = operation
        self.bit = bit
        self.call = call
        self.returning: _Event | None = None
        self.previous: _Event | None = None
        self.following: _Event | None = None

    def unlink(self) -> None:
        assert self.previous is not None
        self.previous.following = self.following
        if self.following is not None:
            self.following.previous = self.previous

    def relink(self) -> None:
        assert self.previous is not None
        self.previous.following = self
        if self.following is not None:
            self.following.previous = self


def _events(operations: list[Operation]) -> _Event:
    """The head of the list, which is no event itself."""
    timed: list[tuple[float, int, int, _Event]] = []
    for number, operation in enumerate(operations):
        call = _Event(operation, 1 << number, None)
        timed.append((operation.called, 0, number, call))  # at the same moment calls come first: it allows the most
        if operation.returned is not None:
            call.returning = _Event(operation, 0, call)
            timed.append((operation.returned, 1, number, call.returning))
    head = last = _Event(None, 0, None)
    for *_, event in sorted(timed, key=lambda one: one[:3]):
        last.following, event.previous = event, last
        last = event
    return head


class SearchTooLong(Exception):  # noqa: N818  no error of the history
    """Too many orders were tried without an answer."""


class _Search:
    """The operations that are still to be placed, the ones that are, and what the register then holds."""

    def __init__(self, operations: list[Operation]) -> None:
        self.head = _events(operations)
        self.state: int | None = None
        self.taken = 0
        self.tried: set[tuple[int, int | None]] = set()
        self.stack: list[tuple[_Event, int | None, bool]] = []

    def take(self, event: _Event, after: int | None, *, forced: bool) -> None:
        """Let an operation happen next."""
        self.stack.append((event, self.state, forced))
        self.state = after
        self.taken |= event.bit
        event.unlink()
        if event.returning is not None:
            event.returning.unlink()

    def take_free(self) -> bool:
        """Let an operation happen that may happen now and changes nothing: no order without that can do better."""
        event = self.head.following
        while event is not None and event.call is None:
            operation = event.operation
            assert operation is not None
            if operation.kind != "write" and operation.returned is not None:
                possible, after = step(operation, self.state)
                if possible and after == self.state:
                    self.take(event, after, forced=True)
                    return True
            event = event.following
        return False

    def back(self) -> _Event | None:
        """Undo up to the last choice, which was wrong, and return it; None where there was none."""
        while self.stack:
            event, self.state, forced = self.stack.pop()
            self.taken &= ~event.bit
            if event.returning is not None:
                event.returning.relink()
            event.relink()
            if not forced:
                return event
        return None


def linearizable(operations: Iterable[Operation], *, patience: int = 1_000_000) -> bool:
    """Whether a history of one register is linearizable. Raises SearchTooLong after ``patience`` steps."""
    search = _Search(list(operations))
    while search.take_free():
        pass
    event = search.head.following
    for _ in range(patience):
        if event is None:  # no operation is left that must have happened
            return True
        if event.call is not None:  # it returns, and was not taken: what was taken before is to blame
            event = search.back()
            if event is None:
                return False
            event = event.following
            continue
        assert event.operation is not None
        possible, after = step(event.operation, search.state)
        tried = (search.taken | event.bit, after)
        if possible and tried not in search.tried:
            search.tried.add(tried)
            search.take(event, after, forced=False)
            while search.take_free():
                pass
            event = search.head.following
        else:
            event = event.following
    raise SearchTooLong


def first_anomaly(operations: Iterable[Operation]) -> list[Operation]:
    """The history of one register up to the first operation whose result cannot be, in order of returns."""
    ended = sorted((one for one in operations if one.returned is not None), key=lambda one: one.returned or 0)
    open_ended = [one for one in operations if one.returned is None]

    def until(count: int) -> list[Operation]:
        """The history as it was when so many operations had returned."""
        last = ended[count - 1].returned or 0
        running = [replace(one, returned=None) for one in ended[count:] if one.called < last and one.kind != "read"]
        return ended[:count] + running + [one for one in open_ended if one.called < last]

    low, high = 1, len(ended)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if linearizable(until(middle)) else (low, middle)
    return until(low)


def offending_key(history: Iterable[Operation]) -> int | None:
    """A register whose history is not linearizable, or None."""
    by_key: dict[int, list[Operation]] = defaultdict(list)
    for operation in history:
        by_key[operation.key].append(operation)
    for key, operations in sorted(by_key.items()):
        if not linearizable(operations):
            return key
    return None

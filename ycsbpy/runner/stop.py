"""Stopping a run from outside: first gently, then at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["StopSignal"]


class StopSignal:
    """Ctrl-C as a value. The first request lets no operation begin and waits for those in flight; the second gives
    those up, and their outcome is then unknown if they write. Whoever runs a phase listens."""

    def __init__(self) -> None:
        self.reason = ""
        self.forced = False
        self._listeners: list[Callable[[], None]] = []

    def request(self, reason: str = "interrupt") -> None:
        """Stop; asked for again, give up what is in flight."""
        self.forced = bool(self.reason)
        self.reason = self.reason or reason
        for listener in list(self._listeners):
            listener()

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call ``listener`` at each request made in the block, and at once if one was made before."""
        self._listeners.append(listener)
        try:
            if self.reason:
                listener()
            yield
        finally:
            self._listeners.remove(listener)

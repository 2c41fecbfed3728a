"""A timerfd on the monotonic clock (Linux only)."""

from typing import final

@final
class TimerFd:
    """Raises ``OSError`` where the descriptor cannot be had."""

    def __init__(self) -> None: ...
    def fileno(self) -> int: ...
    def arm(self, deadline_ns: int) -> None:
        """Become readable when ``time.monotonic_ns()`` reaches `deadline_ns`; a deadline in the past fires at once."""

    def acknowledge(self) -> None:
        """Read the expiry count, so that the descriptor is no longer readable; harmless when nothing expired."""

    def close(self) -> None: ...

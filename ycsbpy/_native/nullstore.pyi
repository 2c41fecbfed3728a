"""Stores that keep nothing and answer at once, for measuring clients (Linux only)."""

from typing import final

from ycsbpy._native.recording import Recorder

@final
class NullStores:
    """``stores`` listening sockets on free ports of 127.0.0.1 and what answers there in TiKV's protocol, raw commands
    alone or in batches: every read finds ``value``, every write is acknowledged and forgotten.
    After ``drop_after`` answers a connection is closed (0: never). ``delay`` holds what comes in batches back: for so
    many nanoseconds, an exponential time of that mean more, and with that probability so many nanoseconds more.

    Raises ``OSError`` where it cannot listen.
    """

    def __init__(
        self, stores: int, value: bytes, drop_after: int = 0, delay: tuple[int, int, float, int] = (0, 0, 0.0, 0)
    ) -> None: ...
    @property
    def ports(self) -> list[int]: ...
    def run(self) -> None:
        """Serve in this thread, without the GIL, until ``stop`` is called from another."""

    def stop(self) -> None: ...
    def merge_into(self, recorder: Recorder) -> None:
        """Move the times that commands were held back since the last call, from being read to being written, into a
        recorder of one kind and outcome. There are none without a delay."""

    def counts(self) -> dict[str, int]:
        """``connections`` accepted, ``commands`` answered, ``batches`` that some of them came in, ``bytes_in`` and
        ``bytes_out``, since the start."""

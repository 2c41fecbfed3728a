"""Stores that keep nothing and answer at once, for measuring clients (Linux only)."""

from typing import final

@final
class NullStores:
    """``stores`` listening sockets on free ports of 127.0.0.1 and what answers there in TiKV's protocol, raw commands
    alone or in batches: every read finds ``value``, every write is acknowledged and forgotten.
    After ``drop_after`` answers a connection is closed (0: never).

    Raises ``OSError`` where it cannot listen.
    """

    def __init__(self, stores: int, value: bytes, drop_after: int = 0) -> None: ...
    @property
    def ports(self) -> list[int]: ...
    def run(self) -> None:
        """Serve in this thread, without the GIL, until ``stop`` is called from another."""

    def stop(self) -> None: ...
    def counts(self) -> dict[str, int]:
        """``connections`` accepted, ``commands`` answered, ``batches`` that some of them came in, ``bytes_in`` and
        ``bytes_out``, since the start."""

"""Clients that write unique values for as long as a test likes, and remember each that was acknowledged."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol, Self

import tikv

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Writers"]


class Served(Protocol):
    """A cluster that has a PD."""

    @property
    def endpoints(self) -> list[str]: ...


class Writers:
    """A context in which ``clients`` threads write; after it, ``acknowledged`` has what must be there."""

    def __init__(self, cluster: Served, clients: int = 4, value_bytes: int = 500) -> None:
        self._cluster = cluster
        self._padding = b"." * value_bytes
        self.acknowledged: dict[bytes, bytes] = {}
        self.failed: list[str] = []
        self.when: list[float] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        with tikv.RawClient(self._cluster.endpoints, timeout=20.0) as client:
            count = 0
            while not self._stop.is_set():
                key = b"user%d-%08d" % (number, count)
                value = b"%d-%d" % (number, count) + self._padding
                count += 1
                try:
                    client.put(key, value)
                except tikv.TiKVError as error:
                    self.failed.append(str(error))
                    continue
                self.acknowledged[key] = value
                self.when.append(time.monotonic())

    def go_on(self, writes: int = 50, within_s: float = 30.0) -> None:
        """Wait until so many more writes have been acknowledged."""
        wanted = len(self.acknowledged) + writes
        deadline = time.monotonic() + within_s
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"no writes any more; failed: {self.failed[-3:]}"
            self._stop.wait(0.02)

    def gap_after(self, moment: float) -> float:
        """Seconds from a moment to the first acknowledged write that was begun after it, nearly."""
        return next(when for when in self.when if when > moment + 0.02) - moment

    def missing(self) -> list[bytes]:
        """Keys that were acknowledged and are not there as they were written."""
        with tikv.RawClient(self._cluster.endpoints, timeout=30.0) as client:
            keys = list(self.acknowledged)
            lost: list[bytes] = []
            for start in range(0, len(keys), 256):
                part = keys[start : start + 256]
                found = client.get_many(part)
                lost += [key for key in part if found.get(key) != self.acknowledged[key]]
        return lost

"""What the raw calls do to the engine: pure semantics, no Regions, no transport, time handed in.

With TTLs enabled each value is kept with eight more bytes, the second at which it expires or 0, as TiKV keeps it
under ``storage.enable-ttl``; what has expired is not there. The expiry is computed when a write is proposed and the
moment of a comparison is part of its command, so that every replica that applies the command does the same to its
data.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.minicluster.store.crc64 import XorCrc64
from ycsbpy.minicluster.store.engine import CF_DEFAULT, CF_LOCK, CF_WRITE, DELETE, PUT, KvEngine, Mutation, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "MAX_KEY_BYTES",
    "CasResult",
    "CompareAndSwap",
    "RawKv",
    "StorageError",
    "column_family",
    "valid_ranges",
]

MAX_KEY_BYTES = 8 << 10

NEVER = bytes(8)  # the expiry of a value that does not expire
LAST_SECOND = (1 << 64) - 1

COLUMN_FAMILIES = {b"": CF_DEFAULT, b"default": CF_DEFAULT, b"lock": CF_LOCK, b"write": CF_WRITE}


class StorageError(Exception):
    """A call that the store refuses; the text goes into the answer's ``error`` field, in TiKV's words."""


class CompareAndSwap(NamedTuple):
    """Put ``value``, or delete, if the key's value is ``previous`` (``None``: if there is none). Times in seconds."""

    cf: int
    key: bytes
    previous: bytes | None
    value: bytes
    delete: bool
    ttl: int
    now_s: int


class CasResult(NamedTuple):
    """``previous`` is the value as it was before, swapped or not."""

    succeed: bool
    previous: bytes | None


def column_family(name: bytes) -> int:
    """The number of a column family that a raw call may name. Raises ``StorageError``."""
    found = COLUMN_FAMILIES.get(name)
    if found is None:
        raise StorageError(f"invalid cf name: {name.decode(errors='replace')}")
    return found


class RawKv:
    """The raw calls on one engine. ``now_s`` gives the seconds since the epoch."""

    def __init__(self, engine: KvEngine, *, ttl_enabled: bool, now_s: Callable[[], int]) -> None:
        self.engine = engine
        self.ttl_enabled = ttl_enabled
        self.now_s = now_s

    # ---- values ----

    def encode(self, value: bytes, ttl: int, now_s: int) -> bytes:
        """The value as the engine keeps it. Raises ``StorageError`` for a TTL where there are none."""
        if self.ttl_enabled:
            return value + (min(now_s + ttl, LAST_SECOND).to_bytes(8) if ttl else NEVER)
        if ttl:
            raise StorageError("ttl is not enabled, but get put request with ttl")
        return value

    def _live(self, rows: Iterator[Row]) -> Iterator[Row]:
        if not self.ttl_enabled:
            return rows
        now_s = self.now_s()
        return ((key, kept[:-8]) for key, kept in rows if kept.endswith(NEVER) or int.from_bytes(kept[-8:]) > now_s)

    # ---- reads ----

    def get(self, cf: int, key: bytes, now_s: int | None = None) -> bytes | None:
        """The value of ``key``, or ``None``."""
        kept = self.engine.get(cf, key)
        if kept is None or not self.ttl_enabled:
            return kept
        if not kept.endswith(NEVER):
            now_s = self.now_s() if now_s is None else now_s
            if int.from_bytes(kept[-8:]) <= now_s:
                return None
        return kept[:-8]

    def ttl(self, cf: int, key: bytes) -> int | None:
        """Seconds that ``key`` has left, 0 for one that does not expire, ``None`` for one that is not there."""
        if not self.ttl_enabled:
            raise StorageError("ttl is not enabled")
        kept = self.engine.get(cf, key)
        if kept is None:
            return None
        expires, now_s = int.from_bytes(kept[-8:]), self.now_s()
        if expires == 0:
            return 0
        return expires - now_s if expires > now_s else None

    def scan(
        self, cf: int, start: bytes, end: bytes, limit: int, *, reverse: bool = False, key_only: bool = False
    ) -> list[Row]:
        """At most ``limit`` rows of ``[start, end)`` (``end`` empty: no end), descending if ``reverse``."""
        if limit == 0 or (end and start >= end):
            return []
        rows = islice(self._live(self.engine.rows(cf, start, end, reverse=reverse)), limit)
        return [(key, b"") for key, _ in rows] if key_only else list(rows)

    def checksum_steps(self, ranges: Sequence[tuple[bytes, bytes]]) -> Iterator[XorCrc64]:
        """Checksum the rows of ``ranges`` as they are now; yields the sum so far every so often, at last the whole.

        It is an iterator because there may be millions of rows, and whoever runs it has others to serve meanwhile.
        """
        total = XorCrc64()
        views = [self.engine.rows(CF_DEFAULT, start, end) for start, end in ranges if not end or start < end]
        for view in views:
            rows = self._live(view)
            while chunk := list(islice(rows, 1000)):
                for key, value in chunk:
                    total.add(key, value)
                yield total
        yield total

    # ---- writes ----

    def compare_and_swap(self, command: CompareAndSwap) -> tuple[CasResult, list[Mutation]]:
        """Decide a swap on the engine as it is; return the result and what is to be written."""
        current = self.get(command.cf, command.key, command.now_s)
        if current != command.previous:
            return CasResult(False, current), []
        if command.delete:
            gone: list[Mutation] = [(DELETE, command.cf, command.key, b"")] if current is not None else []
            return CasResult(True, current), gone
        kept = self.encode(command.value, command.ttl, command.now_s)
        return CasResult(True, current), [(PUT, command.cf, command.key, kept)]


def valid_ranges(ranges: Sequence[tuple[bytes, bytes]], *, reverse: bool) -> list[tuple[bytes, bytes]]:
    """Return the ranges of a batch scan, each with its end: an empty one is the next range's start.

    For a reverse scan a range's start is its upper bound. Raises ``StorageError`` if a range is empty or upside down.
    """
    bounded = []
    for index, (start, end) in enumerate(ranges):
        until = end if end or index + 1 == len(ranges) else ranges[index + 1][0]
        if until and (start <= until if reverse else start >= until):
            raise StorageError("Invalid KeyRanges")
        bounded.append((start, until))
    return bounded

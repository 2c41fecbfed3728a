"""The ordered key-value engine under a store: what it must do, RocksDB doing it, and a dictionary doing it for tests.

All of a store's Regions share one engine. The column families are TiKV's: ``default``, ``lock`` and ``write`` hold
data, ``raft`` what the store has to know about itself and its replicas. Keys are bytes, compared as such.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "CF_DEFAULT",
    "CF_LOCK",
    "CF_NAMES",
    "CF_RAFT",
    "CF_WRITE",
    "DATA_CFS",
    "DELETE",
    "DELETE_RANGE",
    "PUT",
    "EngineError",
    "KvEngine",
    "MemoryEngine",
    "Mutation",
    "RocksEngine",
]

CF_DEFAULT, CF_LOCK, CF_WRITE, CF_RAFT = range(4)
CF_NAMES = ("default", "lock", "write", "raft")
DATA_CFS = (CF_DEFAULT, CF_LOCK, CF_WRITE)
"""Those that hold what clients write."""

PUT, DELETE, DELETE_RANGE = range(3)
Mutation: TypeAlias = tuple[int, int, bytes, bytes]
"""(what, column family, key, value); the value of a ``DELETE`` is ignored, that of a ``DELETE_RANGE`` is the end."""

Row: TypeAlias = tuple[bytes, bytes]

BEYOND_ALL_KEYS = b"\xff" * 8193
"""Above every key that a store takes (8 KiB at most): where a range without an end ends."""


class EngineError(Exception):
    """The engine could not write; the text is its own."""


class KvEngine(ABC):
    """What a store asks of its engine."""

    @abstractmethod
    def get(self, cf: int, key: bytes) -> bytes | None:
        """The value of ``key``, or ``None``."""

    @abstractmethod
    def write(self, mutations: Sequence[Mutation]) -> None:
        """Apply all of ``mutations``, in order, or none of them. Raises ``EngineError``."""

    @abstractmethod
    def rows(self, cf: int, start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[Row]:
        """The rows of ``[start, end)`` as they are now, descending if ``reverse``; an empty ``end`` means no end.

        Later writes do not change what the iterator gives, so iterators that are made together are one snapshot.
        """

    @abstractmethod
    def close(self) -> None:
        """Give everything back; the engine cannot be used after."""


class MemoryEngine(KvEngine):
    """A sorted list and a dictionary for each column family: the reference that RocksDB is tested against."""

    def __init__(self) -> None:
        self._keys: list[list[bytes]] = [[] for _ in CF_NAMES]
        self._values: list[dict[bytes, bytes]] = [{} for _ in CF_NAMES]

    def get(self, cf: int, key: bytes) -> bytes | None:
        return self._values[cf].get(key)

    def write(self, mutations: Sequence[Mutation]) -> None:
        for what, cf, key, value in mutations:
            if what == PUT:
                if key not in self._values[cf]:
                    insort(self._keys[cf], key)
                self._values[cf][key] = value
            elif what == DELETE:
                if self._values[cf].pop(key, None) is not None:
                    del self._keys[cf][bisect_left(self._keys[cf], key)]
            else:
                keys = self._keys[cf]
                first, last = bisect_left(keys, key), bisect_left(keys, value or BEYOND_ALL_KEYS)
                for gone in keys[first:last]:
                    del self._values[cf][gone]
                del keys[first:last]

    def rows(self, cf: int, start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[Row]:
        keys, values = self._keys[cf], self._values[cf]
        chosen = keys[bisect_left(keys, start) : bisect_left(keys, end) if end else len(keys)]
        return iter([(key, values[key]) for key in (reversed(chosen) if reverse else chosen)])

    def close(self) -> None:
        self._keys, self._values = [], []


class RocksEngine(KvEngine):
    """RocksDB by way of ``rocksdict``, in its raw mode: bytes in, bytes out.

    Writes go to the write-ahead log before they are answered, without waiting for the disk unless ``sync``: they
    survive the death of the process, not of the machine.
    """

    WRITE_BUFFER = 64 << 20
    BLOCK_CACHE = 128 << 20

    def __init__(self, folder: Path, *, sync: bool = False) -> None:
        import rocksdict

        self._rocksdict = rocksdict
        cache = rocksdict.Cache(self.BLOCK_CACHE)
        self._db = rocksdict.Rdict(
            str(folder), self._options(cache), column_families={name: self._options(cache) for name in CF_NAMES}
        )
        self._families = [self._db.get_column_family(name) for name in CF_NAMES]
        self._handles = [self._db.get_column_family_handle(name) for name in CF_NAMES]
        self._gets = [family.get for family in self._families]
        self._write_options = rocksdict.WriteOptions()
        self._write_options.sync = sync

    def _options(self, cache: Any) -> Any:
        rocksdict = self._rocksdict
        table = rocksdict.BlockBasedOptions()
        table.set_block_cache(cache)
        table.set_bloom_filter(10, False)
        table.set_block_size(16 << 10)
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.create_missing_column_families(True)
        options.set_block_based_table_factory(table)
        options.set_write_buffer_size(self.WRITE_BUFFER)
        options.set_db_write_buffer_size(2 * self.WRITE_BUFFER)
        options.set_max_background_jobs(2)
        options.set_compression_type(rocksdict.DBCompressionType.lz4())
        options.set_keep_log_file_num(2)
        options.set_max_open_files(256)
        options.set_stats_dump_period_sec(0)
        return options

    def get(self, cf: int, key: bytes) -> bytes | None:
        value: bytes | None = self._gets[cf](key)
        return value

    def write(self, mutations: Sequence[Mutation]) -> None:
        batch = self._rocksdict.WriteBatch(raw_mode=True)
        put, handles = batch.put, self._handles
        for what, cf, key, value in mutations:
            if what == PUT:
                put(key, value, handles[cf])
            elif what == DELETE:
                batch.delete(key, handles[cf])
            else:
                batch.delete_range(key, value or BEYOND_ALL_KEYS, handles[cf])
        try:
            self._db.write(batch, self._write_options)
        except Exception as error:  # rocksdict raises plain Exception
            raise EngineError(str(error)) from error

    def rows(self, cf: int, start: bytes, end: bytes, *, reverse: bool = False) -> Iterator[Row]:
        return _rocks_rows(self._families[cf].items, self._rocksdict.ReadOptions(), start, end, reverse=reverse)

    def close(self) -> None:
        self._gets, self._families, self._handles = [], [], []
        self._db.close()


def _rocks_rows(items: Any, options: Any, start: bytes, end: bytes, *, reverse: bool) -> Iterator[Row]:
    # Only an upper bound is set: rocksdict 0.3.29 takes a lower bound for an upper one.
    if end:
        options.set_iterate_upper_bound(end)
    if not reverse:
        return _holding(options, items(from_key=start or None, read_opt=options))
    descending: Iterator[Row] = _holding(options, items(backwards=True, from_key=None, read_opt=options))
    return takewhile(lambda row: row[0] >= start, descending) if start else descending


def _holding(_options: Any, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, with the options kept as long: rocksdict 0.3.29 lets the iterator point into them, and forgets them."""
    yield from rows

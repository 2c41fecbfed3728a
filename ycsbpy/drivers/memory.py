"""Records in a dictionary: what the contract means, without a database, and what the harness itself costs.

``MemoryTables`` is the store, with the contract's calls as plain functions, so that a driver of either form, or one
that fails on purpose (``ycsbpy.testing.ScriptedDriver``), is a thin coat over it. Its keys are put in order when the
first scan comes, and kept in order from then on; workloads without scans do not pay for it.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, ClassVar

from ycsbpy.drivers.base import Driver
from ycsbpy.drivers.rowcodec import field_names
from ycsbpy.ops import Outcome, Result, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Self

    from ycsbpy.config import Config
    from ycsbpy.ops import Operation

__all__ = ["MemoryDriver", "MemoryTables", "SortedKeys"]

_DONE = Result(Outcome.OK)
_MISSING = Result(Outcome.NOT_FOUND)
_BLOCK = 512
"""Keys in a block after it was split. Inserting moves at most twice as many pointers: about a microsecond."""


class SortedKeys:
    """A sorted set of keys: a list of sorted blocks, found by bisection on the blocks' last keys.

    Adding and removing take O(log n + block) steps; a plain sorted list moves all keys behind the new one.
    """

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        """``keys`` are in order and without repeats."""
        self._blocks = [list(keys[i : i + _BLOCK]) for i in range(0, len(keys), _BLOCK)]
        self._last = [block[-1] for block in self._blocks]

    def add(self, key: bytes) -> None:
        """Add a key that is not in the set."""
        if not self._blocks:
            self._blocks, self._last = [[key]], [key]
            return
        at = min(bisect.bisect_left(self._last, key), len(self._blocks) - 1)
        block = self._blocks[at]
        bisect.insort(block, key)
        self._last[at] = block[-1]
        if len(block) > 2 * _BLOCK:
            self._blocks[at : at + 1] = [block[:_BLOCK], block[_BLOCK:]]
            self._last[at : at + 1] = [block[_BLOCK - 1], block[-1]]

    def remove(self, key: bytes) -> None:
        """Remove a key that is in the set."""
        at = bisect.bisect_left(self._last, key)
        block = self._blocks[at]
        del block[bisect.bisect_left(block, key)]
        if block:
            self._last[at] = block[-1]
        else:
            del self._blocks[at], self._last[at]

    def starting_at(self, key: bytes) -> Iterator[bytes]:
        """The keys from ``key`` on, that one included, in order."""
        at = bisect.bisect_left(self._last, key)
        for number in range(at, len(self._blocks)):
            block = self._blocks[number]
            start = bisect.bisect_left(block, key) if number == at else 0
            for position in range(start, len(block)):
                yield block[position]


class _Table:
    def __init__(self) -> None:
        self.rows: dict[bytes, dict[str, bytes]] = {}
        self.order: SortedKeys | None = None

    def put(self, key: bytes, row: dict[str, bytes]) -> None:
        if self.order is not None and key not in self.rows:
            self.order.add(key)
        self.rows[key] = row

    def remove(self, key: bytes) -> None:
        if self.rows.pop(key, None) is not None and self.order is not None:
            self.order.remove(key)

    def from_key(self, key: bytes) -> Iterator[bytes]:
        if self.order is None:
            self.order = SortedKeys(sorted(self.rows))
        return self.order.starting_at(key)


class MemoryTables:
    """Tables of records, with the calls and answers of a driver. Not for several threads at once.

    A row that was handed out is never changed afterwards: an update puts a new one in its place.
    """

    def __init__(self, fields: Sequence[str] = ()) -> None:
        """``fields`` are the configured ones, in order; others are allowed and come after them, in order of
        arrival."""
        self._fields = list(fields)
        self._position = {name: position for position, name in enumerate(fields)}
        self._tables: dict[str, _Table] = {}

    def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        row = self._table(table).rows.get(key)
        if row is None:
            return _MISSING
        return Result(Outcome.OK, row if fields is None else _chosen(row, fields))

    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        found = self._table(table)
        keys: list[bytes] = []
        rows: list[Row] = []
        if count > 0:
            for key in found.from_key(start_key):
                row = found.rows[key]
                keys.append(key)
                rows.append(row if fields is None else _chosen(row, fields))
                if len(rows) == count:
                    break
        return Result(Outcome.OK, rows=rows, keys=keys)

    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        self._table(table).put(key, self._in_order(dict(values)))
        return _DONE

    def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        found = self._table(table)
        old = found.rows.get(key)
        if old is None:
            return _MISSING
        new = {**old, **values}
        found.rows[key] = new if len(new) == len(old) else self._in_order(new)
        return _DONE

    def delete(self, table: str, key: bytes) -> Result:
        self._table(table).remove(key)
        return _DONE

    def clear(self) -> None:
        """Forget everything."""
        self._tables.clear()

    def _table(self, name: str) -> _Table:
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = _Table()
        return found

    def _in_order(self, row: dict[str, bytes]) -> dict[str, bytes]:
        if list(row) == self._fields[: len(row)]:
            return row
        after = len(self._position)
        return {name: row[name] for name in sorted(row, key=lambda name: self._position.get(name, after))}


def _chosen(row: Row, fields: Sequence[str]) -> Row:
    if len(fields) == 1:
        return {fields[0]: row[fields[0]]} if fields[0] in row else {}
    return {name: value for name, value in row.items() if name in fields}


class MemoryDriver(Driver):
    """``MemoryTables`` behind the asyncio form of the contract; no call ever waits."""

    name: ClassVar[str] = "memory"
    keeps_data: ClassVar[bool] = False
    batches: ClassVar[bool] = True

    def __init__(self, tables: MemoryTables | None = None) -> None:
        """``tables`` outlives the driver if it is given; otherwise closing forgets everything."""
        self._own = tables is None
        self.tables = MemoryTables() if tables is None else tables

    @classmethod
    def from_config(cls, config: Config) -> Self:
        driver = cls(MemoryTables(field_names(config)))
        driver._own = True
        return driver

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        if self._own:
            self.tables.clear()

    async def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        return self.tables.read(table, key, fields)

    async def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        return self.tables.scan(table, start_key, count, fields)

    async def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return self.tables.insert(table, key, values)

    async def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return self.tables.update(table, key, values)

    async def delete(self, table: str, key: bytes) -> Result:
        return self.tables.delete(table, key)

    async def batch_read(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        return [self.tables.read(table, row.key, row.fields) for row in rows]

    async def batch_insert(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        return [self.tables.insert(table, row.key, row.values or {}) for row in rows]

    async def batch_update(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        return [self.tables.update(table, row.key, row.values or {}) for row in rows]

    async def batch_delete(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        return [self.tables.delete(table, row.key) for row in rows]

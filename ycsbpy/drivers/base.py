"""The contract between ycsbpy and a database client.

A driver is one client library behind nine methods. There are two forms with the same methods: ``Driver``, whose
methods are coroutines (one event loop, any number of calls in flight), and ``SyncDriver``, whose methods block (one OS
thread per client of the workload). Write whichever the library offers; the runner takes both.

What a driver promises (``ycsbpy.testing.driver_contract`` checks it):

1. *No database failure is raised.* A call answers with a ``Result``; its outcome tells a missing record
   (``NOT_FOUND``) from a failure (``FAILED``) from a write whose answer was lost (``UNKNOWN``). A write is ``FAILED``
   only where it provably did not take effect: it was refused, or never sent. That goes for each attempt that a client
   library made: the error of the last one proves nothing about one before it whose answer was lost. Reads and scans
   are never ``UNKNOWN``.
2. *A success is a success.* ``OK`` for a write means that the database acknowledged it.
3. *No silent retries that change the meaning.* A client library may retry underneath, but an answer lost on a first
   attempt must not turn into ``OK`` because a second attempt found the record in place. (One that writes the same
   again and is acknowledged may.)
4. ``update`` changes the named fields and keeps the others; a record that is not there is ``NOT_FOUND`` and is not
   made.
5. ``insert`` writes the whole record, over an old one if there is one. ``delete`` of a missing record may be ``OK``:
   several databases, TiKV among them, do not say.
6. ``scan`` returns up to ``count`` records in key order from ``start_key`` on, that one included, and never leaves the
   table. It may say their keys too (``Result.keys``); the shell shows them.
7. Keys and values are ``bytes`` and are taken as they are. Rows come back with fields in the order in which they are
   configured, only those in ``fields`` if it is not ``None``.
8. ``open`` connects and raises ``DriverError`` or ``ClusterError`` with one clear line when it cannot, within seconds;
   ``close`` may be called more than once, also when ``open`` failed.
9. Properties that the driver cannot honour are refused by ``from_config`` with ``NotSupportedError``, never ignored.
10. A driver with ``batches`` has calls for several records at once (``batch.size``). They answer with a ``Result`` for
    each record, in order, each by the rules above: where the library has one answer for all, a record is ``FAILED``
    only if none can have been written. Of two rows with one key, the later one stays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ycsbpy.ops import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from ycsbpy.config import Config, Property
    from ycsbpy.ops import Operation

__all__ = ["Driver", "DriverBase", "SyncDriver", "modified"]


class DriverBase(ABC):
    """What both forms have: a name, properties of its own, and a way to be made from the configuration."""

    name: ClassVar[str]
    """What a user calls it: ``ycsbpy run NAME`` or ``-p tikv.driver=NAME``."""

    needs_tikv: ClassVar[bool] = False
    """Whether the driver goes to the TiKV cluster of ``tikv.pd``; one is found or started where none is named."""

    keeps_data: ClassVar[bool] = True
    """Whether records outlive the process. Where they do not, a run loads them first, unmeasured."""

    batches: ClassVar[bool] = False
    """Whether the calls for several records are there; ``batch.size`` is refused otherwise."""

    properties: ClassVar[Sequence[Property]] = ()
    """Properties that only this driver reads; known, typed and checked like ycsbpy's own while it is in use."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: Config) -> Self:
        """Make a driver, not yet connected. Raises ``NotSupportedError`` for what it cannot honour."""

    def describe(self) -> Mapping[str, str]:
        """Facts for the report, known once open: client and server versions, addresses, connections."""
        return {}


class Driver(DriverBase):
    """A client whose calls are coroutines; all of them are made on one event loop."""

    @abstractmethod
    async def open(self) -> None:
        """Connect."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect and free everything."""

    @abstractmethod
    async def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        """One record, or ``NOT_FOUND``; ``fields=None`` means all."""

    @abstractmethod
    async def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        """Up to ``count`` records in key order; ``OK`` with an empty list where there are none."""

    @abstractmethod
    async def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        """Write a whole record."""

    @abstractmethod
    async def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        """Change some fields of a record that is there."""

    @abstractmethod
    async def delete(self, table: str, key: bytes) -> Result:
        """Remove a record."""

    async def read_modify_write(
        self, table: str, key: bytes, fields: Sequence[str] | None, values: Mapping[str, bytes]
    ) -> Result:
        """Read a record, then update it; the read's row is in the answer. One operation to the report."""
        read = await self.read(table, key, fields)
        if read.outcome is not Outcome.OK:
            return read
        written = await self.update(table, key, values)
        return written._replace(row=read.row)

    async def batch_read(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        """As ``read`` for each: its ``key`` and ``fields``."""
        raise NotImplementedError

    async def batch_insert(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        """As ``insert`` for each: its ``key`` and ``values``."""
        raise NotImplementedError

    async def batch_update(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        """As ``update`` for each: its ``key`` and ``values``."""
        raise NotImplementedError

    async def batch_delete(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        """As ``delete`` for each: its ``key``."""
        raise NotImplementedError

    async def batch_read_modify_write(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        """Read all, then update those that are there."""
        found = await self.batch_read(table, rows)
        there = [row for row, read in zip(rows, found, strict=True) if read.outcome is Outcome.OK]
        return modified(found, await self.batch_update(table, there) if there else ())


class SyncDriver(DriverBase):
    """A client whose calls block; each client of the workload calls from an OS thread of its own."""

    @abstractmethod
    def open(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result: ...

    @abstractmethod
    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result: ...

    @abstractmethod
    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result: ...

    @abstractmethod
    def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result: ...

    @abstractmethod
    def delete(self, table: str, key: bytes) -> Result: ...

    def read_modify_write(
        self, table: str, key: bytes, fields: Sequence[str] | None, values: Mapping[str, bytes]
    ) -> Result:
        """Read a record, then update it; as ``Driver.read_modify_write``."""
        read = self.read(table, key, fields)
        if read.outcome is not Outcome.OK:
            return read
        written = self.update(table, key, values)
        return written._replace(row=read.row)

    # -- as in ``Driver``

    def batch_read(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        raise NotImplementedError

    def batch_insert(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        raise NotImplementedError

    def batch_update(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        raise NotImplementedError

    def batch_delete(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        raise NotImplementedError

    def batch_read_modify_write(self, table: str, rows: Sequence[Operation]) -> Sequence[Result]:
        found = self.batch_read(table, rows)
        there = [row for row, read in zip(rows, found, strict=True) if read.outcome is Outcome.OK]
        return modified(found, self.batch_update(table, there) if there else ())


def modified(found: Sequence[Result], written: Sequence[Result]) -> list[Result]:
    """Answers of a batch that read ``found`` and then wrote those that were there, in order."""
    left = iter(written)
    return [next(left)._replace(row=read.row) if read.outcome is Outcome.OK else read for read in found]

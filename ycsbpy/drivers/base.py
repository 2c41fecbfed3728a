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
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ycsbpy.ops import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from ycsbpy.config import Config, Property

__all__ = ["Driver", "DriverBase", "SyncDriver"]


class DriverBase(ABC):
    """What both forms have: a name, properties of its own, and a way to be made from the configuration."""

    name: ClassVar[str]
    """What a user calls it: ``ycsbpy run NAME`` or ``-p tikv.driver=NAME``."""

    needs_tikv: ClassVar[bool] = False
    """Whether the driver goes to the TiKV cluster of ``tikv.pd``; one is found or started where none is named."""

    keeps_data: ClassVar[bool] = True
    """Whether records outlive the process. Where they do not, a run loads them first, unmeasured."""

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

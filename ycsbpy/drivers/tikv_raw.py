"""What the drivers over TiKV's raw interface have in common: rows on top of get, put, delete and scan.

UPDATE reads the row, changes fields and writes it back, as go-ycsb's raw binding does, so it is not atomic: of two
updates of one record at the same time one may be lost. Unlike there, a read that failed fails the update, and a
record that is missing stays missing. Nothing is written after a read that failed, so such an update is ``FAILED``,
never ``UNKNOWN``.

A client library is joined by a few coroutines and a translation of what it raises into ``Failure``s
(``tikv_errors``).
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import textwrap
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ycsbpy.clock import NS_PER_SECOND, SystemClock
from ycsbpy.config import TikvSettings
from ycsbpy.drivers.base import Driver
from ycsbpy.drivers.keyspace import DEFAULT_KEYSPACE
from ycsbpy.drivers.rowcodec import RowCodec, field_names, record_key, table_prefix, table_range
from ycsbpy.drivers.tikv_errors import LOST_ATTEMPT, Failure, Proof, failed
from ycsbpy.errors import ClusterError, NotSupportedError, PropertyError, YcsbpyError
from ycsbpy.ops import Outcome, Result
from ycsbpy.tls import connection_problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from typing import Self

    from ycsbpy.clock import Clock
    from ycsbpy.config import Config
    from ycsbpy.ops import Operation

__all__ = ["OPEN_SECONDS", "Pair", "RawTikvDriver"]

OPEN_SECONDS = 10.0
"""How long ``open`` may take, whatever the cluster does."""

_PAUSE_SECONDS = 0.1
_MISSING = Result(Outcome.NOT_FOUND)
_DONE = Result(Outcome.OK)
_SAME_FOR_ALL = frozenset({"ttl_not_enabled", "invalid_cf", "api_version_not_matched", "invalid_key_mode"})
_HOPELESS = frozenset(
    {
        "pd_unreachable",
        "not_bootstrapped",
        "permission_denied",
        "grpc_unimplemented",
        "grpc_unauthenticated",
        "api_version_not_matched",
        "invalid_key_mode",
    }
)
"""Failures at ``open`` that waiting does not mend."""

_SENTENCES = {
    "pd_unreachable": "no PD answers at {pd}",
    "not_bootstrapped": "the cluster of PD {pd} is not bootstrapped: no TiKV store has joined it yet",
    "store_unreachable": "PD at {pd} answers, but a TiKV store cannot be reached",
    "timeout": "the cluster of PD {pd} did not answer in time",
}

Pair = tuple[bytes, bytes]


class RawTikvDriver(Driver):
    """Rows over a client of TiKV's raw interface; the subclass is one library.

    A ``deadline`` below is a time of the running event loop's clock; what it cuts off raises ``TimeoutError``.
    """

    needs_tikv: ClassVar[bool] = True
    package: ClassVar[str]
    """The library's distribution, for the report."""

    def __init__(self, settings: TikvSettings, fields: Sequence[str], table: str, clock: Clock | None = None) -> None:
        """Raises ``PropertyError`` for a table's name that TiKV's keys cannot hold."""
        table_prefix(table)
        self.settings = settings
        self._table = table
        self._codec = RowCodec(fields)
        self._clock = SystemClock() if clock is None else clock

    @classmethod
    def from_config(cls, config: Config) -> Self:
        settings = TikvSettings.from_config(config)
        if not settings.pd:
            raise config.error("tikv.pd", "is not set; write HOST:PORT of PD")
        for name, reason in cls.refusals(settings).items():
            raise NotSupportedError(f"{name}: {reason}")
        try:
            return cls(settings, field_names(config), config.text("table"))
        except PropertyError as error:
            raise config.error(error.name, error.reason) from None

    @classmethod
    def refusals(cls, settings: TikvSettings) -> Mapping[str, str]:
        """Properties that this driver cannot honour, each with the reason and what to do instead."""
        refused = {}
        if settings.type != "raw":
            refused["tikv.type"] = f"{cls.name} does only raw; write tikv.type=raw"
        if settings.apiversion == "V2":  # a cluster of V1TTL takes requests of V1, and no others
            refused["tikv.apiversion"] = (
                f"{cls.name} speaks only V1 and V1TTL; write tikv.apiversion=V1 or tikv.driver=native"
            )
        if settings.keyspace != DEFAULT_KEYSPACE and settings.apiversion != "V2":
            refused["tikv.keyspace"] = "there are keyspaces only in API V2; write tikv.apiversion=V2"
        return refused

    # -- what a library offers; ``_connect``, ``_get`` and ``_scan`` raise what the library raises

    @abstractmethod
    async def _connect(self, key: bytes) -> None:
        """Make the clients and let each read ``key``, so that it has found its way to the cluster."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """Drop all clients; there may be none."""

    @abstractmethod
    async def _get(self, key: bytes, deadline: float) -> bytes | None: ...

    @abstractmethod
    async def _scan(self, start: bytes, end: bytes, count: int, deadline: float) -> Sequence[Pair]: ...

    @abstractmethod
    async def _put(self, key: bytes, value: bytes, deadline: float) -> Result:
        """Write, and say how it ended: that depends on what is known of earlier attempts, and how to know is the
        library's."""

    @abstractmethod
    async def _delete(self, key: bytes, deadline: float) -> Result: ...

    @abstractmethod
    def _failure(self, error: Exception) -> Failure:
        """What an exception of the library, or a ``TimeoutError``, says of the attempt that it ended."""

    # -- the same for several keys, where ``batches``; all three raise what the library raises

    async def _get_many(self, keys: Sequence[bytes], deadline: float) -> Mapping[bytes, bytes]:
        """Those that are there."""
        raise NotImplementedError

    async def _put_many(self, pairs: Mapping[bytes, bytes], deadline: float) -> None:
        raise NotImplementedError

    async def _delete_many(self, keys: Sequence[bytes], deadline: float) -> None:
        raise NotImplementedError

    # -- the contract

    async def open(self) -> None:
        """Raises ``ClusterError`` within ``OPEN_SECONDS`` if the cluster cannot be used.

        A cluster that has just started may know no leader for a moment, so some failures are tried again.
        """
        started = self._clock.now_ns()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                while (failure := await self._try_to_connect()) is not None:
                    late = self._clock.now_ns() - started > OPEN_SECONDS / 2 * NS_PER_SECOND
                    if late or failure.name in _HOPELESS:
                        raise self._cluster_error(failure)
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            await self._disconnect()
            raise self._cluster_error(Failure("timeout", Proof.NOTHING)) from None

    async def _try_to_connect(self) -> Failure | None:
        try:
            await self._connect(record_key(self._table, b""))
        except YcsbpyError:
            await self._disconnect()
            raise
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            await self._disconnect()
            return self._failure(error)
        return None

    def _cluster_error(self, failure: Failure) -> ClusterError:
        sentence = _SENTENCES.get(failure.name, f"the cluster of PD {{pd}} cannot be used: {failure.name}")
        line = sentence.format(pd=",".join(self.settings.pd))
        address, problem = connection_problem(failure.detail, tls=self.settings.ca is not None)
        detail = textwrap.shorten(f"{address}: {problem}" if address else problem, 200, placeholder=" …")
        if detail.startswith(line):
            return ClusterError(detail)
        return ClusterError(f"{line}: {detail}" if detail else line)

    async def close(self) -> None:
        await self._disconnect()

    def describe(self) -> Mapping[str, str]:
        return {
            "client": f"{self.package} {importlib.metadata.version(self.package)}",
            "pd": ",".join(self.settings.pd),
            "connections per store": str(self.settings.conncount),
        }

    async def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        try:
            value = await self._get(record_key(table, key), self._deadline())
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            return self._failed_read(error)
        return self._row_read(value, fields)

    async def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        if count < 1:
            return Result(Outcome.OK, rows=())
        start, end = table_range(table, start_key)
        try:
            pairs = await self._scan(start, end, count, self._deadline())
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            return self._failed_read(error)
        try:
            rows = [self._codec.decode(value, fields) for _, value in pairs]
            return Result(Outcome.OK, rows=rows, keys=[key[len(table_prefix(table)) :] for key, _ in pairs])
        except ValueError as error:
            return _bad_row(error)

    async def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return await self._put(record_key(table, key), self._codec.encode(values), self._deadline())

    async def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        stored_key, deadline = record_key(table, key), self._deadline()
        try:
            old = await self._get(stored_key, deadline)
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            return self._failed_read(error)
        if old is None:
            return _MISSING
        try:
            new = self._codec.merge(old, values)
        except ValueError as error:
            return _bad_row(error)
        return await self._put(stored_key, new, deadline)

    async def delete(self, table: str, key: bytes) -> Result:
        return await self._delete(record_key(table, key), self._deadline())

    async def batch_read(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        keys = [record_key(table, row.key) for row in rows]
        try:
            found = await self._get_many(keys, self._deadline())
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            return [self._failed_read(error)] * len(rows)
        return [self._row_read(found.get(key), row.fields) for key, row in zip(keys, rows, strict=True)]

    async def batch_insert(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        pairs = {record_key(table, row.key): self._codec.encode(row.values or {}) for row in rows}
        written = await self._all_written(self._put_many(pairs, self._deadline()))
        return [written] * len(rows)

    async def batch_update(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        """Rows of one key are changed one after the other."""
        keys, deadline = [record_key(table, row.key) for row in rows], self._deadline()
        try:
            found = dict(await self._get_many(keys, deadline))
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            return [self._failed_read(error)] * len(rows)
        changed: dict[bytes, bytes] = {}
        results: list[Result] = []
        for key, row in zip(keys, rows, strict=True):
            if key not in found:
                results.append(_MISSING)
                continue
            try:
                changed[key] = found[key] = self._codec.merge(found[key], row.values or {})
                results.append(_DONE)
            except ValueError as error:
                results.append(_bad_row(error))
        if changed:
            written = await self._all_written(self._put_many(changed, deadline))
            results = [written if result is _DONE else result for result in results]
        return results

    async def batch_delete(self, table: str, rows: Sequence[Operation]) -> list[Result]:
        keys = [record_key(table, row.key) for row in rows]
        written = await self._all_written(self._delete_many(keys, self._deadline()))
        return [written] * len(rows)

    async def _all_written(self, call: Awaitable[None]) -> Result:
        """What became of each record. A batch goes to several Regions, and its error is that of one of them: it speaks
        for all only where each was refused for the same reason."""
        try:
            await call
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            failure = self._failure(error)
            return failed([failure] if failure.name in _SAME_FOR_ALL else [LOST_ATTEMPT, failure], write=True)
        return _DONE

    def _row_read(self, value: bytes | None, fields: Sequence[str] | None) -> Result:
        if value is None:
            return _MISSING
        try:
            return Result(Outcome.OK, self._codec.decode(value, fields))
        except ValueError as error:
            return _bad_row(error)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.settings.timeout_seconds

    def _failed_read(self, error: Exception) -> Result:
        return failed([self._failure(error)], write=False)


def _bad_row(error: ValueError) -> Result:
    return Result(Outcome.FAILED, error="bad_row", detail=str(error))

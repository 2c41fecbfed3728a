"""The driver whose hot path is native: whole phases of the core workload run in ``ext/engine``, without the GIL.

What a workload of one's own decides operation by operation in Python cannot run there; such single calls go through
``raw_calls``, on grpcio. So this driver is chosen by itself only where the engine can take the whole phase, and there
are two speeds: a few microseconds of CPU an operation in the engine, a hundred or more outside.
"""

from __future__ import annotations

import asyncio
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import ycsbpy
from ycsbpy.drivers.keyspace import KeyCodec
from ycsbpy.drivers.pd_directory import PdDirectory, credentials, read_pem
from ycsbpy.drivers.raw_calls import CallFailed, RawCalls
from ycsbpy.drivers.tikv_errors import Failure, Proof, failed, snake_case
from ycsbpy.drivers.tikv_raw import Pair, RawTikvDriver
from ycsbpy.errors import DriverError
from ycsbpy.ops import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from ycsbpy.clock import Clock
    from ycsbpy.config import TikvSettings

__all__ = ["TikvNativeDriver"]

_API_VERSIONS = {"V1": 0, "V1TTL": 0, "V2": 2}
"""What requests say: those to a cluster of V1TTL say V1, and are refused if they do not."""

_PROBE_SECONDS = 3.0
_DONE = Result(Outcome.OK)


class TikvNativeDriver(RawTikvDriver):
    """See the module."""

    name: ClassVar[str] = "native"
    package: ClassVar[str] = "ycsbpy"
    batches: ClassVar[bool] = True

    def __init__(self, settings: TikvSettings, fields: Sequence[str], table: str, clock: Clock | None = None) -> None:
        super().__init__(settings, fields, table, clock)
        self._calls: RawCalls | None = None
        self.ttl = settings.ttl
        self.column_family = "" if settings.cf == "default" else settings.cf
        """Empty for the default one."""
        self.codec = KeyCodec(_API_VERSIONS[settings.apiversion])
        """With the keyspace's number once the driver is open."""

    @classmethod
    def refusals(cls, settings: TikvSettings) -> Mapping[str, str]:
        refused = dict(super().refusals(settings))
        refused.pop("tikv.apiversion", None)
        if find_spec("ycsbpy._native.engine") is None:
            refused["tikv.driver"] = "the native engine is not in this build (it is for Linux)"
        elif settings.ca is not None and not _has_tls():
            refused["tikv.ca"] = "native was built without OpenSSL, so it has no TLS; write tikv.driver=tikv-python"
        return refused

    @property
    def threads(self) -> int:
        """OS threads of the engine."""
        return self.settings.native_threads or len(os.sched_getaffinity(0))

    @property
    def connections(self) -> int:
        """Connections to each store, over all threads: ``tikv.conncount``, but one for each thread."""
        return max(self.settings.conncount, self.threads)

    @property
    def tls(self) -> tuple[bytes, bytes, bytes]:
        """Contents of the files of authority, certificate and key; empty where there are none."""
        ca, cert, key = map(read_pem, (self.settings.ca, self.settings.cert, self.settings.key))
        return ca or b"", cert or b"", key or b""

    def directory(self) -> PdDirectory:
        """A control plane for this driver's keys; the caller closes it."""
        return PdDirectory(self.settings, self.codec)

    def describe(self) -> Mapping[str, str]:
        facts = {
            "client": f"ycsbpy {ycsbpy.__version__}",
            "pd": ",".join(self.settings.pd),
            "engine": f"native, {self.threads} OS threads, batches of up to {self.settings.batchsize}",
            "connections per store": str(self.connections),
        }
        if self.codec.api_version:
            facts["keyspace"] = f"{self.settings.keyspace} ({self.codec.keyspace_id})"
        return facts

    # ---- single calls

    async def _connect(self, key: bytes) -> None:
        directory = self.directory()
        if self.codec.api_version:
            number = await asyncio.to_thread(directory.keyspace, self.settings.keyspace)
            self.codec = KeyCodec(self.codec.api_version, number)
            directory.close()
            directory = self.directory()
        made = RawCalls(
            directory, self.codec, credentials(self.settings), column_family=self.column_family, ttl=self.ttl
        )
        self._calls = made
        seconds = min(_PROBE_SECONDS, self.settings.timeout_seconds)
        try:
            await made.get(key, asyncio.get_running_loop().time() + seconds)
        except CallFailed as error:  # that time ran out says less than what was met before
            raise CallFailed([one for one in error.failures if one.name != "timeout"] or error.failures) from None

    async def _disconnect(self) -> None:
        calls, self._calls = self._calls, None
        if calls is not None:
            await calls.close()

    @property
    def calls(self) -> RawCalls:
        """The client under the single calls, for what the contract of drivers has no words for: time to live,
        compare-and-swap. Raises ``DriverError`` while the driver is not open."""
        if self._calls is None:
            raise DriverError("native: the driver is not open")
        return self._calls

    async def _get(self, key: bytes, deadline: float) -> bytes | None:
        return await self.calls.get(key, deadline)

    async def _scan(self, start: bytes, end: bytes, count: int, deadline: float) -> Sequence[Pair]:
        return await self.calls.scan(start, end, count, deadline)

    async def _put(self, key: bytes, value: bytes, deadline: float) -> Result:
        return await _written(self.calls.put(key, value, deadline))

    async def _delete(self, key: bytes, deadline: float) -> Result:
        return await _written(self.calls.delete(key, deadline))

    async def _get_many(self, keys: Sequence[bytes], deadline: float) -> Mapping[bytes, bytes]:
        return await self.calls.get_many(keys, deadline)

    async def _put_many(self, pairs: Mapping[bytes, bytes], deadline: float) -> None:
        await self.calls.put_many(pairs, deadline)

    async def _delete_many(self, keys: Sequence[bytes], deadline: float) -> None:
        await self.calls.delete_many(keys, deadline)

    def _failure(self, error: Exception) -> Failure:
        if isinstance(error, CallFailed):
            return error.failures[-1]
        return Failure(snake_case(type(error).__name__), Proof.NOTHING, str(error))


async def _written(call: Awaitable[Any]) -> Result:
    try:
        await call
    except CallFailed as error:
        return failed(error.failures, write=True)
    return _DONE


def _has_tls() -> bool:
    from ycsbpy._native.engine import HAS_TLS

    return HAS_TLS

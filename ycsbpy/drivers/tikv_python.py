"""The driver over ``tikv-python``, the client in pure Python on grpcio: on every CPython, with TLS, and slower.

*Connections.* A client has one connection to each store, so ``tikv.conncount`` clients take the calls in turn. gRPC
would still put them all on one: channels of one process with the same target and options share it unless told not to.
The library has no setting for that, so its channel options are extended, for the process, before the first client is
made.

*Retries.* The library tries again by itself, until ``tikv.timeout`` is over: after a lost answer too, which for a put
or delete is harmless in itself (the second attempt writes the same, and ``OK`` is that attempt's acknowledgement),
but makes the last error alone say little about a write. It logs each retry and its cause at level DEBUG on the logger
``tikv``, so a filter on that logger collects, for the write that is being awaited, the causes of its retries; the
write is ``FAILED`` if each attempt is known to be dead, and ``UNKNOWN`` otherwise (``tikv_errors``). That reading of
the log is trusted only for versions that it was checked with. The log is left as it was: records that nobody had
asked for go no further.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import itertools
import logging
import re
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import grpc
import tikv

from ycsbpy.drivers.tikv_errors import (
    LOST_ATTEMPT,
    UNREACHABLE_PD,
    Failure,
    Proof,
    failed,
    failure_by_status,
    region_failure,
    snake_case,
    store_failure,
)
from ycsbpy.drivers.tikv_raw import Pair, RawTikvDriver
from ycsbpy.errors import DriverError, NotSupportedError
from ycsbpy.ops import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from ycsbpy.clock import Clock
    from ycsbpy.config import TikvSettings

__all__ = ["TikvPythonDriver", "exception_failure", "new_client", "retry_failure"]

_CHECKED_VERSIONS = frozenset({"0.1.1"})
"""Versions of the library whose log of retries was compared with what it does."""

_PROBE_SECONDS = 3.0
_OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)
_DONE = Result(Outcome.OK)

_CAUSES: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], Failure]]] = tuple(
    (re.compile(pattern, re.DOTALL), make)
    for pattern, make in (
        (r"^gRPC (?P<status>\w+): (?P<text>.*)", lambda found: failure_by_status(found["status"], found["text"])),
        (r"NOT_BOOTSTRAPPED", lambda _: Failure("not_bootstrapped", Proof.ATTEMPT_DEAD)),
        (r"REGION_NOT_FOUND|^no region found", lambda _: Failure("no_region", Proof.ATTEMPT_DEAD)),
        (r"has no leader$", lambda _: Failure("no_leader", Proof.ATTEMPT_DEAD)),
        (r"^request too large for region", lambda _: region_failure("raft_entry_too_large")),
        (r"^region \d+: (?P<kind>\w+)(: (?P<text>.*))?$", lambda found: _region_error(found["kind"], found["text"])),
    )
)  # fmt: skip
"""The library's words for what ended an attempt, in exceptions and in its log; what is not here proves nothing."""

_retries: contextvars.ContextVar[list[Failure] | None] = contextvars.ContextVar("ycsbpy_tikv_retries", default=None)
"""What ended the attempts so far of the write that this task awaits."""


class TikvPythonDriver(RawTikvDriver):
    """See the module."""

    name: ClassVar[str] = "tikv-python"
    package: ClassVar[str] = "tikv-python"
    batches: ClassVar[bool] = True

    @classmethod
    def refusals(cls, settings: TikvSettings) -> Mapping[str, str]:
        refused = dict(super().refusals(settings))
        if settings.cf != "default":
            refused["tikv.cf"] = f"{cls.name} has no column families; write tikv.driver=tikv-client"
        return refused

    def __init__(self, settings: TikvSettings, fields: Sequence[str], table: str, clock: Clock | None = None) -> None:
        super().__init__(settings, fields, table, clock)
        self._ttl = settings.ttl or None
        self._clients: list[tikv.AsyncRawClient] = []
        self._turn: Iterator[tikv.AsyncRawClient] = iter(())
        self._knows_retries = tikv.__version__ in _CHECKED_VERSIONS

    async def _connect(self, key: bytes) -> None:
        probe = new_client(self.settings, min(_PROBE_SECONDS, self.settings.timeout_seconds))
        async with probe:  # a dead cluster is found out sooner than by a client that has 20 s
            await probe.get(key)
        self._clients = [new_client(self.settings) for _ in range(self.settings.conncount)]
        self._turn = itertools.cycle(self._clients)
        _witness.attach()
        await asyncio.gather(*(client.get(key) for client in self._clients))

    async def _disconnect(self) -> None:
        clients, self._clients, self._turn = self._clients, [], iter(())
        if clients:
            _witness.detach()
        for client in clients:
            await client.close()

    def _client(self) -> tikv.AsyncRawClient:
        try:
            return next(self._turn)
        except StopIteration:
            raise DriverError("tikv-python: the driver is not open") from None

    async def _get(self, key: bytes, deadline: float) -> bytes | None:
        async with asyncio.timeout_at(deadline):
            return await self._client().get(key)

    async def _scan(self, start: bytes, end: bytes, count: int, deadline: float) -> Sequence[Pair]:
        async with asyncio.timeout_at(deadline):
            return [pair async for pair in self._client().scan(start, end, limit=count)]

    async def _put(self, key: bytes, value: bytes, deadline: float) -> Result:
        client = self._client()
        return await self._written(lambda: client.put(key, value, ttl=self._ttl), deadline)

    async def _delete(self, key: bytes, deadline: float) -> Result:
        client = self._client()
        return await self._written(lambda: client.delete(key), deadline)

    async def _get_many(self, keys: Sequence[bytes], deadline: float) -> Mapping[bytes, bytes]:
        async with asyncio.timeout_at(deadline):
            return await self._client().get_many(keys)

    async def _put_many(self, pairs: Mapping[bytes, bytes], deadline: float) -> None:
        async with asyncio.timeout_at(deadline):
            await self._client().put_many(pairs, ttl=self._ttl)

    async def _delete_many(self, keys: Sequence[bytes], deadline: float) -> None:
        async with asyncio.timeout_at(deadline):
            await self._client().delete_many(keys)

    async def _written(self, call: Callable[[], Awaitable[None]], deadline: float) -> Result:
        retries: list[Failure] = [] if self._knows_retries else [LOST_ATTEMPT]
        token = _retries.set(retries)
        try:
            async with asyncio.timeout_at(deadline):
                await call()
        except Exception as error:  # noqa: BLE001  the border where a library's exceptions become answers
            return failed([*retries, exception_failure(error)], write=True)
        finally:
            _retries.reset(token)
        return _DONE

    def _failure(self, error: Exception) -> Failure:
        return exception_failure(error)


def new_client(settings: TikvSettings, timeout_seconds: float | None = None) -> tikv.AsyncRawClient:
    """A client of the cluster in ``settings``, with connections of its own and not yet connected.

    Raises ``DriverError`` for a certificate that cannot be read.
    """
    _give_clients_their_own_connections()
    tls = None
    if settings.ca is not None:
        tls = tikv.TLSConfig(str(settings.ca), _text(settings.cert), _text(settings.key))
    try:
        return tikv.AsyncRawClient(settings.pd, timeout=timeout_seconds or settings.timeout_seconds, tls=tls)
    except OSError as error:
        raise DriverError(f"{error.filename}: cannot be read: {error.strerror}") from error


def exception_failure(error: Exception) -> Failure:
    """What ended the last attempt of a call that raised ``error``."""
    cause = error.__cause__ if isinstance(error, (tikv.TimeoutError, tikv.ServerError)) else None
    text = str(error)
    if isinstance(cause, grpc.RpcError):
        text = f"gRPC {cause.code().name}: {cause.details()}"
    elif cause is not None:
        text = str(cause)
    if isinstance(error, tikv.PDError) or _raised_while_asking_pd(error):
        known = retry_failure("", text)
        named = known.name in ("not_bootstrapped", "no_region")
        return known if named else UNREACHABLE_PD._replace(detail=known.detail or text)
    if isinstance(error, tikv.ServerError) and cause is None:
        return store_failure(text)
    if isinstance(error, tikv.TiKVError):
        return retry_failure("", text)
    if isinstance(error, TimeoutError):
        return Failure("timeout", Proof.NOTHING)
    return Failure(snake_case(type(error).__name__), Proof.NOTHING, text)


def retry_failure(wait: str, text: str) -> Failure:
    """What ended an attempt, by the library's reason for waiting (empty if unknown) and its words for the cause."""
    if wait == "pd_rpc":
        return UNREACHABLE_PD._replace(detail=text)
    for pattern, make in _CAUSES:
        if found := pattern.search(text):
            return make(found)
    return Failure("error", Proof.NOTHING, text)


def _region_error(kind: str, text: str | None) -> Failure:
    return region_failure("" if kind == "error" else snake_case(kind), text or "")


def _raised_while_asking_pd(error: Exception) -> bool:
    """Whether no store had been asked yet in the attempt that failed: the library's exceptions do not tell."""
    if not isinstance(error, tikv.TimeoutError):
        return False
    return any(Path(frame.filename).name == "_pd.py" for frame in traceback.extract_tb(error.__traceback__))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _give_clients_their_own_connections() -> None:
    transport = importlib.import_module("tikv._async._transport")
    options = getattr(transport, "CHANNEL_OPTIONS", None)
    if not isinstance(options, tuple):
        raise NotSupportedError(f"tikv.driver: tikv-python {tikv.__version__} is not known to this version of ycsbpy")
    if _OWN_CONNECTION not in options:
        transport.CHANNEL_OPTIONS = (*options, _OWN_CONNECTION)  # type: ignore[attr-defined]


class _RetryWitness(logging.Filter):
    """Reads the library's log of retries, and lets through only what would have been logged without it."""

    def __init__(self) -> None:
        super().__init__()
        self._logger = logging.getLogger("tikv")
        self._lock = threading.Lock()
        self._users = 0
        self._own_level = logging.NOTSET
        self._level = logging.NOTSET

    def attach(self) -> None:
        """Turn on; as many ``detach`` calls turn off again."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._own_level, self._level = self._logger.level, self._logger.getEffectiveLevel()
                self._logger.setLevel(logging.DEBUG)
                self._logger.addFilter(self)

    def detach(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._logger.removeFilter(self)
                self._logger.setLevel(self._own_level)

    def filter(self, record: logging.LogRecord) -> bool:
        retries = _retries.get()
        if retries is not None and isinstance(record.args, tuple) and len(record.args) == 3:
            _, wait, cause = record.args
            retries.append(retry_failure(str(wait), str(cause)))
        return record.levelno >= self._level


_witness = _RetryWitness()

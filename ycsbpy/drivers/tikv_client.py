"""The driver over ``tikv-client`` 0.0.4, the Rust client with Python bindings: wheels for CPython 3.11 only.

One ``RawClient`` has one connection to each store, so ``tikv.conncount`` of them take the calls in turn. It batches
nothing, and converts keys and values byte by byte (about 20 ns each, with the GIL held). It can be told nothing: no
TLS, no API V2, and each request is given up after a fixed 2 s, of which one call may make ten. The deadline of the
operation as a whole (``tikv.timeout``) is kept here, by cutting the call off; a write that was cut off is
``UNKNOWN``.

*Its errors are texts, and its silent retries hide what came before.* One fact still lets an error speak for the whole
operation: after a lost answer the client sleeps at least 2 ms before it tries again, so an error that is here sooner
is that of the first attempt. One that took longer makes a write ``UNKNOWN``, unless it refuses the request for what
it is.

*Its scans lose rows.* The error that a Region answers to a scan (its leader moved, it was split) is taken for an
empty Region, and the stale route stays in use until a get or put meets the same error. Such a scan comes back short,
or begins behind the key it was asked for. So each scan that does, or that fails (this client does not try again), is
made once more with ``tikv-python``, whose scans are right, and a get mends the route. Not covered is a full scan that
starts where it should and runs over into a Region whose route went stale since this client last used it, and on into
a third one: to be sure of that as well, use ``tikv.driver=tikv-python``. That one has no column families, so with
``tikv.cf`` scans are this client's own, and refused where the mix has any.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from typing import TYPE_CHECKING, Any, ClassVar

from tikv_client.asynchronous import RawClient

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
    from typing import Self

    import tikv

    from ycsbpy.clock import Clock
    from ycsbpy.config import Config, TikvSettings

__all__ = ["TikvClientDriver", "text_failure"]

_FIRST_BACKOFF_NS = 2_000_000
_CONNECTING_AT_ONCE = 8
_LONGEST_SCAN = 10_240
"""The client refuses to scan for more."""
_DONE = Result(Outcome.OK)

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_REGION_ERROR = re.compile(r"\b(\w+): Some\(")
_TEXTS: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], Failure]]] = tuple(
    (re.compile(pattern, re.DOTALL), make)
    for pattern, make in (
        (r"^Region error: (?P<error>.*)", lambda found: _region_error(found["error"])),
        (r'KvError \{ message: "(?P<text>.*)" \}', lambda found: store_failure(found["text"])),
        (r"^Kv error\. (?P<text>.*)", lambda found: store_failure(found["text"])),
        (
            r'^gRPC api error: status: (?P<status>\w+), message: "(?P<text>(?:[^"\\]|\\.)*)"',
            lambda found: failure_by_status(found["status"], found["text"]),
        ),
        (r"^gRPC error: ", lambda _: Failure("store_unreachable", Proof.ATTEMPT_DEAD)),  # comes only from connecting
        (r"PD cluster failed to respond|failed to connect to \[", lambda _: UNREACHABLE_PD),
        (r"not bootstrapped", lambda _: Failure("not_bootstrapped", Proof.ATTEMPT_DEAD)),
        (r"/src/pd/\w+\.rs:\d+\]: (?P<text>.*)", lambda found: Failure("pd_error", Proof.ATTEMPT_DEAD, found["text"])),
        (r"^Leader of region \d+ is not found", lambda _: Failure("no_leader", Proof.ATTEMPT_DEAD)),
        (r"^Region (is not found for|\d+ is not found)", lambda _: Failure("no_region", Proof.ATTEMPT_DEAD)),
    )
)  # fmt: skip
"""The texts that this client has for what ended the last attempt; one that is not here proves nothing."""


class TikvClientDriver(RawTikvDriver):
    """See the module."""

    name: ClassVar[str] = "tikv-client"
    package: ClassVar[str] = "tikv-client"
    batches: ClassVar[bool] = True

    def __init__(self, settings: TikvSettings, fields: Sequence[str], table: str, clock: Clock | None = None) -> None:
        super().__init__(settings, fields, table, clock)
        self._turn: Iterator[Any] = iter(())
        self._cf = settings.cf
        self._second_opinion: tikv.AsyncRawClient | None = None
        self.repeated_scans = 0
        """Scans that were made once more, with ``tikv-python``."""

    @classmethod
    def refusals(cls, settings: TikvSettings) -> Mapping[str, str]:
        refused = dict(super().refusals(settings))
        if settings.ca is not None:
            refused["tikv.ca"] = "tikv-client has no TLS; write tikv.driver=tikv-python"
        if settings.ttl:
            refused["tikv.ttl"] = "tikv-client has no time to live; write tikv.driver=tikv-python"
        return refused

    @classmethod
    def from_config(cls, config: Config) -> Self:
        if config.text("tikv.cf") != "default" and config.number("scanproportion") > 0:
            raise NotSupportedError("tikv.cf: tikv-client's scans may lose rows there; write scanproportion=0")
        return super().from_config(config)

    async def _connect(self, key: bytes) -> None:
        at_once = asyncio.Semaphore(_CONNECTING_AT_ONCE)

        async def connected() -> Any:
            async with at_once:
                client = await RawClient.connect(list(self.settings.pd))
                await client.get(key, cf=self._cf)
                return client

        clients = [await connected()]  # the first one alone, so that a dead cluster is asked once
        clients += await asyncio.gather(*(connected() for _ in range(self.settings.conncount - 1)))
        self._turn = itertools.cycle(clients)

    async def _disconnect(self) -> None:
        self._turn = iter(())  # a client closes its connections when nobody holds it any more; it has no close()
        client, self._second_opinion = self._second_opinion, None
        if client is not None:
            await client.close()

    def _client(self) -> Any:
        try:
            return next(self._turn)
        except StopIteration:
            raise DriverError("tikv-client: the driver is not open") from None

    async def _get(self, key: bytes, deadline: float) -> bytes | None:
        async with asyncio.timeout_at(deadline):
            value: bytes | None = await self._client().get(key, cf=self._cf)
            return value

    async def _put(self, key: bytes, value: bytes, deadline: float) -> Result:
        client = self._client()
        return await self._written(lambda: client.put(key, value, cf=self._cf), deadline)

    async def _delete(self, key: bytes, deadline: float) -> Result:
        client = self._client()
        return await self._written(lambda: client.delete(key, cf=self._cf), deadline)

    async def _get_many(self, keys: Sequence[bytes], deadline: float) -> Mapping[bytes, bytes]:
        async with asyncio.timeout_at(deadline):
            return dict(await self._client().batch_get(list(dict.fromkeys(keys)), cf=self._cf))

    async def _put_many(self, pairs: Mapping[bytes, bytes], deadline: float) -> None:
        async with asyncio.timeout_at(deadline):
            await self._client().batch_put(dict(pairs), cf=self._cf)

    async def _delete_many(self, keys: Sequence[bytes], deadline: float) -> None:
        async with asyncio.timeout_at(deadline):
            await self._client().batch_delete(list(keys), cf=self._cf)

    async def _written(self, call: Callable[[], Awaitable[None]], deadline: float) -> Result:
        started = self._clock.now_ns()
        try:
            async with asyncio.timeout_at(deadline):
                await call()
        except Exception as error:  # noqa: BLE001  the client raises nothing more special
            failure = self._failure(error)
            first = self._clock.now_ns() - started < _FIRST_BACKOFF_NS
            return failed([failure] if first else [LOST_ATTEMPT, failure], write=True)
        return _DONE

    async def _scan(self, start: bytes, end: bytes, count: int, deadline: float) -> Sequence[Pair]:
        client = self._client()
        async with asyncio.timeout_at(deadline):
            if self._cf != "default":  # the other client has no column families
                only: list[Pair] = await client.scan(start, end, count, cf=self._cf)
                return only
            if count <= _LONGEST_SCAN:
                try:
                    pairs: list[Pair] = await client.scan(start, end, count)
                except Exception:  # noqa: BLE001  this client does not try again; the other one does
                    pairs = []
                if len(pairs) == count and pairs[0][0] == start:
                    return pairs
            again, _ = await asyncio.gather(self._scan_again(start, end, count), _mend_route(client, start))
            return again

    async def _scan_again(self, start: bytes, end: bytes, count: int) -> list[Pair]:
        from ycsbpy.drivers.tikv_python import new_client

        self.repeated_scans += 1
        if self._second_opinion is None:
            self._second_opinion = new_client(self.settings)
        return [pair async for pair in self._second_opinion.scan(start, end, limit=count)]

    def _failure(self, error: Exception) -> Failure:
        if type(error) is Exception:
            return text_failure(str(error))
        if isinstance(error, TimeoutError):
            return Failure("timeout", Proof.NOTHING)
        return Failure(snake_case(type(error).__name__), Proof.NOTHING, str(error))


def text_failure(text: str) -> Failure:
    """What ended the last attempt of a call that raised ``Exception(text)``."""
    for pattern, make in _TEXTS:
        if found := pattern.search(text):
            return make(found)
    return Failure("error", Proof.NOTHING, text)


def _region_error(text: str) -> Failure:
    """From Rust's debug form of ``errorpb.Error``; kinds younger than the client are not in it, only their
    message."""
    message = _QUOTED.search(text)
    kind = _REGION_ERROR.search(_QUOTED.sub("", text))
    return region_failure(kind[1] if kind else "", message[0][1:-1] if message else "")


async def _mend_route(client: Any, key: bytes) -> None:
    with contextlib.suppress(Exception):  # the point is what the client learns on the way
        await client.get(key)

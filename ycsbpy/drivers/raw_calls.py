"""Single calls of TiKV's raw interface on grpcio: what the native driver does outside of its engine.

Besides get, put, delete and scan that is what BatchCommands has no place for: the time to live that a key has left, and
compare-and-swap. Every version of the storage API, column families, TLS.

A call finds its Region in a cache, or asks PD, and tries again until its deadline what may be tried again: a read
always, a write only as long as each attempt is known to be dead (``tikv_errors``). So a write that ends in
``CallFailed`` whose attempts prove nothing may have been done, and one that is acknowledged was done once.
"""

from __future__ import annotations

import asyncio
import bisect
import random
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from ycsbpy.drivers.tikv_errors import (
    UNREACHABLE_PD,
    Failure,
    Proof,
    failure_by_status,
    region_failure,
    store_failure,
)
from ycsbpy.errors import ClusterError
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import metapb_pb2 as metapb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from ycsbpy.drivers.keyspace import KeyCodec
    from ycsbpy.drivers.pd_directory import Described, PdDirectory

__all__ = ["CallFailed", "RawCalls"]

Answer = TypeVar("Answer", bound=Message)

_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.5
_BUSY = frozenset({"server_is_busy", "disk_full"})
_BUSY_PAUSE_S = 0.1
_GROUP = 512
"""Most keys in one request."""


class CallFailed(Exception):  # noqa: N818  it says what was met, and need not be an error of anybody's
    """A call that was given up; ``failures`` are all that its attempts met, in order."""

    def __init__(self, failures: list[Failure]) -> None:
        super().__init__(failures[-1].name)
        self.failures = failures


class _OutgrownError(Exception):
    """The keys of a call are not all in one Region any more, whose end is here."""

    def __init__(self, end: bytes) -> None:
        super().__init__(end)
        self.end = end


class _Call(Generic[Answer]):
    """One method of a store. ``request`` makes the message, without its context; ``last`` is the last of its keys
    where there are several."""

    def __init__(
        self,
        method: str,
        answer: type[Answer],
        request: Callable[[], Any],
        *,
        write: bool = False,
        last: bytes = b"",
    ) -> None:
        self.last = last
        self.method = method
        self.answer = answer
        self.request = request
        self.write = write


class RawCalls:
    """A client of one cluster, for one event loop. Keys are without the keyspace's prefix; a ``deadline`` is a time of
    the event loop's clock."""

    def __init__(
        self,
        directory: PdDirectory,
        codec: KeyCodec,
        credentials: grpc.ChannelCredentials | None,
        *,
        column_family: str = "",
        ttl: int = 0,
    ) -> None:
        self._directory = directory
        self._codec = codec
        self._credentials = credentials
        self._family = column_family
        self._ttl = ttl
        self._starts: list[bytes] = []
        self._regions: dict[bytes, Described] = {}
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def close(self) -> None:
        """Close all connections, PD's too."""
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()
        self._directory.close()

    # ---- calls; each raises ``CallFailed``

    async def get(self, key: bytes, deadline: float) -> bytes | None:
        """The value, None where there is none."""
        call = _Call("RawGet", kvrpcpb.RawGetResponse, lambda: kvrpcpb.RawGetRequest(key=whole, cf=self._family))
        whole = self._codec.key(key)
        answer = await self._run(call, whole, deadline)
        return None if answer.not_found else answer.value

    async def ttl(self, key: bytes, deadline: float) -> int | None:
        """Seconds that the key has left, 0 for ever; None where it is not there."""
        whole = self._codec.key(key)
        call = _Call(
            "RawGetKeyTTL",
            kvrpcpb.RawGetKeyTTLResponse,
            lambda: kvrpcpb.RawGetKeyTTLRequest(key=whole, cf=self._family),
        )
        answer = await self._run(call, whole, deadline)
        return None if answer.not_found else answer.ttl

    async def put(self, key: bytes, value: bytes, deadline: float, *, for_cas: bool = False) -> None:
        """Write; ``for_cas`` where others compare and swap the same key."""
        whole = self._codec.key(key)

        def request() -> kvrpcpb.RawPutRequest:
            return kvrpcpb.RawPutRequest(key=whole, value=value, ttl=self._ttl, for_cas=for_cas, cf=self._family)

        await self._run(_Call("RawPut", kvrpcpb.RawPutResponse, request, write=True), whole, deadline)

    async def delete(self, key: bytes, deadline: float, *, for_cas: bool = False) -> None:
        """Remove; that there was nothing is not told."""
        whole = self._codec.key(key)

        def request() -> kvrpcpb.RawDeleteRequest:
            return kvrpcpb.RawDeleteRequest(key=whole, for_cas=for_cas, cf=self._family)

        await self._run(_Call("RawDelete", kvrpcpb.RawDeleteResponse, request, write=True), whole, deadline)

    async def compare_and_swap(
        self, key: bytes, old: bytes | None, new: bytes, deadline: float
    ) -> tuple[bool, bytes | None]:
        """Write ``new`` if the key has the value ``old`` (None: if it is not there); whether it was written, and what
        was there before. All other writes of such a key have to be ``for_cas``."""
        whole = self._codec.key(key)

        def request() -> kvrpcpb.RawCASRequest:
            made = kvrpcpb.RawCASRequest(key=whole, value=new, ttl=self._ttl, cf=self._family)
            made.previous_not_exist = old is None
            made.previous_value = old or b""
            return made

        answer = await self._run(
            _Call("RawCompareAndSwap", kvrpcpb.RawCASResponse, request, write=True), whole, deadline
        )
        return answer.succeed, None if answer.previous_not_exist else answer.previous_value

    async def get_many(self, keys: Iterable[bytes], deadline: float) -> dict[bytes, bytes]:
        """The values of those that are there."""
        found: dict[bytes, bytes] = {}

        async def get(group: Sequence[bytes]) -> None:
            call = _Call(
                "RawBatchGet",
                kvrpcpb.RawBatchGetResponse,
                lambda: kvrpcpb.RawBatchGetRequest(keys=group, cf=self._family),
                last=group[-1],
            )
            answer = await self._run(call, group[0], deadline)
            found.update((pair.key.removeprefix(self._codec.prefix), pair.value) for pair in answer.pairs)

        await self._by_region(map(self._codec.key, keys), get)
        return found

    async def put_many(self, pairs: Mapping[bytes, bytes], deadline: float) -> None:
        """Write all; where that fails, some may have been written."""
        values = {self._codec.key(key): value for key, value in pairs.items()}

        async def put(group: Sequence[bytes]) -> None:
            def request() -> kvrpcpb.RawBatchPutRequest:
                made = kvrpcpb.RawBatchPutRequest(cf=self._family, ttl=self._ttl, ttls=[self._ttl] if self._ttl else [])
                made.pairs.extend(kvrpcpb.KvPair(key=key, value=values[key]) for key in group)
                return made

            call = _Call("RawBatchPut", kvrpcpb.RawBatchPutResponse, request, write=True, last=group[-1])
            await self._run(call, group[0], deadline)

        await self._by_region(values, put)

    async def delete_many(self, keys: Iterable[bytes], deadline: float) -> None:
        """Remove all; where that fails, some may have been removed."""

        async def delete(group: Sequence[bytes]) -> None:
            call = _Call(
                "RawBatchDelete",
                kvrpcpb.RawBatchDeleteResponse,
                lambda: kvrpcpb.RawBatchDeleteRequest(keys=group, cf=self._family),
                write=True,
                last=group[-1],
            )
            await self._run(call, group[0], deadline)

        await self._by_region(map(self._codec.key, keys), delete)

    async def scan(self, start: bytes, end: bytes, count: int, deadline: float) -> list[tuple[bytes, bytes]]:
        """Up to ``count`` pairs from ``start`` on and below ``end``, in order, through all Regions."""
        prefix = self._codec.prefix
        at, last = self._codec.key(start), self._codec.key(end)
        found: list[tuple[bytes, bytes]] = []
        while True:

            def request(at: bytes = at, left: int = count - len(found)) -> kvrpcpb.RawScanRequest:
                return kvrpcpb.RawScanRequest(start_key=at, end_key=last, limit=left, cf=self._family)

            call = _Call("RawScan", kvrpcpb.RawScanResponse, request)
            answer, region = await self._run_with_region(call, at, deadline)
            found += [(pair.key.removeprefix(prefix), pair.value) for pair in answer.kvs]
            bound = region[2]
            if len(found) >= count or not bound or bound >= last:
                return found
            at = bound

    # ---- attempts

    async def _by_region(self, keys: Iterable[bytes], call: Callable[[Sequence[bytes]], Awaitable[None]]) -> None:
        """Make a call for the keys of each Region, all at once; a group whose Region has split is cut again."""

        async def one(group: Sequence[bytes]) -> None:
            try:
                await call(group)
            except _OutgrownError as error:
                cut = bisect.bisect_left(group, error.end)
                await all_of(group[:cut], group[cut:])

        async def all_of(*groups: Sequence[bytes]) -> None:
            """To the end of each, so that nothing is written any more when this raises."""
            for ended in await asyncio.gather(*map(one, groups), return_exceptions=True):
                if ended is not None:
                    raise ended

        whole = sorted(set(keys))
        await all_of(*(whole[at : at + _GROUP] for at in range(0, len(whole), _GROUP)))

    async def _run(self, call: _Call[Answer], key: bytes, deadline: float) -> Answer:
        answer, _ = await self._run_with_region(call, key, deadline)
        return answer

    async def _run_with_region(self, call: _Call[Answer], key: bytes, deadline: float) -> tuple[Answer, Described]:
        """The answer, and the Region that gave it."""
        loop = asyncio.get_running_loop()
        failures: list[Failure] = []
        pause = _FIRST_PAUSE_S
        while True:
            found: Answer | Failure
            region: Described | None = None
            try:
                async with asyncio.timeout_at(deadline):
                    region = await self._locate(key)
                if region is None:
                    found = Failure("no_region", Proof.ATTEMPT_DEAD, "PD knows no leader of the Region")
                elif call.last >= region[2] > b"":
                    raise _OutgrownError(region[2])
                else:
                    found = await self._attempt(call, key, region, deadline - loop.time())
            except ClusterError as error:
                found = UNREACHABLE_PD._replace(detail=str(error))
            except TimeoutError:  # while PD was asked
                found = Failure("timeout", Proof.ATTEMPT_DEAD)
            if not isinstance(found, Failure):
                assert region is not None
                return found, region
            failures.append(found)
            final = found.proof is Proof.REQUEST_REFUSED or found.name in ("timeout", "store_error")
            wait = (0.5 + random.random() / 2) * max(pause, _BUSY_PAUSE_S if found.name in _BUSY else 0.0)  # noqa: S311
            if final or (call.write and found.proof is Proof.NOTHING) or loop.time() + wait >= deadline:
                raise CallFailed(failures)
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _attempt(self, call: _Call[Answer], key: bytes, region: Described, seconds: float) -> Answer | Failure:
        region_id, _, _, conf_ver, version, peers, leader, addresses = region
        peer_id, store_id, role = next(peer for peer in peers if peer[0] == leader)
        message = call.request()
        message.context.CopyFrom(
            kvrpcpb.Context(
                region_id=region_id,
                region_epoch=metapb.RegionEpoch(conf_ver=conf_ver, version=version),
                peer=metapb.Peer(id=peer_id, store_id=store_id, role=metapb.PeerRole.Name(role)),
                max_execution_duration_ms=max(1, round(seconds * 1000)),
                api_version=kvrpcpb.APIVersion.Name(self._codec.api_version),
                keyspace_id=self._codec.keyspace_id,
            )
        )
        stub: Any = self._channel(dict(addresses)[store_id].decode()).unary_unary(
            f"/tikvpb.Tikv/{call.method}",
            request_serializer=lambda one: one.SerializeToString(),
            response_deserializer=call.answer.FromString,
        )
        try:
            answer: Any = await stub(message, timeout=max(0.001, seconds))
        except grpc.aio.AioRpcError as error:
            self._forget(key)
            self._directory.forget_stores()
            return failure_by_status(error.code().name, error.details() or "")
        if answer.HasField("region_error"):
            return self._learn(key, region, answer.region_error)
        if text := getattr(answer, "error", ""):
            return store_failure(text)
        found: Answer = answer
        return found

    def _learn(self, key: bytes, region: Described, error: Any) -> Failure:
        self._forget(key)
        if error.HasField("not_leader") and any(peer[0] == error.not_leader.leader.id for peer in region[5]):
            self._keep((*region[:6], error.not_leader.leader.id, region[7]))
        kinds = [field.name for field, _ in error.ListFields() if field.name != "message"]
        return region_failure(kinds[0] if len(kinds) == 1 else "", error.message)

    # ---- Regions

    async def _locate(self, key: bytes) -> Described | None:
        place = bisect.bisect_right(self._starts, key) - 1
        if place >= 0:
            known = self._regions[self._starts[place]]
            if not known[2] or key < known[2]:
                return known
        region = await asyncio.to_thread(self._directory.region, key)
        if region is not None:
            self._keep(region)
        return region

    def _keep(self, region: Described) -> None:
        if region[1] not in self._regions:
            bisect.insort(self._starts, region[1])
        self._regions[region[1]] = region

    def _forget(self, key: bytes) -> None:
        place = bisect.bisect_right(self._starts, key) - 1
        if place >= 0:
            del self._regions[self._starts.pop(place)]

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            options = [
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.enable_http_proxy", 0),
            ]
            if self._credentials is None:
                channel = grpc.aio.insecure_channel(address, options)
            else:
                channel = grpc.aio.secure_channel(address, self._credentials, options)
            self._channels[address] = channel
        return channel

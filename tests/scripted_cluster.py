"""A PD and stores over real sockets that fail on command: what drivers are tested against where a healthy cluster
will not do.

Everything runs on the test's own event loop. Each store sits behind a small TCP relay, because grpc.aio cannot cut a
connection from inside a handler, and "the request arrived, the answer never left" is the case that matters most.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import grpc

from ycsbpy.drivers.keyspace import KeyCodec
from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import keyspacepb_pb2 as keyspacepb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

CLUSTER_ID = 7711300814816027944


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test on a loop of its own, for a minute at most: what hangs is to fail."""

    async def limited() -> None:
        async with asyncio.timeout(60):
            await test

    asyncio.run(limited())


@dataclass
class Fault:
    """What one request meets instead of service.

    ``applied`` says whether a write takes effect all the same. Exactly one of the others is set: a region error by
    the name of its field, the text of a store's error, a gRPC status, ``cut`` (all connections to the store break) or
    ``silence``.
    """

    region_error: str = ""
    error: str = ""
    status: grpc.StatusCode | None = None
    cut: bool = False
    silence: bool = False
    applied: bool = False
    times: int = 1
    message: str = ""
    backoff_ms: int = 0


@dataclass
class RegionState:
    id: int
    start: bytes
    end: bytes
    version: int
    leader: int  # store id


class Relay:
    """TCP in front of a store; ``cut`` resets every connection there is."""

    def __init__(self, port: int) -> None:
        self.to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted: set[asyncio.StreamWriter] = set()
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def connections(self) -> int:
        """Connections to the store that are open."""
        return len(self._accepted)

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back_writer}
        self._accepted.add(writer)
        for source, sink in ((reader, back_writer), (back_reader, writer)):
            task = asyncio.get_running_loop().create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
        self._writers.discard(sink)
        self._accepted.discard(sink)


class ScriptedCluster:
    """``pds`` members of PD, ``stores`` stores, Regions cut at ``splits``; ``data`` is what all stores hold.

    Of PD's members only ``pd_leader`` answers more than who the members are; ``pd`` is the first.
    """

    def __init__(
        self,
        *,
        stores: int = 1,
        pds: int = 1,
        splits: tuple[bytes, ...] = (),
        bootstrapped: bool = True,
        tls: grpc.ServerCredentials | None = None,
        store_tls: grpc.ServerCredentials | None = None,
        keyspaces: dict[str, int] | None = None,
    ) -> None:
        """With ``keyspaces`` the cluster is of API V2; splits are then at whole keys, keyspace and all."""
        self._codec = KeyCodec(2 if keyspaces else 0)
        self._keyspaces = keyspaces or {}
        self.ttls: dict[bytes, int] = {}
        self.data: dict[bytes, bytes] = {}
        self.bootstrapped = bootstrapped
        self._tls = tls
        self._store_tls = store_tls or tls
        self.requests: list[tuple[str, int]] = []
        """Method and store of each request that has arrived."""
        self.times: list[float] = []
        """When each command of a batch has arrived, in seconds of a clock that only goes forward."""
        self.batches: list[int] = []
        """How many commands were in each message of BatchCommands."""
        self.lookups = 0
        """How often PD was asked for a Region by a key."""
        self.seen: list[Any] = []
        """The requests themselves."""
        self.on_request: Callable[[], None] = lambda: None
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        bounds = [b"", *splits, b""]
        self.regions = [RegionState(100 + i, bounds[i], bounds[i + 1], 1, 1) for i in range(len(bounds) - 1)]
        self._store_ids = range(1, stores + 1)
        self.relays: dict[int, Relay] = {}
        self.tombstones: set[int] = set()
        """Stores that PD calls gone."""
        self._servers: list[grpc.aio.Server] = []
        self._pd_servers: list[grpc.aio.Server] = []
        self._pd_ports = [0] * pds
        self.pd_leader = 0
        self.asked: list[int] = []
        """Which member of PD each look-up went to, whether it answered or not."""

    @property
    def pd(self) -> str:
        return f"127.0.0.1:{self._pd_ports[0]}"

    async def stop_pd(self, member: int) -> None:
        """It does not come back."""
        await self._pd_servers[member].stop(None)

    def inject(self, method: str, **fault: Any) -> None:
        self.faults[method].append(Fault(**fault))

    def count(self, method: str) -> int:
        return sum(1 for name, _ in self.requests if name == method)

    async def __aenter__(self) -> Self:
        for store_id in self._store_ids:
            server = grpc.aio.server()
            handlers = {name: self._store_handler(store_id, name) for name in STORE_METHODS}
            handlers["BatchCommands"] = self._batch_handler(store_id)
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tikvpb.Tikv", handlers),))
            relay = Relay(_listen(server, self._store_tls))
            await server.start()
            await relay.start()
            self._servers.append(server)
            self.relays[store_id] = relay
        for member in range(len(self._pd_ports)):
            await self._start_pd(member)
        return self

    async def _start_pd(self, member: int) -> None:
        async def is_leader(context: Any) -> None:
            self.asked.append(member)
            if member != self.pd_leader:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "not leader")

        server = grpc.aio.server()
        handlers = {
            "GetMembers": _unary(self._members, pdpb.GetMembersRequest, pdpb.GetMembersResponse),
            "GetRegion": _unary(self._region, pdpb.GetRegionRequest, pdpb.GetRegionResponse, is_leader),
            "GetStore": _unary(self._store, pdpb.GetStoreRequest, pdpb.GetStoreResponse, is_leader),
            "ScanRegions": _unary(self._scan_regions, pdpb.ScanRegionsRequest, pdpb.ScanRegionsResponse, is_leader),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pdpb.PD", handlers),))
        if self._keyspaces:
            load = _unary(self._load_keyspace, keyspacepb.LoadKeyspaceRequest, keyspacepb.LoadKeyspaceResponse)
            handlers = {"LoadKeyspace": load}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("keyspacepb.Keyspace", handlers),))
        self._pd_ports[member] = _listen(server, self._tls)
        await server.start()
        self._pd_servers.append(server)

    async def __aexit__(self, *_: object) -> None:
        for relay in self.relays.values():
            await relay.stop()
        for server in [*self._servers, *self._pd_servers]:
            await server.stop(None)

    def move_leader(self, index: int, store_id: int) -> None:
        self.regions[index].leader = store_id

    def split(self, key: bytes) -> None:
        i = next(i for i, r in enumerate(self.regions) if r.start <= key and (not r.end or key < r.end))
        old = self.regions[i]
        new = RegionState(max(r.id for r in self.regions) + 1, key, old.end, old.version + 1, old.leader)
        old.end, old.version = key, old.version + 1
        self.regions.insert(i + 1, new)

    # -- PD

    def _header(self) -> pdpb.ResponseHeader:
        header = pdpb.ResponseHeader(cluster_id=CLUSTER_ID)
        if not self.bootstrapped:
            header.error.type = pdpb.NOT_BOOTSTRAPPED
            header.error.message = "cluster is not bootstrapped"
        return header

    async def _members(self, _: Any) -> Any:
        members = [
            pdpb.Member(name=f"pd{number}", client_urls=[f"http://127.0.0.1:{port}"])
            for number, port in enumerate(self._pd_ports)
        ]
        header = pdpb.ResponseHeader(cluster_id=CLUSTER_ID)
        return pdpb.GetMembersResponse(header=header, members=members, leader=members[self.pd_leader])

    async def _region(self, request: Any) -> Any:
        response = pdpb.GetRegionResponse(header=self._header())
        self.lookups += 1
        if self.bootstrapped:
            starts = [r.start for r in self.regions]
            key = self._codec.from_pd(request.region_key)
            region = self.regions[bisect.bisect_right(starts, key) - 1]
            response.region.CopyFrom(self._meta(region))
            response.leader.CopyFrom(self._peer(region, region.leader))
        return response

    async def _scan_regions(self, request: Any) -> Any:
        response = pdpb.ScanRegionsResponse(header=self._header())
        start, end = self._codec.from_pd(request.start_key), self._codec.from_pd(request.end_key)
        for region in self.regions if self.bootstrapped else []:
            if (not region.end or region.end > start) and (not end or region.start < end):
                response.regions.add(region=self._meta(region), leader=self._peer(region, region.leader))
        return response

    async def _store(self, request: Any) -> Any:
        store = metapb.Store(id=request.store_id, address=f"127.0.0.1:{self.relays[request.store_id].port}")
        if request.store_id in self.tombstones:
            store.state = metapb.Tombstone
        return pdpb.GetStoreResponse(header=self._header(), store=store)

    async def _load_keyspace(self, request: Any) -> Any:
        response = keyspacepb.LoadKeyspaceResponse(header=self._header())
        number = self._keyspaces.get(request.name)
        if number is None:
            response.header.error.type = pdpb.ENTRY_NOT_FOUND
            response.header.error.message = "keyspace does not exist"
        else:
            response.keyspace.id, response.keyspace.name = number, request.name
            response.keyspace.state = keyspacepb.DISABLED if request.name == "disabled" else keyspacepb.ENABLED
        return response

    def _peer(self, region: RegionState, store_id: int) -> Any:
        return metapb.Peer(id=region.id * 10 + store_id, store_id=store_id)

    def _meta(self, region: RegionState) -> Any:
        return metapb.Region(
            id=region.id,
            start_key=region.start and self._codec.to_pd(region.start),
            end_key=region.end and self._codec.to_pd(region.end),
            region_epoch=metapb.RegionEpoch(conf_ver=1, version=region.version),
            peers=[self._peer(region, s) for s in self._store_ids],
        )

    # -- stores

    def _store_handler(self, store_id: int, name: str) -> Any:
        request_type, response_type, apply = STORE_METHODS[name]

        async def handle(request: Any, context: Any) -> Any:
            self.requests.append((name, store_id))
            self.seen.append(request)
            self.on_request()
            response = response_type()
            fault = self._take_fault(name)
            if fault is not None:
                if fault.applied:
                    apply(self, None, request, response_type())
                return await self._fail(fault, store_id, response, context)
            region = self._check(store_id, request.context, response)
            if region is not None:
                apply(self, region, request, response)
            return response

        return grpc.unary_unary_rpc_method_handler(handle, request_type.FromString, response_type.SerializeToString)

    def _batch_handler(self, store_id: int) -> Any:
        """BatchCommands, by the same rules: each command is served, or meets its fault, by itself. A status or a cut
        ends the stream and with it whatever waits on it."""

        async def handle(requests: Any, context: Any) -> None:
            async for data in requests:
                batch = tikvpb.BatchCommandsRequest.FromString(data)
                answers = tikvpb.BatchCommandsResponse()
                self.batches.append(len(batch.request_ids))
                for request_id, request in zip(batch.request_ids, batch.requests, strict=True):
                    field = request.WhichOneof("cmd")
                    response = await self._command(store_id, field, getattr(request, field), context)
                    if response is not None:
                        getattr(answers.responses.add(), field).CopyFrom(response)
                        answers.request_ids.append(request_id)
                if answers.request_ids:
                    await context.write(answers.SerializeToString())

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _command(self, store_id: int, field: str, request: Any, context: Any) -> Any:
        name = "".join(part.capitalize() for part in field.split("_"))
        _, response_type, apply = STORE_METHODS[name]
        self.requests.append((name, store_id))
        self.seen.append(request)
        self.times.append(time.monotonic())
        self.on_request()
        response = response_type()
        fault = self._take_fault(name)
        if fault is None:
            region = self._check(store_id, request.context, response)
            if region is not None:
                apply(self, region, request, response)
            return response
        if fault.applied:
            apply(self, None, request, response_type())
        if fault.silence:
            return None
        return await self._fail(fault, store_id, response, context)

    def _take_fault(self, name: str) -> Fault | None:
        waiting = self.faults[name]
        if not waiting:
            return None
        fault = waiting[0]
        fault.times -= 1
        if not fault.times:
            waiting.popleft()
        return fault

    async def _fail(self, fault: Fault, store_id: int, response: Any, context: Any) -> Any:
        if fault.region_error:
            response.region_error.message = fault.message or fault.region_error
            if fault.region_error != "message_only":
                getattr(response.region_error, fault.region_error).SetInParent()
            if fault.backoff_ms:
                response.region_error.server_is_busy.backoff_ms = fault.backoff_ms
        elif fault.error:
            response.error = fault.error
        elif fault.status is not None:
            await context.abort(fault.status, fault.message or "scripted")
        elif fault.cut:
            self.relays[store_id].cut()
            await asyncio.Event().wait()
        elif fault.silence:
            await asyncio.Event().wait()
        return response

    def _check(self, store_id: int, context: Any, response: Any) -> RegionState | None:
        region = next((r for r in self.regions if r.id == context.region_id), None)
        error = errorpb.Error(message="scripted")
        if context.api_version != self._codec.api_version:
            response.error = "Api version in request does not match with TiKV storage"
            return None
        if region is None:
            error.region_not_found.region_id = context.region_id
        elif region.leader != store_id:
            error.not_leader.region_id = region.id
            error.not_leader.leader.CopyFrom(self._peer(region, region.leader))
        elif region.version != context.region_epoch.version:
            split_off = [r for r in self.regions if r is not region and r.version > context.region_epoch.version]
            error.epoch_not_match.current_regions.extend(map(self._meta, [region, *split_off]))
        else:
            return region
        response.region_error.CopyFrom(error)
        return None


def _listen(server: grpc.aio.Server, tls: grpc.ServerCredentials | None) -> int:
    if tls is None:
        return server.add_insecure_port("127.0.0.1:0")
    return server.add_secure_port("127.0.0.1:0", tls)


def _unary(
    handler: Callable[[Any], Awaitable[Any]],
    request_type: Any,
    response_type: Any,
    check: Callable[[Any], Awaitable[None]] | None = None,
) -> Any:
    async def handle(request: Any, context: Any) -> Any:
        if check is not None:
            await check(context)
        return await handler(request)

    return grpc.unary_unary_rpc_method_handler(handle, request_type.FromString, response_type.SerializeToString)


def _get(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    value = cluster.data.get(request.key)
    response.not_found = value is None
    response.value = value or b""


def _put(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    cluster.data[request.key] = request.value
    cluster.ttls[request.key] = request.ttl


def _ttl(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    response.not_found = request.key not in cluster.data
    response.ttl = cluster.ttls.get(request.key, 0)


def _swap(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    value = cluster.data.get(request.key)
    response.succeed = value is None if request.previous_not_exist else value == request.previous_value
    response.previous_not_exist, response.previous_value = value is None, value or b""
    if response.succeed:
        _put(cluster, region, request, response)


def _delete(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    cluster.data.pop(request.key, None)


def _scan(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    end = min(filter(None, (region.end, request.end_key)), default=b"")
    keys = sorted(k for k in cluster.data if k >= max(region.start, request.start_key) and (not end or k < end))
    for key in keys[: request.limit]:
        response.kvs.add(key=key, value=cluster.data[key])


def _outside(region: RegionState | None, keys: list[bytes], response: Any) -> bool:
    """Whether a key is not in the Region, which is then the answer: a batch is for one Region."""
    wrong = [k for k in keys if region and (k < region.start or (region.end and k >= region.end))]
    if wrong:
        response.region_error.key_not_in_region.key = wrong[0]
    return bool(wrong)


def _batch_get(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    if not _outside(region, list(request.keys), response):
        for key in request.keys:
            if key in cluster.data:
                response.pairs.add(key=key, value=cluster.data[key])


def _batch_put(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    if not _outside(region, [pair.key for pair in request.pairs], response):
        cluster.data.update((pair.key, pair.value) for pair in request.pairs)


def _batch_delete(cluster: ScriptedCluster, region: Any, request: Any, response: Any) -> None:
    if not _outside(region, list(request.keys), response):
        for key in request.keys:
            cluster.data.pop(key, None)


STORE_METHODS: dict[str, Any] = {
    "RawGetKeyTTL": (kvrpcpb.RawGetKeyTTLRequest, kvrpcpb.RawGetKeyTTLResponse, _ttl),
    "RawCompareAndSwap": (kvrpcpb.RawCASRequest, kvrpcpb.RawCASResponse, _swap),
    "RawBatchGet": (kvrpcpb.RawBatchGetRequest, kvrpcpb.RawBatchGetResponse, _batch_get),
    "RawBatchPut": (kvrpcpb.RawBatchPutRequest, kvrpcpb.RawBatchPutResponse, _batch_put),
    "RawBatchDelete": (kvrpcpb.RawBatchDeleteRequest, kvrpcpb.RawBatchDeleteResponse, _batch_delete),
    "RawGet": (kvrpcpb.RawGetRequest, kvrpcpb.RawGetResponse, _get),
    "RawPut": (kvrpcpb.RawPutRequest, kvrpcpb.RawPutResponse, _put),
    "RawDelete": (kvrpcpb.RawDeleteRequest, kvrpcpb.RawDeleteResponse, _delete),
    "RawScan": (kvrpcpb.RawScanRequest, kvrpcpb.RawScanResponse, _scan),
}

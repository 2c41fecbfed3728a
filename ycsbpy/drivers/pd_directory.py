"""The control plane of the native driver: which Region holds a key, who leads it, where its stores are.

PD's gRPC service by grpcio, from threads: the members and their leader, found again when it changes; Regions by key
(``GetRegion``, or many at once by ``ScanRegions``); stores by id, remembered for a while, since addresses change when
a store moves and ids do not. Nothing here is on the way of an operation whose Region is known.

Errors: ``ClusterError`` with one line where PD cannot be reached or has no cluster.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from ycsbpy.drivers.keyspace import DEFAULT_KEYSPACE, KeyCodec
from ycsbpy.errors import ClusterError, DriverError
from ycsbpy.proto import keyspacepb_pb2 as keyspacepb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb
from ycsbpy.tls import connection_problem

if TYPE_CHECKING:
    from pathlib import Path

    from ycsbpy.config import TikvSettings

__all__ = ["Described", "PdDirectory", "credentials", "read_pem"]


Answer = TypeVar("Answer", bound=Message)

Described: TypeAlias = "tuple[int, bytes, bytes, int, int, list[tuple[int, int, int]], int, list[tuple[int, bytes]]]"
"""A Region as the engine takes it: id, start, end, conf_ver, version, peers as (id, store, role), leading peer,
addresses by store."""

_CALL_S = 3.0
_STORE_TTL_S = 1.0
"""A store that came back at another address is found after that; PD is asked for each store once in that time at most,
and only while Regions are looked for."""
_TOMBSTONE = 2
_REMOVED = 3


class PdDirectory:
    """One cluster's PD. Its methods may be called from any thread. Keys are as requests have them, see ``KeyCodec``.

    Raises ``DriverError`` for certificates that cannot be read.
    """

    def __init__(self, settings: TikvSettings, codec: KeyCodec | None = None) -> None:
        self._codec = codec or KeyCodec()
        self._credentials = credentials(settings)
        self._lock = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._leader = ""
        self._endpoints = [_address(endpoint) for endpoint in settings.pd]
        self._stores: dict[int, tuple[float, str]] = {}
        self.cluster_id = 0

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            channel.close()

    # ---- look-ups

    def region(self, key: bytes) -> Described | None:
        """The Region that holds a key with a leader that can be reached, or ``None`` while there is none."""
        request = pdpb.GetRegionRequest(region_key=self._codec.to_pd(key))
        answer = self._call("GetRegion", request, pdpb.GetRegionResponse)
        if not answer.HasField("region") or not answer.leader.id:
            return None
        return self._described(answer.region, answer.leader)

    def regions(self, start: bytes, end: bytes, limit: int = 1024) -> list[Described]:
        """All Regions from ``start`` to ``end`` that have a leader."""
        found: list[Described] = []
        start, end = self._codec.to_pd(start), self._codec.to_pd(end)
        while True:
            request = pdpb.ScanRegionsRequest(start_key=start, end_key=end, limit=limit)
            answer = self._call("ScanRegions", request, pdpb.ScanRegionsResponse)
            scanned = [(one.region, one.leader) for one in answer.regions]
            scanned = scanned or list(zip(answer.region_metas, answer.leaders, strict=True))
            for region, leader in scanned:
                described = self._described(region, leader) if leader.id else None
                if described is not None:
                    found.append(described)
            if len(scanned) < limit or not scanned[-1][0].end_key:
                return found
            start = scanned[-1][0].end_key

    def keyspace(self, name: str) -> int:
        """The number of a keyspace that may be used. Raises ``ClusterError`` where there is none of that name."""
        request = keyspacepb.LoadKeyspaceRequest(name=name)
        try:
            answer = self._call("LoadKeyspace", request, keyspacepb.LoadKeyspaceResponse, "keyspacepb.Keyspace")
        except ClusterError as error:
            if name == DEFAULT_KEYSPACE and "UNIMPLEMENTED" in str(error):
                return 0  # a PD from before there were others
            raise ClusterError(f"keyspace {name}: {error}") from None
        if answer.keyspace.state != keyspacepb.ENABLED:
            state = keyspacepb.KeyspaceState.Name(answer.keyspace.state).lower()
            raise ClusterError(f"keyspace {name} is {state}")
        return answer.keyspace.id

    def forget_stores(self) -> None:
        """Ask for addresses anew: one of them led nowhere."""
        with self._lock:
            self._stores.clear()

    def _described(self, region: metapb.Region, leader: metapb.Peer) -> Described | None:
        addresses = []
        for peer in region.peers:
            address = self._store(peer.store_id, must=peer.store_id == leader.store_id)
            if address:
                addresses.append((peer.store_id, address.encode()))
            elif peer.store_id == leader.store_id:
                return None
        epoch = region.region_epoch
        try:
            start, end = self._codec.from_pd(region.start_key), self._codec.from_pd(region.end_key)
        except ValueError as error:
            raise ClusterError(f"Region {region.id} is not of a cluster of API V2: {error}") from None
        return (
            region.id,
            start,
            end,
            epoch.conf_ver,
            epoch.version,
            [(peer.id, peer.store_id, int(peer.role)) for peer in region.peers],
            leader.id,
            addresses,
        )

    def _store(self, store_id: int, *, must: bool) -> str:
        """A store's address; empty for one that is gone, or that PD does not know and need not."""
        now = time.monotonic()
        with self._lock:
            known = self._stores.get(store_id)
        if known is not None and now - known[0] < _STORE_TTL_S:
            return known[1]
        try:
            answer = self._call("GetStore", pdpb.GetStoreRequest(store_id=store_id), pdpb.GetStoreResponse)
        except ClusterError:
            if must:
                raise
            return ""
        gone = answer.store.state == _TOMBSTONE or answer.store.node_state == _REMOVED
        address = "" if gone else answer.store.address
        with self._lock:
            self._stores[store_id] = (now, address)
        return address

    # ---- calls

    def _call(self, method: str, request: Any, answer_class: type[Answer], service: str = "pdpb.PD") -> Answer:
        """Call PD's leader, finding it first or again where that is needed; one more try after a change."""
        for last in (False, True):
            try:
                leader = self._find_leader()
                request.header.cluster_id = self.cluster_id
                answer: Any = self._unary(leader, f"/{service}/{method}", request, answer_class)
            except grpc.RpcError as error:
                self._forget_leader()
                if last:
                    raise ClusterError(f"PD does not answer {method}: {self._text(error)}") from None
                continue
            if answer.header.error.type:
                name = pdpb.ErrorType.Name(answer.header.error.type)
                raise ClusterError(f"PD answers {method} with {name}: {answer.header.error.message}")
            found: Answer = answer
            return found
        raise AssertionError

    def _find_leader(self) -> str:
        with self._lock:
            leader, endpoints = self._leader, list(self._endpoints)
        if leader:
            return leader
        problems = []
        for endpoint in endpoints:
            try:
                answer = self._unary(endpoint, "/pdpb.PD/GetMembers", pdpb.GetMembersRequest(), pdpb.GetMembersResponse)
            except grpc.RpcError as error:
                problems.append(f"{endpoint}: {self._text(error)}")
                continue
            if self.cluster_id and answer.header.cluster_id != self.cluster_id:
                raise ClusterError(f"PD at {endpoint} is of another cluster ({answer.header.cluster_id})")
            if not answer.leader.client_urls:
                problems.append(f"{endpoint}: it knows no leader")
                continue
            with self._lock:
                self.cluster_id = answer.header.cluster_id
                self._leader = _address(answer.leader.client_urls[0])
                known = [_address(url) for member in answer.members for url in member.client_urls]
                # The one that answered is asked first the next time: one that does not answer costs a while.
                self._endpoints = list(dict.fromkeys([endpoint, *endpoints, *known]))
                return self._leader
        raise ClusterError(f"no PD answers at {', '.join(endpoints)}: {'; '.join(problems)}")

    def _forget_leader(self) -> None:
        with self._lock:
            self._leader = ""

    def _unary(self, address: str, path: str, request: Message, answer_class: type[Answer]) -> Answer:
        call: Any = self._channel(address).unary_unary(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer_class.FromString,
        )
        try:
            answer: Answer = call(request, timeout=_CALL_S)
        except DecodeError as error:
            raise ClusterError(f"PD at {address} answers {path} with what is no {answer_class.__name__}") from error
        return answer

    def _text(self, error: grpc.RpcError) -> str:
        with contextlib.suppress(AttributeError):
            address, problem = connection_problem(error.details() or "", tls=self._credentials is not None)
            return problem if address else f"{error.code().name}: {problem}"
        return str(error)

    def _channel(self, address: str) -> grpc.Channel:
        with self._lock:
            channel = self._channels.get(address)
            if channel is None:
                channel = self._channels[address] = self._new_channel(address)
        return channel

    def _new_channel(self, address: str) -> grpc.Channel:
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
        ]
        if self._credentials is None:
            return grpc.insecure_channel(address, options)
        return grpc.secure_channel(address, self._credentials, options)


def credentials(settings: TikvSettings) -> grpc.ChannelCredentials | None:
    """For gRPC; None where there is no TLS. Raises ``DriverError`` for a file that cannot be read."""
    if settings.ca is None:
        return None
    return grpc.ssl_channel_credentials(read_pem(settings.ca), read_pem(settings.key), read_pem(settings.cert))


def read_pem(path: Path | None) -> bytes | None:
    """A file's bytes, None where there is none. Raises ``DriverError`` where it cannot be read."""
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise DriverError(f"{path}: cannot be read: {error.strerror}") from error


def _address(url: str) -> str:
    return url.rpartition("//")[2].rstrip("/")

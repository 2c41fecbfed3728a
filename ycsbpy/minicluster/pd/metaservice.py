"""PD's gRPC service for keys and values kept for others, ``meta_storagepb.MetaStorage``.

TiKV's stores follow their resource groups and log backup tasks by it. As a real PD's, it looks at no cluster id, gives
what etcd refuses back as an error in the header, and lets a watch that asks for forgotten changes end after saying so.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc

from ycsbpy.minicluster.pd.calls import parse
from ycsbpy.minicluster.pd.following import ForgottenError, follow
from ycsbpy.minicluster.pd.metastore import MetaStoreError, inside
from ycsbpy.proto import meta_storagepb_pb2 as storagepb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from google.protobuf.message import Message

    from ycsbpy.minicluster.pd.metastore import Event, Item, MetaStore
    from ycsbpy.minicluster.rpc import Context, StreamHandler, UnaryHandler

__all__ = ["MetaService"]

SERVICE = "/meta_storagepb.MetaStorage/"


class MetaService:
    """The handlers, by path: ``unary`` and ``streams``."""

    def __init__(self, cluster_id: int, store: MetaStore) -> None:
        self._cluster_id = cluster_id
        self._store = store

    def unary(self) -> dict[str, UnaryHandler]:
        """Path → handler of the calls with one request and one answer."""
        return {
            SERVICE + "Get": self._call(storagepb.GetRequest, storagepb.GetResponse, self._get),
            SERVICE + "Put": self._call(storagepb.PutRequest, storagepb.PutResponse, self._put),
            SERVICE + "Delete": self._call(storagepb.DeleteRequest, storagepb.DeleteResponse, self._delete),
        }

    def streams(self) -> dict[str, StreamHandler]:
        """Path → handler of the streams."""
        return {SERVICE + "Watch": self._watch}

    def _call(
        self, request_class: type[Message], response_class: Callable[..., Any], handle: Callable[[Any, Any], None]
    ) -> UnaryHandler:
        async def handler(data: bytes, context: Context) -> bytes:
            request = await parse(request_class, data, context)
            response = response_class()
            try:
                handle(request, response)
                response.header.CopyFrom(self._header())
            except MetaStoreError as error:
                response = response_class(header=self._error_header(storagepb.UNKNOWN, str(error)))
            answer: bytes = response.SerializeToString()
            return answer

        return handler

    def _header(self) -> storagepb.ResponseHeader:
        return storagepb.ResponseHeader(cluster_id=self._cluster_id, revision=self._store.revision)

    def _error_header(self, kind: storagepb.ErrorType, message: str) -> storagepb.ResponseHeader:
        error = storagepb.Error(type=kind, message=message)
        return storagepb.ResponseHeader(cluster_id=self._cluster_id, error=error)

    def _get(self, request: storagepb.GetRequest, response: storagepb.GetResponse) -> None:
        found = self._store.range(request.key, request.range_end, revision=request.revision, limit=request.limit)
        response.kvs.extend(map(_item_to_pb, found.items))
        response.count = found.count
        response.more = len(found.items) < found.count

    def _put(self, request: storagepb.PutRequest, response: storagepb.PutResponse) -> None:
        if request.lease:  # there is no service that would grant one
            raise MetaStoreError("etcdserver: requested lease not found")
        before = self._store.put(request.key, request.value)
        if request.prev_kv and before is not None:
            response.prev_kv.CopyFrom(_item_to_pb(before))

    def _delete(self, request: storagepb.DeleteRequest, response: storagepb.DeleteResponse) -> None:
        gone = self._store.delete(request.key, request.range_end)
        response.deleted = len(gone)
        if request.prev_kv:
            response.prev_kvs.extend(map(_item_to_pb, gone))

    async def _watch(self, requests: AsyncIterator[bytes], context: Context) -> None:
        async for data in requests:
            request = await parse(storagepb.WatchRequest, data, context)
            try:
                await self._follow(request, context)
            except ForgottenError as error:
                header = self._error_header(storagepb.DATA_COMPACTED, str(error))
                response = storagepb.WatchResponse(header=header, compact_revision=error.compacted)
                await context.write(response.SerializeToString())
                await context.abort(grpc.StatusCode.UNKNOWN, str(error))
            return

    async def _follow(self, request: storagepb.WatchRequest, context: Context) -> None:
        start = request.key or b"\0"  # to etcd, a watch without a key begins at the first one
        async with aclosing(follow(self._store, request.start_revision)) as changes:
            async for revision, events in changes:
                wanted = [event for event in events if inside(event.key, start, request.range_end)]
                if wanted:
                    response = _told(self._cluster_id, revision, wanted, request.prev_kv)
                    await context.write(response.SerializeToString())


def _told(cluster_id: int, revision: int, events: Sequence[Event], prev_kv: bool) -> storagepb.WatchResponse:
    response = storagepb.WatchResponse(header=storagepb.ResponseHeader(cluster_id=cluster_id, revision=revision))
    for event in events:
        entry = response.events.add()
        if event.after is not None:
            entry.type = storagepb.Event.PUT
            entry.kv.CopyFrom(_item_to_pb(event.after))
        else:
            entry.type = storagepb.Event.DELETE
            entry.kv.key = event.key
            entry.kv.mod_revision = revision
        if prev_kv and event.before is not None:
            entry.prev_kv.CopyFrom(_item_to_pb(event.before))
    return response


def _item_to_pb(item: Item) -> storagepb.KeyValue:
    return storagepb.KeyValue(
        key=item.key,
        value=item.value,
        create_revision=item.create_revision,
        mod_revision=item.mod_revision,
        version=item.version,
    )

"""A store's gRPC service ``tikvpb.Tikv``: the frame around the raw calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message

from ycsbpy.minicluster.store.admission import BadRequestError, ForeignClusterError
from ycsbpy.minicluster.store.batch import BatchStream
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.rawkv import StorageError
from ycsbpy.minicluster.store.rawservice import DONE, Plan, RawCalls, refusal
from ycsbpy.minicluster.store.txn import UNARY_REFUSALS
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import storepb_pb2 as storepb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ycsbpy.minicluster.rpc import Context, StreamHandler, UnaryHandler
    from ycsbpy.minicluster.store.feedback import HealthReporter

__all__ = ["SplitCall", "StoreService"]

SplitCall: TypeAlias = "Callable[[kvrpcpb.SplitRegionRequest], Awaitable[bytes]]"
"""Splits a Region as a client asks, and returns the answer."""

READS: dict[str, type[Message]] = {
    "RawGet": storepb.GetRequest,
    "RawBatchGet": storepb.BatchGetRequest,
    "RawScan": storepb.ScanRequest,
    "RawBatchScan": storepb.BatchScanRequest,
}
WRITES: dict[str, type[Message]] = {
    "RawPut": storepb.PutRequest,
    "RawBatchPut": storepb.BatchPutRequest,
    "RawDelete": storepb.DeleteRequest,
    "RawBatchDelete": storepb.BatchDeleteRequest,
    "RawDeleteRange": storepb.DeleteRangeRequest,
}


class StoreService:
    """The handlers, by path: ``unary`` and ``streams``."""

    def __init__(self, calls: RawCalls, health: HealthReporter, split: SplitCall) -> None:
        self._calls = calls
        self._health = health
        self._split = split

    def unary(self) -> dict[str, UnaryHandler]:
        """Path → handler of the calls with one request and one answer."""
        calls = self._calls
        table: dict[str, UnaryHandler] = {name: _fixed(body) for name, body in UNARY_REFUSALS.items()}
        for name, request_class in READS.items():
            table[name] = _framed(name, request_class, self._read(calls.reads[name]))
        for name, request_class in WRITES.items():
            table[name] = _framed(name, request_class, self._proposed(calls.writes[name]))
        table["RawGetKeyTTL"] = _framed("RawGetKeyTTL", storepb.GetKeyTTLRequest, self._read(calls.get_key_ttl))
        table["RawCompareAndSwap"] = _framed("RawCompareAndSwap", storepb.CASRequest, calls.compare_and_swap)
        table["RawChecksum"] = _framed("RawChecksum", storepb.ChecksumRequest, calls.checksum)
        table["SplitRegion"] = _framed("SplitRegion", kvrpcpb.SplitRegionRequest, self._split)
        table["GetHealthFeedback"] = self._get_health_feedback
        return {f"/tikvpb.Tikv/{name}": handler for name, handler in table.items()}

    def streams(self) -> dict[str, StreamHandler]:
        """Path → handler of the bidirectional streams."""
        return {"/tikvpb.Tikv/BatchCommands": self._batch_commands}

    def _read(self, call: Callable[[Any], bytes]) -> Callable[[Any], Awaitable[bytes]]:
        return partial(self._calls.read, call)

    def _proposed(self, plan: Callable[[Any], Plan]) -> Callable[[Any], Awaitable[bytes]]:
        async def call(request: Any) -> bytes:
            await self._calls.propose(plan(request))
            return DONE

        return call

    async def _get_health_feedback(self, _data: bytes, _context: Context) -> bytes:
        feedback = kvrpcpb.HealthFeedback.FromString(self._health.now())
        return kvrpcpb.GetHealthFeedbackResponse(health_feedback=feedback).SerializeToString()

    async def _batch_commands(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        await BatchStream(self._calls, self._health).run(context)


def _fixed(body: bytes) -> UnaryHandler:
    async def handler(_data: bytes, _context: Context) -> bytes:
        return body

    return handler


def _framed(name: str, request_class: type[Message], call: Callable[[Any], Awaitable[bytes]]) -> UnaryHandler:
    """Decode, call, and turn what is refused into an answer and what is senseless into a status."""
    parse = request_class.FromString

    async def handler(data: bytes, context: Context) -> bytes:
        try:
            return await call(parse(data))
        except (RegionError, StorageError) as refused:
            return refusal(name, refused)
        except ForeignClusterError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except (BadRequestError, DecodeError):
            await context.abort(grpc.StatusCode.INTERNAL, f"the request is no {name} request")
        raise AssertionError  # abort raises

    return handler

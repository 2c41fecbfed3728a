"""The frame around each of PD's gRPC calls: parse, check the cluster, answer with a header, translate errors.

All but a few calls refuse a foreign cluster id with FAILED_PRECONDITION. Every answer has a header with the cluster id;
a header has an error only when there is one, because some clients take any error field for a failure. What PD means as
an answer comes with the status OK and that error (``PdError``); what its code returns as an error of the call ends the
call with UNKNOWN (``CallError``).
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from ycsbpy.minicluster.pd.state import ErrorType, PdError
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ycsbpy.minicluster.rpc import Context, UnaryHandler

__all__ = ["CallError", "Frame", "known", "parse"]

Request = TypeVar("Request", bound=Message)
Known = TypeVar("Known")
Given = TypeVar("Given")


class CallError(Exception):
    """The call ends with a status instead of an answer."""

    def __init__(self, text: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> None:
        super().__init__(text)
        self.code = code


class _Headed(Protocol):
    """What most of PD's answers are: messages with a header."""

    @property
    def header(self) -> pdpb.ResponseHeader: ...

    def SerializeToString(self) -> bytes: ...  # noqa: N802  (protobuf's name)


class Frame:
    """Makes handlers of bytes out of functions of messages, for one cluster."""

    def __init__(self, cluster_id: int) -> None:
        self.cluster_id = cluster_id
        self.header = pdpb.ResponseHeader(cluster_id=cluster_id)

    def call(
        self,
        request_class: type[Request],
        response_class: Callable[[], _Headed],
        handle: Callable[[Request, Any], Awaitable[None] | None],
        *,
        any_cluster: bool = False,
    ) -> UnaryHandler:
        """The handler of a call with one request and one answer, which ``handle`` fills in, at once or in a while."""

        async def handler(data: bytes, context: Context) -> bytes:
            request = await parse(request_class, data, context)
            if not any_cluster:
                await self.check_cluster(request.header.cluster_id, context)  # type: ignore[attr-defined]
            response = response_class()
            response.header.CopyFrom(self.header)
            try:
                pending = handle(request, response)
                if inspect.isawaitable(pending):
                    await pending
            except PdError as error:
                response = response_class()
                response.header.CopyFrom(self.error_header(error))
            except CallError as error:
                await context.abort(error.code, str(error))
            return response.SerializeToString()

        return handler

    def bare_call(
        self,
        request_class: type[Request],
        response_class: type[Message],
        handle: Callable[[Request, Any], None],
    ) -> UnaryHandler:
        """The handler of a call whose messages have no headers."""

        async def handler(data: bytes, context: Context) -> bytes:
            request = await parse(request_class, data, context)
            response = response_class()
            try:
                handle(request, response)
            except CallError as error:
                await context.abort(error.code, str(error))
            return response.SerializeToString()

        return handler

    async def check_cluster(self, cluster_id: int, context: Context) -> None:
        """End a call that is meant for another cluster."""
        if cluster_id != self.cluster_id:
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"mismatch cluster id, need {self.cluster_id} but got {cluster_id}",
            )

    def error_header(self, error: PdError) -> pdpb.ResponseHeader:
        """The header that says so."""
        kind = pdpb.ErrorType.Name(int(error.kind))
        return pdpb.ResponseHeader(cluster_id=self.cluster_id, error=pdpb.Error(type=kind, message=str(error)))


async def parse(request_class: type[Request], data: bytes, context: Context) -> Request:
    """The message in ``data``; what is none ends the call."""
    try:
        return request_class.FromString(data)
    except DecodeError:
        await context.abort(grpc.StatusCode.INTERNAL, f"the request is no {request_class.DESCRIPTOR.name}")
        raise


def known(convert: Callable[[Given], Known], message: Given) -> Known:
    """Convert a message of a peer that may be newer than we are; a value we do not know is the peer's error."""
    try:
        return convert(message)
    except ValueError as error:
        raise PdError(ErrorType.UNKNOWN, f"invalid request: {error}") from None

"""gRPC servers without generated code: a table of method paths, and what to say about the paths that are not in it.

Both PD and the stores name a service ``pdpb.PD`` or ``tikvpb.Tikv`` on the wire while our message packages have other
names, so handlers are registered by path. Handlers get and give bytes: who parses what is the service's business.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

# C-core writes to the process's stderr by itself, which may be a user's terminal.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from grpc import aio

__all__ = [
    "MESSAGE_BYTES",
    "Context",
    "Router",
    "StreamHandler",
    "UnaryHandler",
    "channel_options",
    "health_routes",
    "server_options",
]

Context = aio.ServicerContext[bytes, bytes]
UnaryHandler = Callable[[bytes, Context], Awaitable[bytes]]
StreamHandler = Callable[[AsyncIterator[bytes], Context], Awaitable[None]]

MESSAGE_BYTES = 256 << 20
"""The longest message that a server takes. TiKV has no limit; ours is far above what clients send."""

SERVING = b"\x08\x01"  # HealthCheckResponse{status: SERVING}


class Router(grpc.GenericRpcHandler):
    """Finds the handler of a method path; unknown ones are answered UNIMPLEMENTED in the words of a grpc-go server."""

    def __init__(self, unary: Mapping[str, UnaryHandler], streams: Mapping[str, StreamHandler] | None = None) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}
        for path, handler in unary.items():
            self._handlers[path] = grpc.unary_unary_rpc_method_handler(handler)
        for path, stream in (streams or {}).items():
            self._handlers[path] = grpc.stream_stream_rpc_method_handler(stream)
        self._services = {path.split("/")[1] for path in self._handlers}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return the handler of a call; never ``None``."""
        path = handler_call_details.method
        found = self._handlers.get(path)
        if found is not None:
            return found
        service, _, method = path.removeprefix("/").rpartition("/")
        known = service in self._services
        text = f"unknown method {method} for service {service}" if known else f"unknown service {service}"

        async def refuse(_requests: Any, context: Context) -> None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

        return grpc.stream_stream_rpc_method_handler(refuse)


def health_routes() -> dict[str, UnaryHandler]:
    """``grpc.health.v1.Health/Check``, by which clients tell a dead server from a slow one: SERVING, if it answers."""

    async def check(_request: bytes, _context: Context) -> bytes:
        return SERVING

    return {"/grpc.health.v1.Health/Check": check}


def server_options() -> list[tuple[str, int]]:
    """What a TiKV server sets on its gRPC server, and bounds for peers that never say anything.

    A ping after 10 s of silence, and the connection is dropped when it is not acknowledged in 3 s; clients may ping as
    often as they like. Without ``so_reuseport=0`` two servers could share a port without either noticing.
    """
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", 1024),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 3_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.server_handshake_timeout_ms", 10_000),
    ]


def channel_options() -> list[tuple[str, int]]:
    """For clients: connections of their own, no message limit, and a quick second try when the server is restarted."""
    return [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.enable_http_proxy", 0),
    ]

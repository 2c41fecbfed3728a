"""One TCP port for gRPC and for HTTP/1.1, as PD has it.

The first bytes of a connection tell which it is: an HTTP/2 client without TLS begins with a fixed preface, which no
HTTP/1.1 request can begin with. gRPC connections are passed on, byte by byte, to grpcio on a unix socket in the
cluster's folder, since grpcio can only listen by itself; the others are handed to the HTTP server in this process.

Nothing a peer does, or does not do, may hold more than its share: reading from one side stops while the other side
does not take the bytes; a connection that does not say within ten seconds what it is is closed; so is the oldest of
those when there are too many, the oldest HTTP connection when there are too many of all kinds, and at last the new
one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

__all__ = ["Front", "HttpFactory"]

log = logging.getLogger(__name__)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ENOUGH = 4  # bytes that tell the preface from any HTTP/1.1 method

HttpFactory = Callable[[], asyncio.Protocol]


class Front:
    """Takes connections and finds out where they belong.

    ``load_http`` makes the factory of the HTTP server's protocols; it is called at the first HTTP connection, because
    importing an HTTP server takes as long as the rest of a PD takes to start, and most embedded clusters never need it.
    """

    MAX_UNDECIDED = 256
    MAX_CONNECTIONS = 4096
    DECIDE_WITHIN_S = 10.0

    def __init__(self, grpc_socket: str, load_http: Callable[[], Awaitable[HttpFactory]]) -> None:
        self._grpc_socket = grpc_socket
        self._load_http = load_http
        self._http: asyncio.Task[HttpFactory] | None = None
        self._undecided: dict[_Undecided, None] = {}  # in order of arrival, as the next one
        self._http_connections: dict[asyncio.Transport, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: set[asyncio.Transport] = set()

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection (a protocol factory for ``loop.create_server``)."""
        return _Undecided(self)

    def arrived(self, connection: _Undecided, transport: asyncio.Transport) -> bool:
        """Take a new connection in; return ``False`` if there is no room for it."""
        if len(self.connections) >= self.MAX_CONNECTIONS:
            if not self._http_connections:
                return False
            next(iter(self._http_connections)).abort()
        self.connections.add(transport)
        self._undecided[connection] = None
        if len(self._undecided) > self.MAX_UNDECIDED:
            next(iter(self._undecided)).give_up("too many connections that say nothing")
        return True

    def settled(self, connection: _Undecided) -> None:
        """The connection is no longer undecided."""
        self._undecided.pop(connection, None)

    def left(self, transport: asyncio.BaseTransport | None) -> None:
        """A connection is gone."""
        self.connections.discard(cast("asyncio.Transport", transport))
        self._http_connections.pop(cast("asyncio.Transport", transport), None)

    def to_grpc(self, transport: asyncio.Transport, head: bytes) -> None:
        """Join a connection with a new one to grpcio."""
        self._spawn(self._join(transport, head))

    def to_http(self, transport: asyncio.Transport, head: bytes) -> None:
        """Hand a connection to the HTTP server."""
        self._http_connections[transport] = None
        self._spawn(self._hand_over(transport, head))

    async def close(self) -> None:
        """Drop all connections."""
        for transport in list(self.connections):
            transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, transport: asyncio.Transport, head: bytes) -> None:
        client = _Half(self)
        server = _Half(self)
        client.other, server.other = server, client
        # Before the other side is there: grpcio speaks first, and what it says must find somebody to pass it on.
        transport.set_protocol(client)
        client.connection_made(transport)
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: server, self._grpc_socket)
        except OSError as error:
            log.error("grpc socket: %s", error)
            transport.abort()
            return
        if transport.is_closing():
            server.close()
            return
        server.write(head)
        transport.resume_reading()

    async def _hand_over(self, transport: asyncio.Transport, head: bytes) -> None:
        if self._http is None:
            self._http = asyncio.ensure_future(self._load_http())
        factory = await asyncio.shield(self._http)
        if transport.is_closing():
            return
        protocol = _Watched(factory(), self)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(head)
        if not transport.is_closing():
            transport.resume_reading()


class _Undecided(asyncio.Protocol):
    """A connection that has not yet said what it is."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._front.arrived(self, self._transport):
            self._transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(Front.DECIDE_WITHIN_S, self.give_up, "nothing was said")

    def give_up(self, why: str) -> None:
        """Close the connection."""
        log.info("connection dropped: %s", why)
        self._settle()
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._head += data
        if len(self._head) < ENOUGH and PREFACE.startswith(self._head):
            return
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._settle()
        transport.pause_reading()  # until somebody is there to take it
        if PREFACE.startswith(self._head[: len(PREFACE)]):
            self._front.to_grpc(transport, self._head)
        else:
            self._front.to_http(transport, self._head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()
        self._front.left(self._transport)

    def _settle(self) -> None:
        self._front.settled(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Half(asyncio.Protocol):
    """One side of a joined pair: what arrives here is written to the other side."""

    other: _Half

    def __init__(self, front: Front) -> None:
        self._front = front
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.other.write(data)

    def eof_received(self) -> bool:
        return self.other.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._front.left(self._transport)
        self.other.close()

    def pause_writing(self) -> None:
        self.other.listen(False)

    def resume_writing(self) -> None:
        self.other.listen(True)

    def write(self, data: bytes) -> None:
        """Send bytes that came from the other side."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> bool:
        """The other side has no more to send; return whether it may still receive."""
        transport = self._transport
        if transport is None or transport.is_closing() or not transport.can_write_eof():
            return False
        transport.write_eof()
        return True

    def listen(self, wanted: bool) -> None:
        """Take bytes in, or stop taking them until the other side is rid of those it has."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def close(self) -> None:
        """The other side is gone: send what is left, then close."""
        if self._transport is not None:
            self._transport.close()


class _Watched(asyncio.Protocol):
    """The HTTP server's protocol, with the front's book-keeping around it."""

    def __init__(self, inner: asyncio.Protocol, front: Front) -> None:
        self._inner = inner
        self._front = front
        self._transport: asyncio.BaseTransport | None = None
        self.data_received = inner.data_received  # type: ignore[method-assign]
        self.eof_received = inner.eof_received  # type: ignore[method-assign]
        self.pause_writing = inner.pause_writing  # type: ignore[method-assign]
        self.resume_writing = inner.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._front.left(self._transport)
        self._inner.connection_lost(exc)

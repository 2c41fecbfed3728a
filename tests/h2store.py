"""A store on ``h2``, for one fault of HTTP/2 each: it answers batches of raw puts, and one of them otherwise.

What a server on grpcio cannot be made to do: to reset a stream, to leave in the middle of a batch, to end in the middle
of a frame, to break the protocol.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import DataFrame

from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAULTS", "H2Store"]

_HEAD = [(":status", "200"), ("content-type", "application/grpc")]


class H2Store:
    """A context. Its ``at``-th message of commands, counted over all connections, meets the fault, once."""

    def __init__(self, fault: str, at: int = 3) -> None:
        self._fault, self._at = FAULTS[fault], at
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0
        self.messages = 0
        self.done = 0
        """Puts that were answered."""

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    def take_fault(self) -> Callable[[_Connection, int, bytes], None] | None:
        """What is to become of the message that has come."""
        self.messages += 1
        return self._fault if self.messages == self._at else None


class _Connection(asyncio.Protocol):
    def __init__(self, store: H2Store) -> None:
        self._store = store
        self._read: dict[int, bytearray] = {}
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._store.connections += 1
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                assert event.stream_id is not None
                self._read[event.stream_id] = bytearray()
                self.h2.send_headers(event.stream_id, _HEAD)
            elif isinstance(event, h2.events.DataReceived):
                assert event.stream_id is not None
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
                self._read[event.stream_id] += event.data or b""
                self._messages(event.stream_id)
        self.flush()

    def flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.h2.data_to_send())

    def _messages(self, stream: int) -> None:
        data = self._read[stream]
        while len(data) >= 5 and len(data) >= 5 + (size := struct.unpack_from(">I", data, 1)[0]):
            batch = tikvpb.BatchCommandsRequest.FromString(bytes(data[5 : 5 + size]))
            del data[: 5 + size]
            answers = tikvpb.BatchCommandsResponse(request_ids=batch.request_ids)
            for _ in batch.request_ids:
                answers.responses.add().raw_put.SetInParent()
            body = answers.SerializeToString()
            message = struct.pack(">BI", 0, len(body)) + body
            fault = self._store.take_fault()
            if fault is not None:
                fault(self, stream, message)
                if self.transport.is_closing() or stream not in self._read:
                    return
            else:
                self.h2.send_data(stream, message)
                self._store.done += len(batch.request_ids)

    def forget(self, stream: int) -> None:
        del self._read[stream]

    def leave(self, data: bytes = b"") -> None:
        """Send what there is, and these bytes, and end."""
        self.transport.write(self.h2.data_to_send() + data)
        self.transport.close()


def _reset(code: int) -> Callable[[_Connection, int, bytes], None]:
    def fault(connection: _Connection, stream: int, _: bytes) -> None:
        connection.h2.reset_stream(stream, code)
        connection.forget(stream)

    return fault


def _leaves_and_answers(connection: _Connection, stream: int, message: bytes) -> None:
    """GOAWAY in the middle of an answer; what has begun is answered to its end."""
    connection.h2.send_data(stream, message[:7])
    connection.flush()
    connection.transport.write(bytes.fromhex("0000080700000000000000000100000000"))  # last stream 1, NO_ERROR
    connection.transport.write(DataFrame(stream, message[7:]).serialize())
    connection.transport.close()


def _leaves_at_once(connection: _Connection, _stream: int, _message: bytes) -> None:
    connection.h2.close_connection(error_code=2, last_stream_id=0)
    connection.leave()


def _half_a_frame(connection: _Connection, stream: int, message: bytes) -> None:
    frame = DataFrame(stream, message).serialize()
    connection.leave(frame[: len(frame) - len(message) // 2])


def _half_a_head(connection: _Connection, stream: int, message: bytes) -> None:
    connection.leave(DataFrame(stream, message).serialize()[:5])


def _half_a_message(connection: _Connection, stream: int, message: bytes) -> None:
    connection.h2.send_data(stream, message[: len(message) // 2])
    connection.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
    connection.forget(stream)


def _breaks_the_protocol(connection: _Connection, _stream: int, message: bytes) -> None:
    connection.flush()
    connection.transport.write(DataFrame(99, message).serialize())  # a stream that nobody has opened


FAULTS: dict[str, Callable[[_Connection, int, bytes], None]] = {
    "RST_STREAM, INTERNAL_ERROR": _reset(2),
    "RST_STREAM, REFUSED_STREAM": _reset(7),
    "RST_STREAM, CANCEL": _reset(8),
    "RST_STREAM, ENHANCE_YOUR_CALM": _reset(11),
    "GOAWAY, answered": _leaves_and_answers,
    "GOAWAY, not answered": _leaves_at_once,
    "half a frame": _half_a_frame,
    "half a frame's head": _half_a_head,
    "half a message": _half_a_message,
    "a frame of no stream": _breaks_the_protocol,
}

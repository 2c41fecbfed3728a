"""grpcio at the other end of a real socket on loopback: its server for our client, its client for our server."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from native.http2_frames import HEAD, frames_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from native.http2_harness import Harness, Peer

PATIENCE_S = 60.0
"""A bound for a machine that is very slow, not a time that anything takes."""


def framed(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


class Wire:
    """A peer of ours on a socket. Reads and writes are cut at random."""

    def __init__(self, peer: Peer, connected: socket.socket, seed: int = 0) -> None:
        self.peer = peer
        self.socket = connected
        self.random = random.Random(seed)
        self.seen: list[tuple[Any, ...]] = []
        self.unsent = b""
        self.open = True

    def step(self, timeout_s: float = PATIENCE_S) -> list[tuple[Any, ...]]:
        """Write what can be written, wait for the peer, read. Returns the new events."""
        if not self.unsent:
            limit = self.random.choice([100, 10_000, 2**31])
            self.unsent = self.peer.gather(limit=limit)
        readable, writable, _ = select.select([self.socket], [self.socket] if self.unsent else [], [], timeout_s)
        if writable:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        if readable:
            data = self.socket.recv(self.random.choice([100, 5_000, 2**20]))
            self.open = bool(data)
            self.peer.receive(data, [self.random.randrange(1, 2_000) for _ in range(5)])
        if not readable and not writable:
            raise AssertionError(f"nothing has happened for {timeout_s} s; seen: {self.seen[-10:]}")
        new = self.peer.take()
        self.seen += new
        return new

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert self.open, "the other side has hung up"
            self.step()

    def flush(self) -> None:
        """Write all that can be written without waiting for the peer."""
        self.unsent += self.peer.output()
        while self.unsent:
            self.step()

    def of(self, kind: str, stream: int = 0) -> list[tuple[Any, ...]]:
        return [event for event in self.seen if event[0] == kind and stream in (0, event[1])]

    def status(self, stream: int) -> tuple[int, bytes]:
        """Wait for a call's end."""
        self.until(lambda: bool(self.of("status", stream)))
        (found,) = self.of("status", stream)
        return found[2], found[3]

    def unary(self, path: str, message: bytes, **call: Any) -> tuple[int, bytes, list[bytes]]:
        """A call from beginning to end: its status, the status message, the answers."""
        stream = self.peer.call(path, **call)
        assert self.peer.send(stream, framed(message), tag=stream, end=True)
        code, text = self.status(stream)
        return code, text, [event[2] for event in self.of("message", stream)]


class Service(grpc.GenericRpcHandler):
    """Methods by name; messages are bytes."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.release = threading.Event()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        name = str(details.method).rpartition("/")[2]
        if name in ("echo", "fail", "timeout", "large", "hang", "metadata"):
            return grpc.unary_unary_rpc_method_handler(getattr(self, name))
        if name == "each":
            return grpc.stream_stream_rpc_method_handler(self.each)
        return None

    def echo(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        del context
        return request

    def fail(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        code = next(code for code in grpc.StatusCode if code.value[0] == request[0])
        context.abort(code, "we can\u2019t: 100%\n")
        raise AssertionError

    def timeout(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        del request
        return str(context.time_remaining()).encode()

    def large(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        del context
        return b"L" * int(request)

    def hang(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        context.add_callback(self.cancelled.set)
        self.release.wait(PATIENCE_S)
        return request

    def metadata(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("x-much", "t" * 3000), ("x-bin", request)))
        return repr(sorted(context.invocation_metadata())).encode()

    def each(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        del context
        for request in requests:
            yield request * 2


@contextmanager
def grpcio_server(**options: Any) -> Iterator[tuple[grpc.Server, Service, int]]:
    compression = options.pop("compression", None)
    server = grpc.server(
        ThreadPoolExecutor(4),
        options=[(f"grpc.{name}", value) for name, value in options.items()],
        compression=compression,
    )
    service = Service()
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield server, service, port
    finally:
        service.release.set()
        server.stop(None).wait(PATIENCE_S)


@contextmanager
def connected(harness: Harness, port: int, seed: int = 0, **config: Any) -> Iterator[Wire]:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        yield Wire(harness.peer("client", **config), connection, seed)


class TestTheirServer:
    def test_many_unary_calls(self, harness: Harness) -> None:
        with grpcio_server() as (_, _, port), connected(harness, port) as wire:
            for i in range(50):
                message = bytes([i]) * (i * 97)
                assert wire.unary("/s/echo", message) == (0, b"", [message])
            assert wire.peer.state()["open_streams"] == 0

    def test_calls_at_the_same_time(self, harness: Harness) -> None:
        with grpcio_server() as (_, _, port), connected(harness, port) as wire:
            streams = [wire.peer.call("/s/echo") for _ in range(40)]
            for stream in streams:
                wire.peer.send(stream, framed(b"%d" % stream * 1000), tag=stream, end=True)
            for stream in streams:
                assert wire.status(stream) == (0, b"")
                assert wire.of("message", stream)[0][2] == b"%d" % stream * 1000

    def test_every_status(self, harness: Harness) -> None:
        with grpcio_server() as (_, _, port), connected(harness, port) as wire:
            for code in range(1, 17):
                assert wire.unary("/s/fail", bytes([code])) == (code, "we can\u2019t: 100%\n".encode(), [])
            assert wire.unary("/s/nothing", b"")[0] == grpc.StatusCode.UNIMPLEMENTED.value[0]

    def test_the_deadline_arrives(self, harness: Harness) -> None:
        with grpcio_server() as (_, _, port), connected(harness, port) as wire:
            _, _, (answer,) = wire.unary("/s/timeout", b"", timeout_ns=3600 * 10**9)
            assert 3000 < float(answer) <= 3600

    def test_a_deadline_that_passes(self, harness: Harness) -> None:
        """The server ends the call, by a status or a reset; the connection lives."""
        with grpcio_server() as (_, service, port), connected(harness, port) as wire:
            code, _, _ = wire.unary("/s/hang", b"", timeout_ns=10**7)
            assert code in (grpc.StatusCode.DEADLINE_EXCEEDED.value[0], grpc.StatusCode.CANCELLED.value[0])
            service.release.set()
            assert wire.unary("/s/echo", b"x")[0] == 0

    def test_metadata_both_ways(self, harness: Harness) -> None:
        with grpcio_server() as (_, _, port), connected(harness, port) as wire:
            for _ in range(3):
                code, _, (answer,) = wire.unary("/s/metadata", b"\0\1", metadata=[("x-name", "of mine")])
                assert code == 0
                assert b"key='x-name', value='of mine'" in answer
                assert b"key='user-agent', value='grpc-c++-ycsbpy/test'" in answer

    @pytest.mark.parametrize("size", [10_000_000, 3_000_000])
    @pytest.mark.parametrize("window", [65_535, 16_777_216])
    def test_large_answers(self, harness: Harness, size: int, window: int) -> None:
        with (
            grpcio_server(max_send_message_length=-1) as (_, _, port),
            connected(harness, port, stream_window=window, connection_window=window) as wire,
        ):
            assert wire.unary("/s/large", b"%d" % size)[2] == [b"L" * size]

    @pytest.mark.parametrize("bdp", [0, 1])
    def test_large_requests(self, harness: Harness, bdp: int) -> None:
        with (
            grpcio_server(max_receive_message_length=-1, **{"http2.bdp_probe": bdp}) as (_, _, port),
            connected(harness, port) as wire,
        ):
            message = bytes(range(256)) * 40_000
            assert wire.unary("/s/echo", message) == (0, b"", [message])

    def test_a_request_above_the_servers_limit(self, harness: Harness) -> None:
        """The server answers before the request has ended, and we send no more of it."""
        with grpcio_server(max_receive_message_length=1000) as (_, _, port), connected(harness, port) as wire:
            code, _, _ = wire.unary("/s/echo", bytes(5_000_000))
            assert code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
            assert wire.peer.state()["queued"] == 0
            assert wire.unary("/s/echo", b"small") == (0, b"", [b"small"])

    def test_a_stream_both_ways(self, harness: Harness) -> None:
        """As BatchCommands is used: never ended until wanted, many messages under way."""
        with grpcio_server() as (_, _, port), connected(harness, port, seed=3) as wire:
            stream = wire.peer.call("/s/each", unary=False)
            sent = [bytes([i]) * wire.random.choice([0, 1, 100, 5_000, 100_000]) for i in range(100)]
            for i, message in enumerate(sent):
                assert wire.peer.send(stream, framed(message), tag=i)
                if i % 7 == 0:
                    wire.step()
            wire.until(lambda: len(wire.of("message")) == len(sent))
            assert [event[2] for event in wire.of("message")] == [message * 2 for message in sent]
            assert not wire.of("status")
            wire.peer.send(stream, b"", tag=1000, end=True)
            assert wire.status(stream) == (0, b"")
            assert {event[1] for event in wire.of("released")} >= set(range(100))

    def test_a_server_that_compresses_unasked_is_refused(self, harness: Harness) -> None:
        """gRPC's C core does when it is told to, whatever the client has said it accepts."""
        with grpcio_server(compression=grpc.Compression.Gzip) as (_, _, port), connected(harness, port) as wire:
            code, text, answers = wire.unary("/s/large", b"100000")
            assert (code, answers) == (grpc.StatusCode.INTERNAL.value[0], [])
            assert text == b"a message is compressed, which was not agreed on"
            assert wire.unary("/s/echo", b"", limit=0) == (0, b"", [b""])  # too short for it to compress

    def test_cancelling(self, harness: Harness) -> None:
        with grpcio_server() as (_, service, port), connected(harness, port) as wire:
            stream = wire.peer.call("/s/hang")
            wire.peer.send(stream, framed(b""), end=True)
            wire.until(lambda: bool(wire.of("settings")))
            assert wire.unary("/s/echo", b"")[0] == 0  # by then the server has the first call
            wire.peer.reset(stream)
            wire.flush()
            assert service.cancelled.wait(PATIENCE_S)
            service.release.set()
            assert wire.unary("/s/echo", b"x") == (0, b"", [b"x"])

    def test_a_server_that_stops_lets_calls_end(self, harness: Harness) -> None:
        with grpcio_server() as (server, service, port), connected(harness, port) as wire:
            stream = wire.peer.call("/s/hang")
            wire.peer.send(stream, framed(b"until the end"), end=True)
            assert wire.unary("/s/echo", b"")[0] == 0
            stopped = server.stop(grace=PATIENCE_S)
            wire.until(lambda: bool(wire.of("goaway")))
            assert wire.peer.call("/s/echo") == 0
            service.release.set()
            assert wire.status(stream) == (0, b"")
            assert wire.of("message", stream)[0][2] == b"until the end"
            stopped.wait(PATIENCE_S)

    def test_a_server_that_is_killed_under_a_call(self, harness: Harness) -> None:
        with grpcio_server() as (server, service, port), connected(harness, port) as wire:
            stream = wire.peer.call("/s/hang")
            wire.peer.send(stream, framed(b""), end=True)
            assert wire.unary("/s/echo", b"")[0] == 0
            stopped = server.stop(grace=0)
            code, _ = wire.status(stream)
            assert code in (grpc.StatusCode.CANCELLED.value[0], grpc.StatusCode.UNAVAILABLE.value[0])
            service.release.set()
            stopped.wait(PATIENCE_S)

    def test_signs_of_life_both_ways(self, harness: Harness) -> None:
        with (
            grpcio_server(keepalive_time_ms=100, keepalive_permit_without_calls=1) as (_, _, port),
            connected(harness, port) as wire,
        ):
            assert wire.unary("/s/echo", b"")[0] == 0
            wire.peer.ping(77)
            wire.until(lambda: ("pong", 77) in wire.seen)
            answered = 0
            while answered < 3:  # the server asks when nothing has happened for a while
                wire.step()
                if not wire.unsent:
                    wire.unsent = wire.peer.gather()
                    answered += sum(frame.type == 6 for frame in frames_of(wire.unsent))
            wire.flush()
            assert wire.unary("/s/echo", b"x") == (0, b"", [b"x"])

    def test_as_many_streams_as_it_says(self, harness: Harness) -> None:
        with grpcio_server(max_concurrent_streams=3) as (_, service, port), connected(harness, port) as wire:
            wire.until(lambda: bool(wire.of("settings")))
            assert wire.of("settings")[0][1] == 3
            streams = [wire.peer.call("/s/hang") for _ in range(4)]
            assert streams == [1, 3, 5, 0]
            for stream in streams[:3]:
                wire.peer.send(stream, framed(b""), tag=stream, end=True)
            service.release.set()
            assert [wire.status(stream)[0] for stream in streams[:3]] == [0, 0, 0]
            assert wire.unary("/s/echo", b"x")[0] == 0


class Answering(threading.Thread):
    """A server of ours for one connection, in a thread: it answers each message with the same, doubled."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(daemon=True)
        self.peer = peer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.read: dict[int, bytearray] = {}
        self.paths: dict[int, bytes] = {}
        self.tag = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        connection, _ = self.listener.accept()
        wire = Wire(self.peer, connection, seed=1)
        try:
            with connection:
                while wire.open:
                    for event in wire.step():
                        self.answer(event)
        except ConnectionError:
            pass
        except BaseException as error:  # noqa: BLE001  shown by the test
            self.error = error
        self.listener.close()

    def answer(self, event: tuple[Any, ...]) -> None:
        kind, stream, *rest = event
        if kind == "head":
            self.paths[stream] = dict(rest[0])[b":path"]
            self.read[stream] = bytearray()
            if self.paths[stream] == b"/s/fail":
                self.peer.head(stream, [*HEAD, ("grpc-status", "9"), ("grpc-message", "no%20more")], end=True)
                return
            self.peer.head(stream, HEAD)
        elif kind == "data" and self.paths[stream] != b"/s/fail":
            self.read[stream] += rest[0]
            self.messages(stream)
            if rest[1]:
                self.tag += 1
                self.peer.trailers(stream, [("grpc-status", "0")], tag=self.tag)

    def messages(self, stream: int) -> None:
        data = self.read[stream]
        while len(data) >= 5 and len(data) >= 5 + (size := struct.unpack_from(">I", data, 1)[0]):
            self.tag += 1
            assert self.peer.send(stream, framed(bytes(data[5 : 5 + size]) * 2), tag=self.tag)
            del data[: 5 + size]


@contextmanager
def answering(harness: Harness, **config: Any) -> Iterator[Any]:
    server = Answering(harness.peer("server", **config))
    server.start()
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=options) as channel:
        yield channel
    server.join(PATIENCE_S)
    assert server.error is None


class TestTheirClient:
    def test_unary_calls(self, harness: Harness) -> None:
        with answering(harness) as channel:
            call = channel.unary_unary("/s/double")
            for i in range(30):
                assert call(bytes([i]) * i * 50, timeout=PATIENCE_S) == bytes([i]) * i * 100

    @pytest.mark.parametrize("window", [65_535, 16_777_216])
    def test_ten_megabytes(self, harness: Harness, window: int) -> None:
        with answering(harness, stream_window=window, connection_window=window) as channel:
            message = bytes(range(256)) * 20_000
            assert channel.unary_unary("/s/double")(message, timeout=PATIENCE_S) == message * 2

    def test_a_stream_both_ways(self, harness: Harness) -> None:
        with answering(harness) as channel:
            sent = [bytes([i]) * (i * i * 7) for i in range(60)]
            answers = list(channel.stream_stream("/s/double")(iter(sent), timeout=PATIENCE_S))
            assert answers == [message * 2 for message in sent]

    def test_an_error(self, harness: Harness) -> None:
        with answering(harness) as channel:
            with pytest.raises(grpc.RpcError) as raised:
                channel.unary_unary("/s/fail")(b"x", timeout=PATIENCE_S)
            assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION
            assert raised.value.details() == "no more"
            assert channel.unary_unary("/s/double")(b"x", timeout=PATIENCE_S) == b"xx"

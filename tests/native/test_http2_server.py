"""The server's role, which is small: with ``h2`` as the client, and with our own client at the other end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events
import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from native.http2_frames import (
    CALM,
    CANCEL,
    CLOSED,
    FLOW,
    HEAD,
    PREFACE,
    PROTOCOL,
    REFUSED,
    REQUEST,
    TRAILERS,
    frames_of,
    headers,
    raw,
    wire,
)
from native.http2_harness import ALL, BY_CONNECTION, BY_PEER, BY_VIOLATION, Harness

if TYPE_CHECKING:
    from native.http2_harness import Peer


def serving(harness: Harness, **config: Any) -> Peer:
    peer = harness.peer("server", **config)
    assert peer.receive(PREFACE + wire(SettingsFrame(0), SettingsFrame(0, flags=["ACK"])))
    peer.output()
    peer.take()
    return peer


def error(peer: Peer) -> int:
    assert not peer.alive
    return int(peer.state()["failure"])


def raw_head(fields: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in fields]


def test_a_client_of_h2(harness: Harness) -> None:
    server = harness.peer("server", stream_window=10_000, connection_window=70_000)
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
    client.initiate_connection()
    server.receive(client.data_to_send(), [1] * 40)
    client.receive_data(server.output())
    client.send_headers(1, REQUEST)
    left = 100_000
    while left:
        count = min(left, client.local_flow_control_window(1), 16_384)
        assert count, "the client is stuck"
        left -= count
        client.send_data(1, bytes(count), end_stream=not left)
        server.receive(client.data_to_send())
        client.receive_data(server.output())
    events = server.take()
    assert events[1] == ("head", 1, raw_head(REQUEST), False)
    assert events[2] == ("data", 1, bytes(100_000), True)
    assert server.head(1, HEAD)
    assert server.send(1, b"x" * 70_000, tag=5)
    assert server.trailers(1, TRAILERS, tag=6)
    assert not server.head(1, HEAD)
    got = client.receive_data(server.output())
    data = b"".join(event.data for event in got if isinstance(event, h2.events.DataReceived))
    client.increment_flow_control_window(70_000)
    client.increment_flow_control_window(70_000, 1)
    server.receive(client.data_to_send())
    assert server.state()["open_streams"] == 1
    got += client.receive_data(server.output())
    names = [type(event).__name__ for event in got if not isinstance(event, h2.events.DataReceived)]
    assert names == ["ResponseReceived", "TrailersReceived", "StreamEnded"]
    assert len(data) == 65_535
    assert [event for event in server.take() if event[0] == "released"] == [("released", 5, ALL), ("released", 6, ALL)]
    assert server.state()["open_streams"] == 0


class TestAccepting:
    @pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", PREFACE[:-1] + b"\r", b"X"])
    def test_what_is_no_preface(self, harness: Harness, data: bytes) -> None:
        peer = harness.peer("server")
        assert not peer.receive(data, [1] * len(data))
        assert error(peer) == PROTOCOL
        assert isinstance(frames_of(peer.output())[-1], GoAwayFrame)

    def test_the_first_bytes(self, harness: Harness) -> None:
        frames = frames_of(harness.peer("server").output())
        assert [frame.type for frame in frames] == [4, 8]
        assert frames[0].settings == {3: 1024, 4: 2**24, 5: 2**22, 6: 16_384}

    def test_refused_above_the_limit(self, harness: Harness) -> None:
        peer = serving(harness, max_concurrent_streams=2)
        for stream in (1, 3, 5):
            assert peer.receive(wire(headers(stream, REQUEST)))
        assert [(f.stream_id, f.error_code) for f in frames_of(peer.output())] == [(5, REFUSED)]
        assert peer.receive(wire(DataFrame(5, b"it does not know yet"), headers(5, TRAILERS, "END_STREAM")))
        assert peer.output() == b""
        assert [event[1] for event in peer.take()] == [1, 3]
        peer.receive(wire(RstStreamFrame(1, error_code=CANCEL), headers(7, REQUEST, "END_STREAM")))
        assert peer.take() == [("closed", 1, BY_PEER, CANCEL, "", False), ("head", 7, raw_head(REQUEST), True)]

    def test_after_leaving_no_more_are_taken(self, harness: Harness) -> None:
        peer = serving(harness)
        peer.receive(wire(headers(1, REQUEST, "END_STREAM")))
        peer.shutdown()
        assert peer.receive(wire(headers(3, REQUEST, "END_STREAM")))
        goaway, refusal = frames_of(peer.output())
        assert goaway.last_stream_id == 1
        assert (refusal.stream_id, refusal.error_code) == (3, REFUSED)
        assert peer.head(1, HEAD, end=True)
        assert len(frames_of(peer.output())) == 1

    @pytest.mark.parametrize("stream", [2, 0])
    def test_streams_of_the_wrong_kind(self, harness: Harness, stream: int) -> None:
        peer = serving(harness)
        peer.receive(raw(1, stream, b"", 4))
        assert error(peer) == PROTOCOL

    def test_a_number_below_one_before(self, harness: Harness) -> None:
        peer = serving(harness)
        assert peer.receive(wire(headers(5, REQUEST)))
        peer.receive(wire(headers(3, REQUEST)))
        assert error(peer) == CLOSED

    @pytest.mark.parametrize(
        "fields",
        [
            [],
            REQUEST[1:],
            REQUEST[:1] + REQUEST[2:],
            REQUEST[:2] + REQUEST[3:],
            [*REQUEST, (":method", "POST")],
            [*REQUEST, (":status", "200")],
            [*REQUEST, ("te", "gzip")],
            [*REQUEST, ("connection", "close")],
            [*REQUEST, ("x", "y"), (":authority", "late")],
            [*REQUEST[:2], (":path", ""), REQUEST[3]],
            [*REQUEST[:2], (":path", "/\r\n"), REQUEST[3]],
        ],
        ids=str,
    )
    def test_malformed_requests(self, harness: Harness, fields: list[tuple[str, str]]) -> None:
        """The handler does not hear of them."""
        peer = serving(harness)
        assert peer.receive(wire(headers(1, fields), DataFrame(1, b"late")))
        assert [(f.stream_id, f.error_code) for f in frames_of(peer.output())] == [(1, PROTOCOL)]
        assert peer.take() == []
        assert peer.receive(wire(headers(3, [*REQUEST, ("te", "trailers")])))
        assert [event[0] for event in peer.take()] == ["head"]

    def test_malformed_trailers_are_heard_of(self, harness: Harness) -> None:
        peer = serving(harness)
        assert peer.receive(wire(headers(1, REQUEST), headers(1, REQUEST, "END_STREAM")))
        assert [event[:4] for event in peer.take()][1:] == [("closed", 1, BY_VIOLATION, PROTOCOL)]

    def test_push_is_not_for_clients(self, harness: Harness) -> None:
        peer = serving(harness)
        peer.receive(raw(5, 1, bytes(4), 4))
        assert error(peer) == PROTOCOL

    def test_opening_and_resetting_without_end(self, harness: Harness) -> None:
        peer = serving(harness)
        for stream in range(1, 2001, 2):
            assert peer.receive(wire(headers(stream, REQUEST), RstStreamFrame(stream, error_code=CANCEL)))
        peer.receive(wire(headers(2001, REQUEST), RstStreamFrame(2001, error_code=CANCEL)))
        assert error(peer) == CALM

    def test_a_window_that_grows_too_far_for_one_stream_of_two(self, harness: Harness) -> None:
        peer = serving(harness)
        peer.receive(wire(headers(1, REQUEST), headers(3, REQUEST)))
        peer.receive(raw(8, 3, b"\x7f\xff\x00\x00"))
        assert peer.alive
        peer.receive(wire(SettingsFrame(0, {4: 2**31 - 1})))
        assert error(peer) == FLOW

    def test_disconnecting(self, harness: Harness) -> None:
        peer = serving(harness)
        peer.receive(wire(headers(1, REQUEST)))
        peer.take()
        peer.disconnect()
        assert [event[:3] for event in peer.take()] == [("closed", 1, BY_CONNECTION)]


class Pair:
    """Our client and our server, and the wires between them."""

    def __init__(self, harness: Harness, client: dict[str, Any], server: dict[str, Any]) -> None:
        self.client = harness.peer("client", **client)
        self.server = harness.peer("server", **server)

    def pass_on(self, places: int, limit: int, sizes: list[int]) -> bool:
        moved = False
        for sender, receiver in ((self.client, self.server), (self.server, self.client)):
            data = sender.gather(places, limit)
            assert receiver.receive(data, sizes) if data else True
            moved = moved or bool(data)
        return moved


limits = st.fixed_dictionaries(
    {
        "stream_window": st.integers(200, 100_000),
        "connection_window": st.integers(65_535, 200_000),
        "max_frame_size": st.integers(16_384, 100_000),
        "header_table_size": st.sampled_from([0, 100, 4096]),
    }
)


@given(
    limits,
    limits,
    st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), min_size=1, max_size=8),
    st.integers(5, 30),
    st.integers(1_000, 100_000),
    st.lists(st.integers(1, 5_000), max_size=8),
)
@settings(max_examples=40)
def test_our_client_and_our_server(
    harness: Harness, client: dict[str, Any], server: dict[str, Any], calls: list[tuple[int, int]], places: int,
    limit: int, sizes: list[int],
) -> None:  # fmt: skip
    """Any limits, any cuts: all requests and all answers arrive as they were sent."""
    pair = Pair(harness, client, server)
    for number, (size, _) in enumerate(calls):
        stream = pair.client.open(REQUEST)
        assert stream == 2 * number + 1
        assert pair.client.send(stream, bytes([number]) * size, tag=number, end=True)
    seen: list[tuple[Any, ...]] = []
    for _ in range(20_000):
        if not pair.pass_on(places, limit, sizes):
            break
        for event in pair.server.take():
            seen.append(event)
            if event[0] == "data" and event[3]:
                number = event[1] // 2
                assert pair.server.head(event[1], HEAD)
                assert pair.server.send(event[1], bytes([number]) * calls[number][1], tag=2 * number)
                assert pair.server.trailers(event[1], TRAILERS, tag=2 * number + 1)
    pair.client.state()
    for events, which in ((seen, 0), (pair.client.take(), 1)):
        for number, call in enumerate(calls):
            data = b"".join(event[2] for event in events if event[:2] == ("data", 2 * number + 1))
            assert data == bytes([number]) * call[which]
    assert pair.client.state()["open_streams"] == pair.server.state()["open_streams"] == 0


def test_frames_of_a_stream_come_in_order(harness: Harness) -> None:
    peer = serving(harness)
    peer.receive(wire(headers(1, REQUEST, "END_STREAM")))
    peer.head(1, HEAD)
    peer.send(1, b"body")
    peer.trailers(1, TRAILERS, tag=2)
    peer.receive(wire(PingFrame(0, b"12345678")))
    assert [type(frame) for frame in frames_of(peer.output())] == [HeadersFrame, PingFrame, DataFrame, HeadersFrame]

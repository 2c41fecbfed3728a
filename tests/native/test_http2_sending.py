"""What a client writes: within the peer's windows, never stuck, control frames first, each payload released once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from h2.settings import SettingCodes
from hyperframe.frame import (
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from native.http2_frames import CANCEL, HEAD, PREFACE, REQUEST, TRAILERS, frames_of, headers, wire
from native.http2_harness import ALL, NOTHING, PART, Harness

if TYPE_CHECKING:
    from native.http2_harness import Peer

PING = PingFrame(0, b"are you?")
PONG = PingFrame(0, b"are you?", flags=["ACK"]).serialize()


class Server:
    """h2 as the peer of our client. It raises an error when a window or a frame size is overstepped."""

    def __init__(
        self, peer: Peer, window: int = 65_535, frame: int = 16_384, more: dict[SettingCodes, int] | None = None
    ) -> None:
        self.peer = peer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.said = {SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_FRAME_SIZE: frame, **(more or {})}
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values=self.said)
        self.h2.max_inbound_frame_size = frame
        self.h2.initiate_connection()
        self.got: dict[int, bytearray] = {}
        self.owed: dict[int, int] = {}
        self.owed_by_all = 0
        self.ended: set[int] = set()

    def take(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.got[event.stream_id] = bytearray()
            elif isinstance(event, h2.events.DataReceived):
                self.got[event.stream_id] += event.data
                self.owed[event.stream_id] = self.owed.get(event.stream_id, 0) + event.flow_controlled_length
                self.owed_by_all += event.flow_controlled_length
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)

    def pay(self, stream: int, most: int) -> None:
        """Widen the stream's window by what it has sent, and the connection's by as much."""
        due = min(self.owed.get(stream, 0), most)
        if due:
            self.h2.increment_flow_control_window(due, stream)
            self.owed[stream] -= due
        if due_by_all := min(self.owed_by_all, most):
            self.h2.increment_flow_control_window(due_by_all)
            self.owed_by_all -= due_by_all

    def exchange(self, places: int = 64, limit: int = 2**31) -> int:
        """What the server has to say, then one write of the client's. Returns how much that was."""
        if data := self.h2.data_to_send():
            assert self.peer.receive(data)
        written = self.peer.gather(places, limit)
        self.take(written)
        return len(written)


def contents(stream: int, size: int) -> bytes:
    return bytes((stream * 7 + i * 13) % 251 for i in range(min(size, 251))) * (size // 251 + 1)


steps = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 3), st.integers(0, 70_000)),
    st.tuples(st.just("write"), st.integers(5, 40), st.integers(1, 50_000)),
    st.tuples(st.just("pay"), st.integers(0, 3), st.integers(1, 100_000)),
    st.tuples(st.just("window"), st.integers(0, 3), st.integers(0, 100_000)),
    st.tuples(st.just("frame"), st.integers(0, 3), st.integers(16_384, 60_000)),
    st.tuples(st.just("ping"), st.integers(0, 3), st.integers(0, 2**32)),
)


def settle_all(server: Server, streams: list[int]) -> None:
    """Let everything through, in the end."""
    server.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1_000})
    for _ in range(3000):
        if not server.exchange():
            for stream in streams:
                server.pay(stream, 2**30)
            if not server.exchange():
                break
    server.peer.state()


@given(st.integers(0, 70_000), st.lists(steps, max_size=40))
@settings(max_examples=60)
def test_random_windows_sizes_and_writes(harness: Harness, window: int, script: list[tuple[str, int, int]]) -> None:
    """Whatever the server says and the socket takes, all data arrive, in order, and within every bound."""
    peer = harness.peer()
    server = Server(peer, window)
    streams = [peer.open(REQUEST) for _ in range(4)]
    sent = {stream: bytearray() for stream in streams}
    tag = 0
    server.exchange()
    for verb, which, amount in script:
        stream = streams[which % 4]
        if verb == "send":
            tag += 1
            payload = contents(stream, amount)[:amount]
            assert peer.send(stream, payload, tag=tag)
            sent[stream] += payload
        elif verb == "write":
            server.exchange(which, amount)
        elif verb == "pay":
            server.pay(stream, amount)
        elif verb == "window":
            server.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: amount})
        elif verb == "frame":
            server.h2.update_settings({SettingCodes.MAX_FRAME_SIZE: amount})
        else:
            server.h2.ping(amount.to_bytes(8, "big"))
    for stream in streams:
        # Not empty: h2 takes an empty end for an overrun where the window is below 0, against section 6.9.1.
        assert peer.send(stream, b".", tag=1000 + stream, end=True)
        sent[stream] += b"."
    settle_all(server, streams)
    assert server.got == sent
    assert server.ended == set(streams)
    released = [event for event in peer.take() if event[0] == "released"]
    assert sorted(event[1] for event in released) == [*range(1, tag + 1), *(1000 + stream for stream in streams)]
    assert {event[2] for event in released} == {ALL}
    assert peer.state()["queued"] == 0


@pytest.mark.parametrize(("window", "frame"), [(1_000, 16_384), (65_535, 16_384), (3_000_000, 4_000_000)])
def test_ten_megabytes(harness: Harness, window: int, frame: int) -> None:
    peer = harness.peer()
    server = Server(peer, window, frame)
    assert peer.open(REQUEST) == 1
    payload = contents(1, 10_000_000)
    server.exchange()
    peer.send(1, payload, end=True)
    while 1 not in server.ended:
        written = server.exchange()
        server.pay(1, 2**30)
        assert written or server.exchange() or 1 in server.ended, "the client is stuck"
    assert server.got[1] == payload


@pytest.mark.parametrize("window", [100, 65_535, 16_777_216])
def test_ten_megabytes_the_other_way(harness: Harness, window: int) -> None:
    """Our windows, small and large: the server is never stuck, and never told more than it has sent."""
    peer = harness.peer(stream_window=window, connection_window=max(window, 65_535))
    server = Server(peer)
    assert peer.open(REQUEST, end=True) == 1
    server.exchange()
    server.h2.send_headers(1, HEAD)
    size = 10_000_000 if window > 100 else 10_000
    left = payload = contents(1, size)[:size]
    server.exchange()
    while left:
        piece = left[: min(server.h2.local_flow_control_window(1), server.h2.max_outbound_frame_size)]
        assert piece, "the server is stuck"
        left = left[len(piece) :]
        server.h2.send_data(1, piece, end_stream=not left)
        server.exchange()
    assert peer.take()[-1] == ("data", 1, payload, True)


def settled(harness: Harness, said: dict[int, int] | None = None, **config: Any) -> Peer:
    peer = harness.peer(**config)
    assert peer.receive(wire(SettingsFrame(0, said or {}), SettingsFrame(0, flags=["ACK"])))
    peer.output()
    peer.take()
    return peer


class TestOrder:
    def test_an_answer_to_ping_does_not_wait_for_windows(self, harness: Harness) -> None:
        peer = settled(harness, {4: 10})
        peer.open(REQUEST)
        peer.send(1, bytes(1_000_000))
        peer.output()
        assert peer.receive(PING.serialize())
        assert peer.output() == PONG

    def test_control_frames_go_before_data_that_have_not_begun(self, harness: Harness) -> None:
        peer = settled(harness, {4: 2**20, 5: 2**20})
        peer.open(REQUEST)
        peer.output()
        peer.send(1, bytes(50_000))
        begun = peer.gather(limit=20)  # eleven bytes of the payload
        assert peer.receive(wire(PING))
        peer.send(1, b"second", tag=2)
        rest = peer.gather()
        frame = DataFrame(1, bytes(50_000)).serialize()
        assert begun + rest == frame + PONG + DataFrame(1, b"second").serialize()

    @pytest.mark.parametrize("limit", [1, 8, 9, 10, 12])
    def test_a_frame_is_never_torn(self, harness: Harness, limit: int) -> None:
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        out = bytearray()
        for i in range(20):
            peer.send(1, bytes([i]) * 30, tag=i)
            out += peer.gather(limit=limit)
            peer.receive(wire(PING))
            out += peer.gather(limit=limit)
        out += peer.output(limit=limit)
        frames = frames_of(bytes(out))
        assert sum(isinstance(frame, PingFrame) for frame in frames) == 20
        assert [f.data for f in frames if isinstance(f, DataFrame)] == [bytes([i]) * 30 for i in range(20)]

    def test_the_size_of_frames(self, harness: Harness) -> None:
        peer = settled(harness, {4: 2**20, 5: 20_000})
        peer.open(REQUEST)
        peer.output()
        peer.send(1, bytes(50_001), end=True)
        frames = frames_of(peer.output())
        assert [len(frame.data) for frame in frames] == [20_000, 20_000, 10_001]
        assert ["END_STREAM" in frame.flags for frame in frames] == [False, False, True]

    def test_streams_take_turns(self, harness: Harness) -> None:
        """A small call is not stuck behind a large one."""
        peer = settled(harness, {4: 2**24})
        peer.receive(wire(WindowUpdateFrame(0, window_increment=2**24)))
        for _ in range(3):
            peer.open(REQUEST)
        peer.output()
        for stream in (1, 3, 5):
            peer.send(stream, bytes(1_000_000 if stream != 3 else 1000), tag=stream)
        order = [frame.stream_id for frame in frames_of(peer.gather(places=64))]
        assert order == [1] * 4 + [3] + [5] * 4
        assert [frame.stream_id for frame in frames_of(peer.gather(places=64))] == [5] * 4 + [1] * 4
        assert [frame.stream_id for frame in frames_of(peer.gather(places=10))] == [1] * 4 + [5]

    def test_one_stream_alone_fills_the_write(self, harness: Harness) -> None:
        peer = settled(harness, {4: 2**24})
        peer.receive(wire(WindowUpdateFrame(0, window_increment=2**24)))
        peer.open(REQUEST)
        peer.output()
        peer.send(1, bytes(1_000_000))
        assert len(frames_of(peer.gather(places=64))) == 32

    def test_few_places(self, harness: Harness) -> None:
        peer = settled(harness)
        peer.open(REQUEST)
        peer.send(1, bytes(40_000), end=True)
        frames = frames_of(peer.output(places=5))
        assert [type(frame) for frame in frames] == [HeadersFrame, DataFrame, DataFrame, DataFrame]

    def test_a_stream_without_window_does_not_hold_up_others(self, harness: Harness) -> None:
        peer = settled(harness, {4: 100})
        for stream in (1, 3):
            peer.open(REQUEST)
            peer.send(stream, bytes(150), tag=stream)
        peer.output()
        peer.receive(wire(WindowUpdateFrame(3, window_increment=1000)))
        assert [(f.stream_id, len(f.data)) for f in frames_of(peer.output())] == [(3, 50)]
        assert peer.output() == b""
        peer.receive(wire(SettingsFrame(0, {4: 120})))
        assert [len(f.data) for f in frames_of(peer.output()) if isinstance(f, DataFrame)] == [20]

    def test_a_negative_window(self, harness: Harness) -> None:
        peer = settled(harness, {4: 100})
        peer.open(REQUEST)
        peer.send(1, bytes(100))
        peer.output()
        peer.receive(wire(SettingsFrame(0, {4: 0})))
        assert peer.state(1)["stream_window"] == -100
        peer.send(1, b"x", tag=2)
        peer.send(1, b"", tag=3, end=True)
        peer.output()
        peer.receive(wire(WindowUpdateFrame(1, window_increment=100)))
        assert peer.output() == b""
        peer.receive(wire(WindowUpdateFrame(1, window_increment=1)))
        assert peer.output() == DataFrame(1, b"x").serialize() + wire(DataFrame(1, b"", flags=["END_STREAM"]))

    def test_an_end_needs_no_window(self, harness: Harness) -> None:
        peer = settled(harness, {4: 0})
        peer.open(REQUEST)
        peer.output()
        peer.send(1, b"", end=True)
        assert peer.output() == wire(DataFrame(1, b"", flags=["END_STREAM"]))


class TestReleases:
    def test_when_the_last_byte_is_written_and_not_before(self, harness: Harness) -> None:
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        peer.send(1, bytes(20_000), tag=7)
        peer.output(limit=10_000)
        peer.send(1, bytes(10), tag=8)
        peer.take()
        peer.gather(limit=18)
        peer.state()
        assert peer.take() == []
        peer.gather(limit=1)
        peer.state()
        assert peer.take() == [("released", 8, ALL)]

    def test_a_reset_releases_but_for_the_frame_that_has_begun(self, harness: Harness) -> None:
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        for tag in (1, 2, 3):
            peer.send(1, bytes(100), tag=tag)
        begun = peer.gather(limit=109 + 50)
        peer.reset(1)
        assert peer.take() == [("released", 1, ALL), ("released", 3, NOTHING)]
        rest = peer.gather()
        peer.state()
        assert peer.take() == [("released", 2, ALL)]
        frames = frames_of(begun + rest)
        assert [type(frame) for frame in frames] == [DataFrame, DataFrame, RstStreamFrame]
        assert frames[2].error_code == CANCEL

    def test_a_reset_in_the_middle_of_a_long_message(self, harness: Harness) -> None:
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        peer.send(1, bytes(50_000), tag=1)
        begun = peer.gather(limit=16_384 + 9 + 4)  # four bytes of the second frame's head
        peer.reset(1)
        peer.state()
        assert peer.take() == []
        rest = peer.output()
        assert peer.take() == [("released", 1, PART)]
        assert [type(frame) for frame in frames_of(begun + rest)] == [DataFrame, DataFrame, RstStreamFrame]

    @pytest.mark.parametrize("written", [0, 5, 9, 50, 109, 115])
    def test_a_disconnect_releases_all(self, harness: Harness, written: int) -> None:
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        for tag in (1, 2):
            peer.send(1, bytes(100), tag=tag)
        if written:
            peer.gather(limit=written)
        peer.disconnect()
        sent = {tag: how for name, tag, how, *_ in peer.take() if name == "released"}
        first = NOTHING if written == 0 else PART if written < 109 else ALL
        assert sent == {1: first, 2: PART if written > 109 else NOTHING}

    def test_an_error_lets_a_frame_end_and_sends_no_more_data(self, harness: Harness) -> None:
        """Or the GOAWAY could not be read."""
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        peer.send(1, bytes(100), tag=1)
        peer.send(1, bytes(100), tag=2)
        begun = peer.gather(limit=50)
        assert not peer.receive(wire(headers(2, HEAD)))
        frames = frames_of(begun + peer.output())
        assert [frame.type for frame in frames] == [0, 7]
        assert not peer.send(1, b"no more", tag=3)

    def test_what_cannot_be_sent(self, harness: Harness) -> None:
        peer = settled(harness)
        assert not peer.send(1, b"nobody has opened it")
        assert peer.open(REQUEST) == 1
        assert not peer.head(1, HEAD)
        assert peer.send(1, b"last", end=True)
        assert not peer.send(1, b"after the last", tag=2)
        peer.output()
        assert not peer.send(1, b"after the end", tag=3)
        peer.reset(1)
        peer.reset(1)
        peer.reset(0)
        assert not peer.send(0, b"", tag=4)
        assert [type(frame) for frame in frames_of(peer.output())] == [RstStreamFrame]


class TestOpening:
    def test_the_first_bytes(self, harness: Harness) -> None:
        out = harness.peer().output()
        assert out.startswith(PREFACE)
        assert [frame.type for frame in frames_of(out)] == [4, 8]
        assert frames_of(out)[0].settings == {2: 0, 4: 2**24, 5: 2**22, 6: 16_384}
        assert frames_of(out)[1].window_increment == 2**25 - 65_535

    def test_no_more_streams_than_the_server_bears(self, harness: Harness) -> None:
        peer = settled(harness, {3: 2})
        assert [peer.open(REQUEST, end=True) for _ in range(3)] == [1, 3, 0]
        peer.receive(wire(headers(1, HEAD, "END_STREAM")))
        assert [peer.open(REQUEST), peer.open(REQUEST)] == [5, 0]
        peer.receive(wire(SettingsFrame(0, {3: 3})))
        assert [peer.open(REQUEST), peer.open(REQUEST)] == [7, 0]

    def test_a_head_larger_than_a_frame(self, harness: Harness) -> None:
        peer = harness.peer()
        server = Server(peer, more={SettingCodes.MAX_HEADER_LIST_SIZE: 2**20})
        peer.open([*REQUEST, *[(f"x-{i}", "v" * 1000) for i in range(60)]], end=True)
        data = peer.output()
        frames = frames_of(data)
        assert [frame.type for frame in frames] == [4, 8, 1, 9, 9, 9]
        assert [frame.body_len for frame in frames[2:5]] == [16_384] * 3
        server.take(data)
        assert server.ended == {1}

    def test_a_server_without_a_table(self, harness: Harness) -> None:
        """It says so in SETTINGS, and its decoder insists."""
        peer = harness.peer()
        server = Server(peer, more={SettingCodes.HEADER_TABLE_SIZE: 0})
        server.h2.decoder.max_allowed_table_size = 0
        for _ in range(2):
            peer.open(REQUEST, end=True)
            server.take(peer.output())
        assert server.ended == {1, 3}

    def test_pings_of_ours(self, harness: Harness) -> None:
        peer = settled(harness)
        peer.ping(2**63 + 5)
        ping = frames_of(peer.output())[0]
        assert peer.receive(wire(PingFrame(0, ping.opaque_data, flags=["ACK"])))
        assert peer.take() == [("pong", 2**63 + 5)]
        assert peer.receive(wire(PingFrame(0, ping.opaque_data, flags=["ACK"])))
        assert peer.take() == []

    def test_leaving(self, harness: Harness) -> None:
        peer = settled(harness)
        peer.open(REQUEST, end=True)
        peer.shutdown(0, b"bye")
        assert peer.open(REQUEST) == 0
        assert peer.receive(wire(headers(1, HEAD), headers(1, TRAILERS, "END_STREAM")))
        goaway = frames_of(peer.output())[-1]
        assert (goaway.last_stream_id, goaway.error_code, goaway.additional_data) == (0, 0, b"bye")
        assert [event[0] for event in peer.take()] == ["head", "trailers"]

    def test_an_answer_before_the_request_has_ended(self, harness: Harness) -> None:
        """The stream stays until we end or reset it; NO_ERROR from the server is fine then."""
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        frames: list[Frame] = [headers(1, HEAD), headers(1, TRAILERS, "END_STREAM")]
        assert peer.receive(wire(*frames))
        assert peer.state()["open_streams"] == 1
        peer.reset(1, 0)
        assert peer.receive(wire(RstStreamFrame(1, error_code=0)))
        assert peer.state()["open_streams"] == 0
        assert [event[0] for event in peer.take()] == ["head", "trailers"]

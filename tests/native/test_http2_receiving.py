"""What a client makes of a server's bytes: any split gives the same, and what is wrong ends the right thing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import hpack
import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from native.http2_frames import (
    CALM,
    CANCEL,
    COMPRESSION,
    FLOW,
    HEAD,
    NO_ERROR,
    PROTOCOL,
    REFUSED,
    REQUEST,
    SIZE,
    TRAILERS,
    frames_of,
    headers,
    literal,
    raw,
    wire,
)
from native.http2_harness import ALL, BY_CONNECTION, BY_GOAWAY, BY_PEER, BY_VIOLATION, NOTHING, PART, Harness

if TYPE_CHECKING:
    from native.http2_harness import Peer


def settled(harness: Harness, *said: tuple[int, int], **config: Any) -> Peer:
    """A client whose server has introduced itself."""
    peer = harness.peer(**config)
    assert peer.receive(wire(SettingsFrame(0, dict(said)), SettingsFrame(0, flags=["ACK"])))
    peer.output()
    peer.take()
    return peer


def calling(harness: Harness, *said: tuple[int, int], end: bool = True, **config: Any) -> Peer:
    """A client that has sent a request on stream 1."""
    peer = settled(harness, *said, **config)
    assert peer.open(REQUEST, end=end) == 1
    peer.output()
    return peer


def failure(peer: Peer) -> int:
    """The code with which the connection ended; the same goes out in GOAWAY."""
    assert not peer.alive
    code = int(peer.state()["failure"])
    goaway = frames_of(peer.output())[-1]
    assert isinstance(goaway, GoAwayFrame)
    assert goaway.error_code == code
    return code


# ---- any split

STREAMS = [1, 1, 1, 3, 3, 5, 7, 9, 2]
"""Of a server's frames: open, ended by us, with data queued, reset by us, never opened."""


class Script:
    """Bytes of a server that mostly keeps the rules; its header coder has a table."""

    def __init__(self) -> None:
        self.encoder = hpack.Encoder()
        self.out = bytearray(SettingsFrame(0, {4: 100_000}).serialize())

    def block(self, stream: int, fields: list[tuple[str, str]], cuts: list[int], *, end: bool, padding: int) -> None:
        block = self.encoder.encode(fields)
        pieces = []
        for cut in cuts:
            pieces.append(block[:cut])
            block = block[cut:]
        pieces.append(block)
        first = HeadersFrame(stream, pieces[0], pad_length=padding)
        first.flags |= {flag for flag, wanted in (("END_STREAM", end), ("PADDED", padding > 0)) if wanted}
        frames: list[Frame] = [first, *(ContinuationFrame(stream, piece) for piece in pieces[1:])]
        frames[-1].flags.add("END_HEADERS")
        self.out += wire(*frames)


def _put(script: Script, draw: st.DrawFn) -> None:
    stream = draw(st.sampled_from(STREAMS))
    size = draw(st.integers(0, 300))
    end = draw(st.sampled_from([False, False, False, True]))
    kind = draw(st.sampled_from(["head", "data", "data", "data", "trailers", "frame", "frame", "noise"]))
    if kind == "head":
        fields = [*HEAD, ("date", "x" * (size % 40)), ("x-more", "y" * (size % 7))]
        cuts = draw(st.lists(st.integers(0, 20), max_size=3))
        script.block(stream, fields, cuts, end=end, padding=size % 9)
    elif kind == "trailers":
        script.block(stream, [*TRAILERS, ("grpc-message", "m" * (size % 30))], [], end=True, padding=0)
    elif kind == "data":
        frame = DataFrame(stream, bytes([size % 256]) * size, pad_length=size % 5)
        frame.flags |= {flag for flag, wanted in (("END_STREAM", end), ("PADDED", size % 5 > 0)) if wanted}
        script.out += frame.serialize()
    elif kind == "frame":
        frames: list[Frame | bytes] = [
            PingFrame(0, struct.pack(">Q", size)),
            PingFrame(0, struct.pack(">Q", size), flags=["ACK"]),
            SettingsFrame(0, {4: size * 300, 3: size}),
            SettingsFrame(0, flags=["ACK"]),
            WindowUpdateFrame(stream, window_increment=size + 1),
            WindowUpdateFrame(0, window_increment=size * 100 + 1),
            RstStreamFrame(stream, error_code=size % 14),
            GoAwayFrame(0, last_stream_id=stream, error_code=size % 14, additional_data=b"z" * size),
            PriorityFrame(stream, depends_on=0, stream_weight=3),
            raw(0xFA, stream, b"u" * size),
        ]
        script.out += wire(draw(st.sampled_from(frames)))
    else:
        script.out += draw(st.binary(max_size=12))


@st.composite
def scripts(draw: st.DrawFn) -> bytes:
    script = Script()
    for _ in range(draw(st.integers(0, 25))):
        _put(script, draw)
    return bytes(script.out)


def outcome(harness: Harness, data: bytes, sizes: list[int]) -> tuple[Any, ...]:
    peer = harness.peer(stream_window=2000, connection_window=70_000, max_header_list=150)
    for _ in range(4):
        peer.open(REQUEST, end=False)
    peer.send(1, b"first", tag=1)
    peer.send(3, b"whole", tag=2, end=True)
    peer.output()
    peer.send(5, bytes(100_000), tag=3)
    peer.reset(7)
    peer.ping(17)
    alive = peer.receive(data, sizes)
    state = peer.state(5)
    output = peer.output()
    peer.disconnect()
    return alive, peer.take(), output, state


@given(scripts(), st.data())
@settings(max_examples=200)
def test_any_split_gives_the_same_events_and_output(harness: Harness, script: bytes, data: st.DataObject) -> None:
    whole = outcome(harness, script, [])
    sizes = data.draw(st.lists(st.integers(0, 40), max_size=60), label="sizes")
    assert outcome(harness, script, sizes) == whole
    assert outcome(harness, script, [1] * len(script)) == whole


# ---- header blocks


class TestHeaderBlocks:
    def test_a_block_in_many_frames(self, harness: Harness) -> None:
        peer = calling(harness)
        block = literal([*HEAD, ("long", "v" * 100)])
        frames: list[Frame] = [HeadersFrame(1, b"", pad_length=7, flags=["PADDED", "PRIORITY", "END_STREAM"])]
        frames += [ContinuationFrame(1, block[i : i + 10]) for i in range(0, len(block), 10)]
        frames[-1].flags.add("END_HEADERS")
        assert peer.receive(wire(*frames))
        expected = [(name.encode(), value.encode()) for name, value in [*HEAD, ("long", "v" * 100)]]
        assert peer.take() == [("head", 1, expected, True)]

    def test_a_block_without_end_is_not_kept(self, harness: Harness) -> None:
        peer = calling(harness, max_header_frames=5)
        assert peer.receive(wire(HeadersFrame(1, b""), *[ContinuationFrame(1, b"")] * 4))
        peer.receive(wire(ContinuationFrame(1, b"")))
        assert failure(peer) == CALM

    def test_a_block_that_grows_is_not_kept(self, harness: Harness) -> None:
        peer = calling(harness, max_header_block=1000)
        assert peer.receive(wire(HeadersFrame(1, bytes(400)), ContinuationFrame(1, bytes(600))))
        peer.receive(wire(ContinuationFrame(1, b"x")))
        assert failure(peer) == CALM

    def test_a_frame_above_the_bound_is_refused_at_its_first_bytes(self, harness: Harness) -> None:
        peer = calling(harness, max_header_block=1000)
        peer.receive(raw(1, 1, bytes(1001))[:9])
        assert failure(peer) == CALM

    def test_fields_above_what_we_said(self, harness: Harness) -> None:
        """An error of the stream; the next stream's table is in step."""
        peer = calling(harness, max_header_list=200)
        assert peer.open(REQUEST, end=True) == 3
        encoder = hpack.Encoder()
        head = [*HEAD, ("first", "v" * 60), ("second", "w" * 60)]
        assert peer.receive(wire(HeadersFrame(1, encoder.encode(head), flags=["END_HEADERS"])))
        assert [event[:4] for event in peer.take()] == [("closed", 1, BY_VIOLATION, CALM)]
        short = [*HEAD, ("second", "w" * 60)]
        assert peer.receive(wire(HeadersFrame(3, encoder.encode(short), flags=["END_HEADERS"])))
        assert peer.take() == [("head", 3, [(n.encode(), v.encode()) for n, v in short], False)]

    def test_a_block_that_is_none(self, harness: Harness) -> None:
        peer = calling(harness)
        peer.receive(wire(HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS"])))
        assert failure(peer) == COMPRESSION

    def test_a_block_for_a_stream_that_is_gone_still_counts_for_the_table(self, harness: Harness) -> None:
        peer = calling(harness)
        peer.reset(1)
        assert peer.open(REQUEST, end=True) == 3
        encoder = hpack.Encoder()
        for stream in (1, 3):
            block = encoder.encode([*HEAD, ("kept", "in the table")])
            assert peer.receive(wire(HeadersFrame(stream, block, flags=["END_HEADERS"])))
        assert peer.take()[0][2][2] == (b"kept", b"in the table")

    def test_the_table_size_that_we_announced(self, harness: Harness) -> None:
        peer = calling(harness, header_table_size=0)
        encoder = hpack.Encoder()
        peer.receive(wire(HeadersFrame(1, encoder.encode(HEAD), flags=["END_HEADERS"])))
        assert failure(peer) == COMPRESSION


# ---- messages

MALFORMED_HEADS = [
    [],
    [("content-type", "application/grpc")],
    [("content-type", "application/grpc"), (":status", "200")],
    [(":status", "200"), (":status", "200")],
    [(":status", "20")],
    [(":status", "2000")],
    [(":status", "abc")],
    [(":status", "099")],
    [(":status", "101")],
    [(":status", "200"), (":path", "/")],
    [(":status", "200"), (":other", "/")],
    [(":status", "200"), ("Upper", "x")],
    [(":status", "200"), ("", "x")],
    [(":status", "200"), ("with space", "x")],
    [(":status", "200"), ("co:lon", "x")],
    [(":status", "200"), ("caf\u00e9", "x")],
    [(":status", "200"), ("x", "line\nbreak")],
    [(":status", "200"), ("x", "re\rturn")],
    [(":status", "200"), ("x", "nu\0l")],
    [(":status", "200"), ("connection", "close")],
    [(":status", "200"), ("transfer-encoding", "chunked")],
    [(":status", "200"), ("keep-alive", "1")],
    [(":status", "200"), ("upgrade", "h2c")],
    [(":status", "200"), ("proxy-connection", "x")],
    [(":status", "200"), ("te", "gzip")],
    [(":status", "200"), ("content-length", "")],
    [(":status", "200"), ("content-length", "-1")],
    [(":status", "200"), ("content-length", "1e3")],
    [(":status", "200"), ("content-length", "9999999999999999999")],
    [(":status", "200"), ("content-length", "1"), ("content-length", "2")],
]


class TestMessages:
    @pytest.mark.parametrize("fields", MALFORMED_HEADS, ids=str)
    def test_malformed_heads_are_errors_of_their_stream(self, harness: Harness, fields: list[tuple[str, str]]) -> None:
        peer = calling(harness)
        block = hpack.Encoder().encode(fields) if fields else b""
        assert peer.receive(wire(HeadersFrame(1, block, flags=["END_HEADERS"]), DataFrame(1, b"late")))
        assert [event[:4] for event in peer.take()] == [("closed", 1, BY_VIOLATION, PROTOCOL)]
        assert [frame.error_code for frame in frames_of(peer.output())] == [PROTOCOL]

    @pytest.mark.parametrize("fields", [[(":status", "200")], [("Upper", "x")], [("upgrade", "x")]], ids=str)
    def test_malformed_trailers(self, harness: Harness, fields: list[tuple[str, str]]) -> None:
        peer = calling(harness)
        assert peer.receive(wire(headers(1, HEAD), headers(1, fields, "END_STREAM")))
        assert [event[0] for event in peer.take()] == ["head", "closed"]

    @pytest.mark.parametrize("value", [" padded ", "tab\tinside", "caf\u00e9", "trailing "])
    def test_values_that_are_let_through(self, harness: Harness, value: str) -> None:
        peer = calling(harness)
        block = hpack.Encoder().encode([(":status", "200"), ("grpc-message", value)])
        assert peer.receive(wire(HeadersFrame(1, block, flags=["END_HEADERS"])))
        assert peer.take() == [("head", 1, [(b":status", b"200"), (b"grpc-message", value.encode())], False)]

    def test_interim_heads_are_not_shown(self, harness: Harness) -> None:
        peer = calling(harness)
        interim = headers(1, [(":status", "103"), ("link", "x")])
        assert peer.receive(wire(*[interim] * 8, headers(1, HEAD)))
        assert [event[0] for event in peer.take()] == ["head"]

    def test_too_many_interim_heads(self, harness: Harness) -> None:
        peer = calling(harness)
        assert peer.receive(wire(*[headers(1, [(":status", "103")])] * 9))
        assert [event[:4] for event in peer.take()] == [("closed", 1, BY_VIOLATION, PROTOCOL)]

    def test_an_interim_head_that_ends(self, harness: Harness) -> None:
        peer = calling(harness)
        assert peer.receive(wire(headers(1, [(":status", "103")], "END_STREAM")))
        assert [event[:4] for event in peer.take()] == [("closed", 1, BY_VIOLATION, PROTOCOL)]

    @pytest.mark.parametrize(
        ("length", "data", "trailers", "good"),
        [
            ("5", [b"12345"], False, True),
            ("5", [b"123", b"45"], True, True),
            ("0", [], False, True),
            ("0", [b""], False, True),
            ("5", [b"1234"], False, False),
            ("5", [b"1234"], True, False),
            ("5", [b"123456"], False, False),
            ("5", [], False, False),
            ("0", [b"1"], True, False),
        ],
    )
    def test_content_length(self, harness: Harness, length: str, data: list[bytes], trailers: bool, good: bool) -> None:
        peer = calling(harness)
        ends_with_head = not data and not trailers
        frames = [headers(1, [*HEAD, ("content-length", length)], *(["END_STREAM"] if ends_with_head else []))]
        frames += [DataFrame(1, piece) for piece in data]
        if trailers:
            frames.append(headers(1, TRAILERS, "END_STREAM"))
        elif data:
            frames[-1].flags.add("END_STREAM")
        assert peer.receive(wire(*frames))
        assert (peer.take()[-1][0] != "closed") == good


# ---- windows


class TestReceiveWindows:
    @pytest.mark.parametrize("size", [100, 65_535, 200_000])
    def test_a_stream_may_send_its_window_and_not_a_byte_more(self, harness: Harness, size: int) -> None:
        """Before the acknowledgement of SETTINGS at least the RFC's 65,535."""
        peer = calling(harness, stream_window=size, connection_window=2**20, max_frame_size=2**20)
        owed = size // 2 - 1
        frames = [headers(1, HEAD), DataFrame(1, bytes(owed))]
        assert peer.receive(wire(*frames))
        assert peer.output() == b""
        assert peer.receive(wire(DataFrame(1, bytes(size - owed), pad_length=0)))
        updates = [(frame.stream_id, frame.window_increment) for frame in frames_of(peer.output())]
        assert updates == [(1, size)]
        assert peer.receive(wire(DataFrame(1, bytes(size))))
        assert [frame.window_increment for frame in frames_of(peer.output())] == [size]
        assert peer.receive(wire(DataFrame(1, bytes(size + 1))))
        assert peer.take()[-1][:4] == ("closed", 1, BY_VIOLATION, FLOW)

    def test_a_small_window_holds_once_it_is_acknowledged(self, harness: Harness) -> None:
        peer = harness.peer(stream_window=1000, connection_window=2**20)
        peer.receive(wire(SettingsFrame(0)))
        peer.open(REQUEST, end=True)
        peer.open(REQUEST, end=True)
        assert peer.receive(wire(headers(1, HEAD), DataFrame(1, bytes(60_000))))
        assert peer.receive(wire(SettingsFrame(0, flags=["ACK"])))
        assert peer.receive(wire(DataFrame(1, bytes(1000)), headers(3, HEAD)))
        peer.take()
        assert peer.receive(wire(DataFrame(3, bytes(1001))))
        assert peer.take()[-1][:4] == ("closed", 3, BY_VIOLATION, FLOW)

    def test_the_connections_window(self, harness: Harness) -> None:
        peer = calling(harness, connection_window=65_535, stream_window=2**20, max_frame_size=2**20)
        assert peer.receive(wire(headers(1, HEAD), DataFrame(1, bytes(30_000))))
        assert peer.output() == b""
        assert peer.receive(wire(DataFrame(1, bytes(10_000))))
        assert [(f.stream_id, f.window_increment) for f in frames_of(peer.output())] == [(0, 40_000)]
        peer.receive(wire(DataFrame(1, bytes(65_536))))
        assert failure(peer) == FLOW

    def test_padding_and_data_for_nobody_are_paid_back(self, harness: Harness) -> None:
        peer = calling(harness, connection_window=65_535)
        peer.reset(1)
        peer.output()
        for _ in range(1000):
            assert peer.receive(wire(DataFrame(1, bytes(50), pad_length=100, flags=["PADDED"])))
        paid = sum(f.window_increment for f in frames_of(peer.output()) if isinstance(f, WindowUpdateFrame))
        assert 0 <= 151 * 1000 - paid < 65_535 // 2
        assert peer.take() == []


# ---- the other frames


class TestEnds:
    def test_a_reset_from_the_server(self, harness: Harness) -> None:
        peer = calling(harness, end=False)
        peer.send(1, bytes(100_000), tag=9)
        peer.output()
        assert peer.receive(wire(RstStreamFrame(1, error_code=CANCEL)))
        assert peer.take() == [("closed", 1, BY_PEER, CANCEL, "", False), ("released", 9, PART)]
        assert not peer.send(1, b"more", tag=10)
        assert peer.state()["open_streams"] == 0

    def test_a_refused_stream_was_not_processed(self, harness: Harness) -> None:
        peer = calling(harness)
        assert peer.receive(wire(RstStreamFrame(1, error_code=REFUSED)))
        assert peer.take() == [("closed", 1, BY_PEER, REFUSED, "", True)]

    def test_goaway_in_the_middle(self, harness: Harness) -> None:
        """Streams above the last are surely not processed; those below go on; no more can be opened."""
        peer = settled(harness, (4, 1000))
        for stream in (1, 3, 5, 7):
            assert peer.open(REQUEST) == stream
            peer.send(stream, bytes(2000), tag=stream)
        peer.output()
        goaway = GoAwayFrame(0, last_stream_id=3, error_code=NO_ERROR, additional_data=b"leaving")
        assert peer.receive(wire(goaway))
        assert peer.take() == [
            ("goaway", 3, NO_ERROR, b"leaving"),
            ("closed", 5, BY_GOAWAY, NO_ERROR, "", True),
            ("released", 5, PART),
            ("closed", 7, BY_GOAWAY, NO_ERROR, "", True),
            ("released", 7, PART),
        ]
        assert peer.open(REQUEST) == 0
        assert peer.receive(wire(headers(1, HEAD), DataFrame(1, b"answer"), headers(1, TRAILERS, "END_STREAM")))
        assert [event[0] for event in peer.take()] == ["head", "data", "trailers"]
        assert peer.receive(wire(WindowUpdateFrame(3, window_increment=5000)))
        assert sum(len(frame.data) for frame in frames_of(peer.output())) == 1000
        assert peer.take() == [("released", 3, ALL)]

    def test_two_goaways(self, harness: Harness) -> None:
        """First a warning, then the last stream: how gRPC servers leave."""
        peer = calling(harness, end=False)
        assert peer.receive(wire(GoAwayFrame(0, last_stream_id=2**31 - 1, error_code=NO_ERROR)))
        assert peer.take() == [("goaway", 2**31 - 1, NO_ERROR, b"")]
        assert not peer.state()["can_open"]
        assert peer.receive(wire(GoAwayFrame(0, last_stream_id=0, error_code=NO_ERROR)))
        assert [event[0] for event in peer.take()] == ["goaway", "closed"]

    def test_a_long_goodbye_is_cut(self, harness: Harness) -> None:
        peer = settled(harness)
        goaway = GoAwayFrame(0, last_stream_id=0, error_code=CALM, additional_data=b"x" * 10_000)
        assert peer.receive(wire(goaway, PingFrame(0, b"12345678")), [100, 100])
        assert peer.take() == [("goaway", 0, CALM, b"x" * 128)]
        assert len(frames_of(peer.output())) == 1

    def test_a_lost_connection(self, harness: Harness) -> None:
        """A request of which not a byte was written was surely not processed."""
        peer = settled(harness)
        peer.open(REQUEST)
        peer.output()
        peer.send(1, b"sent", tag=1)
        peer.output()
        peer.send(1, b"not sent", tag=2)
        peer.open(REQUEST)
        peer.disconnect()
        reason = "the connection was lost"
        assert peer.take() == [
            ("released", 1, ALL),
            ("closed", 1, BY_CONNECTION, 0xA, reason, False),
            ("released", 2, NOTHING),
            ("closed", 3, BY_CONNECTION, 0xA, reason, True),
        ]
        assert not peer.receive(wire(PingFrame(0, b"12345678")))
        assert peer.open(REQUEST) == 0
        assert peer.output() == b""

    def test_after_an_error_nothing_is_looked_at(self, harness: Harness) -> None:
        peer = calling(harness, end=False)
        assert not peer.receive(wire(raw(0, 0), headers(1, HEAD)))
        assert not peer.receive(wire(headers(1, HEAD)))
        assert not peer.send(1, b"more")
        assert failure(peer) == PROTOCOL
        peer.disconnect()
        assert peer.take() == [("closed", 1, BY_CONNECTION, PROTOCOL, peer.state()["reason"], False)]

    def test_what_is_no_http2(self, harness: Harness) -> None:
        peer = harness.peer()
        assert not peer.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert peer.state()["reason"] == "the first frame is not SETTINGS"

    def test_frames_above_our_size(self, harness: Harness) -> None:
        peer = calling(harness, max_frame_size=20_000)
        assert peer.receive(wire(headers(1, HEAD), DataFrame(1, bytes(20_000))))
        peer.receive(raw(0, 1, bytes(20_001))[:9])
        assert failure(peer) == SIZE


class TestFloods:
    """What costs the server nothing: a thousand at once, and a hundred a second after that."""

    FREE: tuple[Frame | bytes, ...] = (
        PingFrame(0, b"12345678"),
        PingFrame(0, b"12345678", flags=["ACK"]),
        SettingsFrame(0, {0xFE: 1}),
        SettingsFrame(0, flags=["ACK"]),
        PriorityFrame(1, depends_on=0, stream_weight=3),
        DataFrame(1, b""),
        raw(0xFE, 1, b"unknown"),
    )

    @pytest.mark.parametrize("frame", FREE, ids=lambda frame: type(frame).__name__)
    def test_too_many(self, harness: Harness, frame: Frame | bytes) -> None:
        peer = calling(harness)
        assert peer.receive(wire(headers(1, HEAD)))
        for _ in range(10):
            assert peer.receive(wire(*[frame] * 100))
            peer.output()
        peer.now = 10**9
        assert peer.receive(wire(*[frame] * 100))
        peer.receive(wire(frame))
        assert failure(peer) == CALM

    def test_pings_among_data_are_fine(self, harness: Harness) -> None:
        """gRPC's servers measure bandwidth with a PING for every round trip in which they send data."""
        peer = calling(harness)
        assert peer.receive(wire(headers(1, HEAD)))
        for _ in range(50):
            assert peer.receive(wire(*[DataFrame(1, b"some"), PingFrame(0, b"12345678")] * 100))
            peer.output()

    def test_resets_that_cross_are_fine(self, harness: Harness) -> None:
        """A deadline hits thousands of calls at once, and the server answers each."""
        peer = settled(harness)
        streams = [peer.open(REQUEST, end=True) for _ in range(2000)]
        for stream in streams:
            peer.reset(stream)
        peer.output()
        for stream in streams:
            assert peer.receive(wire(headers(stream, HEAD), RstStreamFrame(stream, error_code=NO_ERROR)))
        assert peer.take() == []

    def test_an_hour_of_keep_alive(self, harness: Harness) -> None:
        peer = settled(harness)
        for second in range(0, 36_000, 10):
            peer.now = second * 10**9
            assert peer.receive(wire(PingFrame(0, b"12345678")))
            peer.output()

    def test_a_server_that_does_not_read(self, harness: Harness) -> None:
        peer = settled(harness, max_replies=50, flood_burst=10**6)
        assert peer.receive(wire(*[PingFrame(0, b"12345678")] * 50))
        peer.receive(wire(PingFrame(0, b"12345678")))
        assert failure(peer) == CALM

    def test_fields_for_a_stream_that_the_server_has_reset(self, harness: Harness) -> None:
        peer = calling(harness)
        assert peer.receive(wire(RstStreamFrame(1, error_code=CANCEL)))
        assert peer.receive(wire(*[headers(1, HEAD)] * 1000))
        peer.receive(wire(headers(1, HEAD)))
        assert failure(peer) == CALM


def test_settings_that_are_too_many(harness: Harness) -> None:
    peer = settled(harness)
    assert peer.receive(raw(4, 0, struct.pack(">HI", 0xFE, 1) * 64))
    peer.receive(raw(4, 0, struct.pack(">HI", 0xFE, 1) * 65)[:9])
    assert failure(peer) == CALM

"""A call's outcome, whatever a server sends: the status, where it comes from, and whether it may be tried again."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import grpc
import hpack
import pytest
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame
from hypothesis import given
from hypothesis import strategies as st
from native.http2_frames import CANCEL, HEAD, NO_ERROR, TRAILERS, frames_of, headers, raw, wire

if TYPE_CHECKING:
    from native.http2_harness import Harness, Peer

Code = grpc.StatusCode
SERVER, STREAM, CONNECTION, CLIENT = range(4)


def framed(message: bytes, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(message)) + message


def calling(harness: Harness, *, unary: bool = True, end: bool = True, limit: int = 1000) -> Peer:
    peer = harness.peer()
    assert peer.receive(wire(SettingsFrame(0), SettingsFrame(0, flags=["ACK"])))
    assert peer.call("/pkg.Service/Method", unary=unary, limit=limit) == 1
    peer.send(1, framed(b"request"), end=end)
    peer.output()
    peer.take()
    return peer


def status(peer: Peer) -> tuple[Any, ...]:
    """The code, its origin, whether it was surely not processed."""
    found = [event for event in peer.take() if event[0] == "status"]
    assert len(found) == 1
    return found[0][2], found[0][4], found[0][5]


def test_what_a_request_says(harness: Harness) -> None:
    peer = harness.peer()
    peer.call("/tikvpb.Tikv/RawGet", timeout_ns=2_994_232_000, metadata=[("tikv-x", "1"), ("x-bin", "AAEC")])
    head = next(frame for frame in frames_of(peer.output()) if isinstance(frame, HeadersFrame))
    assert [tuple(map(str, pair)) for pair in hpack.Decoder().decode(head.data)] == [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/tikvpb.Tikv/RawGet"),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "grpc-c++-ycsbpy/test"),
        ("tikv-x", "1"),
        ("x-bin", "AAEC"),
        ("grpc-timeout", "2994232u"),
    ]
    assert "END_STREAM" not in head.flags


TYPES = ["application/grpc", "application/grpc+proto", "application/grpc;x=y"]


class TestGood:
    @pytest.mark.parametrize("content_type", TYPES)
    def test_unary(self, harness: Harness, content_type: str) -> None:
        peer = calling(harness)
        head = headers(1, [(":status", "200"), ("content-type", content_type)])
        answer = DataFrame(1, framed(b"answer"))
        assert peer.receive(wire(head, answer, headers(1, TRAILERS, "END_STREAM")))
        assert peer.take() == [("message", 1, b"answer"), ("status", 1, 0, b"", SERVER, False)]
        assert peer.output() == b""

    @given(st.lists(st.binary(max_size=30), max_size=6), st.lists(st.integers(1, 20), max_size=20))
    def test_any_frames(self, harness: Harness, messages: list[bytes], cuts: list[int]) -> None:
        """Frames and messages need not agree."""
        peer = calling(harness, unary=False)
        data = b"".join(map(framed, messages))
        frames: list[Frame] = [headers(1, HEAD)]
        for cut in [*cuts, len(data)]:
            frames.append(DataFrame(1, data[:cut]))
            data = data[cut:]
        assert peer.receive(wire(*frames, headers(1, TRAILERS, "END_STREAM")))
        events = peer.take()
        assert events == [*(("message", 1, message) for message in messages), ("status", 1, 0, b"", SERVER, False)]

    def test_a_stream_that_stays_open(self, harness: Harness) -> None:
        peer = calling(harness, unary=False, end=False)
        assert peer.receive(wire(headers(1, HEAD)))
        for i in range(3):
            assert peer.send(1, framed(b"more"), tag=10 + i)
            assert peer.receive(wire(DataFrame(1, framed(b"answer"))))
        assert [event for event in peer.take() if event[0] != "released"] == [("message", 1, b"answer")] * 3

    def test_trailers_before_the_request_has_ended(self, harness: Harness) -> None:
        """Both sides reset the stream with NO_ERROR then."""
        peer = calling(harness, unary=False, end=False)
        assert peer.receive(wire(headers(1, HEAD), headers(1, [("grpc-status", "14")], "END_STREAM")))
        assert status(peer) == (Code.UNAVAILABLE.value[0], SERVER, False)
        assert [(type(f), f.error_code) for f in frames_of(peer.output())] == [(RstStreamFrame, NO_ERROR)]
        assert peer.receive(wire(RstStreamFrame(1, error_code=NO_ERROR)))


class TestStatus:
    def test_trailers_only(self, harness: Harness) -> None:
        peer = calling(harness)
        fields = [*HEAD, ("grpc-status", "5"), ("grpc-message", "not%20here%2")]
        assert peer.receive(wire(headers(1, fields, "END_STREAM")))
        assert peer.take() == [("status", 1, 5, b"not here%2", SERVER, False)]

    @pytest.mark.parametrize("code", [code for code in Code if code != Code.OK], ids=lambda code: code.name)
    def test_every_code(self, harness: Harness, code: grpc.StatusCode) -> None:
        peer = calling(harness)
        fields = [("grpc-status", str(code.value[0])), ("grpc-message", "why")]
        assert peer.receive(wire(headers(1, HEAD), headers(1, fields, "END_STREAM")))
        assert peer.take() == [("status", 1, code.value[0], b"why", SERVER, False)]

    @pytest.mark.parametrize(
        ("http", "code"),
        [
            ("200", Code.UNKNOWN), ("204", Code.UNKNOWN), ("400", Code.INTERNAL), ("401", Code.UNAUTHENTICATED),
            ("403", Code.PERMISSION_DENIED), ("404", Code.UNIMPLEMENTED), ("418", Code.UNKNOWN),
            ("429", Code.UNAVAILABLE), ("431", Code.INTERNAL), ("500", Code.UNKNOWN), ("502", Code.UNAVAILABLE),
            ("503", Code.UNAVAILABLE), ("504", Code.UNAVAILABLE),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("content_type", ["text/html", "application/grpcish", "application/grpc"])
    def test_answers_that_are_not_grpc(
        self, harness: Harness, http: str, code: grpc.StatusCode, content_type: str
    ) -> None:
        for end in (True, False):
            peer = calling(harness)
            head = headers(1, [(":status", http), ("content-type", content_type)], *(["END_STREAM"] if end else []))
            assert peer.receive(wire(head))
            if not end and content_type == "application/grpc":
                assert peer.take() == []
                assert peer.receive(wire(DataFrame(1, b"", flags=["END_STREAM"])))
            assert status(peer)[0] == code.value[0]
            assert peer.state()["open_streams"] == 0

    def test_a_status_from_a_proxy_is_used(self, harness: Harness) -> None:
        peer = calling(harness)
        assert peer.receive(wire(headers(1, [(":status", "503"), ("grpc-status", "8")], "END_STREAM")))
        assert status(peer)[:2] == (Code.RESOURCE_EXHAUSTED.value[0], SERVER)

    @pytest.mark.parametrize(
        ("reset", "code"),
        [
            (0, Code.INTERNAL), (1, Code.INTERNAL), (2, Code.INTERNAL), (3, Code.INTERNAL), (4, Code.INTERNAL),
            (5, Code.INTERNAL), (6, Code.INTERNAL), (7, Code.UNAVAILABLE), (8, Code.CANCELLED), (9, Code.INTERNAL),
            (10, Code.INTERNAL), (11, Code.RESOURCE_EXHAUSTED), (12, Code.PERMISSION_DENIED), (13, Code.INTERNAL),
            (14, Code.UNKNOWN), (2**32 - 1, Code.UNKNOWN),
        ],
    )  # fmt: skip
    def test_resets(self, harness: Harness, reset: int, code: grpc.StatusCode) -> None:
        peer = calling(harness)
        assert peer.receive(raw(3, 1, struct.pack(">I", reset)))
        assert status(peer) == (code.value[0], STREAM, reset == 7)

    def test_a_connection_that_is_lost(self, harness: Harness) -> None:
        peer = calling(harness)
        peer.call("/later", unary=True)
        peer.disconnect()
        found = [event for event in peer.take() if event[0] == "status"]
        assert [(event[1], event[2], *event[4:]) for event in found] == [
            (1, 14, CONNECTION, False),
            (3, 14, CONNECTION, True),
        ]

    def test_a_server_that_leaves(self, harness: Harness) -> None:
        peer = calling(harness)
        assert peer.receive(wire(GoAwayFrame(0, last_stream_id=0, error_code=0)))
        assert status(peer) == (Code.UNAVAILABLE.value[0], CONNECTION, True)


class TestWrong:
    def ends(self, peer: Peer, *frames: Frame | bytes) -> tuple[int, int]:
        assert peer.receive(wire(headers(1, HEAD), *frames))
        found = status(peer)
        assert peer.state()["open_streams"] == 0
        return found[0], found[1]

    def test_a_compressed_message(self, harness: Harness) -> None:
        peer = calling(harness)
        assert self.ends(peer, DataFrame(1, framed(b"x", 1))) == (Code.INTERNAL.value[0], CLIENT)
        assert [(type(f), f.error_code) for f in frames_of(peer.output())] == [(RstStreamFrame, CANCEL)]

    def test_a_message_above_the_limit(self, harness: Harness) -> None:
        peer = calling(harness, limit=1000)
        assert self.ends(peer, DataFrame(1, framed(bytes(1001)))) == (Code.RESOURCE_EXHAUSTED.value[0], CLIENT)

    def test_half_a_message(self, harness: Harness) -> None:
        frames = [DataFrame(1, framed(b"answer")[:-1]), headers(1, TRAILERS, "END_STREAM")]
        assert self.ends(calling(harness), *frames) == (Code.INTERNAL.value[0], CLIENT)

    def test_half_a_message_and_an_error(self, harness: Harness) -> None:
        """The error counts."""
        frames = [DataFrame(1, framed(b"answer")[:-1]), headers(1, [("grpc-status", "13")], "END_STREAM")]
        assert self.ends(calling(harness), *frames) == (Code.INTERNAL.value[0], SERVER)

    @pytest.mark.parametrize("count", [0, 2, 3])
    def test_not_one_message(self, harness: Harness, count: int) -> None:
        frames = [DataFrame(1, framed(b"answer") * count), headers(1, TRAILERS, "END_STREAM")]
        assert self.ends(calling(harness), *frames) == (Code.UNIMPLEMENTED.value[0], CLIENT)

    def test_no_trailers(self, harness: Harness) -> None:
        frames = [DataFrame(1, framed(b"answer"), flags=["END_STREAM"])]
        assert self.ends(calling(harness), *frames) == (Code.UNKNOWN.value[0], STREAM)

    def test_trailers_without_a_status(self, harness: Harness) -> None:
        frames = [DataFrame(1, framed(b"answer")), headers(1, [("x", "y")], "END_STREAM")]
        assert self.ends(calling(harness), *frames) == (Code.UNKNOWN.value[0], STREAM)

    def test_a_status_that_is_no_number(self, harness: Harness) -> None:
        frames = [DataFrame(1, framed(b"answer")), headers(1, [("grpc-status", "fine")], "END_STREAM")]
        assert self.ends(calling(harness), *frames) == (Code.UNKNOWN.value[0], SERVER)

    def test_a_malformed_answer(self, harness: Harness) -> None:
        assert self.ends(calling(harness), headers(1, HEAD)) == (Code.INTERNAL.value[0], CLIENT)

    def test_fields_above_the_limit(self, harness: Harness) -> None:
        encoder = hpack.Encoder()
        block = encoder.encode([("x", "y" * 10_000), ("z", "y" * 10_000)])
        frames: list[Frame | bytes] = [HeadersFrame(1, block[:16_000]), raw(9, 1, block[16_000:], 4)]
        assert self.ends(calling(harness), *frames) == (Code.RESOURCE_EXHAUSTED.value[0], CLIENT)

"""HTTP/2 frames for tests: made so that they may also be wrong, and taken apart by ``hyperframe``."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from hyperframe.frame import Frame, HeadersFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REQUEST = [(":method", "POST"), (":scheme", "http"), (":path", "/a/b"), (":authority", "here")]
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
TRAILERS = [("grpc-status", "0")]

NO_ERROR, PROTOCOL, INTERNAL, FLOW, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, CALM = 0, 1, 2, 3, 5, 6, 7, 8, 9, 11


def raw(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """A frame that need not be well formed."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(headers: Sequence[tuple[str, str]]) -> bytes:
    """A block that touches no table, so that it can be sent at any time."""
    out = bytearray()
    for name, value in headers:
        out += b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return bytes(out)


def headers(stream: int, fields: Sequence[tuple[str, str]], *flags: str) -> Frame:
    return HeadersFrame(stream, literal(fields), flags=["END_HEADERS", *flags])


def frames_of(data: bytes) -> list[Any]:
    """All of whole frames; a client's preface is left out."""
    data = data.removeprefix(PREFACE)
    frames: list[Any] = []
    while data:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        assert len(data) >= 9 + length
        frame.parse_body(memoryview(data[9 : 9 + length]))
        frames.append(frame)
        data = data[9 + length :]
    return frames


def wire(*frames: Frame | bytes) -> bytes:
    return b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in frames)

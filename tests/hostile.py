"""Bytes that no client would send, and what tests ask about a server that got them."""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path

__all__ = ["PREFACE", "SETTINGS", "connect", "frame", "headers", "heard", "memory_mib"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes, length: int | None = None) -> bytes:
    """An HTTP/2 frame, whose length may be a lie."""
    said = len(payload) if length is None else length
    return struct.pack(">I", said)[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def text(value: str) -> bytes:
    """A string of HPACK's that is not compressed."""
    return bytes((len(value),)) + value.encode()


def headers(path: str) -> bytes:
    """A request's headers, each a literal of HPACK's plainest kind."""
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    fields["content-type"] = "application/grpc"
    return frame(1, 4, 1, b"".join(b"\x00" + text(name) + text(value) for name, value in fields.items()))


SETTINGS = frame(4, 0, 0, b"")


def memory_mib(pid: int) -> float:
    """What a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError


def heard(connection: socket.socket, within_s: float = 1.0) -> bytes:
    """What the server says until it closes the connection, or stops talking."""
    connection.settimeout(within_s)
    said = b""
    with contextlib.suppress(OSError):
        while data := connection.recv(65536):
            said += data
    return said


def connect(address: str) -> socket.socket:
    """A connection to host:port."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), 10.0)

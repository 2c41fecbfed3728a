"""The native HTTP/2 and gRPC code in a process of its own, driven over a pipe.

A test can be the peer of a connection: it hands over bytes, cut as it likes, and sees the events and the bytes that go
out. The program is compiled once per test session, with AddressSanitizer and UndefinedBehaviorSanitizer where they
work, so a test fails also when memory is misused.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shlex
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

HERE = Path(__file__).parent
EXT = HERE.parents[1] / "ext"
COMPILER = shlex.split(os.environ.get("CXX", "c++"))
FLAGS = ["-std=c++20", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-D_GLIBCXX_ASSERTIONS"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

NOTHING, PART, ALL = range(3)
"""How much of a payload was sent when it was released."""
BY_PEER, BY_VIOLATION, BY_GOAWAY, BY_CONNECTION = range(4)
OK, TOO_LARGE, MALFORMED = range(3)
"""Results of decoding a header block."""

Headers: TypeAlias = "Sequence[tuple[str | bytes, str | bytes]]"


def _compile(sources: Iterable[Path], program: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [*COMPILER, *FLAGS, *flags, f"-I{EXT}", f"-I{HERE}", *map(str, sources), "-o", str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@functools.cache
def sanitizers() -> tuple[str, ...]:
    """Those that programs can be built with and run under here."""
    folder = Path(tempfile.mkdtemp(prefix="ycsbpy-native-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "nothing.cpp").write_text("int main() {}\n")
    if _compile([folder / "nothing.cpp"], folder / "nothing", *SANITIZE).returncode:
        return ()
    ran = subprocess.run([folder / "nothing"], capture_output=True, check=False)
    return () if ran.returncode else tuple(SANITIZE)


@functools.cache
def build(*sources: Path) -> Path:
    """Compile a program; returns where it is. Skips the test where there is no compiler."""
    if shutil.which(COMPILER[0]) is None:
        pytest.skip(f"there is no {COMPILER[0]}")
    folder = Path(tempfile.mkdtemp(prefix="ycsbpy-native-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = folder / sources[0].stem
    built = _compile(sources, program, *sanitizers())
    assert built.returncode == 0, built.stderr
    return program


def _pack(headers: Headers) -> bytes:
    """Names and values as the program reads them: each string behind a mark, since it may be empty."""

    def raw(text: str | bytes) -> bytes:
        return text.encode() if isinstance(text, str) else text

    return b"".join(b"=%s\0=%s\0000\0" % (raw(name), raw(value)) for name, value in headers)


@dataclass(frozen=True)
class Decoding:
    """What became of a header block: fields as (name, value, never indexed), and the dynamic table, newest first."""

    decoded: int
    reason: str | None
    fields: list[tuple[bytes, bytes, bool]]
    table: list[tuple[bytes, bytes]]
    size: int


class Harness:
    """The running program. A context manager; leaving it checks that the program ends well."""

    def __init__(self) -> None:
        program = build(HERE / "http2_harness.cpp")
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._peers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(timeout=60)
        if self._process.stdout is not None:
            self._process.stdout.close()
        assert code == 0

    def ask(self, line: str, data: bytes = b"") -> bytes:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = line.encode() + b"\n" + data
        try:
            self._process.stdin.write(struct.pack(">I", len(request)) + request)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise AssertionError(f"the native program has died before: {line}") from None
        length = self._process.stdout.read(4)
        if len(length) != 4:
            raise AssertionError(f"the native program died of: {line}")
        return self._process.stdout.read(struct.unpack(">I", length)[0])

    def value(self, line: str, data: bytes = b"") -> Any:
        return json.loads(self.ask(line, data))

    def peer(self, role: Literal["client", "server"] = "client", **config: int) -> Peer:
        self._peers = self._peers % 8 + 1  # few are alive at once
        settings = " ".join(f"{key}={value}" for key, value in config.items())
        self.ask(f"new {self._peers} {role} {settings}".rstrip())
        return Peer(self, self._peers)

    def encode(self, headers: Headers, *, huffman: bool = True) -> bytes:
        return bytes.fromhex(self.value(f"encode {int(huffman)}", _pack(headers))["block"])

    def decode(self, block: bytes) -> Decoding:
        """With the decoder that ``ask("decoder <table limit> <list limit>")`` has made."""
        answer = self.value("decode", block)
        fields = [(bytes.fromhex(name), bytes.fromhex(value), never) for name, value, never in answer["fields"]]
        table = [(bytes.fromhex(name), bytes.fromhex(value)) for name, value in answer["table"]]
        return Decoding(answer["decoded"], answer["reason"], fields, table, answer["size"])


@dataclass
class Peer:
    """One connection in the program, and the events that it has seen. ``now`` is its clock, in nanoseconds."""

    harness: Harness
    number: int
    now: int = 0
    alive: bool = True
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def _ask(self, verb: str, *arguments: int, data: bytes = b"") -> Any:
        line = " ".join([verb, str(self.number), *map(str, arguments)])
        answer = self.harness.value(line, data)
        self.events += map(decoded, answer["events"])
        return answer["result"]

    def take(self) -> list[tuple[Any, ...]]:
        """The events since the last time, pieces of data put together."""
        events, self.events = merged(self.events), []
        return events

    def receive(self, data: bytes, sizes: Iterable[int] = ()) -> bool:
        """Feed bytes in pieces of the given sizes, the rest in one. False when the connection is over."""
        self.alive = bool(self._ask("receive", self.now, *sizes, data=data)) if data else self.alive
        return self.alive

    def gather(self, places: int = 64, limit: int = 2**31) -> bytes:
        """What one write to a socket that takes `limit` bytes would take."""
        return self.harness.ask(f"gather {self.number} {places} {limit}")

    def output(self, places: int = 64, limit: int = 2**31) -> bytes:
        """All that can be written now. Events of writing come with the next request."""
        out = bytearray()
        while piece := self.gather(places, limit):
            out += piece
        self.state()
        return bytes(out)

    def open(self, headers: Headers, *, context: int = 0, end: bool = False) -> int:
        return int(self._ask("open", context, int(end), data=_pack(headers)))

    def call(
        self, path: str, *, unary: bool = True, limit: int = 2**28, timeout_ns: int = 0, metadata: Headers = ()
    ) -> int:
        """Open a stream with a gRPC call on it; messages and the status become events."""
        strings = [path, "localhost", *(text for pair in metadata for text in pair)]
        data = b"\0".join(b"=" + (text.encode() if isinstance(text, str) else text) for text in strings)
        return int(self._ask("call", int(unary), limit, timeout_ns, data=data))

    def send(self, stream: int, data: bytes, *, tag: int = 1, end: bool = False) -> bool:
        return bool(self._ask("send", stream, tag, int(end), data=data))

    def head(self, stream: int, headers: Headers, *, end: bool = False) -> bool:
        return bool(self._ask("head", stream, int(end), data=_pack(headers)))

    def trailers(self, stream: int, headers: Headers, *, tag: int = 1) -> bool:
        return bool(self._ask("trailers", stream, tag, data=_pack(headers)))

    def reset(self, stream: int, code: int = 8) -> None:
        self._ask("reset", stream, code)

    def ping(self, payload: int) -> None:
        self._ask("ping", payload)

    def shutdown(self, code: int = 0, text: bytes = b"") -> None:
        self._ask("shutdown", code, data=text)

    def disconnect(self) -> None:
        self._ask("disconnect")

    def state(self, stream: int = 0) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask("state", stream)
        return answer


BYTES_IN = {"data": [2], "message": [2], "status": [3], "goaway": [3]}
"""Where an event has bytes, which the pipe carries in hexadecimal."""


def decoded(event: list[Any]) -> tuple[Any, ...]:
    for place in BYTES_IN.get(event[0], []):
        event[place] = bytes.fromhex(event[place])
    if event[0] in ("head", "trailers"):
        event[2] = [(bytes.fromhex(name), bytes.fromhex(value)) for name, value, _ in event[2]]
    return tuple(event)


def merged(events: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The same, but for neighbouring pieces of one stream's data, which are one event."""
    out: list[tuple[Any, ...]] = []
    for event in events:
        last = out[-1] if out else ("",)
        if event[0] == last[0] == "data" and event[1] == last[1] and not last[3]:
            out[-1] = ("data", event[1], last[2] + event[2], event[3])
        else:
            out.append(event)
    return out

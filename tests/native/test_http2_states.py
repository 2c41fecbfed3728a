"""Every state of a stream, and every phase of a connection, with every frame: our verdict beside that of ``h2``.

A verdict is "fine", or an error of the stream or of the connection, with its code. Where we judge differently than
``h2`` the case is listed with the reason; a case that is listed and does not differ is an error of the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.errors
import h2.exceptions
import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from native.http2_frames import CLOSED, FLOW, HEAD, PROTOCOL, REQUEST, SIZE, TRAILERS, frames_of, headers, literal, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from native.http2_harness import Harness, Peer

Verdict = tuple[str, int]
FINE: Verdict = ("fine", 0)


def stream(code: int) -> Verdict:
    return ("stream", code)


def connection(code: int) -> Verdict:
    return ("connection", code)


FRAMES: dict[str, bytes | Frame] = {
    "data": DataFrame(1, b"some"),
    "data, end": DataFrame(1, b"some", flags=["END_STREAM"]),
    "no data, end": DataFrame(1, b"", flags=["END_STREAM"]),
    "padded data": DataFrame(1, b"some", pad_length=3, flags=["PADDED"]),
    "data on stream 0": raw(0, 0, b"some"),
    "head": headers(1, HEAD),
    "head, end": headers(1, HEAD, "END_STREAM"),
    "interim head": headers(1, [(":status", "100")]),
    "trailers": headers(1, TRAILERS, "END_STREAM"),
    "trailers that do not end": headers(1, TRAILERS),
    "headers on stream 0": raw(1, 0, literal(HEAD), 4),
    "headers on a stream of the server's": headers(2, HEAD),
    "priority": PriorityFrame(1, depends_on=0, stream_weight=3),
    "priority of 4 bytes": raw(2, 1, b"four"),
    "reset": RstStreamFrame(1, error_code=2),
    "reset of 3 bytes": raw(3, 1, b"abc"),
    "reset on stream 0": raw(3, 0, b"four"),
    "settings": SettingsFrame(0, {3: 100}),
    "settings of 5 bytes": raw(4, 0, b"fives"),
    "settings on a stream": raw(4, 1),
    "push allowed": SettingsFrame(0, {2: 1}),
    "push of 2": SettingsFrame(0, {2: 2}),
    "window setting too large": SettingsFrame(0, {4: 2**31}),
    "frame setting too small": SettingsFrame(0, {5: 16383}),
    "frame setting too large": SettingsFrame(0, {5: 2**24}),
    "unknown setting": SettingsFrame(0, {0xFE03: 1}),
    "acknowledgement that carries": raw(4, 0, b"sixsix", 1),
    "push": PushPromiseFrame(1, 2, literal(REQUEST), flags=["END_HEADERS"]),
    "ping": PingFrame(0, b"12345678"),
    "pong": PingFrame(0, b"12345678", flags=["ACK"]),
    "ping of 7 bytes": raw(6, 0, b"1234567"),
    "ping on a stream": raw(6, 1, b"12345678"),
    "goaway": GoAwayFrame(0, last_stream_id=1, error_code=0),
    "goaway of 7 bytes": raw(7, 0, b"1234567"),
    "goaway on a stream": raw(7, 1, b"12345678"),
    "window": WindowUpdateFrame(1, window_increment=10),
    "connection's window": WindowUpdateFrame(0, window_increment=10),
    "window by 0": raw(8, 1, bytes(4)),
    "connection's window by 0": raw(8, 0, bytes(4)),
    "window too far": raw(8, 1, b"\x7f\xff\xff\xff"),
    "connection's window too far": raw(8, 0, b"\x7f\xff\xff\xff"),
    "window of 3 bytes": raw(8, 1, b"abc"),
    "continuation": ContinuationFrame(1, literal(TRAILERS), flags=["END_HEADERS"]),
    "unknown": raw(0xBE, 1, b"whatever"),
    "unknown on stream 0": raw(0xBE, 0, b"whatever"),
    "too large": raw(0xBE, 0, bytes(16385)),
    "padding too long": raw(0, 1, b"\x05abc", 8),
    "padding without its length": raw(0, 1, b"", 8),
    "headers' padding too long": raw(1, 1, b"\x09" + literal(HEAD)[:8], 8 | 4),
    "headers too short for priority": raw(1, 1, b"abcd", 0x20 | 4),
}


class Both:
    """Our client and h2's, in the same state."""

    def __init__(self, harness: Harness) -> None:
        self.ours: Peer = harness.peer(stream_window=65535, connection_window=65535, max_frame_size=16384)
        self.model = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self.model.initiate_connection()
        self.get(SettingsFrame(0))
        self.get(SettingsFrame(0, flags=["ACK"]))
        self.ours.output()

    def get(self, frame: Frame | bytes) -> None:
        data = frame if isinstance(frame, bytes) else frame.serialize()
        assert self.ours.receive(data)
        self.model.receive_data(data)

    def open(self, *, end: bool = False) -> None:
        assert self.ours.open(REQUEST, end=end) == 1
        self.model.send_headers(1, REQUEST, end_stream=end)
        self.ours.output()

    def end(self) -> None:
        assert self.ours.send(1, b"", end=True)
        self.model.end_stream(1)
        self.ours.output()

    def reset(self) -> None:
        self.ours.reset(1)
        self.model.reset_stream(1, h2.errors.ErrorCodes.CANCEL)
        self.ours.output()

    def verdicts(self, data: bytes) -> tuple[Verdict, Verdict]:
        self.model.data_to_send()
        try:
            self.model.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            theirs = connection(int(error.error_code))
        else:
            theirs = verdict_of(self.model.data_to_send())
        self.ours.receive(data)
        return verdict_of(self.ours.output()), theirs


def verdict_of(output: bytes) -> Verdict:
    """The worst that the frames say."""
    verdict = FINE
    for frame in frames_of(output):
        if isinstance(frame, GoAwayFrame):
            return connection(frame.error_code)
        if isinstance(frame, RstStreamFrame):
            verdict = stream(frame.error_code)
    return verdict


def idle(both: Both) -> None:
    del both


def opened(both: Both) -> None:
    both.open()


def answering(both: Both) -> None:
    both.open()
    both.get(headers(1, HEAD))


def half_closed_local(both: Both) -> None:
    both.open(end=True)


def half_closed_local_answering(both: Both) -> None:
    both.open(end=True)
    both.get(headers(1, HEAD))


def half_closed_remote(both: Both) -> None:
    answering(both)
    both.get(headers(1, TRAILERS, "END_STREAM"))


def closed(both: Both) -> None:
    half_closed_remote(both)
    both.end()


def reset_by_us(both: Both) -> None:
    answering(both)
    both.reset()


def reset_by_peer(both: Both) -> None:
    answering(both)
    both.get(RstStreamFrame(1, error_code=2))


STATES: list[Callable[[Both], None]] = [
    idle, opened, answering, half_closed_local, half_closed_local_answering, half_closed_remote, closed, reset_by_us,
    reset_by_peer,
]  # fmt: skip
ALL = [state.__name__ for state in STATES]
DATA = ["data", "data, end", "no data, end", "padded data"]
HEADS = ["head", "head, end", "interim head"]
ALL_TRAILERS = ["trailers", "trailers that do not end"]

DIFFERENCES: list[tuple[str, list[str], list[str], Verdict, Verdict]] = [
    (
        "A malformed message is an error of its stream (9113, 8.1.1); h2 ends the connection.",
        [*DATA, *ALL_TRAILERS],
        ["opened", "half_closed_local"],
        stream(PROTOCOL),
        connection(PROTOCOL),
    ),
    (
        "The same: a second head, or fields behind data that do not end the stream.",
        [*HEADS, "trailers that do not end"],
        ["answering", "half_closed_local_answering"],
        stream(PROTOCOL),
        connection(PROTOCOL),
    ),
    (
        "After END_STREAM from both sides data are an error of the connection (9113, 5.1).",
        DATA,
        ["closed"],
        connection(CLOSED),
        stream(CLOSED),
    ),
    (
        "What comes for a stream that we have reset is ignored (9113, 5.1): the peer need not have heard of it.",
        [*DATA, "head", "head, end", *ALL_TRAILERS],
        ["reset_by_us"],
        FINE,
        stream(CLOSED),
    ),
    ("The same, and h2 looks at the fields first.", ["interim head"], ["reset_by_us"], FINE, connection(PROTOCOL)),
    (
        "The peer had ended its side, so the fields do not matter any more.",
        ["interim head"],
        ["half_closed_remote", "reset_by_peer"],
        stream(CLOSED),
        connection(PROTOCOL),
    ),
    ("The same.", ["interim head"], ["closed"], connection(CLOSED), connection(PROTOCOL)),
    (
        "A frame with a length that it may not have (9113, 6.5).",
        ["acknowledgement that carries"],
        ALL,
        connection(SIZE),
        connection(PROTOCOL),
    ),
    (
        "We have said SETTINGS_ENABLE_PUSH = 0 (9113, 8.4); h2 by itself allows pushing.",
        ["push"],
        ["opened", "answering", "half_closed_local", "half_closed_local_answering"],
        connection(PROTOCOL),
        FINE,
    ),
    ("The same.", ["push"], ["half_closed_remote", "reset_by_us"], connection(PROTOCOL), stream(7)),
    (
        "An error of the stream (9113, 6.9); h2 ends the connection.",
        ["window by 0"],
        ["opened", "answering", "half_closed_local", "half_closed_local_answering", "half_closed_remote"],
        stream(PROTOCOL),
        connection(PROTOCOL),
    ),
    ("The same, and there is no stream any more.", ["window by 0"], ["closed", "reset_by_us", "reset_by_peer"], FINE,
     connection(PROTOCOL)),
    ("The state is looked at before the padding.", ["padding too long"], ["closed"], connection(CLOSED),
     connection(PROTOCOL)),
]  # fmt: skip


def expected(frame: str, state: str, theirs: Verdict) -> Verdict:
    """Our verdict, given h2's."""
    for _, frames, states, ours, their in DIFFERENCES:
        if frame in frames and state in states:
            assert theirs == their
            assert theirs != ours
            return ours
    return theirs


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("frame", FRAMES)
def test_every_frame_in_every_state(harness: Harness, state: Callable[[Both], None], frame: str) -> None:
    both = Both(harness)
    state(both)
    data = FRAMES[frame]
    ours, theirs = both.verdicts(data if isinstance(data, bytes) else data.serialize())
    assert ours == expected(frame, state.__name__, theirs)
    assert both.ours.alive == (ours[0] != "connection")
    assert both.ours.receive(PingFrame(0, b"and then").serialize()) == both.ours.alive
    assert (PingFrame(0, b"and then", flags=["ACK"]).serialize() in both.ours.output()) == both.ours.alive


@pytest.mark.parametrize("frame", FRAMES)
def test_what_may_come_first(harness: Harness, frame: str) -> None:
    """SETTINGS only."""
    data = FRAMES[frame]
    peer = harness.peer()
    peer.receive(data if isinstance(data, bytes) else data.serialize())
    verdict = verdict_of(peer.output())
    if frame in {"settings", "unknown setting"}:
        assert verdict == FINE
    elif frame == "window setting too large":
        assert verdict == connection(FLOW)
    elif frame in {"settings of 5 bytes", "acknowledgement that carries"}:
        assert verdict == connection(SIZE)
    else:
        assert verdict == connection(PROTOCOL)
    assert SettingsFrame(0, flags=["ACK"]).serialize() not in peer.output() or frame == "settings"
    acknowledged = harness.peer()
    assert not acknowledged.receive(SettingsFrame(0, flags=["ACK"]).serialize())


@pytest.mark.parametrize("frame", FRAMES)
def test_what_may_come_within_a_header_block(harness: Harness, frame: str) -> None:
    """CONTINUATION of the same stream only."""
    both = Both(harness)
    both.open()
    assert both.ours.receive(HeadersFrame(1, literal(HEAD)).serialize())
    data = FRAMES[frame]
    both.ours.receive(data if isinstance(data, bytes) else data.serialize())
    assert verdict_of(both.ours.output()) == (FINE if frame == "continuation" else connection(PROTOCOL))


def test_continuation_of_another_stream(harness: Harness) -> None:
    both = Both(harness)
    both.open()
    assert both.ours.receive(HeadersFrame(1, literal(HEAD)).serialize())
    assert not both.ours.receive(ContinuationFrame(3, b"").serialize())
    assert verdict_of(both.ours.output()) == connection(PROTOCOL)


def test_no_difference_is_listed_in_vain() -> None:
    """`expected` looks at each pair once; here, that the lists name what exists, and no pair twice."""
    pairs = [(frame, state) for _, frames, states, _, _ in DIFFERENCES for frame in frames for state in states]
    assert len(pairs) == len(set(pairs))
    assert {frame for frame, _ in pairs} <= FRAMES.keys()
    assert {state for _, state in pairs} <= set(ALL)

"""gRPC's small codecs: messages in data, timeouts, status and its message."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import grpc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from native.http2_harness import Harness

NONE, COMPRESSED, TOO_LARGE = range(3)
UNITS = {"n": 1, "u": 10**3, "m": 10**6, "S": 10**9, "M": 60 * 10**9, "H": 3600 * 10**9}


def framed(message: bytes, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(message)) + message


class TestMessages:
    @given(st.lists(st.binary(max_size=50), max_size=10), st.lists(st.integers(0, 30), max_size=40))
    def test_any_split(self, harness: Harness, messages: list[bytes], sizes: list[int]) -> None:
        harness.ask(f"reader {2**20}")
        data = b"".join(map(framed, messages))
        read: list[bytes] = []
        within = False
        for size in [*sizes, len(data)]:
            piece, data = data[:size], data[size:]
            answer = harness.value("feed", piece)
            assert answer["good"]
            read += map(bytes.fromhex, answer["messages"])
            within = answer["within"]
        assert read == messages
        assert not within

    @pytest.mark.parametrize("cut", range(1, 8))
    def test_a_message_that_has_not_ended(self, harness: Harness, cut: int) -> None:
        harness.ask("reader 100")
        answer = harness.value("feed", framed(b"abc")[:cut])
        assert answer == {"good": True, "error": NONE, "within": True, "messages": []}

    def test_ten_megabytes_in_pieces(self, harness: Harness) -> None:
        harness.ask(f"reader {2**24}")
        message = bytes(range(256)) * 40_000
        data = framed(message) + framed(b"next")
        for at in range(0, len(data), 100_000):
            answer = harness.value("feed", data[at : at + 100_000])
        assert list(map(bytes.fromhex, answer["messages"])) == [message, b"next"]

    @pytest.mark.parametrize("flag", [1, 2, 255])
    def test_compressed(self, harness: Harness, flag: int) -> None:
        harness.ask("reader 100")
        answer = harness.value("feed", framed(b"good") + framed(b"x", flag) + framed(b"after"))
        assert answer["messages"] == [b"good".hex()]
        assert (answer["good"], answer["error"]) == (False, COMPRESSED)
        assert harness.value("feed", framed(b"later"))["messages"] == []

    @pytest.mark.parametrize("size", [101, 2**31, 2**32 - 1])
    def test_too_large(self, harness: Harness, size: int) -> None:
        harness.ask("reader 100")
        assert harness.value("feed", framed(bytes(100)))["good"]
        assert harness.value("feed", struct.pack(">BI", 0, size))["error"] == TOO_LARGE

    def test_a_large_promise_takes_little_memory(self, harness: Harness) -> None:
        """A prefix that says 4 GiB, again and again: the sanitizer's allocator would refuse."""
        for _ in range(100):
            harness.ask(f"reader {2**32 - 1}")
            answer = harness.value("feed", struct.pack(">BI", 0, 2**32 - 1) + b"x")
            assert answer["good"]


class TestTimeouts:
    @given(st.integers(0, 2**64 - 1))
    @example(99_999_999)
    @example(100_000_000)
    @example(99_999_999_001)
    @example(2**64 - 1)
    def test_at_most_eight_digits_and_never_too_short(self, harness: Harness, ns: int) -> None:
        text = bytes.fromhex(harness.value(f"format-timeout {ns}")).decode()
        digits, unit = int(text[:-1]), UNITS[text[-1]]
        assert len(text) <= 9
        assert ns <= digits * unit < ns + unit
        assert unit == 1 or ns > 99_999_999 * max(one for one in UNITS.values() if one < unit)
        assert harness.value("parse-timeout", text.encode()) == min(digits * unit, 2**64 - 1)

    @pytest.mark.parametrize(
        ("text", "ns"),
        [("1S", 10**9), ("00000001n", 1), ("99999999H", 2**64 - 1), ("2994232u", 2_994_232_000)],
    )
    def test_parsed(self, harness: Harness, text: str, ns: int) -> None:
        assert harness.value("parse-timeout", text.encode()) == ns

    @pytest.mark.parametrize("text", ["", "S", "1", "1s", "123456789S", "-1S", "1.5S", "1 S", "1SS"])
    def test_what_is_none(self, harness: Harness, text: str) -> None:
        assert harness.value("parse-timeout", text.encode()) is None


class TestStatus:
    @given(st.binary(max_size=60))
    def test_messages_there_and_back(self, harness: Harness, text: bytes) -> None:
        encoded = bytes.fromhex(harness.value("percent-encode", text))
        assert all(0x20 <= byte < 0x7F for byte in encoded)
        assert unquote_to_bytes(encoded) == text
        assert bytes.fromhex(harness.value("percent-decode", encoded)) == text

    @given(st.text("%0123456789abcdefAFG ", max_size=30))
    @example("100%")
    @example("%4")
    @example("%zz%41")
    def test_broken_escapes_stay(self, harness: Harness, text: str) -> None:
        assert bytes.fromhex(harness.value("percent-decode", text.encode())) == unquote_to_bytes(text)

    def test_codes(self, harness: Harness) -> None:
        for code in grpc.StatusCode:
            assert harness.value("parse-status", str(code.value[0]).encode()) == code.value[0]
        for text in ("", "17", "99", "100", "-1", "x", "0x", " 0", "1 "):
            assert harness.value("parse-status", text.encode()) == grpc.StatusCode.UNKNOWN.value[0]

"""Header compression against the ``hpack`` package: both directions, the dynamic table, and blocks that are none."""

from __future__ import annotations

import hpack
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman
from hypothesis import example, given, settings
from hypothesis import strategies as st
from native.http2_harness import MALFORMED, OK, TOO_LARGE, Harness

LIST_LIMIT = 16_384

names = st.one_of(
    st.sampled_from([b":status", b":path", b"content-type", b"grpc-status", b"grpc-message", b"te", b"date"]),
    st.binary(min_size=1, max_size=12).map(lambda raw: b"x-" + raw.replace(b"\0", b"-")),
)
values = st.one_of(
    st.sampled_from([b"200", b"application/grpc", b"0", b"", b"trailers"]),
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b"-")),
    st.integers(0, 3000).map(lambda size: b"v" * size),
)
header_lists = st.lists(st.tuples(names, values), max_size=8)


def table_of(decoder: hpack.Decoder) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in decoder.header_table.dynamic_entries]


@given(
    st.lists(st.tuples(header_lists, st.booleans(), st.none() | st.integers(0, 4096)), min_size=1, max_size=12),
    st.sampled_from([4096, 8192]),
)
def test_what_an_encoder_with_a_table_writes(
    harness: Harness, blocks: list[tuple[list[tuple[bytes, bytes]], bool, int | None]], limit: int
) -> None:
    """Block after block; the dynamic tables agree after each, evictions and size updates included."""
    encoder, model = hpack.Encoder(), hpack.Decoder(max_header_list_size=2**30)
    model.max_allowed_table_size = limit
    harness.ask(f"decoder {limit} {2**20}")
    harness.ask("acknowledged")
    for headers, huffman, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        block = encoder.encode(headers, huffman=huffman)
        decoding = harness.decode(block)
        assert (decoding.decoded, decoding.reason) == (OK, None)
        assert [(name, value) for name, value, _ in decoding.fields] == headers
        model.decode(block, raw=True)
        assert decoding.table == table_of(model)
        assert decoding.size == model.header_table._current_size


@given(header_lists, st.booleans())
def test_what_we_write(harness: Harness, headers: list[tuple[bytes, bytes]], huffman: bool) -> None:
    block = harness.encode(headers, huffman=huffman)
    decoder = hpack.Decoder(max_header_list_size=2**30)
    assert [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)] == headers
    assert table_of(decoder) == []
    harness.ask(f"decoder 4096 {2**20}")
    decoding = harness.decode(block)
    assert [(name, value) for name, value, _ in decoding.fields] == headers
    assert decoding.table == []


@given(st.binary(max_size=200))
@example(bytes(range(256)))
def test_huffman(harness: Harness, text: bytes) -> None:
    encoded = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(text)
    assert bytes.fromhex(harness.value("huffman-encode", text)) == encoded
    assert bytes.fromhex(harness.value(f"huffman-decode {len(text)}", encoded)) == text
    if text:
        assert harness.value(f"huffman-decode {len(text) - 1}", encoded) is None


@given(st.binary(max_size=40))
@settings(max_examples=500)
@example(b"\xff\xff\xff\xff")  # the end of the string, inside
@example(b"\xff")  # eight ones of padding
@example(b"\x07")  # 0 and padding
@example(b"\x00")  # padding that is not ones
def test_any_bytes_are_the_same_huffman_string_or_none(harness: Harness, encoded: bytes) -> None:
    try:
        expected = bytes(decode_huffman(encoded)).hex()
    except hpack.HPACKDecodingError:
        expected = None
    if encoded == b"\xff" * len(encoded) and encoded:
        expected = None  # hpack takes whole bytes of padding; section 5.2 calls that an error
    assert harness.value("huffman-decode 100", encoded) == expected


@given(st.lists(st.binary(max_size=60), max_size=4), header_lists, st.data())
@settings(max_examples=300)
def test_damaged_blocks_are_read_as_hpack_reads_them_or_refused(
    harness: Harness, noise: list[bytes], headers: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    """Also after a prefix that has filled the table. What `hpack` refuses we refuse."""
    encoder, model = hpack.Encoder(), hpack.Decoder(max_header_list_size=2**30)
    harness.ask(f"decoder 4096 {2**20}")
    block = encoder.encode(headers)
    model.decode(block, raw=True)
    assert harness.decode(block).decoded == OK
    good = bytearray(encoder.encode(headers))
    for _ in range(data.draw(st.integers(0, 3))):
        if good:
            good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    for block in [bytes(good), *noise]:
        decoding = harness.decode(block)
        try:
            expected = [(bytes(name), bytes(value)) for name, value in model.decode(block, raw=True)]
        except (hpack.HPACKError, ValueError):
            assert decoding.decoded == MALFORMED
            return
        if decoding.decoded == MALFORMED:
            assert decoding.reason in LIMITS | STRICTER
            return
        assert [(name, value) for name, value, _ in decoding.fields] == expected
        assert decoding.table == table_of(model)


LIMITS = {"a number is too large", "a string is longer than SETTINGS_MAX_HEADER_LIST_SIZE"}
STRICTER = {"a string is not in the Huffman code, or too long", "a table size update stands behind a field"}
"""Where we refuse what ``hpack`` bears, and may."""


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("80", "there is no index 0"),
        ("be", "an index is past the end of the tables"),
        ("ff00", "an index is past the end of the tables"),
        ("7f00 01 61", "an index is past the end of the tables"),
        ("ff", "the block ends within a number"),
        ("ff80808080", "the block ends within a number"),
        ("ffffffffff7f", "a number is too large"),
        ("ff808080800000", "an index is past the end of the tables"),  # zeros may follow a number's last digit
        ("ff80808080808000", "a number is too large"),
        ("00", "the block ends where a string should begin"),
        ("0001", "the block ends within a string"),
        ("000161", "the block ends where a string should begin"),
        ("0001617f", "the block ends within a number"),
        ("00016185", "the block ends within a string"),
        ("0081ff0100", "a string is not in the Huffman code, or too long"),
        ("0084ffffffff00", "a string is not in the Huffman code, or too long"),
        ("8220", "a table size update stands behind a field"),
        ("3fe21f", "a table size update is above SETTINGS_HEADER_TABLE_SIZE"),
    ],
)
def test_malformed_blocks(harness: Harness, block: str, reason: str) -> None:
    harness.ask(f"decoder 4096 {LIST_LIMIT}")
    decoding = harness.decode(bytes.fromhex(block))
    assert (decoding.decoded, decoding.reason) == (MALFORMED, reason)


def test_never_indexed_is_seen() -> None:
    with Harness() as harness:
        harness.ask(f"decoder 4096 {LIST_LIMIT}")
        encoder = hpack.Encoder()
        block = encoder.encode([hpack.NeverIndexedHeaderTuple(b"authorization", b"secret"), (b"a", b"b")])
        assert harness.decode(block).fields == [(b"authorization", b"secret", True), (b"a", b"b", False)]


def test_a_list_above_the_limit_is_not_kept_but_followed(harness: Harness) -> None:
    harness.ask("decoder 4096 100")
    encoder = hpack.Encoder()
    large = encoder.encode([(b"name", b"v" * 40), (b"other", b"w" * 40)])
    decoding = harness.decode(large)
    assert (decoding.decoded, decoding.fields) == (TOO_LARGE, [])
    assert decoding.table == [(b"other", b"w" * 40), (b"name", b"v" * 40)]
    again = harness.decode(encoder.encode([(b"other", b"w" * 40)]))
    assert again.fields == [(b"other", b"w" * 40, False)]
    many = hpack.Encoder().encode([(b"te", b"")] * 1000)
    assert harness.decode(many).decoded == TOO_LARGE
    assert harness.decode(b"\x00\x01a\x7f\x26" + b"v" * 165).decoded == MALFORMED  # one string above it


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 30))
def test_long_strings_at_the_limit(harness: Harness, name: int, value: int, count: int) -> None:
    """The arena suffices for all that the limit lets through, and for what is just above it."""
    harness.ask("decoder 4096 200")
    encoder = hpack.Encoder()
    headers = [(b"n" * max(name, 1), b"0" * value)] * count  # shorter in Huffman's code, so they go through the arena
    for _ in range(2):  # from literals, then from the table
        decoding = harness.decode(encoder.encode(headers))
        size = count * (max(name, 1) + value + 32)
        assert decoding.decoded == (OK if size <= 200 else TOO_LARGE)
        assert len(decoding.fields) == (count if size <= 200 else 0)


class TestTableSize:
    def test_the_default_may_be_used_until_the_acknowledgement(self, harness: Harness) -> None:
        harness.ask(f"decoder 100 {LIST_LIMIT}")
        encoder = hpack.Encoder()
        assert len(harness.decode(encoder.encode([(b"a", b"b" * 200)])).table) == 1
        harness.ask("acknowledged")
        refused = harness.decode(encoder.encode([(b"a", b"b" * 200)]))
        assert refused.decoded == MALFORMED
        assert refused.reason == "the block does not begin with the table size update that SETTINGS asked for"

    def test_the_update_is_obeyed(self, harness: Harness) -> None:
        harness.ask(f"decoder 100 {LIST_LIMIT}")
        encoder = hpack.Encoder()
        harness.decode(encoder.encode([(b"a", b"b" * 200)]))
        harness.ask("acknowledged")
        encoder.header_table_size = 100
        decoding = harness.decode(encoder.encode([(b"c", b"d")]))
        assert (decoding.decoded, decoding.table) == (OK, [(b"c", b"d")])
        assert harness.decode(b"\x3f\x46\x88").decoded == MALFORMED  # 101

    def test_a_larger_table_is_not_used_before_it_is_announced(self, harness: Harness) -> None:
        harness.ask(f"decoder 65536 {2**20}")
        encoder = hpack.Encoder()
        encoder.header_table_size = 65536
        headers = [(b"name-%d" % i, b"v" * 100) for i in range(400)]
        assert len(harness.decode(encoder.encode(headers)).table) == 400

    def test_two_updates_in_a_row(self, harness: Harness) -> None:
        harness.ask(f"decoder 4096 {LIST_LIMIT}")
        harness.decode(b"\x40\x01a\x01b")
        decoding = harness.decode(b"\x20\x3f\xe1\x1f\x82")
        assert (decoding.decoded, decoding.table) == (OK, [])
        assert decoding.fields == [(b":method", b"GET", False)]

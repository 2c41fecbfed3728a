"""Java's .properties format: the rules one by one, and what is written is read back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.config.propsfile import Entry, format_properties, parse_properties, read_properties
from ycsbpy.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("\n\r\n  \t\f\n", []),
        ("a=1", [("a", "1")]),
        ("a:1", [("a", "1")]),
        ("a 1", [("a", "1")]),
        ("a\t\f 1", [("a", "1")]),
        ("  a = 1", [("a", "1")]),
        ("a  :  1", [("a", "1")]),
        ("a==1", [("a", "=1")]),
        ("a = = 1", [("a", "= 1")]),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=1", [("", "1")]),
        ("a=1 ", [("a", "1 ")]),
        ("# a=1\n!b=2\n  # c=3\nd=4", [("d", "4")]),
        ("a=1 # no comment", [("a", "1 # no comment")]),
        ("a=1\nb=2\r\nc=3\rd=4", [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]),
        ("a=1\x0bb\u2028c\x85d", [("a", "1\x0bb\u2028c\x85d")]),
        ("a=1,\\\n   2,\\\r\n\t3", [("a", "1,2,3")]),
        ("a=1\\\\\nb=2", [("a", "1\\"), ("b", "2")]),
        ("a=1\\\\\\\n2", [("a", "1\\2")]),
        ("a=1\\\n# 2", [("a", "1# 2")]),
        ("a=1\\\n\nb=2", [("a", "1"), ("b", "2")]),
        ("# comment \\\na=1", [("a", "1")]),
        ("a=1\\", [("a", "1")]),
        ("\\\n\\\na=1", [("a", "1")]),
        ("\\\n\n#x", []),
        ("a\\=b=1", [("a=b", "1")]),
        ("a\\:b\\ c:1", [("a:b c", "1")]),
        ("a\\\\=1", [("a\\", "1")]),
        ("\\#a=1", [("#a", "1")]),
        ("a=\\ 1", [("a", " 1")]),
        ("a=\\t\\n\\r\\f\\q\\\\", [("a", "\t\n\r\fq\\")]),
        ("a=\\u0041\\u00e9", [("a", "Aé")]),
        ("a=\\uD83D\\uDE00", [("a", "😀")]),
        ("\\u0061=1", [("a", "1")]),
        ("a=\\\\u0041", [("a", "\\u0041")]),
        ("schlüssel=größe", [("schlüssel", "größe")]),
        ("a=1\na=2\nb=3\na=4", [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")]),
    ],
)
def test_the_rules(text: str, pairs: list[tuple[str, str]]) -> None:
    assert [(entry.name, entry.value) for entry in parse_properties(text)] == pairs


def test_lines_are_counted_from_the_first_line_of_a_property() -> None:
    text = "# head\r\n\r\na=1\\\r\n  2\r\n\r\nb=3\rc=4\nd=\\\n\\\n5\n"
    assert parse_properties(text) == [Entry("a", "12", 3), Entry("b", "3", 6), Entry("c", "4", 7), Entry("d", "5", 8)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=1\nb=\\u12", "file:2: malformed \\uXXXX escape; it takes four hexadecimal digits"),
        ("a=\\uxyzw", "file:1: malformed \\uXXXX escape; it takes four hexadecimal digits"),
        ("a=1\n\n\\uD83D=2", "file:3: a \\uXXXX escape names half a character; write both halves"),
    ],
)
def test_malformed_escapes(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_properties(text, "file")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("a=größe".encode(), "größe"),
        ("a=größe".encode("latin-1"), "größe"),
        (b"\xef\xbb\xbfa=1", "1"),
        (b"a=1\r\n", "1"),
    ],
    ids=["utf-8", "latin-1", "byte order mark", "crlf"],
)
def test_files(tmp_path: Path, data: bytes, value: str) -> None:
    path = tmp_path / "workload"
    path.write_bytes(data)
    assert read_properties(path) == [Entry("a", value, 1)]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_properties(tmp_path / "none", "none")
    assert str(caught.value) == "none: cannot be read: No such file or directory"


pairs = st.lists(st.tuples(st.text(), st.text()))


@given(pairs)
def test_what_is_written_is_read_back(properties: list[tuple[str, str]]) -> None:
    entries = parse_properties(format_properties(properties))
    assert [(entry.name, entry.value) for entry in entries] == properties
    assert [entry.line for entry in entries] == list(range(1, len(properties) + 1))


@given(pairs, st.sampled_from(["\n", "\r\n", "\r"]))
def test_line_ends_do_not_matter(properties: list[tuple[str, str]], end: str) -> None:
    text = format_properties(properties).replace("\n", end)
    assert [(entry.name, entry.value) for entry in parse_properties(text)] == properties


@given(st.text(alphabet="ab=: \\\n\r#!u0041\t\f"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        entries = parse_properties(text, "f")
        message = ""
    except UsageError as error:
        entries, message = [], str(error)
    lines = 1 + len(re.findall("\r\n|\r|\n", text))
    assert all(1 <= entry.line <= lines for entry in entries)
    assert re.fullmatch(r"|f:\d+: .*escape.*", message)

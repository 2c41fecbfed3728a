"""Lines of the shell: words, bytes and commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.cli.shell.language import (
    COMMANDS,
    Delete,
    Help,
    Insert,
    Quit,
    Read,
    Scan,
    Table,
    Update,
    parse,
    quoted,
    shown,
    words,
)
from ycsbpy.errors import UsageError


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("read user1", Read(b"user1")),
        ("READ user1 field0 field3", Read(b"user1", ("field0", "field3"))),
        ("scan user1 10", Scan(b"user1", 10)),
        ("scan '' 1 field0", Scan(b"", 1, ("field0",))),
        ("insert user1 field0=a field1=b=c", Insert(b"user1", {"field0": b"a", "field1": b"b=c"})),
        ('update user1 field0="two words" field1=', Update(b"user1", {"field0": b"two words", "field1": b""})),
        ("delete 'it''s'", Delete(b"its")),
        ("  delete\tuser1  \r\n", Delete(b"user1")),
        ("table", Table()),
        ("table usertable2", Table("usertable2")),
        ("help", Help()),
        ("? scan", Help("scan")),
        ("help exit", Help("quit")),
        ("exit", Quit()),
        ("quit", Quit()),
        ("", None),
        ("   \n", None),
        ("# read user1 'and no more", None),
    ],
)
def test_commands(line: str, command: object) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (r"a\x00\xfFb", [b"a\0\xffb"]),
        (r"a\ b \n\t\r\\ \q", [b"a b", b"\n\t\r\\", b"q"]),
        (r'"a\x41\"" ' + r"'a\x41\'", [b'aA"', rb"a\x41" + b"\\"]),
        ("é=ü", ["é=ü".encode()]),
        ("a'b'\"c\"d", [b"abcd"]),
        ("\udcff", [b"\xff"]),
        ("'' \"\"", [b"", b""]),
    ],
)
def test_words(line: str, found: list[bytes]) -> None:
    assert words(line) == found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reed user1", 'there is no command "reed"; did you mean "read"?'),
        ("read", "write read KEY"),
        ("scan user1", "write scan KEY COUNT"),
        ("scan user1 none", "a number from 1 to 1,000,000, not 'none'"),
        ("scan user1 0", "a number from 1"),
        ("scan user1 -1", "a number from 1"),
        ("scan user1 1000001", "a number from 1"),
        ("scan user1 99999999999999999999", "a number from 1"),
        ("scan user1 ٣", "a number from 1"),
        ("insert user1", "write insert KEY FIELD=VALUE"),
        ("insert user1 field0", "field0: write FIELD=VALUE"),
        ("insert user1 =x", '=x: write FIELD=VALUE'),
        ("insert user1 field0=a field0=b", "field0 is given twice"),
        ("delete user1 user2", "write delete KEY"),
        ("quit now", "write quit"),
        ("help reed", 'did you mean "read"?'),
        ("read 'user1", "the quote ' is not closed"),
        ('read "user1', 'the quote " is not closed'),
        ("read user1\\", "a backslash at the end"),
        (r"read \xf", "two hexadecimal digits"),
        (r"read user1 \xff", "is not a field's name"),
        (r"table \xff", "is not a table's name"),
        ("read \ud800", "is no character"),
    ],
)  # fmt: skip
def test_mistakes(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.lists(st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode(errors="replace"))))
def test_what_is_quoted_is_read_back(data: list[bytes]) -> None:
    line = " ".join(quoted(one) for one in data)
    assert "\n" not in line
    assert words(line) == data


@given(st.binary(max_size=60))
def test_what_is_shown_fits_on_a_line(data: bytes) -> None:
    assert shown(data).isprintable()


def test_every_command_says_how_it_is_written() -> None:
    for name, syntax in COMMANDS.items():
        assert syntax.usage.split()[0] == name
        assert syntax.summary.endswith(".")

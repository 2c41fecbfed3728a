"""What can be written in the shell: a line becomes words, and those a command.

Words stand apart by blanks and are bytes: UTF-8, and ``\\xNN`` for any byte. Double quotes keep blanks, single quotes
keep all there is between them; ``\\n``, ``\\t``, ``\\r`` and a backslash before any other character are as in most
shells. ``quoted`` writes what ``words`` reads. The commands are go-ycsb's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "COMMANDS",
    "Command",
    "Delete",
    "Help",
    "Insert",
    "Quit",
    "Read",
    "Scan",
    "Table",
    "Update",
    "canonical_name",
    "parse",
    "quoted",
    "shown",
    "words",
]

MOST_RECORDS = 1_000_000
"""Of one scan: they are all in memory before the first is shown."""

_BLANKS = " \t\r\n"
_CONTROL = {"n": b"\n", "t": b"\t", "r": b"\r"}
_WRITTEN = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}
_BYTE = re.compile(r"x([0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Read:
    """One record; no fields means all of them."""

    key: bytes
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """Up to ``count`` records from a key on."""

    key: bytes
    count: int
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a whole record."""

    key: bytes
    values: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Update:
    """Change fields of a record."""

    key: bytes
    values: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a record."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Table:
    """Use another table, or, without a name, say which one is in use."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """Say what there is, or how one command is written."""

    command: str = ""


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


Command = Read | Scan | Insert | Update | Delete | Table | Help | Quit


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a command is written and what it does; ``least`` and ``most`` count the words after its name."""

    usage: str
    summary: str
    least: int
    most: int | None
    make: Callable[[Sequence[bytes]], Command]


def parse(line: str) -> Command | None:
    """The command of a line; ``None`` for an empty line and a comment (``#``). Raises ``UsageError``."""
    if line.lstrip(_BLANKS).startswith("#"):
        return None
    found = words(line)
    if not found:
        return None
    name = canonical_name(_text(found[0], "a command"))
    syntax = COMMANDS.get(name)
    if syntax is None:
        raise UsageError(f'there is no command "{name}"{did_you_mean(name, COMMANDS)}')
    given = found[1:]
    if len(given) < syntax.least or (syntax.most is not None and len(given) > syntax.most):
        raise UsageError(f"write {syntax.usage}")
    return syntax.make(given)


def canonical_name(name: str) -> str:
    """A command's name, whatever its letters' case; ``exit`` is ``quit``, as in go-ycsb's shell."""
    return {"exit": "quit", "?": "help"}.get(name.lower(), name.lower())


def words(line: str) -> list[bytes]:
    """The words of a line. Raises ``UsageError`` for a quote that is not closed and a malformed ``\\xNN``."""
    found: list[bytes] = []
    word: bytearray | None = None  # None between words: an empty word in quotes is a word
    quote = ""
    at = 0
    while at < len(line):
        char = line[at]
        at += 1
        if not quote and char in _BLANKS:
            if word is not None:
                found.append(bytes(word))
            word = None
            continue
        word = bytearray() if word is None else word
        if char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        elif char == "\\" and quote != "'":
            meant, at = _escaped(line, at)
            word += meant
        else:
            word += _encoded(char)
    if quote:
        raise UsageError(f"the quote {quote} is not closed")
    return [*found, *([bytes(word)] if word is not None else [])]


def _escaped(line: str, at: int) -> tuple[bytes, int]:
    """What a backslash before ``line[at:]`` means, and where the line goes on."""
    if at == len(line):
        raise UsageError("a backslash at the end of the line; write \\\\ for one")
    if line[at] == "x":
        code = _BYTE.match(line, at)
        if code is None:
            raise UsageError("\\x takes two hexadecimal digits, as \\x0a")
        return bytes((int(code[1], 16),)), code.end()
    return _CONTROL.get(line[at]) or _encoded(line[at]), at + 1


def _encoded(char: str) -> bytes:
    """Bytes of the input that are not UTF-8 come as lone surrogates, and are themselves again."""
    try:
        return char.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"{char!a} is no character; write \\xNN for a byte") from None


def shown(data: bytes) -> str:
    """Bytes as text on one line: as they are where they are printable UTF-8, else escaped as in ``words``."""
    return "".join(_shown(char) for char in data.decode("utf-8", "surrogateescape"))


def _shown(char: str) -> str:
    if char in _WRITTEN:
        return _WRITTEN[char]
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def quoted(data: bytes) -> str:
    """Bytes as one word: ``words`` reads it back."""
    text = shown(data)
    if text and not any(char.isspace() or char in "\"'#" for char in text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def _text(word: bytes, what: str) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{shown(word)} is not {what}: it is not UTF-8") from None


def _fields(given: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(_text(word, "a field's name") for word in given)


def _count(word: bytes) -> int:
    text = shown(word)
    if not (_NUMBER.fullmatch(text) and 1 <= int(text) <= MOST_RECORDS):
        raise UsageError(f"how many records: a number from 1 to {MOST_RECORDS:,}, not {text[:40]!r}")
    return int(text)


def _values(given: Sequence[bytes]) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for word in given:
        name, equals, value = word.partition(b"=")
        field = _text(name, "a field's name")
        if not equals or not field:
            raise UsageError(f"{quoted(word)}: write FIELD=VALUE")
        if field in values:
            raise UsageError(f"{field} is given twice")
        values[field] = value
    return values


def _help(given: Sequence[bytes]) -> Help:
    name = canonical_name(_text(given[0], "a command")) if given else ""
    if name and name not in COMMANDS:
        raise UsageError(f'there is no command "{name}"{did_you_mean(name, COMMANDS)}')
    return Help(name)


COMMANDS: dict[str, Syntax] = {
    "read": Syntax("read KEY [FIELD ...]", "Read a record, or some of its fields.", 1, None,
                   lambda given: Read(given[0], _fields(given[1:]))),
    "scan": Syntax("scan KEY COUNT [FIELD ...]", "Read up to COUNT records in key order, from KEY on.", 2, None,
                   lambda given: Scan(given[0], _count(given[1]), _fields(given[2:]))),
    "insert": Syntax("insert KEY FIELD=VALUE ...", "Write a record, over an old one if there is one.", 2, None,
                     lambda given: Insert(given[0], _values(given[1:]))),
    "update": Syntax("update KEY FIELD=VALUE ...", "Change fields of a record and keep the others.", 2, None,
                     lambda given: Update(given[0], _values(given[1:]))),
    "delete": Syntax("delete KEY", "Remove a record.", 1, 1, lambda given: Delete(given[0])),
    "table": Syntax("table [NAME]", "Use another table, or say which one is in use.", 0, 1,
                    lambda given: Table(_text(given[0], "a table's name") if given else "")),
    "help": Syntax("help [COMMAND]", "Say what there is.", 0, 1, _help),
    "quit": Syntax("quit", "Leave, as Ctrl-D does.", 0, 0, lambda _given: Quit()),
}  # fmt: skip

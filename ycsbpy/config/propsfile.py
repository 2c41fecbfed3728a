"""Java's ``.properties`` format, read and written, each value with the line it stands on.

Source: the documentation of ``java.util.Properties.load``. In short: a line is a name, then ``=``, ``:`` or white
space, then a value; ``#`` or ``!`` at its start makes it a comment; a backslash at its end joins the next line, whose
leading white space is dropped; ``\\t \\n \\r \\f \\uXXXX`` stand for characters, and a backslash before any other
character is dropped. Lines end with LF, CR or CR LF and nothing else. Unlike Java, which reads Latin-1, files are read
as UTF-8 (as go-ycsb does), and as Latin-1 if they are not that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Entry", "format_properties", "parse_properties", "read_properties"]

_BLANK = " \t\f"
_LINE_END = re.compile(r"\r\n|\r|\n")
_NAME_END = re.compile(r"[=: \t\f]")
_SEPARATOR = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(u)|(.)|\Z)", re.DOTALL)
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_WRITTEN = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\\": "\\\\"}


class Entry(NamedTuple):
    """One property as a file has it; ``line`` counts from 1."""

    name: str
    value: str
    line: int


def read_properties(path: Path, shown: str = "") -> list[Entry]:
    """Read a file. `shown` is what errors call it (default: the path).

    Raises ``UsageError`` for a file that cannot be read, or one with a malformed ``\\uXXXX``, saying on which line.
    """
    shown = shown or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return parse_properties(text, shown)


def parse_properties(text: str, shown: str = "") -> list[Entry]:
    """Every property of a file's text, in order; a name may come more than once, and the last one counts.

    Raises ``UsageError`` for a malformed ``\\uXXXX``; `shown` is the file's name in that message.
    """
    entries = []
    for line, logical in _logical_lines(text):
        try:
            name, value = _split(logical)
            entries.append(Entry(_unescape(name), _unescape(value), line))
        except ValueError as error:
            raise UsageError(f"{shown}:{line}: {error}") from None
    return entries


def format_properties(properties: Iterable[tuple[str, str]]) -> str:
    """Write properties, one on a line, so that ``parse_properties`` (and Java, for ASCII) reads the same ones."""
    return "".join(f"{_escape(name, name=True)}={_escape(value)}\n" for name, value in properties)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments and blank ones, continued ones joined; each with the number of its first natural line."""
    logical, first = "", 0  # first is 0 between logical lines
    for number, natural in enumerate(_LINE_END.split(text), start=1):
        line = natural.lstrip(_BLANK)
        if not first:
            if not line or line[0] in "#!":
                continue
            first = number
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:
            logical += line[:-1]
            continue
        logical += line
        if logical:
            yield first, logical
        logical, first = "", 0
    if logical:  # the text ends with a backslash
        yield first, logical


def _split(logical: str) -> tuple[str, str]:
    """Cut at the first separator that no backslash escapes."""
    end = 0
    while (match := _NAME_END.search(logical, end)) is not None:
        before = logical[: match.start()]
        if (len(before) - len(before.rstrip("\\"))) % 2 == 0:
            separator = _SEPARATOR.match(logical, match.start())
            assert separator is not None  # it matches the empty text too
            return before, logical[separator.end() :]
        end = match.end()
    return logical, ""


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_escaped_character, text)
    try:  # Java's characters are UTF-16 units: two escapes may make one character
        return plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("a \\uXXXX escape names half a character; write both halves") from None


def _escaped_character(match: re.Match[str]) -> str:
    code, malformed, plain = match.groups()
    if malformed:
        raise ValueError("malformed \\uXXXX escape; it takes four hexadecimal digits")
    if code:
        return chr(int(code, 16))
    return _CONTROL.get(plain, plain) if plain else ""


def _escape(text: str, *, name: bool = False) -> str:
    special = "=: #!" if name else ""
    written = "".join(_WRITTEN.get(c) or (f"\\{c}" if c in special else c) for c in text)
    if not name and written.startswith(" "):  # the separator would take it
        written = "\\" + written
    return written

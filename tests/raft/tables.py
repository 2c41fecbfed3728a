"""Tables that a person can read, as test cases: ``left => right  # why`` a line, empty lines and comments between."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ["Row", "rows"]

FOLDER = Path(__file__).parent / "testdata"


class Row(NamedTuple):
    """One line, with where it stands. ``right`` is None on a line without an arrow, which begins a block."""

    place: str
    left: str
    right: str | None


def rows(name: str) -> list[Row]:
    """The lines of a table in tests/raft/testdata."""
    found = []
    for number, line in enumerate((FOLDER / name).read_text().splitlines(), 1):
        text = line.split("#")[0].strip()
        if text:
            left, arrow, right = text.partition("=> ") if "=>" in text else (text, "", "")
            found.append(Row(f"{name}:{number}", " ".join(left.split()), right.strip() if arrow else None))
    return found

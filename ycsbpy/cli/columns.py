"""Rows of text as columns: two spaces apart, as TiUP prints its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["columns"]


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], *, underlined: bool = True) -> list[str]:
    """Lines of text: the heads, underlined or not, and the rows under them."""
    lines = [list(head), *([["-" * len(name) for name in head]] if underlined else []), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]

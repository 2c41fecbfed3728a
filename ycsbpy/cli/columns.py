"""Rows of text as columns: two spaces apart, as TiUP prints its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["columns"]


def columns(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, underlined: bool = True, numbers: Collection[str] = ()
) -> list[str]:
    """Lines of text: the heads, underlined or not, and the rows under them. The columns under the heads ``numbers`` are
    set to the right, so that units stand under units."""
    lines = [list(head), *([["-" * len(name) for name in head]] if underlined else []), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def put(name: str, cell: str, width: int) -> str:
        return cell.rjust(width) if name in numbers else cell.ljust(width)

    return ["  ".join(map(put, head, line, widths)).rstrip() for line in lines]

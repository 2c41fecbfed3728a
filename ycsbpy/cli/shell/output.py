"""What the shell prints of an answer: rows as a table, or one line of JSON for each command.

In JSON a value that is UTF-8 is a string, and one that is not is ``{"base64": "…"}``, so that every value comes out
as it is.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from ycsbpy.cli.columns import columns
from ycsbpy.cli.shell.language import COMMANDS, quoted, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ycsbpy.ops import Result, Row

__all__ = ["answer_json", "help_lines", "record_lines", "records_lines"]


def record_lines(row: Row) -> list[str]:
    """One record: a line for each field."""
    return columns(("Field", "Value"), [(name, shown(value)) for name, value in row.items()])


def records_lines(rows: Sequence[Row], keys: Sequence[bytes] | None, width: int | None) -> list[str]:
    """Records as a table, one a line; where that is wider than ``width`` columns, a line for each field instead.

    Records are numbered where the driver does not say their keys.
    """
    if not rows:
        return ["0 records"]
    names = [shown(key) for key in keys] if keys is not None else [str(number + 1) for number in range(len(rows))]
    head = "Key" if keys is not None else "Record"
    fields = list(dict.fromkeys(name for row in rows for name in row))
    cells = [
        [name, *(shown(row[field]) if field in row else "" for field in fields)]
        for name, row in zip(names, rows, strict=True)
    ]
    lines = columns((head, *fields), cells)
    if width is not None and max(map(len, lines)) > width:
        lines = [line for name, row in zip(names, rows, strict=True) for line in _long(f"{head} {name}", row)]
    return [*lines, f"{len(rows)} record{'s' * (len(rows) != 1)}"]


def _long(title: str, row: Row) -> list[str]:
    widest = max(map(len, row), default=0)
    return [title, *(f"  {field:<{widest}}  {shown(value)}".rstrip() for field, value in row.items())]


def answer_json(command: str, table: str, key: bytes, result: Result) -> str:
    """One answer as a line of JSON."""
    answer: dict[str, Any] = {
        "command": command,
        "table": table,
        "key": _value(key),
        "outcome": result.outcome.name.lower(),
    }
    if result.row is not None:
        answer["row"] = _row(result.row)
    if result.rows is not None:
        keys = result.keys if result.keys is not None else [None] * len(result.rows)
        answer["records"] = [
            {**({} if one is None else {"key": _value(one)}), "row": _row(row)}
            for one, row in zip(keys, result.rows, strict=True)
        ]
    if result.error:
        answer |= {"error": result.error, "detail": result.detail}
    return json.dumps(answer, ensure_ascii=False)


def _row(row: Mapping[str, bytes]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def help_lines(command: str) -> list[str]:
    """All commands, or one of them."""
    if command:
        return [COMMANDS[command].usage, f"  {COMMANDS[command].summary}"]
    widest = max(len(syntax.usage) for syntax in COMMANDS.values())
    lines = [f"{syntax.usage:<{widest}}  {syntax.summary}" for syntax in COMMANDS.values()]
    example = quoted(b"two words")
    return [*lines, f"Quote what has blanks, as field0={example}; \\xNN is a byte. Tab completes."]

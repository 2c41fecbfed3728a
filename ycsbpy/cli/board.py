"""The Region panel on a terminal: stores, their Regions now and over time, what happened lately."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.chart import time_label
from ycsbpy.cli.columns import columns
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from ycsbpy.cluster.picture import StoreFacts
    from ycsbpy.cluster.timeline import Timeline

__all__ = ["STORE_HEAD", "board", "sparkline", "store_lines", "store_rows"]

STORE_HEAD = ("Store", "Address", "State", "Regions", "Leaders", "Size (MiB)", "Score")
BOARD_HEAD = (*STORE_HEAD[:5], "MiB", *STORE_HEAD[6:])
WORDS = {"Address", "State"}
"""Heads of columns that are no numbers."""

OVER_TIME, OVER_TIME_AT = "over time", 4
BLOCKS = " ▁▂▃▄▅▆▇█"
SPARK_WIDTH = 40
EVENTS_SHOWN = 6


def board(timeline: Timeline, note: str = "") -> RenderableType:
    """What ``top`` and ``walk`` draw, as wide as the terminal is; ``note`` is a line of the caller's."""
    return _Board(timeline, note)


@dataclass(frozen=True, slots=True)
class _Board:
    timeline: Timeline
    note: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _drawn(self.timeline, self.note, options.max_width)


def _drawn(timeline: Timeline, note: str, width: int) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    samples = timeline.samples
    if not samples:
        return Text(note or "PD has not answered yet")
    last = samples[-1]
    rows = store_rows(last.stores)
    spark_width = _spark_width(rows, width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(BOARD_HEAD):
        if at == OVER_TIME_AT and spark_width:
            table.add_column(OVER_TIME, no_wrap=True)
        table.add_column(name, justify="left" if name in WORDS else "right", no_wrap=True)
    highest = max((store.regions for sample in samples for store in sample.stores), default=0)
    for store, row in zip(last.stores, rows, strict=True):
        past = [
            (sample.at_s, next((one.regions for one in sample.stores if one.id == store.id), 0)) for sample in samples
        ]
        spark = [sparkline(past, highest, end_s=last.at_s, width=spark_width)] if spark_width else []
        style = "" if store.up else "red" if store.state != "Tombstone" else "dim"
        table.add_row(*row[:OVER_TIME_AT], *spark, *row[OVER_TIME_AT:], style=style)
    up = sum(store.up for store in last.stores)
    replicas = sum(store.regions for store in last.stores)
    clock = time.strftime("%H:%M:%S", time.localtime(timeline.started_at + last.at_s))
    head = (
        f"{counted(last.regions, 'Region')}  {counted(replicas, 'replica')}  "
        f"{counted(up, 'store')} Up  {counted(last.operators, 'operator')}  {clock}"
    )
    events = [Text(f"{time_label(event.at_s):>8}  {event.text}") for event in timeline.events[-EVENTS_SHOWN:]]
    return Group(Text(head, style="bold"), table, *events, *([Text(note, style="dim")] if note else []))


def _spark_width(rows: Sequence[Sequence[str]], width: int) -> int:
    """What the other columns leave; nothing where that is too little to see anything."""
    taken = sum(max(map(len, column)) for column in zip(BOARD_HEAD, *rows, strict=True)) + 2 * len(BOARD_HEAD)
    return min(SPARK_WIDTH, width - taken) if width - taken >= len(OVER_TIME) else 0


def store_lines(stores: Iterable[StoreFacts]) -> list[str]:
    """Stores as a table of plain text."""
    return columns(STORE_HEAD, store_rows(stores), underlined=False, numbers={*STORE_HEAD} - WORDS)


def store_rows(stores: Iterable[StoreFacts]) -> list[tuple[str, ...]]:
    """Stores as text under ``STORE_HEAD``, by their ids."""
    return [
        (str(s.id), s.address, s.state, str(s.regions), str(s.leaders), str(s.size_mib), f"{s.score:.1f}")
        for s in sorted(stores, key=lambda store: store.id)
    ]


def sparkline(points: Sequence[tuple[float, float]], highest: float, *, end_s: float, width: int = SPARK_WIDTH) -> str:
    """One character for each part of the time from 0 to ``end_s``: how high the value was at its end."""
    marks = []
    value, index = 0.0, 0
    for column in range(width):
        until = end_s * (column + 1) / width
        while index < len(points) and points[index][0] <= until:
            value = points[index][1]
            index += 1
        level = 0 if value <= 0 or highest <= 0 else max(1, round(value / highest * (len(BLOCKS) - 1)))
        marks.append(BLOCKS[level])
    return "".join(marks)

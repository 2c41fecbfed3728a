"""The tables of a phase in go-ycsb's three styles: lines, a table, JSON.

With ``as_go_ycsb`` they are go-ycsb's to the letter (what its JSON gives as text is a number otherwise), and so are the
names: an operation that failed is ``READ_ERROR`` there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.config.values import Latency
from ycsbpy.measure.collector import INTENDED
from ycsbpy.measure.summary import LatencyStats, Series
from ycsbpy.ops import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ycsbpy._native.recording import LatencyCounts

__all__ = ["Row", "as_go_ycsb_names", "cells", "columns", "go_ycsb_name", "rows", "styled"]

_GO_WIDTH = 6
_GO_OUTCOMES = {Outcome.NOT_FOUND: "_NOT_FOUND", Outcome.FAILED: "_ERROR", Outcome.UNKNOWN: "_ERROR"}


class Row(NamedTuple):
    """One line of a table: a series, over how many seconds it was counted, and what it came to."""

    name: str
    seconds: float
    stats: LatencyStats

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.stats.count / self.seconds if self.seconds > 0 else 0.0


def rows(
    series: Mapping[str, Series],
    seconds: float,
    show: Latency,
    boil: Callable[[LatencyCounts, Sequence[float]], LatencyStats],
    ranks: Sequence[float],
) -> list[Row]:
    """The rows of a table, sorted by name; ``show`` says which latencies of a paced run, ``boil`` is
    ``LatencyStats.of`` or, while a run goes on, ``LatencyStats.quick``."""
    shown: dict[str, LatencyCounts] = {}
    for name, one in series.items():
        if one.response is None or show is not Latency.INTENDED:
            shown[name] = one.service
        if one.response is not None and show is not Latency.OP:
            shown[INTENDED + name] = one.response
    return [Row(name, seconds, boil(counts, ranks)) for name, counts in sorted(shown.items())]


def as_go_ycsb_names(series: Mapping[str, Series]) -> dict[str, Series]:
    """The same series under go-ycsb's names, which has one for all that went wrong with a kind of operation."""
    found: dict[str, Series] = {}
    for name, one in series.items():
        title = go_ycsb_name(name)
        renamed = Series(title, one.service, one.response)
        found[title] = found[title].merged(renamed) if title in found else renamed
    return found


def go_ycsb_name(name: str) -> str:
    """go-ycsb's name of a series: ``READ_ERROR`` for ``READ-FAILED``."""
    kind, _, outcome = name.partition("-")
    return kind + _GO_OUTCOMES[Outcome[outcome]] if outcome else kind


def columns(ranks: Sequence[float]) -> list[str]:
    """go-ycsb's headings."""
    return [
        *("Operation", "Takes(s)", "Count", "OPS", "Avg(us)", "Min(us)", "Max(us)"),
        *(f"{rank:.12g}th(us)" for rank in ranks),
    ]


def cells(row: Row) -> list[str]:
    """A row as go-ycsb writes its figures: whole microseconds, one digit after the point of a rate."""
    stats = row.stats
    latencies = (stats.mean_ns, stats.min_ns, stats.max_ns, *stats.percentiles_ns.values())
    return [row.name, f"{row.seconds:.1f}", str(stats.count), f"{row.rate:.1f}", *(str(_us(ns)) for ns in latencies)]


def styled(style: str, found: Sequence[Row], ranks: Sequence[float], *, as_go_ycsb: bool = False) -> list[str]:
    """The table in one of the styles, as lines."""
    if style == "json":
        return [_go_json(found, ranks) if as_go_ycsb else _json(found, ranks)]
    if style == "table":
        return _table([cells(row) for row in found], columns(ranks))
    width = _GO_WIDTH if as_go_ycsb else max((len(row.name) for row in found), default=0)
    return [_line(row, width, ranks) for row in found]


def _line(row: Row, width: int, ranks: Sequence[float]) -> str:
    """``READ   - Takes(s): 1.0, Count: 3468, OPS: 3451.2, Avg(us): 575, …, 99.99th(us): 2679``"""
    name, *values = cells(row)
    pairs = (f"{title}: {value}" for title, value in zip(columns(ranks)[1:], values, strict=True))
    return f"{name:<{width}} - {', '.join(pairs)}"


def _table(lines: Sequence[Sequence[str]], headings: Sequence[str]) -> list[str]:
    """Headings in capitals and centred, names to the left, numbers to the right: what go-ycsb's table library does."""
    widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"

    def centred(text: str, width: int) -> str:
        left = (width - len(text)) // 2
        return " " * left + text + " " * (width - len(text) - left)

    head = (centred(title.upper(), width) for title, width in zip(headings, widths, strict=True))
    body = [
        [f"{name:<{widths[0]}}", *(f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True))]
        for name, *values in lines
    ]
    return [rule, f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(line)} |" for line in body), rule]


def _go_json(found: Sequence[Row], ranks: Sequence[float]) -> str:
    titles = columns(ranks)
    objects = [dict(sorted(zip(titles, cells(row), strict=True))) for row in found]
    return json.dumps(objects, separators=(",", ":"), ensure_ascii=False)


def _json(found: Sequence[Row], ranks: Sequence[float]) -> str:
    """Numbers as numbers, latencies to the nanosecond."""
    titles = columns(ranks)
    objects = []
    for row in found:
        stats = row.stats
        latencies = (stats.mean_ns, stats.min_ns, stats.max_ns, *stats.percentiles_ns.values())
        values = (
            row.name,
            round(row.seconds, 3),
            stats.count,
            round(row.rate, 3),
            *(round(ns / 1000, 3) for ns in latencies),
        )
        objects.append(dict(zip(titles, values, strict=True)))
    return json.dumps(objects, ensure_ascii=False)


def _us(ns: float) -> int:
    return int(ns / 1000 + 0.5)

"""The final figures as Java YCSB's exporters write them: lines of text, JSON objects in a row, a JSON array.

``[READ], AverageLatency(us), 560.15`` and so on, for each series, with what came of the operations (``Return=OK``)
under the name of their kind. What is Java's own (garbage collections, ``CLEANUP``) is left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ycsbpy.measure.summary import TOTAL, LatencyStats
from ycsbpy.report.styles import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ycsbpy.config.values import Latency
    from ycsbpy.measure.summary import Accounting, Summary

__all__ = ["Figure", "exported", "ordinal", "rendered"]

Figure = tuple[str, str, int | float]
"""Metric, measurement, value."""

_RETURNS = (("ok", "OK"), ("not_found", "NOT_FOUND"), ("failed", "ERROR"), ("unknown", "UNKNOWN"))


def exported(exporter: str, summary: Summary, show: Latency, ranks: Sequence[float]) -> str:
    """The text that ``exporter`` (``text``, ``json``, ``jsonarray``) makes of a phase, with its last newline."""
    return rendered(exporter, list(_figures(summary, show, ranks)))


def rendered(exporter: str, found: Sequence[Figure]) -> str:
    """Figures in the exporter's format; whole numbers and others are told apart, as Java does."""
    if exporter == "text":
        return "".join(f"[{metric}], {measurement}, {_java(value)}\n" for metric, measurement, value in found)
    objects = [_object(*one) for one in found]
    return f"[ {', '.join(objects)} ]\n" if exporter == "jsonarray" else " ".join(objects) + "\n"


def _figures(summary: Summary, show: Latency, ranks: Sequence[float]) -> Iterator[Figure]:
    yield "OVERALL", "RunTime(ms)", summary.elapsed_ns // 1_000_000
    yield "OVERALL", "Throughput(ops/sec)", float(summary.throughput)
    series = {name: one for name, one in summary.series.items() if name != TOTAL}
    said: set[str] = set()
    for row in rows(series, summary.seconds, show, LatencyStats.of, ranks):
        stats = row.stats
        yield row.name, "Operations", stats.count
        yield row.name, "AverageLatency(us)", stats.mean_ns / 1000
        yield row.name, "MinLatency(us)", _us(stats.min_ns)
        yield row.name, "MaxLatency(us)", _us(stats.max_ns)
        for rank, value in stats.percentiles_ns.items():
            yield row.name, f"{ordinal(rank)}PercentileLatency(us)", _us(value)
        if row.name in summary.by_kind:
            said.add(row.name)
            yield from _returns(row.name, summary.by_kind[row.name])
    for kind in summary.by_kind:
        if kind not in said:  # none of them succeeded
            yield from _returns(kind, summary.by_kind[kind])


def _returns(kind: str, accounting: Accounting) -> Iterator[Figure]:
    for name, status in _RETURNS:
        if count := getattr(accounting, name):
            yield kind, f"Return={status}", count


def ordinal(rank: float) -> str:
    """``50th``, ``1st``, ``99.9``: Java writes a fraction without an ending."""
    if rank % 1:
        return f"{rank:.12g}"
    whole = int(rank)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"


def _object(metric: str, measurement: str, value: float) -> str:
    lines = (f'  "{name}" : {json.dumps(one)}' for name, one in (("metric", metric), ("measurement", measurement)))
    return "{\n" + ",\n".join((*lines, f'  "value" : {_java(value)}')) + "\n}"


def _java(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))


def _us(ns: float) -> int:
    return int(ns / 1000 + 0.5)

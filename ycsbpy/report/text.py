"""What a run prints: lines that go-ycsb's users and their scripts know, with what those leave out beside them.

Latencies are printed in whole microseconds, as go-ycsb prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.config.values import Latency
from ycsbpy.measure.collector import INTENDED
from ycsbpy.measure.summary import LatencyStats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ycsbpy._native.recording import LatencyCounts
    from ycsbpy.measure.summary import Accounting, Attempts, ClientLoad, ErrorCount, Interval, Series, Summary

__all__ = ["RULE", "final_lines", "interval_lines", "properties_lines"]

RULE = "*" * 46


def properties_lines(properties: Mapping[str, str]) -> list[str]:
    """The properties in force between go-ycsb's rules, sorted."""
    title = " properties ".join(["*" * 17] * 2)
    return [title, *(f'"{name}"="{value}"' for name, value in sorted(properties.items())), RULE]


def series_line(name: str, width: int, seconds: float, stats: LatencyStats) -> str:
    """``READ   - Takes(s): 1.0, Count: 3468, OPS: 3451.2, Avg(us): 575, …, 99.99th(us): 2679``"""
    rate = stats.count / seconds if seconds > 0 else 0.0
    parts = [
        f"Takes(s): {seconds:.1f}",
        f"Count: {stats.count}",
        f"OPS: {rate:.1f}",
        f"Avg(us): {_us(stats.mean_ns)}",
        f"Min(us): {_us(stats.min_ns)}",
        f"Max(us): {_us(stats.max_ns)}",
        *(f"{rank:g}th(us): {_us(value)}" for rank, value in stats.percentiles_ns.items()),
    ]
    return f"{name:<{width}} - {', '.join(parts)}"


def interval_lines(interval: Interval, show: Latency = Latency.BOTH) -> list[str]:
    """For each series the figures since the start, as go-ycsb prints them, and those of the window that just ended;
    ``show`` says which latencies of a paced run.

    go-ycsb prints only the first, in which after an hour nothing can be seen of a bad minute."""
    total = _rows(interval.total, show)
    window = _rows(interval.window, show)
    width = max(map(len, total), default=0)
    seconds = interval.end_ns / 1e9
    lines = []
    for name, counts in sorted(total.items()):
        line = series_line(name, width, seconds, LatencyStats.quick(counts))
        recent = window.get(name)
        shown = LatencyStats.quick(recent) if recent is not None else LatencyStats(0, 0.0, 0, 0, {50.0: 0, 99.0: 0})
        rate = shown.count / interval.seconds if interval.seconds else 0.0
        median, p99 = shown.percentiles_ns[50.0], shown.percentiles_ns[99.0]
        lines.append(
            f"{line} | last {interval.seconds:.1f} s: Count: {shown.count}, OPS: {rate:.1f}, "
            f"Avg(us): {_us(shown.mean_ns)}, 50th(us): {_us(median)}, "
            f"99th(us): {_us(p99)}, Max(us): {_us(shown.max_ns)}"
        )
    return lines


def final_lines(summary: Summary, show: Latency = Latency.BOTH) -> list[str]:
    """The result of a phase: how long, the table, where every operation went, the errors, and what the numbers are."""
    lines = [RULE, _headline(summary)]
    rows = _rows(summary.series, show)
    width = max(map(len, rows), default=0)
    lines += [
        series_line(name, width, summary.seconds, LatencyStats.of(counts)) for name, counts in sorted(rows.items())
    ]
    lines.append(_accounting_line(summary.accounting))
    lines += [_error_line(one) for one in summary.errors]
    if summary.attempts is not None:
        lines.append(_attempts_line(summary.attempts, summary.accounting.done))
    if summary.integrity_violations:
        lines.append(f"WRONG DATA: {summary.integrity_violations} reads; first: {_one_line(summary.integrity_example)}")
    lines.append(_latency_note(summary))
    if summary.accounting.done:
        lines.append(f"Client CPU: {summary.cpu_ns / summary.accounting.done / 1000:.1f} us an operation")
    if summary.client_load is not None:
        lines.append(_load_line(summary.client_load))
    return lines


def _headline(summary: Summary) -> str:
    word = {"load": "Load", "run": "Run", "warmup": "Warm-up"}[summary.phase]
    how = f"stopped by {summary.stopped_by}" if summary.stopped_by else "finished"
    return f"{word} {how}, takes {summary.seconds:.3f}s"


def _accounting_line(accounting: Accounting) -> str:
    parts = [f"{accounting.planned} planned = {accounting.ok} ok"]
    for name in ("not_found", "failed", "unknown", "dropped", "not_started"):
        count = getattr(accounting, name)
        if count:
            parts.append(f"{count} {name}")
    return "Operations: " + " + ".join(parts)


def _attempts_line(attempts: Attempts, operations: int) -> str:
    line = f"Attempts: {attempts.requests} requests for {operations} operations"
    if not attempts.failed:
        return line
    most_first = sorted(attempts.failed.items(), key=lambda one: (-one[1], one[0]))
    return f"{line}; not as asked for: {', '.join(f'{count} x {name}' for name, count in most_first)}"


def _load_line(load: ClientLoad) -> str:
    threads = "its thread" if load.threads == 1 else f"the busiest of {load.threads} threads"
    line = f"Client load: {threads} {load.cpu:.0%} on CPU, {load.waiting:.0%} waiting for one"
    return f"{line}: THE CLIENT WAS THE LIMIT, not the cluster" if load.is_limit else line


def _error_line(one: ErrorCount) -> str:
    first = f" (first: {_one_line(one.example)})" if one.example else ""
    return f"{one.kind} {one.outcome}: {one.count} x {one.error}{first}"


def _latency_note(summary: Summary) -> str:
    if summary.target is None:
        return (
            "Latencies: service time (sent to answered); without a target rate there is no intended start to count from"
        )
    return (
        f"Latencies: service time (sent to answered); {INTENDED}*: response time from the intended start "
        f"at {summary.target:g} a second, waiting included"
    )


def _rows(series: Mapping[str, Series], show: Latency) -> dict[str, LatencyCounts]:
    rows: dict[str, LatencyCounts] = {}
    for name, one in series.items():
        if one.response is None or show is not Latency.INTENDED:
            rows[name] = one.service
        if one.response is not None and show is not Latency.OP:
            rows[INTENDED + name] = one.response
    return rows


def _us(ns: float) -> int:
    return int(ns / 1000 + 0.5)


def _one_line(text: str, length: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"

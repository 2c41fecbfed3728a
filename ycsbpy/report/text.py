"""What a run prints: lines that go-ycsb's users and their scripts know, with what those leave out beside them.

Latencies are printed in whole microseconds, as go-ycsb prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.config.outputs import OutputSettings
from ycsbpy.config.values import Latency
from ycsbpy.measure.collector import INTENDED
from ycsbpy.measure.summary import LatencyStats
from ycsbpy.report.styles import Row, as_go_ycsb_names, rows, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ycsbpy.measure.summary import Accounting, Attempts, ClientLoad, ErrorCount, Interval, Series, Summary

__all__ = [
    "RULE",
    "facts",
    "final_lines",
    "headlines",
    "interval_lines",
    "properties_lines",
    "summary_table",
]

RULE = "*" * 46
_PLAIN = OutputSettings()


def properties_lines(properties: Mapping[str, str]) -> list[str]:
    """The properties in force between go-ycsb's rules, sorted."""
    title = " properties ".join(["*" * 17] * 2)
    return [title, *(f'"{name}"="{value}"' for name, value in sorted(properties.items())), RULE]


def interval_lines(interval: Interval, show: Latency = Latency.BOTH, settings: OutputSettings = _PLAIN) -> list[str]:
    """For each series the figures since the start, as go-ycsb prints them, and those of the window that just ended;
    ``show`` says which latencies of a paced run.

    go-ycsb prints only the first, in which after an hour nothing can be seen of a bad minute; so do its profile, and
    the styles that have fixed columns."""
    quick, ranks = LatencyStats.quick, settings.percentiles
    total = rows(_named(interval.total, settings), interval.end_ns / 1e9, show, quick, ranks)
    lines = styled(settings.style, total, ranks, as_go_ycsb=settings.as_go_ycsb)
    if settings.style != "plain" or settings.as_go_ycsb:
        return lines
    recent = {row.name: row for row in rows(interval.window, interval.seconds, show, quick, (50.0, 99.0))}
    nothing = LatencyStats(0, 0.0, 0, 0, {50.0: 0, 99.0: 0})
    for place, row in enumerate(total):
        last = recent.get(row.name, Row(row.name, interval.seconds, nothing))
        median, p99 = last.stats.percentiles_ns.values()
        lines[place] += (
            f" | last {interval.seconds:.1f} s: Count: {last.stats.count}, OPS: {last.rate:.1f}, "
            f"Avg(us): {_us(last.stats.mean_ns)}, 50th(us): {_us(median)}, "
            f"99th(us): {_us(p99)}, Max(us): {_us(last.stats.max_ns)}"
        )
    return lines


def final_lines(summary: Summary, show: Latency = Latency.BOTH) -> list[str]:
    """The result of a phase: how long, the table, where every operation went, the errors, and what the numbers are."""
    return [*headlines(summary), *summary_table(summary, show), *facts(summary)]


def headlines(summary: Summary) -> list[str]:
    """How long the phase took, and how it ended."""
    return [RULE, _headline(summary)]


def summary_table(summary: Summary, show: Latency, settings: OutputSettings = _PLAIN) -> list[str]:
    """The table of a phase in the style of ``settings``."""
    ranks = settings.percentiles
    found = rows(_named(summary.series, settings), summary.seconds, show, LatencyStats.of, ranks)
    return styled(settings.style, found, ranks, as_go_ycsb=settings.as_go_ycsb)


def facts(summary: Summary) -> list[str]:
    """What the table does not say: where every operation went, the errors, and what the numbers are."""
    lines = [_accounting_line(summary.accounting)]
    if summary.batch > 1:
        lines.append(f"Batches: each operation is one call for up to {summary.batch} records")
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


def _named(series: Mapping[str, Series], settings: OutputSettings) -> Mapping[str, Series]:
    return as_go_ycsb_names(series) if settings.as_go_ycsb else series


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


def _us(ns: float) -> int:
    return int(ns / 1000 + 0.5)


def _one_line(text: str, length: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"

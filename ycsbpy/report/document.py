"""A finished run as a document: what was asked, where it ran, what came out. JSON there and back.

The schema is versioned (``"schema": 1``); readers ignore what they don't know. Times are integers in nanoseconds, names
end in their unit; histograms are HdrHistogram V2 compressed, base64, so percentiles can be recomputed and runs merged
without error.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ycsbpy import __version__
from ycsbpy.errors import UsageError
from ycsbpy.measure.histogram import decode, encode
from ycsbpy.measure.summary import (
    Accounting,
    Attempts,
    ClientLoad,
    ErrorCount,
    LatencyStats,
    Series,
    Summary,
    WindowStats,
)

__all__ = ["SCHEMA", "Document", "check_writable", "environment", "read_document", "write_document"]

SCHEMA = 1

_LATER = ("attempts", "client_load", "batch")
"""Parts of a summary that reports of earlier versions do not have."""

_PACKAGES = ("hdrhistogram", "uvloop", "grpcio", "tikv-client", "tikv-python", "protobuf", "rocksdict")


@dataclass(frozen=True, slots=True)
class Document:
    """One command's result.

    ``config`` holds the properties that differ from their defaults, as text; ``everything`` all of them; ``cluster``
    says what was measured (``kind``: ``given``, ``playground``, ``local`` or ``embedded``); ``phases`` are in
    the order run.
    """

    command: str
    database: str
    profile: str
    seed: int
    config: Mapping[str, str]
    everything: Mapping[str, str]
    cluster: Mapping[str, str]
    driver: Mapping[str, str]
    phases: tuple[Summary, ...]
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Files that could not be written."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    written_at: str = ""


def environment() -> dict[str, Any]:
    """The machine and the versions, as far as they bear on a measurement."""
    versions = {"ycsbpy": __version__}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "hostname": platform.node(),
        "clock": time.get_clock_info("monotonic").implementation,
        "clock_resolution_ns": round(time.get_clock_info("monotonic").resolution * 1e9),
        "arguments": sys.argv[1:],
        "versions": versions,
    }


def write_document(document: Document, path: str) -> None:
    """Write it whole or not at all. Raises ``UsageError`` where the file cannot be written."""
    text = json.dumps(to_json(document), indent=1)
    target, partial = Path(path), _partial(path)
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def check_writable(path: str) -> None:
    """Find out before a long run whether its report can be written after it. Raises ``UsageError``."""
    partial = _partial(path)
    try:
        if Path(path).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _partial(path: str) -> Path:
    target = Path(path)
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


def read_document(path: str) -> Document:
    """Raises ``UsageError`` where the file is not one of ours."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        return from_json(found)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: not a report of ycsbpy: {type(error).__name__}: {error}") from error


def to_json(document: Document) -> dict[str, Any]:
    """A value of plain dictionaries, lists, strings and numbers."""
    found: dict[str, Any] = {"schema": SCHEMA, "tool": "ycsbpy"}
    for one in fields(document):
        value = getattr(document, one.name)
        found[one.name] = dict(value) if isinstance(value, Mapping) else value
    found["phases"] = [_summary_to_json(phase) for phase in document.phases]
    found["warnings"], found["problems"] = list(document.warnings), list(document.problems)
    return found


def from_json(found: Mapping[str, Any]) -> Document:
    """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    if not isinstance(found, dict):
        raise TypeError(f"a {type(found).__name__}, not an object")
    if found.get("tool") != "ycsbpy" or found["schema"] != SCHEMA:
        raise ValueError(f"schema {found.get('schema')!r} of {found.get('tool')!r}; this version reads {SCHEMA}")
    values = {one.name: found[one.name] for one in fields(Document) if one.name != "problems"}
    values["phases"] = tuple(_summary_from_json(phase) for phase in found["phases"])
    values["warnings"], values["problems"] = tuple(found["warnings"]), tuple(found.get("problems", ()))
    return Document(**values)


def _summary_to_json(summary: Summary) -> dict[str, Any]:
    found: dict[str, Any] = {one.name: getattr(summary, one.name) for one in fields(summary)}
    found["accounting"] = asdict(summary.accounting)
    found["by_kind"] = {kind: asdict(one) for kind, one in summary.by_kind.items()}
    found["series"] = {name: _series_to_json(one) for name, one in summary.series.items()}
    found["errors"] = [asdict(one) for one in summary.errors]
    found["attempts"] = None if summary.attempts is None else asdict(summary.attempts)
    load = summary.client_load
    found["client_load"] = None if load is None else {**asdict(load), "is_limit": load.is_limit}
    found["windows"] = [
        [window.start_ns, window.end_ns, {name: _stats_to_json(one) for name, one in window.stats.items()}]
        for window in summary.windows
    ]
    found["throughput"] = summary.throughput  # derived; for those who read the file without ycsbpy
    return found


def _summary_from_json(found: Mapping[str, Any]) -> Summary:
    values = {one.name: found[one.name] for one in fields(Summary) if one.name not in _LATER}
    attempts = found.get("attempts")
    values["attempts"] = None if attempts is None else Attempts(**attempts)
    load = found.get("client_load")
    values["client_load"] = None if load is None else ClientLoad(load["threads"], load["cpu"], load["waiting"])
    values["batch"] = found.get("batch", 1)
    values["accounting"] = Accounting(**found["accounting"])
    values["by_kind"] = {kind: Accounting(**one) for kind, one in found["by_kind"].items()}
    values["series"] = {name: _series_from_json(name, one) for name, one in found["series"].items()}
    values["errors"] = tuple(ErrorCount(**one) for one in found["errors"])
    values["windows"] = tuple(
        WindowStats(start, end, {name: _stats_from_json(one) for name, one in stats.items()})
        for start, end, stats in found["windows"]
    )
    return Summary(**values)


def _series_to_json(series: Series) -> dict[str, Any]:
    found = {"service": _counts_to_json(series.service)}
    if series.response is not None:
        found["response"] = _counts_to_json(series.response)
    return found


def _counts_to_json(counts: Any) -> dict[str, Any]:
    return {**_stats_to_json(LatencyStats.of(counts)), "sum_ns": counts.sum_ns, "histogram": encode(counts)}


def _series_from_json(name: str, found: Mapping[str, Any]) -> Series:
    service = _counts_from_json(found["service"])
    return Series(name, service, _counts_from_json(found["response"]) if "response" in found else None)


def _counts_from_json(found: Mapping[str, Any]) -> Any:
    return decode(found["histogram"], sum_ns=found["sum_ns"], min_ns=found["min_ns"], max_ns=found["max_ns"])


def _stats_to_json(stats: LatencyStats) -> dict[str, Any]:
    return {
        "count": stats.count,
        "mean_ns": stats.mean_ns,
        "min_ns": stats.min_ns,
        "max_ns": stats.max_ns,
        "percentiles_ns": {f"{rank:g}": value for rank, value in stats.percentiles_ns.items()},
    }


def _stats_from_json(found: Mapping[str, Any]) -> LatencyStats:
    ranks = {float(rank): int(value) for rank, value in found["percentiles_ns"].items()}
    return LatencyStats(found["count"], found["mean_ns"], found["min_ns"], found["max_ns"], ranks)

"""How the CPU benchmarks are run: rounds in fresh processes, medians with their spread, and the machine in the report.

A benchmark file makes a list of cases and hands it to ``main``. A case is a contestant under one of the file's claims:
a label, a function that prepares it, and what that returns, which does the work a given number of times. Each
measurement runs in a process of its own, so neither the state of a heap nor the order of cases can favour one, and the
cases take turns within a round, so a disturbance of the machine hits all of them. What is measured is CPU time of the
one thread that does the work, not time on a clock: a shared machine stretches the second far more than the first.

The parent never runs a case itself. It fails (exit code 1) when the median of a case is above its bar; a bar is a
promise in the documentation, and this is where it is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import thread_time_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Case", "main", "memcpy_ns_per_byte"]

COPIED = 16 * 1024
"""Bytes in one memcpy: few enough to stay in the first cache, as a row that was just made does."""


@dataclass(frozen=True)
class Case:
    """One row of the table. ``prepare()`` gives the function that does the work ``times`` times."""

    label: str
    times: int
    prepare: Callable[[], Callable[[int], object]]
    bar_ns: float | None = None
    bytes_each: Callable[[], float] | None = None
    """How many bytes one time makes, where a memcpy of as many is worth comparing with."""


@dataclass(frozen=True)
class Measured:
    """One process: CPU nanoseconds each time, and of a memcpy of the same bytes (0 where there are none)."""

    ns: float
    memcpy_ns: float


def memcpy_ns_per_byte() -> float:
    """CPU time that copying a byte takes in this process, from the first cache to the first cache."""
    source, target = memoryview(bytes(COPIED)), memoryview(bytearray(COPIED))
    rounds = 20_000
    for _ in range(rounds // 10):
        target[:] = source
    start = thread_time_ns()
    for _ in range(rounds):
        target[:] = source
    return (thread_time_ns() - start) / rounds / COPIED


def _measure(case: Case) -> Measured:
    run = case.prepare()
    run(max(1, case.times // 10))
    start = thread_time_ns()
    run(case.times)
    elapsed = thread_time_ns() - start
    copied = case.bytes_each() * memcpy_ns_per_byte() if case.bytes_each else 0.0
    return Measured(elapsed / case.times, copied)


def _measure_in_a_process(script: Path, place: int) -> Measured:
    done = subprocess.run(
        [sys.executable, str(script), "--one", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{script.name}: case {place} failed:\n{done.stderr}")
    return Measured(**json.loads(done.stdout))


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {name.strip(): value.strip() for name, value in facts.items()}
    wide = " with AVX-512" if "avx512dq" in named.get("flags", "") else ""
    return named.get("model name", platform.machine()) + wide


def machine(*packages: str) -> list[str]:
    """What the numbers depend on, in lines for the report."""
    versions = [f"CPython {platform.python_version()}"]
    for package in ("ycsbpy", *packages):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"{package} (not installed: run from the checkout)")
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return [
        f"{_cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; load average {load}",
        ", ".join(versions),
    ]


def _table(cases: Sequence[Case], results: Sequence[Sequence[Measured]], against: int | None) -> list[str]:
    """A Markdown table: median, spread, and what it is compared with."""
    medians = [statistics.median(one.ns for one in result) for result in results]
    rows = ["| case | CPU ns each | min … max | bar | compared |", "| --- | --: | --: | --: | --: |"]
    for place, (case, result) in enumerate(zip(cases, results, strict=True)):
        compared = ""
        if case.bytes_each is not None:
            copied = statistics.median(one.memcpy_ns for one in result)
            compared = f"{medians[place] / copied:.0f} x memcpy ({copied:.1f} ns)"
        elif against is not None:
            compared = f"1/{medians[against] / medians[place]:.0f}" if place != against else "1"
        bar = f"{case.bar_ns:g}" if case.bar_ns is not None else ""
        spread = f"{min(one.ns for one in result):.1f} … {max(one.ns for one in result):.1f}"
        rows.append(f"| {case.label} | {medians[place]:.1f} | {spread} | {bar} | {compared} |")
    return rows


def main(script: str, cases: Sequence[Case], *, against: int | None = None, packages: Sequence[str] = ()) -> int:
    """Run the cases of a benchmark file and print its table; ``against`` is the case that others are compared with.
    Returns the exit code."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="processes for each case (default: 9)")
    parser.add_argument("--json", type=Path, help="write all measurements here as well")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(_measure(cases[options.one]).__dict__))
        return 0
    results: list[list[Measured]] = [[] for _ in cases]
    for _ in range(options.rounds):
        for place in range(len(cases)):
            results[place].append(_measure_in_a_process(Path(script), place))
    print(*machine(*packages), f"{options.rounds} processes for each case", "", sep="\n")
    print(*_table(cases, results, against), sep="\n")
    if options.json is not None:
        measured = {case.label: [one.__dict__ for one in result] for case, result in zip(cases, results, strict=True)}
        options.json.write_text(json.dumps({"machine": machine(*packages), "cases": measured}, indent=1) + "\n")
    missed = [
        case.label
        for case, result in zip(cases, results, strict=True)
        if case.bar_ns is not None and statistics.median(one.ns for one in result) > case.bar_ns
    ]
    if missed:
        print(f"\nabove the bar: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0

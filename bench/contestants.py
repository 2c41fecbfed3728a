"""Whole commands as contestants: ``ycsbpy load`` and ``run`` with one of its drivers, and go-ycsb.

The CPU of a command of ours is the phase's own (user and system, all threads, from the report); of go-ycsb's it is the
whole process's, whose start is some 16 ms of it.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PHASES", "Result", "go_ycsb", "ycsbpy"]

PHASES = {"load": ("load", "workloada"), "A": ("run", "workloada"), "C": ("run", "workloadc")}
WORKLOADS = Path(__file__).parents[1] / "workloads"


@dataclass(frozen=True)
class Result:
    """Operations a second, client CPU in microseconds an operation, service times in microseconds."""

    rate: float
    cpu_us: float
    p50_us: float
    p99_us: float


def ycsbpy(driver: str, phase: str, properties: dict[str, object]) -> Result:
    """One command of ours, all of whose operations must succeed."""
    command, workload = PHASES[phase]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        arguments = [f"-p{name}={value}" for name, value in {"tikv.driver": driver, **properties}.items()]
        done = subprocess.run(
            [sys.executable, "-m", "ycsbpy", command, "-P", workload, *arguments, "--json", str(report)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{driver}, {phase}: {done.stderr}")
        found = json.loads(report.read_text())["phases"][0]
    ended = found["accounting"]["ok"]
    values = found["series"]["TOTAL"]["service"]["percentiles_ns"]
    return Result(
        ended / found["elapsed_ns"] * 1e9, found["cpu_ns"] / ended / 1e3, values["50"] / 1e3, values["99"] / 1e3
    )


def go_ycsb(binary: str, phase: str, properties: dict[str, object]) -> Result:
    """One command of go-ycsb's, as it ships but for the properties."""
    command, workload = PHASES[phase]
    arguments = [part for name, value in properties.items() for part in ("-p", f"{name}={value}")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [binary, command, "tikv", "-P", str(WORKLOADS / workload), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = re.findall(r"^TOTAL\s.*OPS: ([\d.]+).*50th\(us\): (\d+).*99th\(us\): (\d+)", done.stdout, re.MULTILINE)
    if done.returncode or not lines:
        raise SystemExit(f"go-ycsb, {phase}: {done.stdout[-500:]} {done.stderr[-500:]}")
    rate, p50, p99 = (float(value) for value in lines[-1])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = int(str(properties["recordcount" if command == "load" else "operationcount"]))
    return Result(rate, cpu / count * 1e6, p50, p99)

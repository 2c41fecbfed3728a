"""What counting a latency costs, and what writing every operation down costs a run.

    python bench/bench_recording.py

Claims: at most 5 ns of CPU for a value that is counted natively; raw lines (``measurementtype=raw``) take at most
15 % of the throughput of the memory driver, the fastest there is in Python.

First table: the values are lognormal around half a millisecond, a million of them, so that buckets are hit as a run
hits them. The rows with "a call from Python" include that call: they are what an event loop in Python pays, and the
row of the ``hdrhistogram`` package is what it would pay there.

Second table: workload A on the memory driver (asyncio) and on the native engine against a server that keeps nothing,
without output, with raw lines into a file, and with an interval log; a process each, in turns, median of the rounds.
CPU is the process's, all threads, the one that writes included: what it grew by is what throughput falls by where all
threads share one core. The bar is missed where both, the rates and the CPU, say that more is lost: rates alone swing
by more than that on a machine that others use.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from array import array
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import Case, main
from hdrh.histogram import HdrHistogram

import ycsbpy
from ycsbpy._native.recording import (
    HIGHEST_NS,
    LOWEST_NS,
    SIGNIFICANT_DIGITS,
    LatencyCounts,
    Recorder,
    SampleQueue,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.nullcluster import NullCluster

VALUES = 1_000_000


def latencies(size: int) -> array[int]:
    generator = random.Random(1)
    return array("Q", (int(generator.lognormvariate(13, 1)) for _ in range(size)))


def natively() -> Callable[[int], object]:
    values, counts = latencies(VALUES), LatencyCounts()

    def run(times: int) -> None:
        for _ in range(times // VALUES):
            counts.record_all(values)
        assert counts.total >= times // VALUES * VALUES

    return run


def by_calls() -> Callable[[int], object]:
    values, record = latencies(VALUES // 10), LatencyCounts().record

    def run(times: int) -> None:
        for _ in range(times // len(values)):
            for value in values:
                record(value)

    return run


def in_a_recorder() -> Callable[[int], object]:
    values, record = latencies(VALUES // 10), Recorder(6, 4, response=True).record

    def run(times: int) -> None:
        for _ in range(times // len(values)):
            for value in values:
                record(0, 0, 1000, 2000, 2000 + value)

    return run


def in_hdrhistogram() -> Callable[[int], object]:
    values = latencies(VALUES // 10)
    record = HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS).record_value

    def run(times: int) -> None:
        for _ in range(times // len(values)):
            for value in values:
                record(value)

    return run


def with_samples() -> Callable[[int], object]:
    values = latencies(VALUES // 10)
    samples = SampleQueue([[("READ", "OK", True)] * 4] * 6, wide=True, totals=False)
    samples.begin(0, paced=True)
    record = Recorder(6, 4, response=True, samples=samples).record

    def run(times: int) -> None:
        for _ in range(times // len(values)):
            for value in values:
                record(0, 0, 1000, 2000, 2000 + value)
            samples.take(0)  # the same thread pays for the lines too

    return run


CASES = [
    Case("hdrhistogram.record_value", 500_000, in_hdrhistogram),
    Case("LatencyCounts, natively", 50_000_000, natively, 5),
    Case("LatencyCounts.record, a call from Python", 2_000_000, by_calls),
    Case("Recorder.record, a call from Python (service and response)", 2_000_000, in_a_recorder),
    Case("the same with a raw line made of each", 2_000_000, with_samples),
]

OUTPUTS = ("none", "raw", "hlog")
OPERATIONS = {"memory": 1_000_000, "native": 2_000_000}
LABELS = {"memory": "memory driver, asyncio", "native": "native engine, null server", "none": "no output",
          "raw": "raw lines", "hlog": "interval log"}  # fmt: skip
ROUNDS = 5
MOST_LOST = 0.15
"""Share of the memory driver's throughput that raw lines may take."""


@dataclass(frozen=True)
class Ran:
    """Operations a second, and CPU microseconds an operation."""

    rate: float
    cpu_us: float


def run_once(runner: str, output: str) -> Ran:
    """Workload A once, in this process."""
    from ycsbpy.nullcluster import NullCluster

    with tempfile.TemporaryDirectory() as folder, NullCluster() if runner == "native" else nullcontext() as cluster:
        properties: dict[str, object] = {
            "threadcount": 128 if runner == "native" else 16,
            "operationcount": OPERATIONS[runner],
            "status": False,
            "seed": 1,
        }
        if output == "raw":
            properties |= {"measurementtype": "raw", "measurement.output_file": f"{folder}/raw.csv"}
        elif output == "hlog":
            properties["measurement.hlog"] = f"{folder}/run.hlog"
        properties |= _of(runner, cluster)
        database = "tikv" if runner == "native" else "memory"
        summary = ycsbpy.run("workloada", database=database, properties=properties)
    assert summary.accounting.ok == OPERATIONS[runner]
    return Ran(summary.throughput, summary.cpu_ns / summary.accounting.done / 1000)


def _of(runner: str, cluster: NullCluster | None) -> dict[str, object]:
    if runner != "native":
        return {}
    assert cluster is not None
    return {"tikv.pd": cluster.endpoint, "tikv.driver": "native", "native.threads": 1}


def run_in_a_process(runner: str, output: str) -> Ran:
    done = subprocess.run(
        [sys.executable, __file__, "--run", runner, output], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{runner}, {output}: {done.stderr}")
    return Ran(**json.loads(done.stdout))


def outputs_table() -> bool:
    """Print the second table; returns whether raw lines cost no more than they may."""
    print("\n| run | operations/s | min … max | CPU us each | operations/s / without | CPU / without |")
    print("| --- | --: | --: | --: | --: | --: |")
    fine = True
    for runner in OPERATIONS:
        rounds = [{output: run_in_a_process(runner, output) for output in OUTPUTS} for _ in range(ROUNDS)]
        for output in OUTPUTS:
            rates = [one[output].rate for one in rounds]
            cpu = statistics.median(one[output].cpu_us for one in rounds)
            # of the same round, so that what disturbs the machine for a while is in both
            share = statistics.median(one[output].rate / one["none"].rate for one in rounds)
            dearer = statistics.median(one[output].cpu_us / one["none"].cpu_us for one in rounds)
            print(
                f"| {LABELS[runner]}, {LABELS[output]} | {statistics.median(rates):,.0f} | "
                f"{min(rates):,.0f} … {max(rates):,.0f} | {cpu:.2f} | {share:.2f} | {dearer:.2f} |"
            )
            if runner == "memory" and output == "raw" and max(share, 1 / dearer) < 1 - MOST_LOST:
                fine = False
    return fine


def everything() -> int:
    """Both tables; returns the exit code."""
    code = main(__file__, CASES, against=0, packages=["hdrhistogram"])
    if "--one" in sys.argv:
        return code
    if not outputs_table():
        print(f"\nraw lines take more than {MOST_LOST:.0%}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run_once(*sys.argv[2:]).__dict__))
    else:
        sys.exit(everything())

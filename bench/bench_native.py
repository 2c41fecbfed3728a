"""Whole commands side by side: what each TiKV driver gives and costs the client, native against the others.

    python bench/bench_native.py                      # on a mini-cluster of its own, a few minutes
    python bench/bench_native.py --pd 10.0.1.5:2379   # on a real cluster; loads table ``benchnative``
    YCSBPY_GO_YCSB=/path/to/go-ycsb python bench/bench_native.py

Each measurement is a process of its own: ``ycsbpy load`` or ``run`` with a driver, or go-ycsb with the same property
file and rows. Its CPU is the phase's own for ycsbpy (user and system, all threads, from the report) and the whole
process's for go-ycsb. Contestants take turns within a round; a cell is the median of the rounds. The last column is
the CPU an operation costs, as a multiple of native's.

On the mini-cluster, client and servers share the machine: operations per second say what the servers can do with what
the client leaves them, CPU per operation is the client's own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contestants import PHASES, Result, go_ycsb, ycsbpy
from harness import machine

from ycsbpy.minicluster import MiniCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "benchnative"
HEAD = """| driver | ops/s | client CPU us/op | p50 us | p99 us | x native's CPU |
|---|--:|--:|--:|--:|--:|"""
DRIVERS = ("native", "tikv-client", "tikv-python")


@dataclass(frozen=True)
class Shape:
    """How many clients over how many connections, and how many operations for the quick and the slow contestants."""

    clients: int
    connections: int
    native: int
    others: int


SHAPES = (
    Shape(1, 1, 2_000, 1_000),
    Shape(16, 1, 20_000, 3_000),
    Shape(16, 16, 20_000, 3_000),
    Shape(64, 1, 50_000, 5_000),
    Shape(256, 1, 100_000, 5_000),
    Shape(1024, 4, 100_000, 5_000),
)


def ours(pd: str, driver: str, phase: str, shape: Shape, records: int) -> Result:
    """One command of ours."""
    count = shape.native if driver == "native" else shape.others
    return ycsbpy(
        driver,
        phase,
        {
            "tikv.pd": pd,
            "tikv.conncount": shape.connections,
            "table": TABLE,
            "recordcount": count if phase == "load" else records,
            "operationcount": count,
            "threadcount": shape.clients,
        },
    )


def theirs(binary: str, pd: str, phase: str, shape: Shape, records: int) -> Result:
    """One command of go-ycsb's."""
    count = shape.others
    return go_ycsb(
        binary,
        phase,
        {
            "tikv.pd": pd,
            "tikv.conncount": shape.connections,
            "table": f"{TABLE}go",
            "recordcount": count if phase == "load" else min(records, 5_000),
            "operationcount": count,
            "threadcount": shape.clients,
        },
    )


@contextlib.contextmanager
def cluster(pd: str | None) -> Iterator[str]:
    """The cluster to use."""
    if pd is not None:
        yield pd
        return
    with MiniCluster() as started:
        started.wait_replicated()
        yield started.pd_address


def row(name: str, results: list[Result], native: float) -> tuple[str, float]:
    """A line of the table, and the median CPU."""
    cpu = statistics.median(result.cpu_us for result in results)
    rate = statistics.median(result.rate for result in results)
    p50 = statistics.median(result.p50_us for result in results)
    p99 = statistics.median(result.p99_us for result in results)
    ratio = f"{cpu / native:.1f}" if native else "1"
    return f"| {name:11} | {rate:,.0f} | {cpu:.2f} | {p50:,.0f} | {p99:,.0f} | {ratio} |", cpu


def show(results: dict[str, list[Result]]) -> None:
    """The lines of one table; native, where it took part, is first."""
    native = 0.0
    for name, found in results.items():
        line, cpu = row(name, found, native)
        native = native or (cpu if name == "native" else 0.0)
        print(line, flush=True)


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pd")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--drivers", default=",".join(DRIVERS))
    arguments = parser.parse_args()
    drivers = arguments.drivers.split(",")
    binary = os.environ.get("YCSBPY_GO_YCSB", "")
    print(*machine("tikv-client"), sep="\n")
    with cluster(arguments.pd) as pd:
        ours(pd, "native", "load", Shape(64, 1, arguments.records, 0), arguments.records)
        if binary:
            theirs(binary, pd, "load", Shape(64, 1, 0, 5_000), 0)
        for phase in PHASES:
            for shape in SHAPES:
                print(f"\n{phase}, threadcount {shape.clients}, conncount {shape.connections}\n")
                print(HEAD)
                results: dict[str, list[Result]] = {}
                for _ in range(arguments.rounds):
                    for driver in drivers:
                        one = ours(pd, driver, phase, shape, arguments.records)
                        results.setdefault(driver, []).append(one)
                    if binary:
                        results.setdefault("go-ycsb", []).append(theirs(binary, pd, phase, shape, arguments.records))
                show(results)


if __name__ == "__main__":
    main()

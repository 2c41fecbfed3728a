"""Whether the latencies of the native driver are true: beside the store's own, over sockets.

    python bench/bench_latency_truth.py

A null store holds commands back for 2 ms, an exponential time with a mean of 3 ms more, and one message in 100 another
40 ms, and times each by its own clock from having read it to writing the answer. The driver times the same operations
from outside. What the two differ by is the way there and back, the loop's own time, and what waits behind it; it can
never be negative. Claims: at most 250 us at the median and 5 % at the 99th percentile, alone and with 64 clients on one
connection, as fast as it goes and at a target rate (exit code 1 when one is missed).
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import NamedTuple

from contestants import ycsbpy
from harness import machine

from ycsbpy.nullcluster import NullCluster

MEDIAN_BAR_US = 250.0
TAIL_BAR = 0.05
SECONDS = 5
MEAN_S = 0.0054
"""How long an operation takes, about."""


class Cell(NamedTuple):
    """One row; a target of 0 is as fast as it goes."""

    phase: str
    clients: int
    target: int

    @property
    def label(self) -> str:
        rate = f"{self.target:,}/s" if self.target else "as fast as it goes"
        return f"{self.phase}, {self.clients}, {rate}"

    @property
    def operations(self) -> int:
        return round(SECONDS * (self.target or self.clients / MEAN_S))


CELLS = [Cell("C", 1, 0), Cell("C", 16, 0), Cell("C", 64, 0), Cell("load", 64, 0), Cell("C", 64, 2_000)]


class Times(NamedTuple):
    """Microseconds: the store's, and the driver's."""

    store_p50: float
    p50: float
    store_p99: float
    p99: float


def measure(cell: Cell, cluster: NullCluster) -> Times:
    """One command. Messages that carry many commands are one draw of the delay, so the driver's messages are kept
    short."""
    properties: dict[str, object] = {"tikv.pd": cluster.endpoint, "threadcount": cell.clients, "native.threads": 1}
    properties["recordcount"] = cell.operations if cell.phase == "load" else 1000
    properties |= {"operationcount": cell.operations, "tikv.batchsize": 1}
    if cell.target:
        properties["target"] = cell.target
    cluster.times()
    result = ycsbpy("native", cell.phase, properties)
    took = cluster.times()
    if took["count"] != cell.operations:
        raise SystemExit(f"{cell.label}: the store has seen {took['count']} commands of {cell.operations}")
    return Times(took["p50_ns"] / 1e3, result.p50_us, took["p99_ns"] / 1e3, result.p99_us)


def main() -> int:
    """Run the cells in turn, print the table, say which claims are missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="commands for each row (default: 3)")
    rounds = parser.parse_args().rounds
    measured: dict[Cell, list[Times]] = {cell: [] for cell in CELLS}
    with NullCluster(delay_us=2_000, mean_us=3_000, rare_every=100, rare_us=40_000) as cluster:
        for number in range(rounds):
            for cell in CELLS:
                print(f"round {number + 1}: {cell.label}", file=sys.stderr)
                measured[cell].append(measure(cell, cluster))
    print(*machine(), f"{rounds} rounds", "", sep="\n")
    print("| case | p50 us store | p50 us driver | more | p99 us store | p99 us driver | more |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    missed = []
    for cell, rows in measured.items():
        store_p50, p50, store_p99, p99 = (statistics.median(column) for column in zip(*rows, strict=True))
        more = statistics.median(row.p50 - row.store_p50 for row in rows)
        tail = statistics.median(row.p99 / row.store_p99 - 1 for row in rows)
        print(f"| {cell.label} | {store_p50:,.0f} | {p50:,.0f} | {more:,.0f} us ", end="")
        print(f"| {store_p99:,.0f} | {p99:,.0f} | {tail:.1%} |")
        if not -1 <= more <= MEDIAN_BAR_US or not -0.002 <= tail <= TAIL_BAR:
            missed.append(cell.label)
    if missed:
        print(f"\nmissed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

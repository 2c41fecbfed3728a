"""What a TiKV driver costs and can do when the cluster is infinitely fast: against a null server, side by side.

    python bench/bench_driver.py                                    # the whole grid, about 15 minutes a round
    python bench/bench_driver.py --quick                            # the cells that bars are set on
    YCSBPY_GO_YCSB=/path/to/go-ycsb python bench/bench_driver.py    # with go-ycsb

Claims, each a bar (exit code 1 when one is missed): at most 2 us of client CPU an operation of workload A with rows of
a kilobyte, where 16 or more are in flight on a connection, and there at most a twentieth of what another client needs;
300,000 operations a second from one thread of the driver; at most 10 us a record of a load of 16 clients on 16
connections to each of three stores; with one client a median at most 15 us above bare TCP's.

The server is ``ycsbpy.nullcluster``: TiKV's protocol spoken by one native thread, which finds the same row for every
read and acknowledges every write, behind a PD. Every measurement is a process of its own, a whole command with one OS
thread of the engine; contestants take turns within a round, and a cell is the median of the rounds. "Bare TCP" is
``echo.cpp`` with the bytes that native has sent and received for an operation in this cell, as many exchanges, the same
number in flight and of connections: what is left to a client that has no protocol and decides nothing.

Processors are kept from sleeping meanwhile (``awake.py`` says how and why), for every contestant and for bare TCP: a
store under load does not sleep either. ``--let-sleep`` leaves them alone; bars are then judged as well.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from awake import processors_awake
from contestants import PHASES, Result, go_ycsb, ycsbpy
from harness import machine

from ycsbpy.nullcluster import NullCluster

HERE = Path(__file__).parent
RECORDS = 100_000
FLOOR = "bare TCP"
NATIVE = "native"
GO = "go-ycsb"
SEVERAL = 3


class Cell(NamedTuple):
    """One row of the table."""

    phase: str
    clients: int
    connections: int
    stores: int = 1

    @property
    def label(self) -> str:
        where = f", {self.stores} stores" if self.stores > 1 else ""
        return f"{self.phase}, {self.clients} / {self.connections}{where}"

    @property
    def crowded(self) -> bool:
        """16 or more in flight on each connection."""
        return self.clients >= 16 * self.connections * self.stores

    def count(self, contestant: str) -> int:
        """Operations: some seconds of the quick ones, fewer of the slow."""
        if contestant == NATIVE:
            return 20_000 if self.clients == 1 else 200_000 if self.clients == 16 else 500_000
        return 3_000 if self.clients == 1 else 10_000 if contestant != GO else 20_000


GRID = [
    *(Cell(phase, clients, width) for phase in PHASES for clients in (1, 16, 64, 256, 1024) for width in (1, 4, 16)),
    Cell("load", 16, 16, SEVERAL),
]
QUICK = [
    *(Cell(phase, 1, 1) for phase in PHASES),
    *(Cell("A", clients, 1) for clients in (16, 64, 256)),
    Cell("A", 1024, 16),
    Cell("A", 16, 16),
    Cell("load", 16, 16, SEVERAL),
]


@dataclass(frozen=True)
class Traffic:
    """What one operation of a cell is on the wire, from native's own run: exchanges, bytes and batches."""

    exchanges: float
    request: float
    answer: float
    batch: float
    """Commands in one message."""


Results = dict[Cell, dict[str, list[Result]]]


def main() -> int:
    """Run the grid, print its tables, say which bars are missed."""
    given = arguments()
    binary = os.environ.get("YCSBPY_GO_YCSB", "")
    contestants = [*given.drivers.split(","), *([GO] if binary else [])]
    cells = [cell for cell in (QUICK if given.quick else GRID) if not given.only or cell.phase in given.only]
    results: Results = {cell: {} for cell in cells}
    traffic: dict[Cell, Traffic] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        NullCluster(stores=1) as one,
        NullCluster(stores=SEVERAL) as several,
        nullcontext(0) if given.let_sleep else processors_awake() as awake,
    ):
        echo = build(Path(folder))
        for number in range(given.rounds):
            for cell in cells:
                print(f"round {number + 1}: {cell.label}", file=sys.stderr)
                cluster = one if cell.stores == 1 else several
                for name in contestants:
                    result, seen = measure(name, cell, cluster, binary)
                    results[cell].setdefault(name, []).append(result)
                    if name == NATIVE:
                        traffic[cell] = seen
                if cell in traffic:
                    results[cell].setdefault(FLOOR, []).append(floor(echo, cell, traffic[cell]))
    wakeful = f"{awake} processors kept awake" if awake else "processors may sleep"
    print(*machine("tikv-client", "grpcio"), f"{given.rounds} rounds, {wakeful}", "", sep="\n")
    print(*table(results, traffic), "", *latencies(results), "", sep="\n")
    missed = bars(results)
    if given.json:
        given.json.write_text(json.dumps(document(results, traffic), indent=1) + "\n")
    return 1 if missed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the cells that bars are set on")
    parser.add_argument("--let-sleep", action="store_true", help="do not keep the processors awake")
    parser.add_argument("--only", type=lambda text: text.split(","), help="load, A or C, separated by commas")
    parser.add_argument("--drivers", default=f"{NATIVE},tikv-client", help="which, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds there")
    return parser.parse_args()


def build(folder: Path) -> Path:
    """Compile bare TCP."""
    program = folder / "echo"
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    source = [f"-I{HERE.parent / 'ext'}", str(HERE / "echo.cpp"), "-o", str(program)]
    subprocess.run([*compiler, "-std=c++20", "-O3", "-pthread", *source], check=True)
    return program


def measure(name: str, cell: Cell, cluster: NullCluster, binary: str) -> tuple[Result, Traffic]:
    """One command on a cluster, and what the stores saw of it."""
    count = cell.count(name)
    properties: dict[str, object] = {
        "tikv.pd": cluster.endpoint,
        "tikv.conncount": cell.connections,
        "threadcount": cell.clients,
        "recordcount": count if cell.phase == "load" else RECORDS,
        "operationcount": count,
    }
    before = cluster.counts()
    if name == GO:
        result = go_ycsb(binary, cell.phase, properties)
    else:
        own = {"native.threads": 1} if name == NATIVE else {}
        result = ycsbpy(name, cell.phase, {**properties, **own})
    after = cluster.counts()
    seen = {key: after[key] - before[key] for key in after}
    commands = seen["commands"]
    return result, Traffic(
        commands / count, seen["bytes_in"] / commands, seen["bytes_out"] / commands, commands / max(1, seen["batches"])
    )


def floor(echo: Path, cell: Cell, traffic: Traffic) -> Result:
    """The same exchanges without a protocol, as if an operation were one after the other of them."""
    count = 5 * cell.count(NATIVE) if cell.clients > 1 else cell.count(NATIVE)
    numbers = [traffic.request, traffic.answer, cell.clients, cell.connections * cell.stores, count]
    done = subprocess.run([echo, *(str(round(n)) for n in numbers)], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    times = traffic.exchanges
    return Result(found["rate"] / times, found["cpu_us"] * times, found["p50_us"] * times, found["p99_us"] * times)


def middle(results: list[Result], figure: str) -> float:
    """The median over the rounds."""
    return float(statistics.median(getattr(one, figure) for one in results))


def names(results: Results) -> list[str]:
    """The contestants, native first, bare TCP last."""
    return list(next(iter(results.values())))


def table(results: Results, traffic: dict[Cell, Traffic]) -> list[str]:
    """Operations a second and CPU."""
    who = names(results)
    others = [name for name in who if name not in {NATIVE, FLOOR}]
    head = [
        "case",
        *(f"ops/s {name}" for name in who),
        *(f"CPU us/op {name}" for name in who),
        *(f"{name}'s CPU / native's" for name in others),
        "commands a message",
    ]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' --: |' * (len(head) - 1)}"]
    for cell, found in results.items():
        native = middle(found[NATIVE], "cpu_us") if NATIVE in found else 0.0
        cells = [
            cell.label,
            *(f"{middle(found[name], 'rate'):,.0f}" for name in who),
            *(f"{middle(found[name], 'cpu_us'):.2f}" for name in who),
            *(f"{middle(found[name], 'cpu_us') / native:.1f}" if native else "" for name in others),
            f"{traffic[cell].batch:.1f}" if cell in traffic else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def latencies(results: Results) -> list[str]:
    """Service times: medians and 99th percentiles."""
    who = names(results)
    head = ["case", *(f"p50 us {name}" for name in who), *(f"p99 us {name}" for name in who)]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' --: |' * (len(head) - 1)}"]
    for cell, found in results.items():
        figures = [f"{middle(found[name], key):,.0f}" for key in ("p50_us", "p99_us") for name in who]
        lines.append(f"| {cell.label} | {' | '.join(figures)} |")
    return lines


def bars(results: Results) -> list[str]:
    """Print each bar with what was measured; return those that are missed."""
    missed = []
    for name, value, bar, at_most in judged(results):
        good = value <= bar if at_most else value >= bar
        print(f"{'met   ' if good else 'MISSED'}  {name}: {value:,.2f} (bar: {bar:,g})")
        if not good:
            missed.append(name)
    return missed


def judged(results: Results) -> list[tuple[str, float, float, bool]]:
    """The bars that the cells at hand are about: name, value, bar, whether that is the most (or the least)."""
    found: list[tuple[str, float, float, bool]] = []
    rates = [middle(by[NATIVE], "rate") for cell, by in results.items() if NATIVE in by and cell.phase == "A"]
    if rates:
        found.append(("operations a second from one thread, best of workload A", max(rates), 300_000, False))
    for cell, by in results.items():
        if NATIVE not in by:
            continue
        cpu = middle(by[NATIVE], "cpu_us")
        if cell.phase == "A" and cell.crowded:
            found.append((f"CPU us an operation, {cell.label}", cpu, 2.0, True))
            for other in by.keys() - {NATIVE, FLOOR}:
                ratio = middle(by[other], "cpu_us") / cpu
                found.append((f"{other}'s CPU as a multiple of native's, {cell.label}", ratio, 20.0, False))
        if cell.stores > 1:
            found.append((f"CPU us a record, {cell.label}", cpu, 10.0, True))
        if (cell.clients, cell.connections) == (1, 1) and cell.phase != "A":  # A has operations of two kinds
            above = middle(by[NATIVE], "p50_us") - middle(by[FLOOR], "p50_us")
            found.append((f"median above bare TCP's in us, {cell.label}", above, 15.0, True))
    return found


def document(results: Results, traffic: dict[Cell, Traffic]) -> dict[str, object]:
    return {
        "machine": machine("tikv-client", "grpcio"),
        "cells": [
            {
                **cell._asdict(),
                "traffic": asdict(traffic[cell]) if cell in traffic else None,
                "results": {name: [asdict(one) for one in rounds] for name, rounds in found.items()},
            }
            for cell, found in results.items()
        ],
    }


if __name__ == "__main__":
    sys.exit(main())

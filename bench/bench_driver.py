"""What each driver costs and gives, side by side: operations per second, client CPU, latency.

    python bench/bench_driver.py                      # on a mini-cluster of its own
    python bench/bench_driver.py --pd 10.0.1.5:2379   # on a real cluster; loads table ``benchdriver``

For a load (inserts of 10 fields of 100 bytes) and for workload A (half reads, half updates, zipfian), with 1, 16 and
64 clients. The operations are drawn beforehand; a client awaits one call of the driver after the other, by public
calls only. Every measurement runs in a process of its own, so its CPU time (user and system, all threads of the
library included) is the client's alone; drivers take turns within a round, and a table cell is the median of the
rounds with their spread.

How to read it: the row of ``memory`` is what the loop itself costs. On a mini-cluster client and servers share the
machine, so operations per second say how the drivers compare and nothing about TiKV; CPU per operation is the
client's own either way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING

import uvloop
from harness import machine

from ycsbpy._native.recording import LatencyCounts
from ycsbpy.config import make_config
from ycsbpy.drivers.base import Driver
from ycsbpy.drivers.registry import driver_class
from ycsbpy.ops import Outcome
from ycsbpy.runner.calls import method_table
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ycsbpy.ops import Operation

TABLE = "benchdriver"
PACKAGES = ("tikv-client", "tikv-python", "grpcio", "uvloop")
DRAWN = 20_000
WORKLOADS = {
    "load": {},
    "A": {"readproportion": 0.5, "updateproportion": 0.5, "requestdistribution": "zipfian"},
}


@dataclass(frozen=True)
class Round:
    """One measurement: what to run, and for how long."""

    driver: str
    workload: str
    clients: int
    connections: int
    records: int
    seconds: float
    pd: str


@dataclass(frozen=True)
class Measured:
    """What came out of one round; latencies are service times."""

    operations: int
    not_ok: int
    seconds: float
    cpu_us_per_operation: float
    p50_us: float
    p99_us: float


def main() -> int:
    given = arguments()
    if given.round:
        print(json.dumps(asdict(uvloop.run(measure(Round(**json.loads(given.round)))))))
        return 0
    with cluster(given.pd) as pd:
        results = run_all(given, pd)
    print(*machine(*PACKAGES), where(given), "", table(results), sep="\n")
    if given.json:
        Path(given.json).write_text(json.dumps(document(given, results), indent=2) + "\n")
    return 1 if any(done.not_ok for rounds in results.values() for done in rounds) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--drivers", default="memory,tikv-client,tikv-python", help="which, separated by commas")
    parser.add_argument("--clients", default="1,16,64", help="closed-loop clients, separated by commas")
    parser.add_argument("--connections", type=int, default=1, help="tikv.conncount")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--pd", default="", help="a real cluster's PD; a mini-cluster is started without it")
    parser.add_argument("--json", metavar="FILE", help="write all rounds there")
    parser.add_argument("--round", help=argparse.SUPPRESS)
    return parser.parse_args()


@contextlib.contextmanager
def cluster(pd: str) -> Iterator[str]:
    if pd:
        yield pd
        return
    from ycsbpy.minicluster import MiniCluster

    with MiniCluster() as embedded:
        yield ",".join(embedded.endpoints)


def run_all(given: argparse.Namespace, pd: str) -> dict[Round, list[Measured]]:
    """Every driver, workload and number of clients, ``--rounds`` times; a load comes before its workload A."""
    results: dict[Round, list[Measured]] = {}
    for number in range(given.rounds):
        for workload in WORKLOADS:
            for clients in map(int, given.clients.split(",")):
                for driver in given.drivers.split(","):
                    one = Round(driver, workload, clients, given.connections, given.records, given.seconds, pd)
                    print(f"round {number + 1}: {workload}, {clients} clients, {driver}", file=sys.stderr)
                    command = [sys.executable, __file__, "--round", json.dumps(asdict(one))]
                    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                    results.setdefault(one, []).append(Measured(**json.loads(done.stdout)))
    return results


async def measure(one: Round) -> Measured:
    """Run one round in this process."""
    workload, driver = prepared(one)
    await driver.open()
    try:
        loading = [workload.draw(Phase.LOAD, number) for number in range(one.records)]
        if one.workload != "load":
            await clients_run(driver, loading, clients=32, deadline_ns=None)
        operations = loading if one.workload == "load" else [workload.draw(Phase.RUN, i) for i in range(DRAWN)]
        await clients_run(driver, operations[:200], one.clients, None)  # connections and caches are warm
        started, cpu = monotonic_ns(), cpu_seconds()
        counts, not_ok = await clients_run(driver, operations, one.clients, started + int(one.seconds * 1e9))
        cpu, seconds = cpu_seconds() - cpu, (monotonic_ns() - started) / 1e9
    finally:
        await driver.close()
    return Measured(
        counts.total,
        not_ok,
        seconds,
        cpu / counts.total * 1e6,
        counts.value_at_percentile(50) / 1e3,
        counts.value_at_percentile(99) / 1e3,
    )


def prepared(one: Round) -> tuple[CoreWorkload, Driver]:
    config = make_config(
        {
            "table": TABLE,
            "recordcount": one.records,
            "operationcount": DRAWN,
            "tikv.pd": one.pd,
            "tikv.conncount": one.connections,
            **WORKLOADS[one.workload],
        }
    )
    driver = driver_class(one.driver).from_config(config)
    assert isinstance(driver, Driver)
    return CoreWorkload.from_config(config, seed=1), driver


async def clients_run(
    driver: Driver, operations: Sequence[Operation], clients: int, deadline_ns: int | None
) -> tuple[LatencyCounts, int]:
    """Let ``clients`` take the operations in turn, again from the first one until the deadline; once, if there is
    none."""
    counts, methods = LatencyCounts(), method_table(driver, TABLE)
    not_ok = taken = 0

    async def client() -> None:
        nonlocal not_ok, taken
        while deadline_ns is not None or taken < len(operations):
            operation = operations[taken % len(operations)]
            taken += 1
            started = monotonic_ns()
            result = await methods[operation.kind](operation)
            ended = monotonic_ns()
            counts.record(ended - started)
            not_ok += result.outcome is not Outcome.OK
            if deadline_ns is not None and ended >= deadline_ns:
                return

    await asyncio.gather(*(client() for _ in range(clients)))
    return counts, not_ok


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def table(results: dict[Round, list[Measured]]) -> str:
    lines = [
        "| workload | clients | driver | operations/s | CPU µs per operation | p50 µs | p99 µs | not ok |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one, rounds in sorted(results.items(), key=lambda entry: list(WORKLOADS).index(entry[0].workload)):
        cells = [
            one.workload,
            str(one.clients),
            one.driver,
            spread([done.operations / done.seconds for done in rounds], ",.0f"),
            spread([done.cpu_us_per_operation for done in rounds], ",.1f"),
            spread([done.p50_us for done in rounds], ",.1f"),
            spread([done.p99_us for done in rounds], ",.1f"),
            str(sum(done.not_ok for done in rounds)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: Sequence[float], form: str) -> str:
    """The median, and the least and the greatest where there are several."""
    middle = format(statistics.median(values), form)
    return middle if len(values) == 1 else f"{middle} ({format(min(values), form)} … {format(max(values), form)})"


def where(given: argparse.Namespace) -> str:
    return f"cluster of PD {given.pd}" if given.pd else "mini-cluster on this machine: no benchmark of TiKV"


def document(given: argparse.Namespace, results: dict[Round, list[Measured]]) -> dict[str, object]:
    return {
        "arguments": {name: value for name, value in vars(given).items() if name != "round"},
        "machine": machine(*PACKAGES),
        "cluster": where(given),
        "results": [{**asdict(one), "rounds": [asdict(done) for done in rounds]} for one, rounds in results.items()],
    }


if __name__ == "__main__":
    sys.exit(main())

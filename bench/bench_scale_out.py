"""Two stores join a mini-cluster of three while workload A runs: how long until PD has balanced it, and at what price.

    python bench/bench_scale_out.py [--records 300000] [--region-split-size 16] [--threads 16] [--before 20]

Loads rows of a kilobyte, runs workload A for a while undisturbed, then goes on with it while the stores join, until
the cluster is balanced by PD's own criterion (``ycsbpy verify balance``: the new stores hold Regions, every Region has
its three voters, PD has no operator left, and that stays so). Exit code 1 if it takes longer than a minute, or if the
p99 of an operation meanwhile is more than five times what it was. The client is the native driver, in a process of its
own.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import TYPE_CHECKING

from harness import machine

import ycsbpy
from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import Picture, take_picture
from ycsbpy.cluster.process import Estate
from ycsbpy.cluster.verdict import balance
from ycsbpy.cluster.waiting import wait_for
from ycsbpy.measure.summary import LatencyStats, Summary
from ycsbpy.minicluster import MiniCluster
from ycsbpy.report.document import read_document

if TYPE_CHECKING:
    from pathlib import Path

    from ycsbpy.cluster.process import Child

BALANCED_S = 60.0
SLOWER = 5.0
STABLE_S = 3.0
GIVE_UP_S = 300.0
MIB = 1 << 20


class Running:
    """Workload A, in a process of its own, until it is stopped."""

    def __init__(self, estate: Estate, report: Path, pd: str, records: int, threads: int) -> None:
        values = {"tikv.pd": pd, "recordcount": records, "operationcount": 0, "threadcount": threads,
                  "tikv.driver": "native", "maxexecutiontime": int(GIVE_UP_S) + 600}  # fmt: skip
        given = [word for name, value in values.items() for word in ("-p", f"{name}={value}")]
        command = [sys.executable, "-P", "-m", "ycsbpy", "run", "-P", "workloada", *given, "--json", str(report)]
        self._report = report
        self._child: Child = estate.start(
            "the workload", command, report.with_suffix(".log"), stop_signal=signal.SIGINT
        )

    def stop(self) -> Summary:
        """What it has done."""
        self._child.stop(30.0)
        return read_document(str(self._report)).phases[-1]


def p99_ms(summary: Summary) -> float:
    """Of the successful operations."""
    return LatencyStats.of(summary.series["TOTAL"].service).percentiles_ns[99.0] / 1e6


def told(name: str, summary: Summary) -> str:
    """One line about a run."""
    ended = summary.accounting
    bad = f"; {ended.failed} failed, {ended.unknown} unknown" if ended.failed + ended.unknown else ""
    cpu = summary.cpu_ns / 1e3 / max(1, ended.done)
    return (
        f"{name}: {summary.throughput:,.0f} operations/s for {summary.seconds:.0f} s, p99 {p99_ms(summary):.1f} ms, "
        f"client CPU {cpu:.1f} us an operation{bad}"
    )


def stores(picture: Picture) -> str:
    """Regions and leaders of each store."""
    every = sorted(picture.stores.values(), key=lambda store: store.id)
    return ", ".join(f"{store.id}: {store.regions} ({store.leaders} led)" for store in every)


def main() -> int:
    """Run the benchmark and print what came of it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--region-split-size", type=int, default=16, help="in MiB (default: 16)")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--before", type=float, default=20.0, help="seconds of the run without a move (default: 20)")
    options = parser.parse_args()
    print(*machine(), sep="\n")
    size = options.region_split_size * MIB
    with MiniCluster(stores=3, region_split_size=size, region_heartbeat_s=5.0) as cluster, Estate() as estate:
        pd = PdHttp(cluster.endpoints)
        cluster.wait_replicated()
        loaded = ycsbpy.load(
            "workloada", recordcount=options.records, threadcount=256,
            properties={"tikv.pd": cluster.pd_address, "tikv.driver": "native"},
        )  # fmt: skip
        print(told("load", loaded))
        wait_for(lambda: take_picture(pd), balance, timeout_s=GIVE_UP_S, stable_s=STABLE_S)
        print(f"three stores: {stores(take_picture(pd))}")

        def start(name: str) -> Running:
            report = estate.folder() / f"{name}.json"
            return Running(estate, report, cluster.pd_address, options.records, options.threads)

        running = start("before")
        time.sleep(options.before)
        before = running.stop()
        print(told("before", before))
        running = start("during")
        began = time.monotonic()
        added = [store.id for store in cluster.add_stores(2)]
        judged = wait_for(
            lambda: take_picture(pd), lambda picture: balance(picture, new_stores=added),
            timeout_s=GIVE_UP_S, stable_s=STABLE_S,
        )  # fmt: skip
        took = time.monotonic() - began - STABLE_S
        during = running.stop()
        print(told("during", during))
        print(f"five stores: {stores(judged.picture)}")
    if not judged.good:
        print(f"not balanced within {GIVE_UP_S:g} s: {judged.verdict.to_json()}", file=sys.stderr)
        return 1
    ratio = p99_ms(during) / p99_ms(before)
    print(f"balanced {took:.1f} s after the stores were started (bar {BALANCED_S:g} s); ", end="")
    print(f"p99 meanwhile {ratio:.1f} times that before (bar {SLOWER:g})")
    return 0 if took <= BALANCED_S and ratio <= SLOWER else 1


if __name__ == "__main__":
    sys.exit(main())

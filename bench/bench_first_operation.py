"""How long a run with a thousand million records waits before its first operation.

    python bench/bench_first_operation.py

Claim (exit code 1 when it is missed): at most 0.5 s until the first operation is drawn, whatever the distribution. The
whole command is shown beside it, with one operation on a null cluster, and with a thousand records for comparison: most
of it is Python's start and the way to the cluster.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from harness import machine

from ycsbpy.nullcluster import NullCluster

BAR_S = 0.5
RECORDS = 10**9
DISTRIBUTIONS = ("zipfian", "latest", "uniform", "hotspot", "exponential")
ONE = """
import json, sys, time
from ycsbpy._native.generators import DOMAIN_RUN, OperationSource
from ycsbpy.config import WorkloadSettings, make_config
settings = WorkloadSettings.from_config(make_config(json.loads(sys.argv[1])))
arguments = settings.source_arguments()
began = time.perf_counter()
source = OperationSource(seed=1, **arguments)
source.draw(DOMAIN_RUN, 0)
print(time.perf_counter() - began)
"""


def first_draw(distribution: str, records: int) -> float:
    """Seconds until the first operation is drawn, in a process of its own."""
    values = {"recordcount": records, "operationcount": 1, "requestdistribution": distribution, "readproportion": 1}
    done = subprocess.run([sys.executable, "-c", ONE, json.dumps(values)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def command(distribution: str, records: int, cluster: NullCluster) -> float:
    """Seconds of a whole command with one operation."""
    values = {"tikv.pd": cluster.endpoint, "tikv.driver": "native", "requestdistribution": distribution}
    values |= {"recordcount": str(records), "operationcount": "1"}
    options = [f"-p{name}={value}" for name, value in values.items()]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ycsbpy", "run", "-P", "workloadc", *options], capture_output=True, check=True
    )
    return time.perf_counter() - began


def main() -> int:
    """Measure in turn, print the table, say which distribution misses the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="processes for each figure (default: 5)")
    rounds = parser.parse_args().rounds
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in DISTRIBUTIONS}
    with NullCluster() as cluster:
        for _ in range(rounds):
            for name in DISTRIBUTIONS:
                few, many = (command(name, records, cluster) for records in (1000, RECORDS))
                rows[name].append((first_draw(name, RECORDS), many, few))
    print(*machine(), f"{rounds} processes for each figure", "", sep="\n")
    print("| requestdistribution | first draw of 10^9 ms | command of 10^9 s | command of 1000 s |")
    print("| --- | --: | --: | --: |")
    missed = []
    for name, measured in rows.items():
        draw, many, few = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"| {name} | {draw * 1e3:.3f} | {many:.2f} | {few:.2f} |")
        if draw > BAR_S:
            missed.append(name)
    if missed:
        print(f"\nmissed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

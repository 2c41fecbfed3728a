"""What a mini-cluster of three stores costs: operations a second, CPU of each process an operation, memory, idle CPU.

    python bench/bench_minicluster.py [--records 20000] [--clients 256]

The client is ``tikv-client``, one call an operation, so its own CPU is a good part of the machine's; what the servers
take is told apart. Writes are on a majority when they are acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from typing import Any

import psutil  # type: ignore[import-untyped]
import tikv_client.asynchronous as tikv

from ycsbpy.minicluster import MiniCluster

VALUE = b"v" * 1000
IDLE_S = 5.0


async def drive(endpoints: list[str], kind: str, count: int, clients: int) -> float:
    """Do ``count`` operations; return the seconds they took."""
    client: Any = await tikv.RawClient.connect(endpoints)
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            key = b"usertable:user%012d" % (number * 7919 % count)
            await (client.put(key, VALUE) if kind == "put" else client.get(key))

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    return time.perf_counter() - started


def cpu(processes: list[psutil.Process]) -> list[float]:
    """CPU seconds of each process."""
    return [sum(process.cpu_times()[:2]) for process in processes]


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=256)
    arguments = parser.parse_args()
    started = time.perf_counter()
    with MiniCluster() as cluster:
        cluster.wait_replicated()
        print(f"start to replicated: {time.perf_counter() - started:.2f} s; {os.cpu_count()} cores")
        assert cluster.pd is not None
        names = [*(store.name for store in cluster.stores), "pd", "client"]
        processes = [psutil.Process(store.process.pid) for store in cluster.stores]
        processes += [psutil.Process(cluster.pd.pid), psutil.Process()]
        for kind in ("put", "get"):
            before = cpu(processes)
            took = asyncio.run(drive(cluster.endpoints, kind, arguments.records, arguments.clients))
            each = [(b - a) / arguments.records * 1e6 for a, b in zip(before, cpu(processes), strict=True)]
            shares = ", ".join(f"{name} {micros:.0f}" for name, micros in zip(names, each, strict=True))
            print(f"{kind}: {arguments.records / took:,.0f} operations/s; CPU in µs an operation: {shares}")
        print(
            "RSS in MB: "
            + ", ".join(f"{name} {p.memory_info().rss >> 20}" for name, p in zip(names, processes, strict=True))
        )
        time.sleep(IDLE_S)
        before = cpu(processes)
        time.sleep(IDLE_S)
        idle = sum(cpu(processes[:-1])) - sum(before[:-1])
        print(f"idle CPU of the cluster: {idle / IDLE_S:.1%} of a core")


if __name__ == "__main__":
    main()

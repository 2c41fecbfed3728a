"""``ycsbpy ceiling``: how much load this machine can make, so that a result can be told from the client's own limit."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from time import thread_time_ns
from typing import TYPE_CHECKING

import click

from ycsbpy import api
from ycsbpy.cli import complete
from ycsbpy.config import load_config
from ycsbpy.errors import UsageError
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from ycsbpy.config import Config
    from ycsbpy.nullcluster import NullCluster

__all__ = ["ceiling"]

DRAWN = 200_000
CLIENTS = 128
"""To each of the engine's threads: enough that messages are full."""


@dataclass(frozen=True)
class Ceiling:
    """One figure: operations a second, CPU nanoseconds an operation, median service time (0: there is none)."""

    name: str
    threads: int
    rate: float
    cpu_ns: float
    p50_ns: int = 0

    @property
    def line(self) -> str:
        median = f", median {self.p50_ns / 1000:.0f} us" if self.p50_ns else ""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.name}, {threads}: {self.rate:,.0f} operations/s, {self.cpu_ns / 1000:.2f} us of CPU each{median}"


@click.command()
@click.option("-P", "--property-file", "files", multiple=True, default=("workloada",), metavar="FILE",
              shell_complete=complete.property_files,
              help="The workload, as for run. [default: workloada]")  # fmt: skip
@click.option("-p", "--prop", "properties", multiple=True, metavar="NAME=VALUE", help="Set a property of it.",
              shell_complete=complete.properties)  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0.1, max=3600), default=2.0, show_default=True,
              help="How long each measurement takes.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def ceiling(files: tuple[str, ...], properties: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Show how many operations a second this machine can make of a workload.

    First only drawing them, then against a server that keeps nothing and answers at once, by the native driver. That
    server is on this machine as well and needs a core of its own. A run against a cluster that comes near the second
    figure measures the client; each run's last line says so too.

    \b
    ycsbpy ceiling
    ycsbpy ceiling -P workloadc -p fieldlength=10 --seconds 5
    """
    if sys.platform != "linux":
        raise UsageError("the native driver is for Linux")
    from ycsbpy.nullcluster import NullCluster

    config = load_config(files, properties, {})
    found = [_drawing(config, seconds)]
    cores = len(os.sched_getaffinity(0))
    row = config.integer("fieldcount"), config.integer("fieldlength")
    for threads in sorted({1, max(1, cores - 1)}):
        with NullCluster(fieldcount=row[0], fieldlength=row[1]) as cluster:
            found.append(_against(cluster, files, properties, threads, seconds))
    click.echo(json.dumps([asdict(one) for one in found]) if as_json else "\n".join(one.line for one in found))


def _drawing(config: Config, seconds: float) -> Ceiling:
    """Draw operations with their rows, and send them nowhere."""
    source, domain = CoreWorkload.from_config(config, 1).source, int(Phase.RUN)
    source.digest(domain, 0, DRAWN // 10, row=True)
    start, drawn = thread_time_ns(), 0
    while thread_time_ns() - start < seconds * 1e9:
        source.digest(domain, drawn, DRAWN, row=True)
        drawn += DRAWN
    each = (thread_time_ns() - start) / drawn
    return Ceiling("drawing operations", 1, 1e9 / each, each)


def _against(
    cluster: NullCluster, files: tuple[str, ...], properties: tuple[str, ...], threads: int, seconds: float
) -> Ceiling:
    """Run the workload on the null cluster, as fast as it goes."""
    given: dict[str, object] = {name: value for name, _, value in (one.partition("=") for one in properties)}
    own = {
        "tikv.pd": cluster.endpoint,
        "tikv.driver": "native",
        "native.threads": threads,
        "tikv.conncount": threads,
        "threadcount": CLIENTS * threads,
        "operationcount": 0,
        "maxexecutiontime": seconds,
    }
    summary = api.run(files, properties={**given, **own})
    total = summary.series["TOTAL"].service
    return Ceiling(
        "against a server that keeps nothing",
        threads,
        summary.throughput,
        summary.cpu_ns / max(1, summary.accounting.done),
        total.value_at_percentile(50),
    )

"""A store that closes the connection after every few answers, a thousand times and more: nothing is lost, nothing is
left over."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

import ycsbpy
from ycsbpy.nullcluster import NullCluster

if TYPE_CHECKING:
    from ycsbpy.measure.summary import Summary

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the engine is for Linux")

DROP_AFTER = 8
CLIENTS = 4


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def run(cluster: NullCluster, operations: int) -> Summary:
    properties = {"tikv.pd": cluster.endpoint, "tikv.driver": "native", "native.threads": 1, "allowerrors": "100%"}
    return ycsbpy.run(
        "workloada",
        properties=properties,
        fieldcount=2,
        fieldlength=4,
        recordcount=100,
        operationcount=operations,
        threadcount=CLIENTS,
    )


def memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def test_a_thousand_reconnects_leave_nothing_behind() -> None:
    with NullCluster(fieldcount=2, fieldlength=4, drop_after=DROP_AFTER) as cluster:
        run(cluster, 1_000)  # what is allocated once is allocated now
        connections, open_before, rss_before = cluster.counts()["connections"], descriptors(), memory()
        most, over = open_before, threading.Event()

        def watch() -> None:
            nonlocal most
            while not over.wait(0.02):
                most = max(most, descriptors())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            summary = run(cluster, 10_000)
        finally:
            over.set()
            watcher.join()
        made = cluster.counts()["connections"] - connections
        rss = memory()
    assert made >= 1_000
    assert summary.accounting.adds_up
    assert summary.accounting.planned == summary.accounting.done == 10_000
    assert summary.accounting.ok > 8_000
    assert summary.accounting.unknown == sum(e.count for e in summary.errors if e.outcome == "UNKNOWN")
    assert summary.attempts is not None
    assert summary.attempts.requests > 15_000 - 2_000
    assert descriptors() <= open_before
    assert most <= open_before + 40  # the loop's, PD's, and one of the store's; a leak would be a thousand
    assert rss - rss_before < 8 << 20  # of a leak that is eight kilobytes a connection

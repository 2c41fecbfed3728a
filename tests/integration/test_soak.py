"""At full speed for a while, and with a thousand million records: the memory of a command stays flat.

``YCSBPY_SOAK_SECONDS=600`` makes ten minutes of it; without it is a short one, so that the suite stays quick.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from processes import until

from ycsbpy.cluster.process import python_environment
from ycsbpy.nullcluster import NullCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.once, pytest.mark.skipif(sys.platform != "linux", reason="the engine is for Linux")]

SECONDS = float(os.environ.get("YCSBPY_SOAK_SECONDS", "15"))
FLAT = 1.05
MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[NullCluster]:
    with NullCluster(stores=3) as cluster:
        yield cluster


def command(cluster: NullCluster, workload: str, **properties: object) -> list[str]:
    values = {"tikv.pd": cluster.endpoint, "tikv.driver": "native", "threadcount": 64, **properties}
    options = [f"-p{name}={value}" for name, value in values.items()]
    return [sys.executable, "-m", "ycsbpy", "run", "-P", workload, *options]


def resident(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def test_memory_stays_flat_at_full_speed(cluster: NullCluster, tmp_path: Path) -> None:
    """What is allocated in the first third of the time is all that there ever is."""
    with (tmp_path / "output").open("wb") as output:
        arguments = command(cluster, "workloada", recordcount=1_000_000, operationcount=0, maxexecutiontime=SECONDS)
        process = subprocess.Popen(arguments, stdout=output, stderr=output, env=python_environment())
        samples: list[int] = []
        began, before = time.monotonic(), cluster.counts()["commands"]

        def sampled_to_the_end() -> bool:
            if cluster.counts()["commands"] > before + 10_000 and (rss := resident(process.pid)):
                samples.append(rss)
            return process.poll() is not None

        try:
            assert until(sampled_to_the_end, within_s=SECONDS + 120)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, (tmp_path / "output").read_text()
    assert time.monotonic() - began >= SECONDS
    assert cluster.counts()["commands"] - before > 50_000
    third = len(samples) // 3
    assert third >= 10
    # The last samples may see the process while it makes its report.
    warm, late = max(samples[:third]), max(samples[third : len(samples) * 19 // 20])
    assert late <= warm * FLAT, [rss // MIB for rss in samples]


def peak(arguments: list[str]) -> int:
    """Most memory that a command ever had, in bytes."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=python_environment())
    assert process.stdout is not None
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, output.decode()
    return usage.ru_maxrss * 1024


@pytest.mark.parametrize("workload", ["workloada", "workloadd"])
def test_a_thousand_million_records_take_no_memory(cluster: NullCluster, workload: str) -> None:
    """Zipfian, and the latest of those that are inserted."""
    few, many = (
        peak(command(cluster, workload, recordcount=records, operationcount=20_000)) for records in (1_000, 10**9)
    )
    assert many <= few + 8 * MIB

"""go-ycsb on the mini-cluster, and on the same data: runs where ``YCSBPY_GO_YCSB`` names its program."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ycsbpy

if TYPE_CHECKING:
    from ycsbpy.minicluster import MiniCluster

GO_YCSB = os.environ.get("YCSBPY_GO_YCSB", "")
WORKLOADS = Path(__file__).parents[2] / "workloads"
RECORDS = 2_000

pytestmark = pytest.mark.skipif(not GO_YCSB, reason="YCSBPY_GO_YCSB does not name go-ycsb")


def go_ycsb(command: str, cluster: MiniCluster, workload: str, **properties: object) -> dict[str, int]:
    """Series → how many operations."""
    values = {"tikv.pd": cluster.pd_address, "recordcount": RECORDS, "operationcount": RECORDS, "threadcount": 8}
    given = [word for name, value in (values | properties).items() for word in ("-p", f"{name}={value}")]
    done = subprocess.run(
        [GO_YCSB, command, "tikv", "-P", str(WORKLOADS / workload), *given],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = re.findall(r"^(\w+)\s+- .*?Count: (\d+)", done.stdout.partition("Run finished")[2], re.MULTILINE)
    assert found, done.stdout
    return {series: int(count) for series, count in found}


def test_what_go_ycsb_loads_is_read_here(cluster: MiniCluster) -> None:
    assert go_ycsb("load", cluster, "workloada", table="theirs")["INSERT"] == RECORDS
    summary = ycsbpy.run(
        "workloadc", profile="go-ycsb", table="theirs", recordcount=RECORDS, operationcount=RECORDS,
        requestdistribution="sequential", properties={"tikv.pd": cluster.pd_address},
    )  # fmt: skip
    assert summary.accounting.ok == RECORDS
    other = ycsbpy.run(
        "workloadc", table="theirs", recordcount=RECORDS, operationcount=100, properties={"tikv.pd": cluster.pd_address}
    )
    assert other.accounting.not_found > 90  # Java's names are others


@pytest.mark.parametrize("workload", ["workloada", "workloadb", "workloadc", "workloadd", "workloade", "workloadf"])
def test_its_workloads_run_on_what_is_loaded_here(cluster: MiniCluster, workload: str) -> None:
    summary = ycsbpy.load(
        "workloada", profile="go-ycsb", table=workload, recordcount=RECORDS,
        properties={"tikv.pd": cluster.pd_address},
    )  # fmt: skip
    assert summary.accounting.ok == RECORDS
    counts = go_ycsb("run", cluster, workload, table=workload, operationcount=500)
    assert not [series for series in counts if "ERROR" in series]
    assert counts["TOTAL"] >= 500

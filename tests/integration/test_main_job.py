"""The main job over real sockets: load once, run workloads A to F at several widths, and read back by other clients."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import tikv
from processes import until

import ycsbpy
from ycsbpy._native.generators import DOMAIN_LOAD, OperationSource, encode_row
from ycsbpy.cluster.process import python_environment
from ycsbpy.config import WorkloadSettings, load_config
from ycsbpy.minicluster import MiniCluster
from ycsbpy.report.document import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ycsbpy import Summary

RECORDS = 100_000
SEED = 20_240_229


@pytest.fixture(scope="module")
def loaded() -> Iterator[MiniCluster]:
    """A mini-cluster with RECORDS records."""
    with MiniCluster(stores=1) as cluster:
        summary = ycsbpy.load(
            "workloada",
            recordcount=RECORDS,
            threadcount=256,
            seed=SEED,
            properties={"tikv.pd": cluster.pd_address, "tikv.conncount": 4},
        )
        assert summary.accounting == ycsbpy.Accounting(planned=RECORDS, ok=RECORDS)
        yield cluster


def run(cluster: MiniCluster, workload: str, clients: int, operations: int) -> Summary:
    return ycsbpy.run(
        workload,
        recordcount=RECORDS,
        operationcount=operations,
        threadcount=clients,
        properties={"tikv.pd": cluster.pd_address},
    )


@pytest.mark.parametrize(("clients", "operations"), [(1, 1000), (16, 10_000), (256, 10_000)])
@pytest.mark.parametrize("letter", "abcdef")
def test_all_succeed_and_every_key_is_there(loaded: MiniCluster, letter: str, clients: int, operations: int) -> None:
    summary = run(loaded, f"workload{letter}", clients, operations)
    assert summary.accounting == ycsbpy.Accounting(planned=operations, ok=operations)
    assert summary.errors == ()
    assert summary.series["TOTAL"].count == operations


def test_each_record_is_there_and_holds_what_was_drawn(loaded: MiniCluster) -> None:
    """By a client that knows nothing of ours; the updates that ran before are undone by loading anew."""
    ycsbpy.load("workloada", recordcount=2000, threadcount=64, seed=SEED, properties={"tikv.pd": loaded.pd_address})
    settings = WorkloadSettings.from_config(load_config(["workloada"], ["recordcount=2000"]))
    source = OperationSource(seed=SEED, **settings.source_arguments())
    columns = {name: number for number, name in enumerate(settings.fieldnames)}
    expected = {}
    for number in range(2000):
        operation = source.draw(DOMAIN_LOAD, number)
        assert operation.values is not None
        expected[b"usertable:" + operation.key] = encode_row(operation.values, columns)
    with tikv.RawClient([loaded.pd_address]) as client:
        assert client.get_many(list(expected)) == expected


def test_the_rust_client_reads_it_too(loaded: MiniCluster) -> None:
    asynchronous = pytest.importorskip("tikv_client.asynchronous", reason="its wheels are for CPython 3.11")

    async def scan() -> list[tuple[bytes, bytes]]:
        client = await asynchronous.RawClient.connect([loaded.pd_address])
        rows: list[tuple[bytes, bytes]] = await client.scan(b"usertable:", end=b"usertable;", limit=1000)
        return rows

    rows = asyncio.run(scan())
    assert len(rows) == 1000
    assert all(len(value) > 1000 for _, value in rows)


def test_dataintegrity_finds_nothing_wrong_and_then_a_flipped_byte(loaded: MiniCluster) -> None:
    properties: dict[str, object] = {"tikv.pd": loaded.pd_address, "dataintegrity": True, "table": "checked"}
    properties |= {"recordcount": 200, "threadcount": 16}
    ycsbpy.load("workloadc", properties=properties)
    summary = ycsbpy.run("workloadc", properties=properties, requestdistribution="sequential", operationcount=200)
    assert summary.integrity_violations == 0
    with tikv.RawClient([loaded.pd_address]) as client:
        (key, value), *_ = client.scan(prefix=b"checked:")
        client.put(key, value[:-1] + bytes([value[-1] ^ 1]))
        (_, _), (gone, _), *_ = client.scan(prefix=b"checked:")
        client.delete(gone)
    done = ycsb("run", "-P", "workloadc", "-p", "requestdistribution=sequential", "-p", "operationcount=200",
                *(f"-p{name}={str(value).lower()}" for name, value in properties.items()))  # fmt: skip
    assert done.returncode == 3
    assert "2 reads brought wrong data" in done.stderr
    assert re.search(r"user\d+: (field field9 is |the record is missing)", done.stderr)


def ycsb(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "ycsbpy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=python_environment())


def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "ycsbpy", *arguments]
    environment = {**python_environment(), **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_without_a_cluster_one_is_started_and_gone_after(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = ycsb("run", "-P", "workloada", "--threads", "4", "--json", str(report))
    assert done.returncode == 0, done.stderr
    assert "Operations: 1000 planned = 1000 ok" in done.stdout
    assert "not a benchmark" in done.stderr
    document = read_document(str(report))
    assert document.cluster["kind"] == "embedded"
    assert [phase.phase for phase in document.phases] == ["run"]
    address = document.cluster["pd"]
    assert ycsb("run", "-P", "workloada", "-p", f"tikv.pd={address}").returncode == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_the_report_of_what_was_done(loaded: MiniCluster, tmp_path: Path, number: int) -> None:
    report = tmp_path / "report.json"
    table = ["-p", f"tikv.pd={loaded.pd_address}", "-p", f"recordcount={RECORDS}", "-p", "operationcount=100000000"]
    running = started("run", "-P", "workloada", *table, "--threads", "8", "--interval", "0.2", "--json", str(report))
    with running:
        assert running.stdout is not None
        for line in running.stdout:
            if "last 0.2 s" in line:
                break
        running.send_signal(number)
        rest, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "Run stopped by interrupt" in rest
    assert "Traceback" not in errors
    accounting = read_document(str(report)).phases[0].accounting
    assert accounting.adds_up
    assert accounting.planned == 100_000_000
    assert 0 < accounting.ok < accounting.planned
    assert accounting.not_started > 0
    assert accounting.failed == accounting.unknown == 0


def test_ctrl_c_while_the_embedded_cluster_starts_leaves_nothing(tmp_path: Path) -> None:
    with started("load", "-P", "workloada", "-p", "recordcount=1000000", TMPDIR=str(tmp_path)) as running:
        assert until(lambda: any(tmp_path.iterdir()))
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    assert until(lambda: not any(tmp_path.iterdir()))


def test_failed_operations_are_an_exit_code_unless_allowed(loaded: MiniCluster) -> None:
    """Rows too large for the store fail, each of them, and the rest of the run goes on."""
    arguments = ["load", "-p", "recordcount=4", "-p", "fieldcount=1", "-p", "fieldlength=9000000", "--table", "large"]
    arguments += ["-p", f"tikv.pd={loaded.pd_address}"]
    done = ycsb(*arguments)
    assert done.returncode == 1
    assert "4 operations failed and 0 are of unknown outcome" in done.stderr
    assert "INSERT FAILED: 4 x raft_entry_too_large" in done.stdout
    assert ycsb(*arguments, "--allow-errors", "100%").returncode == 0
    assert ycsb(*arguments, "--allow-errors", "3").returncode == 1


def test_the_json_report_can_be_read_without_ycsbpy(loaded: MiniCluster, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = ycsb("run", "-P", "workloadb", "--target", "500", "-p", "operationcount=500", "--json", str(report),
                "-p", f"recordcount={RECORDS}", "-p", f"tikv.pd={loaded.pd_address}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    phase = found["phases"][0]
    assert phase["accounting"]["ok"] == 500
    assert phase["series"]["READ"]["response"]["count"] == phase["by_kind"]["READ"]["ok"]
    assert found["cluster"]["kind"] == "given"
    assert found["environment"]["versions"]["ycsbpy"]

"""``ycsbpy verify`` on the mini-cluster: what it says is re-derived from PD and from what the stores hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import tikv
from click.testing import CliRunner
from processes import until
from terminal import CTRL_C, Terminal

import ycsbpy
from ycsbpy.cli import cmd_verify
from ycsbpy.cli.app import app
from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import Picture, take_picture
from ycsbpy.cluster.process import python_environment
from ycsbpy.minicluster import MiniCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDS = 20_000
MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    """Three stores with RECORDS records in some Regions."""
    with MiniCluster(stores=3, region_split_size=2 * MIB, region_max_size=3 * MIB) as started:
        started.wait_replicated()
        summary = ycsbpy.load(
            "workloada", recordcount=RECORDS, threadcount=64, properties={"tikv.pd": started.pd_address}
        )
        assert summary.accounting.ok == RECORDS
        assert until(lambda: len(picture(started).regions) >= 5)
        yield started


def picture(cluster: MiniCluster) -> Picture:
    return take_picture(PdHttp(cluster.endpoints))


def verify(*arguments: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**python_environment(), **({"XDG_STATE_HOME": str(state)} if state else {})}
    command = [sys.executable, "-P", "-m", "ycsbpy", "verify", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=environment)


def test_replication_is_proven_and_what_it_says_is_so(cluster: MiniCluster) -> None:
    done = verify("replication", "--pd", cluster.pd_address, "--timeout", "60", "--json")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["good"], said["findings"], said["max_replicas"]) == (True, [], 3)
    seen = picture(cluster)
    for region in seen.regions:
        assert len({peer.store_id for peer in region.peers if peer.role == "Voter"}) == 3
    assert {store["id"] for store in said["stores"]} == {store.id for store in cluster.stores}
    assert all(store["regions"] >= 5 for store in said["stores"])


def test_it_is_told_in_a_table_too(cluster: MiniCluster) -> None:
    done = verify("replication", "--pd", cluster.pd_address, "--timeout", "60")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["Store", "Address", "State", "Regions", "Leaders", "Size", "(MiB)", "Score"]
    assert lines[-1].startswith("replication: each of ")
    assert lines[-1].endswith("Regions has 3 voters on distinct stores, and a leader")
    assert not done.stderr


def test_two_stores_more_take_their_share_while_the_workload_goes_on(cluster: MiniCluster) -> None:
    """And nothing is lost: every record is there afterwards, and all replicas of a Region are the same."""
    summaries = []

    def work() -> None:
        summaries.append(
            ycsbpy.run(
                "workloada",
                recordcount=RECORDS,
                operationcount=20_000,
                threadcount=8,
                target=4000,
                properties={"tikv.pd": cluster.pd_address},
            )
        )

    working = threading.Thread(target=work)
    working.start()
    cluster.add_stores(2)
    new = [store.id for store in cluster.stores[3:]]
    arguments = [argument for store in new for argument in ("--new-store", str(store))]
    done = verify("balance", "--pd", cluster.pd_address, "--timeout", "180", "--stable", "3", *arguments)
    working.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "and PD has nothing more to do" in done.stdout
    (summary,) = summaries
    assert summary.accounting.adds_up
    assert summary.accounting.failed == 0, summary.errors
    assert until(lambda: not picture(cluster).operators, 60.0)  # the workload went on after the verdict, and so may PD
    seen = picture(cluster)
    assert all(seen.stores[store].regions for store in new)
    data = verify("data", "-P", "workloada", "-p", f"recordcount={RECORDS}", "-p", f"tikv.pd={cluster.pd_address}")
    assert data.returncode == 0, data.stderr
    assert f"{RECORDS:,} of {RECORDS:,} records are there" in data.stdout


def test_a_record_that_is_missing_is_found(cluster: MiniCluster) -> None:
    properties = ["-p", "table=short", "-p", "recordcount=100", "-p", f"tikv.pd={cluster.pd_address}"]
    ycsbpy.load("workloada", properties={"table": "short", "recordcount": 100, "tikv.pd": cluster.pd_address})
    assert verify("data", "-P", "workloada", *properties).returncode == 0
    with tikv.RawClient([cluster.pd_address]) as client:
        (key, _), *_ = client.scan(prefix=b"short:")
        client.delete(key)
    done = verify("data", "-P", "workloada", *properties)
    assert done.returncode == 3
    assert "data: 99 of 100 records are there, 1 missing, 0 could not be read" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("ycsbpy: 1 record is not as loaded")


def test_where_values_are_checked_a_record_that_is_missing_or_wrong_is_told_from_one_that_cannot_be_read(
    cluster: MiniCluster,
) -> None:
    values = {"table": "checked", "recordcount": 100, "dataintegrity": "true", "tikv.pd": cluster.pd_address}
    ycsbpy.load("workloada", properties=values)
    properties = [word for name, value in values.items() for word in ("-p", f"{name}={value}")]
    whole = verify("data", "-P", "workloada", *properties)
    assert (whole.returncode, whole.stdout) == (
        0,
        "data: 100 of 100 records are there, 0 missing, 0 could not be read\n",
    )
    with tikv.RawClient([cluster.pd_address]) as client:
        (first, _), (second, value), *_ = client.scan(prefix=b"checked:")
        client.delete(first)
        client.put(second, value[:-1] + bytes([value[-1] ^ 1]))
    done = verify("data", "-P", "workloada", *properties)
    assert done.returncode == 3
    assert done.stdout == "data: 98 of 100 records are there and as loaded, 2 missing or wrong, 0 could not be read\n"
    assert done.stderr.splitlines()[-1].startswith("ycsbpy: 2 records are not as loaded; the first: user")


def test_data_that_is_not_read_to_the_end_is_no_verdict(cluster: MiniCluster) -> None:
    """On a terminal, which shows how far it is."""
    values = {"recordcount": RECORDS, "target": 50, "tikv.pd": cluster.pd_address}
    properties = [word for name, value in values.items() for word in ("-p", f"{name}={value}")]
    command = [sys.executable, "-P", "-m", "ycsbpy", "verify", "data", "-P", "workloada", *properties]
    with Terminal(command, python_environment()) as opened:
        opened.wait_for(f"/{RECORDS:,}  ")
        opened.type(CTRL_C)
        assert opened.end() == 130
        assert re.search(rf"ycsbpy: interrupted after \d+ of {RECORDS:,} records, all as loaded", opened.seen)
        assert "could not be read" not in opened.seen


def test_a_store_that_never_comes_is_not_waited_for_when_nothing_moves(
    cluster: MiniCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cmd_verify, "REST_S", 1.0)
    done = CliRunner().invoke(app, ["verify", "balance", "--pd", cluster.pd_address, "--new-store", "999"])
    assert done.exit_code == 4
    assert "ycsbpy: balance: PD knows no store 999, and nothing has moved for " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["replication", "--pd", "127.0.0.1:1"], 4, "no PD answers"),
        (["replication", "--pd", "http://h:2379"], 2, 'ycsbpy: --pd: "http://h:2379" is not HOST:PORT'),
        (["replication", "--pd", "somewhere"], 2, 'ycsbpy: --pd: "somewhere" is not HOST:PORT'),
        (["replication"], 4, "name the cluster with --pd HOST:PORT"),
        (["balance", "--timeout", "-1", "--pd", "127.0.0.1:1"], 2, "-1.0 is not in the range"),
        (["balance", "--new-store", "x", "--pd", "127.0.0.1:1"], 2, "'x' is not a valid integer"),
        (["data"], 2, "recordcount: is not set"),
        (["dta"], 2, "No such command"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], code: int, line: str, tmp_path: Path) -> None:
    done = verify(*arguments, state=tmp_path)
    assert done.returncode == code
    assert line in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_with_too_few_stores_is_told_why() -> None:
    with MiniCluster(stores=2) as small:
        done = verify("replication", "--pd", small.pd_address)
        assert done.returncode == 4
        assert "missing peer: Region" in done.stdout
        assert "2 stores Up, and max-replicas is 3" in done.stdout
        assert done.stderr.startswith("ycsbpy: replication: Region")

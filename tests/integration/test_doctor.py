"""``ycsbpy doctor`` on a cluster: what PD and its stores say."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from click.testing import CliRunner

from ycsbpy.cli.app import app
from ycsbpy.cluster.process import python_environment

if TYPE_CHECKING:
    from click.testing import Result

    from ycsbpy.minicluster import MiniCluster


def doctor(pd: str, *flags: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--pd", pd, *flags], prog_name="ycsbpy")


def test_a_cluster_that_works(cluster: MiniCluster) -> None:
    result = doctor(cluster.pd_address, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    checks = {one["name"]: one for one in found["checks"]}
    assert found["ok"]
    assert checks["pd"]["state"] == "ok"
    assert checks["pd"]["cluster_id"] == cluster.cluster_id
    assert checks["pd"]["version"]
    (store,) = checks["stores"]["stores"]
    assert (store["address"], store["state_name"]) == (cluster.stores[0].address, "Up")
    lines = doctor(cluster.pd_address).stdout.splitlines()
    assert any(line.startswith("ok ") and " pd " in line and cluster.pd_address in line for line in lines)
    assert any(line.startswith("ok ") and "1 of 1 are Up" in line for line in lines)


def test_the_first_pd_that_answers_counts(cluster: MiniCluster) -> None:
    assert doctor(f"127.0.0.1:1,{cluster.pd_address}").exit_code == 0


def test_a_store_is_no_pd(cluster: MiniCluster) -> None:
    result = doctor(cluster.stores[0].address)
    assert result.exit_code == 4
    assert result.stderr.startswith("ycsbpy: doctor: pd: ")
    assert "ok    ycsbpy" in result.stdout  # the rest is said all the same


def test_it_can_be_asked_in_a_pipe_that_is_closed() -> None:
    """As by ``| head``: no traceback."""
    command = f"{sys.executable} -P -m ycsbpy doctor --pd 127.0.0.1:1 | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60, env=python_environment()
    )
    assert done.stdout.startswith("ok ")
    assert "Traceback" not in done.stderr

"""The commands on a real PD and real TiKVs that speak TLS only, and only with clients whose certificate they know.

The programs are those that ``YCSBPY_PD_SERVER`` and ``YCSBPY_TIKV_SERVER`` name. How the drivers meet faults of TLS is
in ``test_driver_tls`` too, on servers of our own; here it is PD's TLS, which is Go's, and TiKV's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from mixedcluster import PD_SERVER, TIKV_SERVER, MixedCluster

if sys.platform == "linux":
    from ycsbpy._native.engine import HAS_TLS
else:
    HAS_TLS = False

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not (os.environ.get(PD_SERVER) and os.environ.get(TIKV_SERVER)),
    reason=f"{PD_SERVER} and {TIKV_SERVER} do not name pd-server and tikv-server",
)
DRIVERS = [
    pytest.param("native", marks=pytest.mark.skipif(not HAS_TLS, reason="the engine was built without OpenSSL")),
    "tikv-python",
]
ENDED = "it ended the connection, as it does where it does not accept the client's certificate or wants one"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[MixedCluster]:
    folder = tmp_path_factory.mktemp("secured")
    with MixedCluster(folder, real_pd=True, real_stores=True, certificates=certificates) as made:
        yield made


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "ycsbpy", *words]


def ycsbpy(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def named(certificates: Path, form: str, **files: str) -> list[str]:
    """Options for files of TLS; those of a client that is known where none are given."""
    files = files or {"ca": "ca", "cert": "client", "key": "client-key"}
    return [word for name, file in files.items() for word in form.format(name, certificates / f"{file}.pem").split()]


def on(cluster: MixedCluster, certificates: Path, driver: str, **files: str) -> list[str]:
    """Properties that name the cluster."""
    options = ["-p", f"tikv.pd={cluster.pd_address}", "-p", f"tikv.driver={driver}"]
    return [*options, *named(certificates, "-p tikv.{}={}", **files)]


def small(table: str) -> list[str]:
    return ["--table", table, "--threads", "8", "-p", "recordcount=200", "-p", "dataintegrity=true"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_loads_and_runs(secured: MixedCluster, certificates: Path, driver: str) -> None:
    cluster, table = on(secured, certificates, driver), small(f"rows-{driver}")
    for words, ended in (
        (["load", "-P", "workloada"], "Operations: 200 planned = 200 ok"),
        (["run", "-P", "workloada", "-p", "operationcount=300"], "Operations: 300 planned = 300 ok"),
        (["run", "-P", "workloade", "-p", "operationcount=100"], "Operations: 100 planned = 100 ok"),
        (["verify", "data", "-P", "workloada"], "data: 200 of 200 records are there, 0 missing, 0 failed"),
    ):
        done = ycsbpy(*words, *cluster, *table)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert ended in done.stdout.splitlines()


def test_commands_on_the_cluster(secured: MixedCluster, certificates: Path) -> None:
    where = ["--pd", secured.pd_address, *named(certificates, "--{} {}")]
    done = ycsbpy("verify", "replication", *where)
    assert done.returncode == 0, done.stderr
    done = ycsbpy("top", "--json", *where)
    assert [store["state"] for store in json.loads(done.stdout)["stores"]] == ["Up"] * 3
    done = ycsbpy("doctor", *where)
    assert re.search(r"^ok +stores +3 of 3 are Up", done.stdout, re.MULTILINE), done.stdout
    words = on(secured, certificates, "auto")
    done = ycsbpy("shell", *words, "--json", "-c", "insert user1 field0=secret", "-c", "read user1")
    assert done.returncode == 0, done.stderr
    assert "secret" in done.stdout.splitlines()[-1]


FAULTS = {
    "another authority": (
        {"ca": "other-ca"},
        "its certificate is not accepted: unable to get local issuer certificate",
    ),
    "no certificate of the client": ({"ca": "ca"}, ENDED),
    "a client of another authority": ({"ca": "ca", "cert": "other-server", "key": "other-server-key"}, ENDED),
    "an expired client": ({"ca": "ca", "cert": "expired", "key": "expired-key"}, ENDED),
    "a client of a name that is not allowed": ({"ca": "ca", "cert": "elsewhere", "key": "elsewhere-key"}, ENDED),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_pd_or_the_client_refuses_is_one_line(secured: MixedCluster, certificates: Path, fault: str) -> None:
    files, words = FAULTS[fault]
    line = f"ycsbpy: no PD answers: {secured.pd_address}: {words}\n"
    for driver in ("native", "tikv-python") if HAS_TLS else ("tikv-python",):
        done = ycsbpy("load", "-P", "workloada", *on(secured, certificates, driver, **files))
        assert (done.returncode, done.stderr) == (4, line)
    done = ycsbpy("verify", "replication", "--pd", secured.pd_address, *named(certificates, "--{} {}", **files))
    assert (done.returncode, done.stderr) == (4, line)


def test_a_client_without_tls_is_one_line(secured: MixedCluster) -> None:
    line = f"ycsbpy: no PD answers: {secured.pd_address}: it ended the connection: does it want TLS (tikv.ca, --ca)?\n"
    load = ["load", "-P", "workloada", "-p", f"tikv.pd={secured.pd_address}"]
    for words in (load, ["top", "--pd", secured.pd_address]):
        done = ycsbpy(*words)
        assert (done.returncode, done.stderr) == (4, line)


@pytest.mark.skipif(not HAS_TLS, reason="the engine was built without OpenSSL")
def test_a_store_is_killed_and_comes_back_under_a_load(secured: MixedCluster, certificates: Path) -> None:
    table = ["--table", "killed", "--threads", "8", "-p", "recordcount=1000", "-p", "dataintegrity=true"]
    words = on(secured, certificates, "native")
    pace = ["--target", "100", "--interval", "1", "-p", "tikv.timeout=120"]
    line = command("load", "-P", "workloada", *words, *table, *pace)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as load:
        assert load.stdout is not None
        assert any(line.startswith("INSERT") for line in load.stdout)
        leading = max(secured.views(), key=lambda view: view.leaders)
        place = secured.kill_store(leading.id)
        secured.restart_store(place)
        rest = load.stdout.read()
    assert load.returncode == 0, rest
    assert "Operations: 1000 planned = 1000 ok" in rest.splitlines()
    done = ycsbpy("verify", "data", "-P", "workloada", *words, *table)
    assert "data: 1,000 of 1,000 records are there, 0 missing, 0 failed" in done.stdout.splitlines()

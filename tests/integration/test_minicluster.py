"""A mini-cluster comes, and goes without a trace, however its owner goes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest
from processes import Script, Traces, port_is_open, until

from ycsbpy.cluster import reaper
from ycsbpy.cluster.locate import probe_pd
from ycsbpy.cluster.process import python_environment
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import MiniCluster

if TYPE_CHECKING:
    from pathlib import Path

OWNER = """
import sys, time
from processes import described
from ycsbpy.minicluster import MiniCluster
with MiniCluster(stores=1) as cluster:
    print(described(cluster), flush=True)
    {then}
"""
WAITS = OWNER.format(then="sys.stdin.read()")


def get(cluster: MiniCluster, path: str) -> object:
    with urllib.request.urlopen(f"http://{cluster.pd_address}/pd/api/v1{path}", timeout=10) as response:
        return json.load(response)


def test_a_cluster_comes_and_goes() -> None:
    with MiniCluster(stores=1) as cluster:
        traces = Traces.of(cluster)
        assert probe_pd(cluster.endpoints, 5.0).cluster_id == cluster.cluster_id
        assert (traces.folder / "pd-0.log").exists()
        assert (traces.folder / "store-0.log").exists()
        assert cluster.endpoints == [cluster.pd_address]
        assert "1 store with PD at 127.0.0.1:" in cluster.describe()
    assert traces.left() == []


def test_it_goes_when_the_block_fails() -> None:
    def fail() -> None:
        with MiniCluster(stores=1) as cluster:
            traces.append(Traces.of(cluster))
            raise KeyError

    traces: list[Traces] = []
    with pytest.raises(KeyError):
        fail()
    assert traces[0].left() == []


def test_the_asynchronous_kind() -> None:
    async def test() -> Traces:
        async with MiniCluster(stores=1) as cluster:
            return Traces.of(cluster)

    assert asyncio.run(test()).left() == []


def test_a_start_that_is_cancelled_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def test() -> None:
        cluster = MiniCluster(stores=1)
        starting = asyncio.ensure_future(cluster.__aenter__())
        assert await asyncio.to_thread(until, lambda: cluster.pd is not None)
        assert cluster.pd is not None
        pid, start = cluster.pd.pid, reaper.start_time(cluster.pd.pid)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert reaper.start_time(pid) != start

    asyncio.run(test())
    assert list(tmp_path.iterdir()) == []


def test_two_clusters_at_once() -> None:
    with MiniCluster(stores=1) as one, MiniCluster(stores=1) as other:
        assert one.cluster_id != other.cluster_id
        assert one.pd_address != other.pd_address


def test_stores_register_and_the_first_makes_the_cluster() -> None:
    with MiniCluster(stores=3) as cluster:
        assert len({store.id for store in cluster.stores}) == 3
        stores = get(cluster, "/stores")
        assert isinstance(stores, dict)
        assert {entry["store"]["address"] for entry in stores["stores"]} == {store.address for store in cluster.stores}
        assert all(entry["store"]["state_name"] == "Up" for entry in stores["stores"])
        regions = get(cluster, "/regions")
        assert isinstance(regions, dict)
        assert regions["count"] == 1  # whoever was slower threw its first Region away
        assert regions["regions"][0]["leader"]["store_id"] in {store.id for store in cluster.stores}


def test_regions_split_at_the_start() -> None:
    with MiniCluster(stores=1, split_keys=[b"\x00", b"m", b"b"]) as cluster:
        regions = get(cluster, "/regions")
        assert isinstance(regions, dict)
        found = [(each["start_key"], each["end_key"]) for each in regions["regions"]]
        assert found == [("", "00"), ("00", "62"), ("62", "6D"), ("6D", "")]
        assert {each["epoch"]["version"] for each in regions["regions"]} == {4}
        assert all(each["leader"]["store_id"] == cluster.stores[0].id for each in regions["regions"])


# ---- owners that go in other ways ----


def test_ctrl_c_in_the_owner() -> None:
    owner = Script(WAITS)
    traces = Traces(**owner.says)
    status, errors = owner.end(signal.SIGINT)
    assert status != 0, errors
    assert "KeyboardInterrupt" in errors  # the program's own, and nothing else
    assert traces.left() == []


def test_an_owner_that_exits_without_saying_so() -> None:
    owner = Script(OWNER.format(then="sys.exit(3)"))
    traces_of = owner.says["pids"]
    status, _ = owner.end()
    assert status == 3
    assert not any(reaper.start_time(pid) for pid in traces_of)


def test_an_owner_without_a_with_block_is_cleaned_up_at_exit() -> None:
    owner = Script(
        "import sys\nfrom processes import described\nfrom ycsbpy.minicluster import MiniCluster\n"
        "cluster = MiniCluster(stores=1)\ncluster.start()\nprint(described(cluster), flush=True)\nsys.stdin.read()"
    )
    traces = Traces(**owner.says)
    assert owner.end()[0] == 0
    assert traces.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_owner_that_is_killed(number: int) -> None:
    owner = Script(WAITS)
    traces = Traces(**owner.says)
    owner.end(number)
    assert until(lambda: not traces.left()), traces.left()


FORKS = """
import json, os, sys, time
from processes import described
from ycsbpy.minicluster import MiniCluster
with MiniCluster(stores=1) as cluster:
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    print(json.dumps([pid, json.loads(described(cluster))]), flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open, which is Linux's")
def test_an_owner_that_is_killed_while_its_own_child_holds_its_pipes() -> None:
    owner = Script(FORKS)
    heir, said = owner.says
    traces = Traces(**said)
    owner.process.kill()
    owner.process.wait()
    gone = until(lambda: not traces.left())
    os.kill(heir, signal.SIGKILL)
    owner.end()
    assert gone, traces.left()


def test_a_child_that_hangs_when_its_owner_is_killed() -> None:
    owner = Script(WAITS)
    traces = Traces(**owner.says)
    os.kill(owner.says["pids"][1], signal.SIGSTOP)
    owner.end(signal.SIGKILL)
    assert until(lambda: not traces.left()), traces.left()


def test_a_child_that_hangs_is_killed_at_the_end() -> None:
    with MiniCluster(stores=1) as cluster:
        traces = Traces.of(cluster)
        os.kill(cluster.stores[0].process.pid, signal.SIGSTOP)
    assert traces.left() == []


def test_a_child_that_was_killed_does_not_keep_the_rest() -> None:
    with MiniCluster(stores=1) as cluster:
        traces = Traces.of(cluster)
        assert cluster.stores[0].process.kill() == -signal.SIGKILL
        assert probe_pd(cluster.endpoints, 5.0)
    assert traces.left() == []


def test_children_are_in_sessions_of_their_own(cluster: MiniCluster) -> None:
    assert cluster.pd is not None
    for child in (cluster.pd, cluster.stores[0].process):
        assert os.getsid(child.pid) == child.pid  # so a terminal's Ctrl-C does not reach them


# ---- what cannot be ----


def test_a_port_of_pd_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"PD cannot listen on 127.0.0.1:{port}: Address already in use"):
            MiniCluster(stores=1, pd_port=port).start()


def test_a_port_of_a_store_that_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"store-0: cannot listen on 127.0.0.1:{port}") as caught:
            MiniCluster(stores=1, store_ports=[port]).start()
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_ports_that_were_asked_for() -> None:
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    with MiniCluster(stores=1, pd_port=ports[0], store_ports=ports[1:]) as cluster:
        assert cluster.pd_address == f"127.0.0.1:{ports[0]}"
        assert cluster.stores[0].address == f"127.0.0.1:{ports[1]}"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterError, match=r"cannot write in .*file"):
        MiniCluster(stores=1, data_dir=tmp_path / "file" / "data").start()


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "store-0").mkdir()
    (tmp_path / "store-0" / "db").write_text("this is no database")
    with pytest.raises(ClusterError, match="store-0: cannot open the store's data in"):
        MiniCluster(stores=1, data_dir=tmp_path).start()


def test_no_stores_and_no_second_start() -> None:
    with pytest.raises(ClusterError, match="needs a store"):
        MiniCluster(stores=0)
    with MiniCluster(stores=1) as cluster, pytest.raises(ClusterError, match="runs already"):
        cluster.start()


def test_data_of_another_cluster_is_not_touched(tmp_path: Path) -> None:
    with MiniCluster(stores=1, data_dir=tmp_path):
        pass
    assert (tmp_path / "store-0" / "db").is_dir()  # a folder that was given stays
    shutil.rmtree(tmp_path / "pd-0")
    with pytest.raises(ClusterError, match=r"store-0: the data is of cluster \d+, PD is of cluster \d+"):
        MiniCluster(stores=1, data_dir=tmp_path).start()


# ---- by hand ----


def test_the_processes_run_by_hand_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ycsbpy.minicluster"]
    options = {"env": python_environment(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    pd = subprocess.Popen([*command, "pd", "--dir", str(tmp_path)], **options)  # type: ignore[call-overload]
    address = json.loads(pd.stdout.readline())["ready"]["address"]
    store_dir = str(tmp_path / "store")
    arguments = ["store", "--dir", store_dir, "--pd", f"http://{address}", "--split-key", "6d"]
    store = subprocess.Popen([*command, *arguments], **options)  # type: ignore[call-overload]
    ready = json.loads(store.stdout.readline())["ready"]
    assert port_is_open(ready["address"])
    for process, number in ((store, signal.SIGINT), (pd, signal.SIGTERM)):
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Traceback" not in errors
    # and once more on the same data, which PD (a new one) does not know
    (tmp_path / "new").mkdir()
    pd = subprocess.Popen([*command, "pd", "--dir", str(tmp_path / "new"), "--addr", address], **options)  # type: ignore[call-overload]
    pd.stdout.readline()
    store = subprocess.run([*command, *arguments], **options, check=False, timeout=30)  # type: ignore[call-overload]
    assert store.returncode == 4
    assert "the data is of cluster" in store.stdout
    pd.terminate()
    pd.communicate(timeout=30)


def test_a_store_without_pd_gives_up(tmp_path: Path) -> None:
    source = (
        "import sys\nfrom pathlib import Path\nfrom ycsbpy.minicluster.lifecycle import Lifeline, run\n"
        "from ycsbpy.minicluster.store.storeserver import StoreOptions, serve\n"
        f"options = StoreOptions(Path({str(tmp_path)!r}), ('127.0.0.1:1',), pd_timeout_s=0.1)\n"
        "sys.exit(run(lambda: serve(options), Lifeline()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        env=python_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 4
    assert "no PD answers at 127.0.0.1:1" in json.loads(done.stdout)["error"]
    assert "Traceback" not in done.stderr

"""What goes wrong in a walk: the right step is named, the exit code is right, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from processes import until
from standins import free_port, make_binaries

from ycsbpy import walk as walk_module
from ycsbpy.cluster import Playground, Spec, statedir
from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import take_picture
from ycsbpy.cluster.process import python_environment
from ycsbpy.cluster.reaper import start_time
from ycsbpy.cluster.verdict import replication
from ycsbpy.errors import ClusterError, RunError
from ycsbpy.walk import Plan, Step, walk

pytestmark = pytest.mark.once

STEPS = ["start", "load", "replication", "load more", "replication again", "scale out", "data", "clean up"]
SIGNALLED = """
import json, os, signal, sys
from pathlib import Path
from ycsbpy import walk
from ycsbpy.cli.entry import main
from ycsbpy.cluster import statedir

name, number, note = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
walk.STABLE_S = 0.0
real = walk._Walker._step

def _step(self, step, expects, do):
    def hit(made):
        if step == name:
            pids = [row.pid for row in self._playground.display().rows] if step != "start" else []
            note.write_text(json.dumps(pids))
            os.kill(os.getpid(), number)
        do(made)
    real(self, step, expects, hit)

walk._Walker._step = _step
sys.argv[1:] = sys.argv[4:]
main()
"""
"""The ``ycsbpy`` command, which sends itself a signal as a step of its walk begins."""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more patience than it takes."""
    monkeypatch.setattr(walk_module, "REPLICATED_WITHIN_S", 5.0)
    monkeypatch.setattr(walk_module, "STABLE_S", 1.0)
    monkeypatch.setattr(walk_module, "REST_S", 5.0)


def plan(**more: object) -> Plan:
    spec = Spec(backend="minicluster", region_split_size=1 << 20)
    return Plan(**{"spec": spec, "records": 50, "more_records": 5000, "before_s": 0.0, "threads": 8, **more})  # type: ignore[arg-type]


ALWAYS = {
    ("start", signal.SIGKILL), ("load", signal.SIGINT), ("replication again", signal.SIGKILL),
    ("scale out", signal.SIGINT), ("data", signal.SIGKILL), ("clean up", signal.SIGINT),
}  # fmt: skip
"""Each step and each signal; the other pairs are tried on demand."""


@pytest.mark.parametrize(
    ("step", "number"),
    [
        pytest.param(step, number, marks=() if (step, number) in ALWAYS else pytest.mark.ondemand)
        for step in STEPS
        for number in (signal.SIGINT, signal.SIGKILL)
    ],
)
def test_a_signal_as_a_step_begins(step: str, number: int, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    flags = ["--backend", "minicluster", "--records", "50", "--more-records", "5000", "--region-split-size", "1MB"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", SIGNALLED, step, str(int(number)), str(note), "walk", *flags],
        capture_output=True, text=True, check=False, timeout=180, env=python_environment(),
    )  # fmt: skip
    named = [line[5:23].strip() for line in done.stdout.splitlines() if line.startswith(("ok   ", "FAIL "))]
    if number == signal.SIGINT:
        assert done.returncode == 130
        assert named == STEPS[: STEPS.index(step) + 1]
        assert done.stderr.splitlines()[-1] == f"ycsbpy: walk: {step}: interrupted"
    else:
        assert done.returncode == -signal.SIGKILL
        assert named == STEPS[: STEPS.index(step)]
    assert "Traceback" not in done.stderr
    pids = json.loads(note.read_text())
    assert len(pids) == {"start": 0, "data": 6, "clean up": 6}.get(step, 4)
    assert until(lambda: statedir.homes() == [], 60)
    assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 60)


MISSED = ("down peer", "store not up")


def seen_by_pd(pd: PdHttp) -> bool:
    """Whether PD has heard, from the leaders of Regions, that a store is gone."""
    return any(finding.kind in MISSED for finding in replication(take_picture(pd)).findings)


@pytest.mark.parametrize(
    ("after", "fails"),
    [
        ("load", "replication"),
        pytest.param("load more", "replication again", marks=pytest.mark.ondemand),
        pytest.param("replication again", "", marks=pytest.mark.ondemand),  # PD waits a minute before it gives it up
        ("scale out", ""),
    ],
)
@pytest.mark.usefixtures("quick")
def test_a_store_dies(after: str, fails: str) -> None:
    """With three stores it is missed; with five another takes its place. No record is lost in either case."""
    killed: list[int] = []

    def done(step: Step) -> None:
        if step.name == after:
            with Playground.attach() as playground:
                store = playground.topology.stores[0]
                killed.append(store.store_id)
                os.kill(store.pid, signal.SIGKILL)
                pd = PdHttp(playground.endpoints)
                assert until(lambda: not fails or seen_by_pd(pd), 60.0)

    proof = walk(plan(timeout_s=120.0), done=done)
    assert proof.good == (not fails), proof.error
    if fails:
        last = proof.steps[-1]
        assert last.name == fails, proof.error
        assert isinstance(proof.error, ClusterError)
        missed = [one for one in last.facts["findings"] if one["kind"] in MISSED]
        assert any(killed[0] in one["stores"] for one in missed)
    else:
        assert {step.name: step.facts for step in proof.steps}["data"]["records"] == 5000
    assert statedir.homes() == []


@pytest.mark.usefixtures("quick")
def test_stores_that_do_not_come(tmp_path: Path) -> None:
    folder = make_binaries(tmp_path / "bin")

    def done(step: Step) -> None:
        if step.name == "replication again":
            (folder / "no-more-stores").touch()

    proof = walk(plan(spec=Spec(backend="binaries", bin_dir=folder), more_records=50), done=done)
    assert proof.steps[-1].name == "scale out", proof.error
    assert str(proof.error).startswith("2 stores were asked for and 0 joined: tikv-")
    assert statedir.homes() == []


@pytest.mark.usefixtures("quick")
def test_too_few_regions_are_told_without_waiting_for_the_timeout() -> None:
    proof = walk(plan(spec=Spec(backend="minicluster"), more_records=50))
    assert proof.steps[-1].name == "scale out", proof.error
    assert "holds no Region yet, and nothing has moved for " in str(proof.error)
    assert str(proof.error).endswith("; perhaps 1 Region is few for 5 stores: load more, or split smaller")


def test_a_port_that_is_taken() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        proof = walk(plan(spec=Spec(backend="minicluster", pd_port=port)))
    assert [step.name for step in proof.steps] == ["start"]
    assert str(port) in str(proof.error)
    assert isinstance(proof.error, ClusterError)
    assert statedir.homes() == []


@pytest.mark.ondemand  # operations have to run into their deadlines
@pytest.mark.usefixtures("quick")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three stores end; the load is given up when nothing has succeeded for a while."""
    monkeypatch.setattr(walk_module, "GIVE_UP_S", 2.0)
    if os.geteuid() != 0:
        pytest.skip("a small disk needs root, to mount it")
    data = tmp_path / "data"
    data.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=150m,mode=755", "tmpfs", str(data)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        spec = Spec(backend="minicluster", data_dir=data)
        proof = walk(plan(spec=spec, records=50_000, threads=64))
    finally:
        subprocess.run(["umount", "-l", str(data)], check=False, capture_output=True)
    assert proof.steps[-1].name == "load", proof.error
    assert isinstance(proof.error, RunError)
    assert str(proof.error).startswith("nothing succeeded for 2 s; the first error: ")
    assert statedir.homes() == []


def test_pids_of_others_are_not_waited_for() -> None:
    """What the tests above look for is there while it runs."""
    assert start_time(os.getpid())
    assert Path(f"/proc/{os.getpid()}").exists()

"""``ycsbpy walk`` on the mini-cluster: what it says is re-derived from PD, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from browser import PROGRAM, visit
from processes import until
from replicas import replica_digests

from ycsbpy import walk as walk_module
from ycsbpy.cluster import Playground, Spec, statedir, waiting
from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import take_picture
from ycsbpy.cluster.process import python_environment
from ycsbpy.cluster.reaper import start_time
from ycsbpy.cluster.verdict import replication
from ycsbpy.cluster.waiting import Judged
from ycsbpy.errors import ClusterError
from ycsbpy.walk import Plan, Step, walk

pytestmark = pytest.mark.once

SMALL = ["--backend", "minicluster", "--records", "200", "--region-split-size", "1MB", "--threads", "8"]
STEPS = [
    "start", "load", "replication", "load more", "replication again", "scale out", "data", "clean up",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "ycsbpy", "walk", *arguments]


def steps_of(output: str) -> dict[str, str]:
    """Each step that ended → ok or FAIL."""
    return {line[5:23].strip(): line[:4].strip() for line in output.splitlines() if line[:5] in ("ok   ", "FAIL ")}


def begun(output: str) -> list[str]:
    """The steps whose line with what they expect stands right before the one with what they saw."""
    lines = [line for line in output.splitlines() if line[:5] in ("..   ", "ok   ")]
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [before[5:23].strip() for before, after in pairs if before[:2] == ".." and before[5:23] == after[5:23]]


def test_all_steps_and_the_cluster_is_as_they_say(tmp_path: Path) -> None:
    proof_file = tmp_path / "proof.json"
    report = tmp_path / "walk.html"
    flags = ["--more-records", "8000", "--keep", "--tag", "walked", "--json", str(proof_file), "--report", str(report)]
    done = subprocess.run(
        command(*SMALL, *flags), capture_output=True, text=True, check=False, timeout=300, env=python_environment()
    )
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert steps_of(done.stdout) == dict.fromkeys(STEPS, "ok")
        assert done.stdout.splitlines()[-1] == "walk: all 8 steps as expected"
        assert begun(done.stdout) == list(STEPS)
        assert done.stderr.count("driver native") <= 1  # each load says it
        proof: dict[str, Any] = json.loads(proof_file.read_text())
        assert (proof["good"], proof["error"]) == (True, None)
        facts = {step["name"]: step["facts"] for step in proof["steps"]}
        with Playground.attach("walked") as playground:
            picture = take_picture(PdHttp(playground.endpoints))
        assert len(picture.stores) == 5
        assert replication(picture).good
        for region in picture.regions:
            assert len({peer.store_id for peer in region.peers if peer.role == "Voter"}) == 3
        added = facts["scale out"]["added"]
        assert len(added) == 2
        assert all(picture.stores[one].regions for one in added)
        assert facts["replication again"]["regions"] > facts["replication"]["regions"]
        assert facts["data"]["records"] == 8000
        during = facts["scale out"]["during"]
        assert during["ok"] > 0
        assert (during["failed"], during["not_found"]) == (0, 0)
        assert 0 < during["service_us"]["p50"] <= during["service_us"]["p99"]
        assert during["seconds"][0]["at_s"] < during["joined_s"] < during["seconds"][-1]["at_s"]
        check_report(report, facts, tmp_path)
        with Playground.attach("walked") as playground:
            data = Path(playground.topology.data_dir)
            playground.stop()
        check_replicas(data, {region.id for region in picture.regions})
    finally:
        subprocess.run(
            [sys.executable, "-P", "-m", "ycsbpy", "clean", "walked"], check=True, timeout=60, env=python_environment()
        )
    assert statedir.homes() == []


def check_replicas(data: Path, regions: set[int]) -> None:
    """The stores' own files: each Region is on three of the five, and all three hold the same bytes."""
    digests = replica_digests(sorted(data.glob("tikv-*")))
    assert set(digests) == regions
    for held in digests.values():
        assert len(held) == 3
        assert len(set(held.values())) == 1
    assert len({digest for held in digests.values() for digest in held.values()}) > 1


def check_report(report: Path, facts: dict[str, Any], folder: Path) -> None:
    """Its three pictures end in what each step has judged; a browser has no complaint and fetches nothing."""
    html = report.read_text()
    pictures = re.findall(r"<h2>\d\. After .*?</section>", html, re.DOTALL)
    for picture, step in zip(pictures, ("replication", "replication again", "scale out"), strict=True):
        rows = re.findall(r'<tr data-store="(\d+)">.*?class="number regions">(\d+)<', picture)
        assert {int(store): int(held) for store, held in rows} == {s["id"]: s["regions"] for s in facts[step]["stores"]}
        assert f'<b class="regions">{facts[step]["regions"]}</b>' in picture
    assert "All 8 steps were as expected" in html
    assert "stores begin to join" in html
    if PROGRAM is not None:
        seen = visit(report.as_uri(), folder, for_ms=1000)
        assert (seen.console, seen.asked) == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_in_the_middle_leaves_nothing(number: int) -> None:
    running = subprocess.Popen(
        command(*SMALL, "--more-records", "10000000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=python_environment(),
    )  # fmt: skip
    assert running.stdout is not None
    while not running.stdout.readline().startswith("ok   replication"):
        assert running.poll() is None
    with Playground.attach() as playground:
        pids = {row.pid: start_time(row.pid) for row in playground.display().rows}
    assert len(pids) == 4
    running.send_signal(number)
    output, errors = running.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert running.returncode == 130
        assert steps_of(output) == {"load more": "FAIL"}
        assert errors.splitlines()[-1].startswith("ycsbpy: walk: load more: interrupted")
    assert until(lambda: not any(start_time(pid) == start for pid, start in pids.items()), 60)
    assert until(lambda: statedir.homes() == [], 60)


@pytest.mark.parametrize(
    ("flags", "code", "line"),
    [
        (["--backend", "binaries", "--bin-dir", "/nowhere"], 4, "walk: start: "),
        (["--backend", "nothing"], 2, "nothing"),
        (["--records", "0"], 2, "0 is not in the range"),
        (["--json", "/nowhere/proof.json"], 2, "/nowhere/proof.json: cannot be written"),
        (["--report", "/nowhere/walk.html"], 2, "/nowhere/walk.html: cannot be written"),
    ],
)
def test_bad_input_is_one_line(flags: list[str], code: int, line: str) -> None:
    done = subprocess.run(
        command(*flags), capture_output=True, text=True, check=False, timeout=60, env=python_environment()
    )
    assert done.returncode == code, done.stderr
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert statedir.homes() == []


def test_the_first_step_that_fails_is_named_and_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here max-replicas is more than there are stores. The library returns the proof, and the cluster is gone."""
    seen: list[tuple[str, bool]] = []

    def done(step: Step) -> None:
        seen.append((step.name, step.good))
        if step.name == "load":
            with Playground.attach() as playground:
                more = urllib.request.Request(
                    f"http://{playground.endpoints[0]}/pd/api/v1/config", json.dumps({"max-replicas": 5}).encode()
                )
                urllib.request.urlopen(more, timeout=10).close()

    monkeypatch.setattr(walk_module, "REPLICATED_WITHIN_S", 1.0)
    proof = walk(Plan(spec=Spec(backend="minicluster"), records=100, more_records=100), done=done)
    assert seen == [("start", True), ("load", True), ("replication", False)]
    assert not proof.good
    assert isinstance(proof.error, ClusterError)
    assert proof.steps[-1].saw == str(proof.error)
    assert proof.steps[-1].facts["good"] is False
    assert statedir.homes() == []


def test_a_verdict_that_does_not_last_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    real = waiting.wait_for

    def wait_for(*arguments: Any, **more: Any) -> Judged:
        judged = real(*arguments, **more)
        return Judged(judged.picture, judged.verdict, stable=False, waited_s=judged.waited_s)

    monkeypatch.setattr(walk_module, "wait_for", wait_for)
    proof = walk(Plan(spec=Spec(backend="minicluster"), records=100, more_records=100))
    assert str(proof.error) == "it did not stay so for long enough"
    assert proof.to_json()["steps"][-1]["name"] == "replication"


@pytest.mark.parametrize(
    ("after", "fails"), [("start", "load"), ("load", "replication"), ("replication again", "scale out")]
)
def test_pd_dies(monkeypatch: pytest.MonkeyPatch, after: str, fails: str) -> None:
    """The step that needed it is the last one, says so, and all the rest is stopped."""
    pids: dict[int, str] = {}

    def done(step: Step) -> None:
        if step.name == after:
            with Playground.attach() as playground:
                rows = playground.display().rows
                pids.update({row.pid: start_time(row.pid) for row in rows})
                os.kill(next(row.pid for row in rows if row.role == "pd"), signal.SIGKILL)

    monkeypatch.setattr(walk_module, "REPLICATED_WITHIN_S", 1.0)
    plan = Plan(spec=Spec(backend="minicluster"), records=50, more_records=50, before_s=0.0, timeout_s=2.0)
    proof = walk(plan, done=done)
    assert [step.name for step in proof.steps][-1] == fails
    assert isinstance(proof.error, ClusterError)
    assert "PD" in str(proof.error) or "pd" in str(proof.error)
    assert not [pid for pid, start in pids.items() if start_time(pid) == start]
    assert statedir.homes() == []


@pytest.mark.parametrize("records", [200_000, pytest.param(1_000_000, marks=pytest.mark.ondemand)])
def test_a_walk_of_many_records(records: int) -> None:
    """As the page has it, on small Regions; what the proof says is held against what was seen all the while."""
    spec = Spec(backend="minicluster", region_split_size=8 << 20)
    proof = walk(Plan(spec=spec, more_records=records, threads=64))
    assert proof.good, proof.error
    facts = {step.name: step.facts for step in proof.steps}
    assert facts["data"]["records"] == records
    added = facts["scale out"]["added"]
    events = [event.text for event in proof.timeline.events if event.kind != "step"]
    assert any("split into" in text for text in events)
    assert [text for text in events if text.startswith(tuple(f"store {one} joined" for one in added))]
    last = next(sample for sample in reversed(proof.timeline.samples) if len(sample.stores) == 5)
    assert last.regions * 3 == sum(store.regions for store in last.stores)
    assert all(store.regions for store in last.stores)
    during = facts["scale out"]["during"]
    assert (during["failed"], during["not_found"]) == (0, 0)

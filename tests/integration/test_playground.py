"""Playgrounds over every backend: started, scaled, shown, found, stopped; and whatever goes wrong, nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from processes import port_is_open, until
from standins import free_port, make_binaries, make_tiup

from ycsbpy.cluster import Playground, reaper, statedir
from ycsbpy.cluster.backends.tiup import tiup_home
from ycsbpy.cluster.cleanup import clean
from ycsbpy.cluster.locate import Kind, running_playground
from ycsbpy.cluster.process import python_environment
from ycsbpy.cluster.topology import Topology
from ycsbpy.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

READY = "every Region has a leader"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of the test's own, in which nothing runs in the end, and a TiUP folder for the stand-in.

    A real TiUP keeps its folder: what it has installed is there.
    """
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if not os.environ.get("YCSBPY_TIUP"):
        monkeypatch.setenv("TIUP_HOME", str(tmp_path / "tiup-home"))
    yield tmp_path
    alive = [home for home in statedir.homes() if home.alive()]
    for home in alive:  # of a test that failed
        clean(home, print)
    assert not alive


@pytest.fixture(params=["minicluster", "binaries", "tiup"])
def flags(request: pytest.FixtureRequest, state: Path) -> list[str]:
    """The flags of each backend, the real one where a variable names it."""
    return backend_flags(request.param, state)


def backend_flags(name: str, folder: Path) -> list[str]:
    base = free_port()
    made = ["--backend", name, "--pd.port", str(base), "--kv.port", str(base + 4)]
    if name == "binaries":
        made += ["--bin-dir", str(make_binaries(folder / "bin"))]
        for flag, variable in (("--pd.binpath", "YCSBPY_PD_SERVER"), ("--kv.binpath", "YCSBPY_TIKV_SERVER")):
            made += [flag, os.environ[variable]] if os.environ.get(variable) else []
        return made
    if name == "tiup":
        return [*made, "--tiup", os.environ.get("YCSBPY_TIUP") or str(make_tiup(folder / "bin"))]
    return made


def ycsbpy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ycsbpy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=python_environment(), check=False)


class Foreground:
    """``ycsbpy playground`` in the foreground, and what it has said."""

    def __init__(self, *arguments: str, under: str = "") -> None:
        command = [sys.executable, "-m", "ycsbpy", "playground", *arguments]
        if under:
            command = [sys.executable, "-c", under, *command]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=python_environment()
        )
        self.said: list[str] = []

    def until(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if text in line:
                return
        raise AssertionError(f"{self.said} {self.process.communicate()[1]}")

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=60)
        self.said += out.splitlines()
        return self.process.returncode, errors


class Left:
    """The processes, ports and folders of the playgrounds there are, to be looked for after."""

    def __init__(self) -> None:
        found = [home.read() for home in statedir.homes()]
        self.topologies = [one for one in found if isinstance(one, Topology)]
        self.pids = {one.pid: one.start for top in self.topologies for one in top.instances}
        self.pids |= {top.pid: top.start for top in self.topologies}
        self.addresses = [one.address for top in self.topologies for one in top.instances]
        self.folders = [home.path for home in statedir.homes()]
        assert all(reaper.start_time(pid) == start for pid, start in self.pids.items())

    def anything(self, *, folders: bool = True) -> list[str]:
        found = [f"process {pid}" for pid, start in self.pids.items() if reaper.start_time(pid) == start]
        found += [f"port {address}" for address in self.addresses if port_is_open(address)]
        found += [f"socket {folder}" for folder in self.folders if (folder / "control.sock").exists()]
        if folders:
            found += [f"folder {folder}" for folder in self.folders if folder.exists()]
            found += [f"folder {path}" for path in (tiup_home() / "data").glob("ycsbpy-*")]
        return found


def test_the_whole_life_over_every_backend(flags: list[str]) -> None:
    started = ycsbpy("playground", *flags, "--kv", "2", "-d")
    assert started.returncode == 0, started.stderr
    assert READY in started.stdout
    assert sum(line.startswith("Start pd instance: ") for line in started.stdout.splitlines()) == 1
    assert sum(line.startswith("Start tikv instance: ") for line in started.stdout.splitlines()) == 2
    assert started.stdout.count("PD Endpoints:") == 1
    assert "PD Endpoints:   127.0.0.1:" in started.stdout
    left = Left()
    assert len(left.pids) == 4

    added = ycsbpy("playground", "scale-out", "--kv", "1")
    assert added.returncode == 0, added.stderr
    left = Left()
    assert len(left.pids) == 5
    shown = json.loads(ycsbpy("playground", "display", "--json").stdout)
    assert [row["role"] for row in shown["rows"]] == ["pd", "tikv", "tikv", "tikv"]
    assert [row["state"] for row in shown["rows"]] == ["", "Up", "Up", "Up"]
    assert sum(row["leaders"] for row in shown["rows"][1:]) >= 1
    table = ycsbpy("playground", "display").stdout.splitlines()
    assert table[0].split() == ["Pid", "Role", "Uptime"]
    assert table[1].split() == ["---", "----", "------"]
    assert [line.split()[1] for line in table[2:]] == ["pd", "tikv", "tikv", "tikv"]
    assert "Regions" in ycsbpy("playground", "display", "-v").stdout

    found = running_playground()
    assert found is not None
    assert (found.kind, found.endpoints) == (Kind.PLAYGROUND, tuple(shown["topology"]["endpoints"]))
    loaded = ycsbpy("load", "-P", "workloada", "-p", "recordcount=50")
    assert loaded.returncode == 0, loaded.stderr
    assert "using the playground" in loaded.stderr

    wrong = ycsbpy("playground", "scale-in", "--pid", "1")
    assert (wrong.returncode, wrong.stderr) == (2, "ycsbpy: no instance with id: 1\n")
    stopped = ycsbpy("playground", "stop")
    tag, pid = shown["topology"]["tag"], shown["topology"]["pid"]
    assert (stopped.returncode, stopped.stdout) == (
        0,
        f"Stop playground {tag}, pid: {pid}\nThe playground {tag} has stopped\n",
    )
    assert left.anything() == []
    assert running_playground() is None


def test_ctrl_c_ends_it(flags: list[str]) -> None:
    running = Foreground(*flags, "--kv", "1")
    running.until("PD Endpoints:")
    assert until(lambda: len(Left().pids) == 3)
    left = Left()
    status, errors = running.end()
    assert (status, errors) == (0, "")
    assert "Playground receive signal: interrupt" in running.said
    assert left.anything() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_cleaned_up_after_when_killed(flags: list[str], number: int) -> None:
    running = Foreground(*flags, "--kv", "1")
    running.until("PD Endpoints:")
    assert until(lambda: len(Left().pids) == 3)
    left = Left()
    assert running.end(number)[0] in (0, -signal.SIGKILL)
    assert until(lambda: left.anything() == [], 60), left.anything()


PARENT = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"


@pytest.mark.parametrize("stage", ["Start", "PD Endpoints:"])
def test_it_ends_with_its_parent(state: Path, stage: str) -> None:
    running = Foreground(*backend_flags("minicluster", state), "--kv", "1", under=PARENT)
    running.until(stage)
    left = Left()
    running.process.kill()
    running.process.wait()
    assert until(lambda: left.anything() == [], 60), left.anything()
    running.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("stage", ["over", "Start pd", "Start tikv"])
def test_a_signal_while_it_starts(flags: list[str], state: Path, stage: str, number: int) -> None:
    running = Foreground(*flags, "--kv", "2", "-T", "t1")
    running.until(stage if "tiup" not in flags or stage == "over" else "Start tiup")
    status, errors = running.end(number)
    if status not in (0, -signal.SIGKILL):
        assert (status, errors) == (130, "ycsbpy: stopped before the playground was ready\n")
    homes = state / "state" / "ycsbpy" / "playgrounds"
    assert until(lambda: status == 0 or not list(homes.iterdir()), 60)
    ours = str(state).encode()
    assert until(lambda: not [path for path in Path("/proc").glob("[0-9]*/cmdline") if ours in _read(path)], 60)
    if status == 0:
        assert ycsbpy("clean", "t1").returncode == 0


@pytest.mark.parametrize("stage", ["over", "Start tikv"])
def test_ctrl_c_while_it_starts_in_the_background(state: Path, stage: str) -> None:
    running = Foreground(*backend_flags("minicluster", state), "--kv", "2", "-T", "t1", "-d")
    running.until(stage)
    status, errors = running.end()
    if status == 0:  # it was quicker
        assert ycsbpy("clean", "t1").returncode == 0
    else:
        assert (status, errors) == (130, "ycsbpy: interrupted\n")
    assert statedir.homes() == []


def test_a_second_ctrl_c_does_not_wait(state: Path) -> None:
    running = Foreground(*backend_flags("minicluster", state), "--kv", "2")
    running.until("Prometheus:")
    left = Left()
    running.process.send_signal(signal.SIGINT)
    assert running.end()[0] == 0
    assert left.anything() == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--backend", "binaries", "--bin-dir", "{}/nothing"], 4, "no pd-server and no tikv-server in"),
        (["--backend", "binaries", "--kv.binpath", "{}/nothing"], 2, "is no program that can be run"),
        (["--backend", "tiup", "--tiup", "{}/nothing"], 2, "is no program that can be run"),
        (["--backend", "tiup", "--data-dir", "{}/d"], 4, "tiup keeps data in its own folder"),
        (["--backend", "minikluster"], 2, 'did you mean "minicluster"?'),
        (["--bin-dir", "{}/nothing"], 4, "--bin-dir: a real TiKV was asked for, and there is none"),
        (["v8.5.0", "--backend", "minicluster"], 2, "the version v8.5.0 is TiUP's to find"),
        (["--backend", "minicluster", "--pd.port", "{port}"], 4, "the port is taken"),
        (["--backend", "minicluster", "--kv.port", "{port}"], 4, "the port is taken"),
        (["--backend", "minicluster", "--data-dir", "/proc/nothing"], 4, "cannot write in /proc/nothing"),
        (["--backend", "minicluster", "--kv.config", "{}/nothing"], 2, "cannot read"),
        (["--backend", "minicluster", "-T", "../x"], 2, "a tag is 1 to 64 letters"),
        (["--region-split-size", "many"], 2, "a size is a number with KB, MB or GB"),
    ],
)
@pytest.mark.parametrize("background", [False, True])
def test_what_cannot_be_started(state: Path, arguments: list[str], status: int, text: str, *, background: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = [one.format(state, port=port) for one in arguments]
        if "--pd.port" not in given:
            given += ["--pd.port", str(free_port())]
        done = ycsbpy("playground", *given, *(["-d"] if background else []))
    assert (done.returncode, text in done.stderr) == (status, True), done.stderr
    assert done.stderr.startswith("ycsbpy: ")
    assert done.stderr.count("\n") == 1
    homes = state / "state" / "ycsbpy" / "playgrounds"
    assert not homes.exists() or not list(homes.iterdir())


def test_a_state_folder_that_cannot_be_written(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (state / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "file"))
    done = ycsbpy("playground", "--backend", "minicluster")
    assert done.returncode == 4
    assert "cannot write in" in done.stderr
    assert done.stderr.count("\n") == 1


def test_stores_that_do_not_come(state: Path) -> None:
    flags = backend_flags("binaries", state)
    if "--kv.binpath" in flags:
        pytest.skip("the real ones do come")
    folder = Path(flags[flags.index("--bin-dir") + 1])
    (folder / "no-more-stores").touch()
    done = ycsbpy("playground", *flags, "--kv", "2")
    assert done.returncode == 4
    assert "ended (exit status 1); its log ends: [FATAL] failed to open the engine" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not statedir.homes()

    (folder / "no-more-stores").unlink()
    assert ycsbpy("playground", *flags, "--kv", "1", "-d").returncode == 0
    (folder / "no-more-stores").touch()
    done = ycsbpy("playground", "scale-out", "--kv", "2")
    assert done.returncode == 4
    assert "2 stores were asked for and 0 joined: tikv-" in done.stderr
    left = Left()
    assert len(left.pids) == 3
    data = Path(left.topologies[0].data_dir)
    assert sorted(path.name for path in data.glob("*-*")) == ["pd-0", "tikv-0"]
    assert ycsbpy("playground", "stop").returncode == 0
    assert left.anything() == []


def test_processes_that_die_are_reported_and_a_dead_pd_is_named(state: Path) -> None:
    running = Foreground(*backend_flags("minicluster", state), "--kv", "2")
    running.until("PD Endpoints:")
    with Playground.attach() as playground:
        pd, first, second = playground.display().rows
        os.kill(first.pid, signal.SIGKILL)
        running.until("tikv-0 quit: signal 9")
        assert [row.ended for row in playground.display().rows] == ["", "signal 9", ""]
        os.kill(pd.pid, signal.SIGKILL)
        running.until("pd-0 quit: signal 9")
        with pytest.raises(ClusterError, match="PD does not answer"):
            playground.scale_out(1)
        assert "PD does not answer" in playground.display().problem
        with pytest.raises(ClusterError, match="runs, but no PD answers"):
            running_playground()
        left = Left_of_living([second.pid])
        os.kill(second.pid, signal.SIGKILL)
    running.process.wait(60)
    assert running.process.returncode == 4
    assert running.process.communicate()[1] == "ycsbpy: all processes of the playground have ended\n"
    assert left() == []
    assert not statedir.homes()


def Left_of_living(pids: list[int]) -> Any:  # noqa: N802
    starts = {pid: reaper.start_time(pid) for pid in pids}
    return lambda: [pid for pid, start in starts.items() if reaper.start_time(pid) == start]


def test_two_at_once_and_which_is_meant(state: Path) -> None:
    one, two = Foreground("--backend", "minicluster", "--kv", "1", "--pd.port", str(free_port())), None
    one.until("PD Endpoints:")
    with Playground(kv=1, backend="minicluster", tag="second", pd_port=free_port()) as second:
        assert len({one.address for top in Left().topologies for one in top.instances}) == 4
        done = ycsbpy("playground", "display")
        assert done.returncode == 2
        assert "several playgrounds run" in done.stderr
        assert ycsbpy("playground", "display", "-T", "second").returncode == 0
        with pytest.raises(UsageError, match="several playgrounds run"):
            running_playground()
        with pytest.raises(ClusterError, match="the playground second runs already"):
            Playground(kv=1, tag="second", backend="minicluster").start()
        tags = [line.split()[0] for line in ycsbpy("playground", "ps").stdout.splitlines()[2:]]
        assert second.tag in tags
        assert len(tags) == 2
    assert one.end()[0] == 0
    assert two is None
    assert [home.tag for home in statedir.homes()] == ["second"]
    assert "stopped" in ycsbpy("playground", "ps").stdout
    assert ycsbpy("clean", "--all").returncode == 0
    assert statedir.homes() == []
    assert ycsbpy("clean", "second").returncode == 4


def test_one_that_was_killed_is_stale_and_can_be_cleaned(state: Path) -> None:
    data = state / "data"
    running = Foreground(*backend_flags("minicluster", state), "--kv", "1", "-T", "t1", "--data-dir", str(data))
    running.until("PD Endpoints:")
    (data / "own").write_text("the user's")
    left = Left()
    running.end(signal.SIGKILL)
    assert until(lambda: left.anything(folders=False) == [], 60)
    assert "stale" in ycsbpy("playground", "ps").stdout
    assert ycsbpy("playground", "display", "-T", "t1").stderr == (
        "ycsbpy: no playground t1 runs, but there are its data (ycsbpy playground ps)\n"
    )
    assert running_playground() is None
    assert ycsbpy("clean", "t1").returncode == 0
    assert [path.name for path in data.iterdir()] == ["own"]
    assert statedir.homes() == []


@pytest.mark.parametrize("where", ["tag", "data-dir"])
def test_ports_and_stores_are_the_same_after_a_restart(state: Path, where: str) -> None:
    flags = backend_flags("binaries", state)
    own = ["-T", "t1"] if where == "tag" else ["--data-dir", str(state / "data")]
    assert ycsbpy("playground", *flags, *own, "--kv", "1", "-d").returncode == 0
    assert ycsbpy("playground", "scale-out").returncode == 0
    before = Left()
    assert ycsbpy("playground", "stop").returncode == 0
    assert before.anything(folders=False) == []
    without_ports = flags[:2] + flags[6:]
    with socket.create_server(("127.0.0.1", int(before.addresses[2].rpartition(":")[2]))):
        done = ycsbpy("playground", *without_ports, *own, "-d")
        assert (done.returncode, "which it had before: the port is taken" in done.stderr) == (4, True), done.stderr
    assert ycsbpy("playground", *without_ports, *own, "--kv", "1", "-d").returncode == 0
    after = Left()
    assert after.addresses == before.addresses
    assert len(after.addresses) == 3
    assert not set(after.pids) & set(before.pids)
    done = ycsbpy("playground", "--backend", "minicluster", *own)
    assert done.returncode == 4
    assert ycsbpy("playground", "stop").returncode == 0
    done = ycsbpy("playground", "--backend", "minicluster", *own)
    assert (done.returncode, "are of a playground over binaries" in done.stderr) == (4, True), done.stderr
    names = {one.name for one in after.topologies[0].instances}
    assert names == {path.name for path in Path(after.topologies[0].data_dir).glob("*-*")}


def test_a_store_is_taken_out_and_the_rest_starts_again_with_its_data(state: Path) -> None:
    flags = backend_flags("minicluster", state)
    assert ycsbpy("playground", *flags, "-T", "t1", "--region-split-size", "64KB", "-d").returncode == 0
    load = ycsbpy("load", "-P", "workloada", "-p", "recordcount=300")
    assert load.returncode == 0, load.stderr
    with Playground.attach("t1") as playground:
        added = playground.scale_out(1)[0]
        leaving = playground.topology.stores[0]
        assert playground.scale_in(store=leaving.store_id, wait_s=100) == "tikv-0 is gone"
        left = {one.name: (one.address, one.store_id) for one in playground.topology.stores}
        assert set(left) == {"tikv-1", "tikv-2", added.name}
        assert reaper.start_time(leaving.pid) != leaving.start
        assert not port_is_open(leaving.address)
        data = Path(playground.topology.data_dir)
    assert ycsbpy("playground", "stop").returncode == 0
    assert {path.name for path in data.glob("tikv-*")} == set(left)
    assert ycsbpy("playground", "--backend", "minicluster", "-T", "t1", "-d").returncode == 0
    with Playground.attach("t1") as playground:
        assert {one.name: (one.address, one.store_id) for one in playground.topology.stores} == left
    run = ycsbpy("run", "-P", "workloadc", "-p", "recordcount=300", "-p", "operationcount=300")
    assert run.returncode == 0, run.stderr
    assert "300 planned = 300 ok" in run.stdout
    assert ycsbpy("clean", "t1").returncode == 0


def test_clean_ends_one_that_runs(state: Path) -> None:
    with contextlib.suppress(ClusterError):
        Playground(kv=1, backend="minicluster", tag="t1", pd_port=free_port()).start().keep()
    left = Left()
    done = ycsbpy("clean", "t1")
    assert (done.returncode, done.stderr) == (0, "")
    assert left.anything() == []


def test_from_a_program_it_goes_when_the_program_does(state: Path) -> None:
    source = (
        "import sys; from ycsbpy.cluster import Playground\n"
        f"p = Playground(kv=1, backend='minicluster', pd_port={free_port()}).start()\n"
        "print(p.tag, flush=True); sys.stdin.read()"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=python_environment()
    )
    assert program.stdout is not None
    assert program.stdout.readline().strip().decode() == statedir.running().tag
    left = Left()
    program.kill()
    program.communicate()
    assert until(lambda: left.anything() == [], 60), left.anything()


def test_calls_that_are_none(state: Path) -> None:
    with Playground(kv=1, backend="minicluster", pd_port=free_port()) as playground:
        home = statedir.running(playground.tag)
        assert home.socket.stat().st_mode & 0o777 == 0o600
        with pytest.raises(UsageError, match="cannot do 'dance'"):
            playground._call("dance")
        with pytest.raises(UsageError, match="kv is a number"):
            playground._call("scale-out", kv="x")
        with pytest.raises(UsageError, match="0 stores cannot be added"):
            playground.scale_out(0)

        async def nonsense() -> bytes:
            reader, writer = await asyncio.open_unix_connection(home.socket)
            writer.write(b"[]\n")
            answer = await reader.read()
            writer.close()
            return answer

        assert b"that is no call" in asyncio.run(nonsense())
        targets = json.loads((home.path / "prometheus" / "targets.json").read_text())
        assert [one["labels"]["job"] for one in targets] == ["pd", "tikv"]
        assert targets[0]["targets"] == list(playground.endpoints)
    with pytest.raises(ClusterError, match="does not run"):
        playground.scale_out(1)

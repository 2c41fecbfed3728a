"""Children that are started, awaited, stopped, and never left behind."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from processes import Script, until

from ycsbpy.cluster import reaper
from ycsbpy.cluster.process import OWNER_FD, READY_FD, Child, Estate, log_tail, python_environment
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = """
import json, os, sys
os.write(int(sys.argv[2]), json.dumps({"ready": {"answer": 42}}).encode() + b"\\n")
os.read(int(sys.argv[1]), 1)
print("bye", flush=True)
"""
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(int(sys.argv[2]), b'{"ready": {}}\\n')
time.sleep(1000)
"""


def start(estate: Estate, source: str, folder: Path, name: str = "child") -> Child:
    command = [sys.executable, "-c", source, OWNER_FD, READY_FD]
    return estate.start(name, command, folder / f"{name}.log", environment=dict(os.environ))


@pytest.fixture
def estate() -> Iterator[Estate]:
    with Estate() as made:
        yield made


def test_a_child_says_that_it_is_ready_and_goes_when_told(estate: Estate, tmp_path: Path) -> None:
    child = start(estate, GOOD, tmp_path)
    assert child.wait_ready(20.0) == {"answer": 42}
    assert child.returncode is None
    assert child.stop() == 0
    assert child.returncode == 0
    assert child.stop() == 0  # once more does no harm
    assert log_tail(tmp_path / "child.log") == "bye"


def test_a_stubborn_child_is_killed(estate: Estate, tmp_path: Path) -> None:
    child = start(estate, STUBBORN, tmp_path)
    child.wait_ready(20.0)
    assert child.stop(0.1) == -signal.SIGKILL


def test_a_child_can_be_killed_as_a_test_would(estate: Estate, tmp_path: Path) -> None:
    child = start(estate, GOOD, tmp_path)
    child.wait_ready(20.0)
    assert child.kill() == -signal.SIGKILL
    estate.ended(child)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "print('oh'); print('dear'); raise SystemExit(3)",
            r"child ended before it was ready \(exit status 3\).*oh \| dear",
        ),
        ("import os; os.kill(os.getpid(), 9)", r"child ended before it was ready \(signal 9\)"),
        ('import os, sys; os.write(int(sys.argv[2]), b\'{"error": "no luck"}\\n\')', "^child: no luck$"),
        ("import time; time.sleep(100)", r"child was not ready within 0\.5 s"),
    ],
)
def test_a_child_that_does_not_get_ready(estate: Estate, tmp_path: Path, source: str, message: str) -> None:
    child = start(estate, source, tmp_path)
    with pytest.raises(ClusterError, match=message) as caught:
        child.wait_ready(0.5 if "sleep" in source else 20.0)
    assert "\n" not in str(caught.value)
    child.kill()


def test_a_program_that_is_not_there(estate: Estate, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"ghost cannot be started: .*No such file"):
        estate.start("ghost", ["/no/such/program"], tmp_path / "log")


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert log_tail(log) == ""
    log.write_bytes(b"x" * 200_000 + b"\n" + b"".join(b"line %d\n" % number for number in range(100)) + b"\xff\n")
    assert log_tail(log, 2) == "line 99\n\N{REPLACEMENT CHARACTER}"


def test_an_estate_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    estate = Estate()
    folder = estate.folder()
    assert folder.parent == tmp_path
    (folder / "sub").mkdir()
    children = [start(estate, source, folder, f"c{index}") for index, source in enumerate([GOOD, STUBBORN, GOOD])]
    for child in children:
        child.wait_ready(20.0)
    estate.close(grace_s=0.5)
    assert [child.returncode for child in children] == [0, -signal.SIGKILL, 0]
    assert list(tmp_path.iterdir()) == []
    estate.close()


def test_a_folder_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(ClusterError, match="cannot make a temporary folder"):
        Estate().folder()


def test_an_estate_without_children_starts_no_reaper() -> None:
    estate = Estate()
    estate.close()
    assert estate._reaper is None


def test_an_estate_whose_reaper_was_killed(tmp_path: Path) -> None:
    with Estate() as estate:
        start(estate, GOOD, tmp_path).wait_ready(20.0)
        assert estate._reaper is not None
        estate._reaper.kill()
        estate._reaper.wait()
        start(estate, GOOD, tmp_path, "other").wait_ready(20.0)


def test_children_started_from_many_threads(estate: Estate, tmp_path: Path) -> None:
    children: list[Child] = []

    def work(number: int) -> None:
        children.append(start(estate, GOOD, tmp_path, f"c{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(child.wait_ready(20.0) for child in children)


def test_the_child_finds_this_ycsbpy() -> None:
    environment = python_environment()
    import ycsbpy

    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(Path(ycsbpy.__file__).parents[1])


# ---- the reaper ----

OWNER = """
import json, os, sys, tempfile
from pathlib import Path
from ycsbpy.cluster.process import Estate, OWNER_FD, READY_FD
tempfile.tempdir = sys.argv[1] if len(sys.argv) > 1 else None
estate = Estate()
folder = estate.folder()
command = [sys.executable, "-c", {source!r}, OWNER_FD, READY_FD]
child = estate.start("c", command, folder / "log", environment=dict(os.environ))
child.wait_ready(20.0)
print(json.dumps({{"child": child.pid, "folder": str(folder), "reaper": estate._reaper.pid}}), flush=True)
{then}
"""


@pytest.mark.parametrize("source", [GOOD, STUBBORN])
def test_a_killed_owner_is_cleaned_up_after(source: str) -> None:
    owner = Script(OWNER.format(source=source, then="sys.stdin.read()"))
    start = reaper.start_time(owner.says["child"])
    owner.end(signal.SIGKILL)
    assert until(lambda: reaper.start_time(owner.says["child"]) != start)
    assert until(lambda: not Path(owner.says["folder"]).exists())
    assert until(lambda: reaper.start_time(owner.says["reaper"]) == "")


def ignores(pid: int, number: int) -> bool:
    (mask,) = (
        line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn")
    )
    return bool(int(mask, 16) >> number - 1 & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which is Linux's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_reaper_outlives_signals_meant_for_its_owner(number: int) -> None:
    owner = Script(OWNER.format(source=GOOD, then="sys.stdin.read()"))
    pid = owner.says["reaper"]
    assert os.getsid(pid) == pid
    assert until(lambda: ignores(pid, number))  # it is started together with the child
    os.kill(pid, number)
    owner.end(signal.SIGKILL)
    assert until(lambda: not Path(owner.says["folder"]).exists())


def test_a_pid_that_now_means_another_process_is_left_alone() -> None:
    lives_on = Script("print(1, flush=True); import sys; sys.stdin.read()")
    made = reaper.Reaper()
    made.take(b'{"child": %d, "start": "long ago"}' % lives_on.process.pid)
    made.clean_up(0.0)
    reaper.end(lives_on.process.pid, "long ago")
    assert lives_on.process.poll() is None
    reaper.end(lives_on.process.pid, reaper.start_time(lives_on.process.pid))
    assert lives_on.end()[0] == -signal.SIGKILL


def test_a_folder_that_is_now_another_is_left_alone(tmp_path: Path) -> None:
    made = reaper.Reaper()
    found = tmp_path.lstat()
    inside = tmp_path / "inside"
    inside.mkdir()
    made.take(b'{"folder": "%s", "id": [%d, %d]}' % (str(inside).encode(), found.st_dev, found.st_ino))
    made.take(b'{"folder": "%s", "id": [1, 2]}' % str(tmp_path / "gone").encode())
    made.take(b"this is no JSON")
    made.take(b'{"something": "else"}')
    made.clean_up(0.0)
    assert inside.exists()
    identity = inside.lstat()
    made.take(b'{"folder": "%s", "id": [%d, %d]}' % (str(inside).encode(), identity.st_dev, identity.st_ino))
    made.clean_up(0.0)
    assert not inside.exists()


def test_children_that_ended_are_forgotten() -> None:
    made = reaper.Reaper()
    made.take(b'{"child": 7, "start": "x"}')
    made.take(b'{"gone": 7}')
    assert made.children == {}
    made.take(b'{"done": true}')
    assert made.done


def test_processes_that_are_not_there() -> None:
    assert reaper.start_time(2**22 + 1) == ""
    reaper.end(2**22 + 1, "")
    assert reaper.start_time(os.getpid()) == reaper.start_time(os.getpid()) != ""

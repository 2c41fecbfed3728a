"""``ycsbpy shell`` as a person and a script use it: on a pseudo-terminal and in a pipe, with every TiKV driver."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from processes import port_is_open, until
from terminal import CTRL_C, CTRL_D, UP, Terminal

from ycsbpy.cluster import reaper
from ycsbpy.cluster.process import python_environment

if TYPE_CHECKING:
    from pathlib import Path

    from ycsbpy.minicluster import MiniCluster

COMMAND = [sys.executable, "-P", "-m", "ycsbpy", "shell"]
ALONE = """
import sys
from ycsbpy.cli.entry import main
from ycsbpy.cluster import locate
locate._anybody_there = lambda endpoint, timeout_s: False
sys.argv[1:] = ["shell"]
main()
"""
"""A shell that finds no PD, also where one happens to be."""
PROMPT = "usertable> "


def environment(state: Path) -> dict[str, str]:
    return {**python_environment(), "XDG_STATE_HOME": str(state)}


def pipe(lines: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], input=lines, capture_output=True, text=True, check=False, timeout=120,
        env=python_environment(),
    )  # fmt: skip


@pytest.mark.parametrize("driver", ["auto", "native", "tikv-client", "tikv-python"])
def test_a_pipe_with_every_driver(cluster: MiniCluster, driver: str) -> None:
    if driver == "tikv-client":
        pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    flags = ["-p", f"tikv.pd={cluster.pd_address}", "-p", f"tikv.driver={driver}", "--table", f"shell-{driver}"]
    done = pipe(
        "# four commands\n"
        "insert user1 field0=one field1='two words'\ninsert user2 field0=three\n"
        "update user1 field0=\\xff\n\nscan '' 10\n",
        *flags, "--json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["outcome"] for answer in answers] == ["ok"] * 4
    assert answers[-1]["records"] == [
        {"key": "user1", "row": {"field0": {"base64": "/w=="}, "field1": "two words"}},
        {"key": "user2", "row": {"field0": "three"}},
    ]
    done = pipe("delete user1\nread user1\nread user2\n", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "delete user1: ok",
        f"no record user1 in shell-{driver}",
        "Field   Value",
        "-----   -----",
        "field0  three",
        "1 record",
    ]


def test_a_pipe_goes_on_and_gives_the_code_of_the_first_that_failed() -> None:
    done = pipe("insert user1 field0=a\nupdate none field0=a\nreed\nread user1\nquit\nread after\n", "memory")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "ycsbpy: line 2: update none: there is no such record in usertable",
        'ycsbpy: line 3: there is no command "reed"; did you mean "read"?',
    ]
    assert done.stdout.splitlines()[-1] == "1 record"
    assert pipe("reed\nupdate none field0=a\n", "memory").returncode == 2


def test_bytes_that_are_not_text_are_taken_as_they_are() -> None:
    done = subprocess.run(
        [*COMMAND, "memory", "--json"],
        input=b"insert k\xff field0=\xfe\nscan '' 1\n",
        capture_output=True,
        check=False,
        timeout=60,
        env=python_environment(),
    )
    assert done.returncode == 0
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["records"] == [{"key": {"base64": "a/8="}, "row": {"field0": {"base64": "/g=="}}}]


def test_what_the_terminal_cannot_show_is_escaped() -> None:
    done = subprocess.run(
        [*COMMAND, "memory", "-c", "insert k field0=\u00e4\u20ac", "-c", "read \u20ac", "-c", "read k", "-c", "\u20ac"],
        capture_output=True, encoding="latin-1", check=False, timeout=60,
        env={**python_environment(), "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "no record \\u20ac in usertable" in done.stdout
    assert "field0  \u00e4\\u20ac" in done.stdout
    assert done.stderr == 'ycsbpy: -c: there is no command "\\u20ac"\n'


def test_commands_of_the_command_line() -> None:
    done = pipe("not read\n", "memory", "-c", "insert a field0=b", "-c", "scan a x", "-c", "read a")
    assert done.returncode == 2
    assert done.stderr == "ycsbpy: -c: how many records: a number from 1 to 1,000,000, not 'x'\n"
    assert done.stdout.splitlines() == ["insert a: ok", "Field   Value", "-----   -----", "field0  b", "1 record"]


def test_ctrl_c_ends_a_pipe_with_its_code() -> None:
    process = subprocess.Popen(
        [*COMMAND, "memory"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=python_environment(),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("insert a field0=b\n")
    process.stdin.flush()
    assert process.stdout.readline() == "insert a: ok\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "ycsbpy: interrupted\n")


def test_a_terminal(tmp_path: Path) -> None:
    with Terminal([*COMMAND, "memory"], environment(tmp_path)) as shell:
        shell.wait_for("memory by memory; help says what there is")
        shell.wait_for(PROMPT)
        shell.type("ins\tuser1 field0=a field1='b c'\n")
        shell.wait_for(r"insert user1 field0=a field1='b c'\ninsert user1: ok \([0-9.]+ ms\)\n" + PROMPT)
        shell.type("read us\t\n")
        shell.wait_for(
            r"read user1 \nField   Value\n-----   -----\nfield0  a\nfield1  b c\n1 record \([0-9.]+ ms\)\n" + PROMPT
        )
        shell.type("this line is dropped")
        shell.wait_for("this line is dropped")
        shell.interrupt(r"\^C\n" + PROMPT)
        shell.type("reed user1\n")
        shell.wait_for(r'\nycsbpy: there is no command "reed"; did you mean "read"\?\n' + PROMPT)
        shell.type("table other\n")
        shell.wait_for("\ntable other\nother> ")
        shell.type(UP)
        shell.wait_for("table other")
        shell.interrupt("other> ")
        shell.type(CTRL_D)
        assert shell.end() == 0
    with Terminal([*COMMAND, "memory"], environment(tmp_path)) as shell:
        shell.wait_for(PROMPT)
        shell.type(UP)
        shell.wait_for("table other")
        shell.interrupt(PROMPT)
        shell.type("quit\n")
        assert shell.end() == 0
    assert "Traceback" not in shell.seen


def test_an_embedded_cluster_for_a_shell(tmp_path: Path) -> None:
    """It survives Ctrl-C, which reaches all that the terminal has started, and goes with the shell."""
    with Terminal([sys.executable, "-P", "-c", ALONE], environment(tmp_path)) as shell:
        started = shell.wait_for(r"started a mini-cluster of 3 stores with PD at (\S+)")
        shell.wait_for(PROMPT)
        shell.interrupt(PROMPT)
        shell.type("insert user1 field0=a\n")
        shell.wait_for("insert user1: ok.*\n" + PROMPT)
        shell.type("scan '' 5\n")
        shell.wait_for("1 record.*\n" + PROMPT)
        shell.type(CTRL_D)
        assert shell.end() == 0
    assert until(lambda: not port_is_open(started.split()[-1]))


def test_ctrl_c_while_it_connects(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-P", "-c", ALONE], environment(tmp_path)) as shell:
        started: dict[int, str] = {}

        def any_started() -> bool:
            started.update(children(shell.process.pid))
            return bool(started)

        assert until(any_started)
        shell.type(CTRL_C)
        assert shell.end() == 130
        assert "ycsbpy: interrupted" in shell.seen
        assert "Traceback" not in shell.seen
    assert until(lambda: not any(reaper.start_time(pid) == start for pid, start in started.items()))


def children(pid: int) -> dict[int, str]:
    """Processes below that one, each with its start time."""
    try:
        return {one.pid: reaper.start_time(one.pid) for one in psutil.Process(pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return {}

"""Completion as it happens: Tab pressed in bash, zsh and fish, with the script that ``ycsbpy completion`` prints."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from terminal import Terminal

from ycsbpy.cluster.process import python_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETUP = {
    "bash": "source <(ycsbpy completion bash)\n",
    "zsh": "autoload -U compinit && compinit -u && source <(ycsbpy completion zsh)\n",
    "fish": "ycsbpy completion fish | source\n",
}
START = {"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"], "fish": ["fish", "--no-config", "-i"]}
PROMPT = {"bash": "PS1='ready> '\n", "zsh": "PS1='ready> '\n", "fish": "function fish_prompt; echo 'ready> '; end\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the program ``ycsbpy``, which prints its words, or completes them."""
    program = tmp_path / "bin" / "ycsbpy"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        "if '_YCSBPY_COMPLETE' in os.environ or sys.argv[1:2] == ['completion']:\n"
        "    from ycsbpy.cli.entry import main\n    main()\n"
        "print('words', sys.argv[1:])\n"
    )
    program.chmod(0o755)
    (tmp_path / "my workload.properties").write_text("")
    (tmp_path / "tables").mkdir()
    return tmp_path


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, folder: Path) -> Iterator[Terminal]:
    """An interactive shell that has read its script."""
    name = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    environment = {
        **python_environment(),
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "INPUTRC": "/dev/null",
    }
    with Terminal(START[name], environment, width=200, cwd=str(folder)) as opened:
        opened.type(SETUP[name])
        opened.type(PROMPT[name])
        opened.type("echo set''up $((6 * 7))\n" if name != "fish" else "echo set''up (math 6 x 7)\n")
        opened.wait_for("setup 42")
        opened.wait_for("ready> ")
        yield opened


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("ycsbpy playg\t", ["playground"]),
        ("ycsbpy run --thr\t7", ["run", "--threads", "7"]),
        ("ycsbpy run -P workloa\ta -p requestd\tlat\t", None),
        ("ycsbpy load mem\t -p tikv.driver=nat\t", ["load", "memory", "-p", "tikv.driver=native"]),
        ("ycsbpy run --table user\t", ["run", "--table", "usertable"]),
        ("ycsbpy run -P my\t", ["run", "-P", "my workload.properties"]),
        ("ycsbpy playground --backend mini\t sca\tout", ["playground", "--backend", "minicluster", "scale-out"]),
    ],
    ids=["command", "flag", "property and value", "database", "table", "file with a blank", "subcommand"],
)
def test_tab(shell: Terminal, typed: str, words: list[str] | None) -> None:
    expected = words or ["run", "-P", "workloada", "-p", "requestdistribution=latest"]
    for part in typed.split("\t"):
        shell.type(part)
        if part:
            shell.wait_for(part[-4:].strip().replace(".", r"\."))
        shell.type("\t")
    shell.type("\n")
    shell.wait_for("words .*\n")
    assert str(expected) in shell.seen

"""Every command block of README and docs is run as it stands there.

Blocks of ``sh``, ``bash``, ``zsh`` and ``fish`` are scripts: each runs in a folder of its own, with ``ycsbpy`` on PATH
and a cluster where the text has one. What is too large for a test or is not there is replaced (``INSTEAD``), and what
is not run says why (``NOT_RUN``); both lists hold nothing that no block has.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from click.testing import CliRunner

from ycsbpy.cli.app import app
from ycsbpy.cluster.process import python_environment
from ycsbpy.config import load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.minicluster import MiniCluster

pytestmark = pytest.mark.once

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")), PROJECT / "examples" / "plugin" / "README.md"]
SHELLS = {"sh": ["bash", "-euo", "pipefail", "-c"], "bash": ["bash", "-euo", "pipefail", "-c"],
          "zsh": ["zsh", "-f", "-e", "-c"], "fish": ["fish", "--no-config", "-c"]}  # fmt: skip
BEFORE = {"zsh": "autoload -U compinit; compinit -u\n"}

INSTEAD = {
    "10.0.1.5:2379": "{pd}",
    "tikv.pd=127.0.0.1:2379": "tikv.pd={pd}",
    "recordcount=1000000": "recordcount=2000",
    "operationcount=1000000": "operationcount=2000",
    "recordcount=300000": "recordcount=3000",
    "recordcount=100000": "recordcount=3000",
    "--region-split-size 4MB": "--region-split-size 256KB",
    "--region-split-size 16MB": "--region-split-size 256KB",
    "verify balance": "verify balance --stable 1",
    "pip install ./examples/plugin": "{pip} {plugin}",
    "--store 4 ": """--store "$(ycsbpy playground display --json | {last_store})" """,
}
"""What stands there → what is run."""

NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/python -m pip install -q . && .venv/bin/ycsbpy load -P workloada":
        "it installs from the network; .ci/run runs this line as it is",
    "python3 -m venv .venv && .venv/bin/python -m pip install -q -e '.[test]' && .venv/bin/python -m pytest":
        "it would run the tests that run it; .ci/run runs this line as it is",
    ".venv/bin/ycsbpy walk --more-records 100000 --region-split-size 4MB --report walk.html":
        "a minute by itself; tests/integration/test_walk.py walks with fewer records",
    "ycsbpy walk --more-records 100000 --region-split-size 4MB --report walk.html": "the same",
    "ycsbpy playground                                     # three stores, until Ctrl-C":
        "it does not end; tests/integration/test_playground.py ends it by Ctrl-C",
}  # fmt: skip
"""Lines that are left out."""

IN_ONE = {"docs/tutorial.md"}
"""Pages whose blocks go on from each other: they are run as one."""


class Block(NamedTuple):
    """A fenced block; ``prints`` is the block of text after it that says what it prints."""

    page: str
    line: int
    language: str
    text: str
    prints: str = ""


def blocks_of(path: Path) -> Iterator[Block]:
    text = path.read_text()
    fence = re.compile(r"^```(\w*)\n(.*?)^```$(?:\n\nprints\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
    for found in fence.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        yield Block(path.relative_to(PROJECT).as_posix(), line, found[1], found[2], found[3] or "")


def joined(blocks: list[Block]) -> list[Block]:
    if not blocks or blocks[0].page not in IN_ONE:
        return blocks
    return [blocks[0]._replace(text="".join(block.text for block in blocks if block.language == blocks[0].language))]


BLOCKS = [block for path in PAGES for block in joined(list(blocks_of(path)))]
COMMANDS = [block for block in BLOCKS if block.language in SHELLS]


def to_run(block: Block) -> str:
    """The block without the lines that are not run."""
    return "".join(line for line in block.text.splitlines(keepends=True) if line.strip() not in NOT_RUN)


RUN = [block for block in COMMANDS if to_run(block).strip()]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A checkout of sorts: ``ycsbpy`` on PATH and in ``.venv``; no playground stays when a block fails half-way."""
    for place in (tmp_path / "bin", tmp_path / ".venv" / "bin"):
        place.mkdir(parents=True)
        program = place / "ycsbpy"
        program.write_text(f"#!{sys.executable} -P\nfrom ycsbpy.cli.entry import main\nmain()\n")
        program.chmod(0o755)
    (tmp_path / ".config" / "fish" / "completions").mkdir(parents=True)
    yield tmp_path
    subprocess.run([tmp_path / "bin" / "ycsbpy", "clean", "--all"], env=environment(tmp_path), check=False, timeout=120)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def environment(folder: Path) -> dict[str, str]:
    found = python_environment()
    found["PYTHONPATH"] += os.pathsep + str(folder / "site")
    return {
        **found,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "YCSBPY_PLAYGROUND_PD_PORT": str(free_port()),  # not where other tests look for a PD that they did not start
    }


def replaced(text: str, cluster: MiniCluster, folder: Path) -> str:
    pip = f"{sys.executable} -m pip install -q --disable-pip-version-check --no-deps --no-index --no-build-isolation"
    last = f'{sys.executable} -c \'import json, sys; print(json.load(sys.stdin)["rows"][-1]["store_id"])\''
    values = {
        "last_store": last,
        "pd": cluster.pd_address,
        "pip": f"{pip} --target {folder / 'site'}",
        "plugin": str(folder / "plugin"),
    }
    for written, instead in INSTEAD.items():
        text = text.replace(written, instead.format(**values))
    return text


@pytest.mark.parametrize("block", RUN, ids=lambda block: f"{block.page}:{block.line}")
def test_commands(block: Block, cluster: MiniCluster, folder: Path) -> None:
    shell = SHELLS[block.language]
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    if "examples/plugin" in block.text:
        pytest.importorskip("setuptools", reason="the package is built without fetching anything")
        shutil.copytree(PROJECT / "examples" / "plugin", folder / "plugin")
    script = BEFORE.get(block.language, "") + replaced(to_run(block), cluster, folder)
    done = subprocess.run(
        [*shell, script], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, timeout=300,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr
    if block.prints:
        assert done.stdout == block.prints


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language == "properties"],
    ids=lambda block: f"{block.page}:{block.line}",
)
def test_properties_are_ones_that_there_are(block: Block, tmp_path: Path) -> None:
    (tmp_path / "block").write_text(block.text)
    assert load_config(user_file=tmp_path / "block").non_default()


def test_what_is_not_run_has_flags_that_there_are() -> None:
    ours = [line.partition("#")[0].split() for line in NOT_RUN if line.removeprefix(".venv/bin/").startswith("ycsbpy ")]
    assert ours
    for words in ours:
        assert CliRunner().invoke(app, [*words[1:], "--help"]).exit_code == 0


def test_most_blocks_are_run_and_nothing_is_listed_that_is_not_there() -> None:
    assert len(COMMANDS) >= 14
    assert len(RUN) >= len(COMMANDS) - 4
    text = "".join(block.text for block in COMMANDS)
    lines = {line.strip() for line in text.splitlines()}
    assert [written for written in INSTEAD if written not in text] == []
    assert [line for line in NOT_RUN if line not in lines] == []
    assert all(block.language for block in BLOCKS), "a fenced block that does not say what it is"

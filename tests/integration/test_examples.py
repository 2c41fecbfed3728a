"""The examples, and the README's Python, do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ycsbpy.cluster.process import python_environment

PROJECT = Path(__file__).parents[2]
EXAMPLES = sorted((PROJECT / "examples").glob("*.py"))


SAYS = {
    "grow_a_cluster.py": r"10000 records in \d+ Regions: replicated\n.*Adding 2 stores\n(store \d+: [1-9]\d* Regions, "
    r"\d+ leaders\n){5}balanced\n10000 records are there, with their values\n",
}
"""What an example says, where that is not a table of latencies."""


def run(*arguments: str) -> str:
    command = [sys.executable, "-P", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=python_environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    said = run(str(path), *(["minicluster"] if path.name == "grow_a_cluster.py" else []))
    assert re.search(SAYS.get(path.name, r" - Takes\(s\): "), said, re.DOTALL), said


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_python_in_the_readme() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (PROJECT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        run("-c", block)

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


def run(*arguments: str) -> str:
    command = [sys.executable, "-P", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=python_environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    assert " - Takes(s): " in run(str(path))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_python_in_the_readme() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (PROJECT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        run("-c", block)

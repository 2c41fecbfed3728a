"""The example package, installed as its page says, is found by its entry points and works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ycsbpy.cluster.process import python_environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has the package, built from a copy so that the checkout stays clean."""
    pytest.importorskip("setuptools", reason="the package is built without fetching anything")
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index"]
    command = [*pip, "--no-build-isolation", "--target", str(folder / "site"), str(folder / "source")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    environment = python_environment()
    environment["PYTHONPATH"] += os.pathsep + str(folder / "site")
    return environment


def run(environment: dict[str, str], *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", *arguments], capture_output=True, text=True, check=False, timeout=300,
        env=environment, cwd=cwd,
    )  # fmt: skip


def test_the_driver(installed: dict[str, str], tmp_path: Path) -> None:
    given = ["example-sqlite", "-P", "workloada", "-p", "sqlite.path=records.sqlite", "-p", "recordcount=50"]
    load = run(installed, "ycsbpy", "load", *given, cwd=tmp_path)
    assert load.returncode == 0, load.stderr
    again = run(installed, "ycsbpy", "run", *given, "-p", "operationcount=200", "--threads", "4", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "Operations: 200 planned = 200 ok" in again.stdout
    assert (tmp_path / "records.sqlite").is_file()
    shell = run(installed, "ycsbpy", "shell", *given, "-c", "scan user 2 field0", cwd=tmp_path)
    assert shell.stdout.splitlines()[-1] == "2 records", shell.stderr


def test_its_property_is_known_and_checked(installed: dict[str, str], tmp_path: Path) -> None:
    given = ["ycsbpy", "load", "example-sqlite", "-P", "workloada"]
    wrong = run(installed, *given, "-p", "sqlite.pth=x", cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (
        2,
        'ycsbpy: -p: sqlite.pth: unknown property; did you mean "sqlite.path"?\n',
    )
    nowhere = run(installed, *given, "-p", "sqlite.path=/no/such/folder/x", cwd=tmp_path)
    assert nowhere.returncode == 1
    assert nowhere.stderr == "ycsbpy: /no/such/folder/x: unable to open database file\n"


def test_the_workload(installed: dict[str, str]) -> None:
    given = ["-p", "workload=example-sessions", "-p", "recordcount=100", "-p", "operationcount=1000"]
    done = run(installed, "ycsbpy", "run", "memory", *given)
    assert done.returncode == 0, done.stderr
    assert "Operations: 1000 planned = 1000 ok" in done.stdout


def test_both_are_offered(installed: dict[str, str]) -> None:
    doctor = run(installed, "ycsbpy", "--config", "", "doctor", "--pd", "127.0.0.1:1")
    assert "driver example-sqlite  works" in doctor.stdout
    unknown = run(installed, "ycsbpy", "run", "memory", "-P", "workloada", "-p", "workload=example-session")
    assert 'did you mean "example-sessions"?' in unknown.stderr


def test_the_driver_keeps_the_contract(installed: dict[str, str], tmp_path: Path) -> None:
    done = run(installed, "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(EXAMPLE / "tests"),
               cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(".") > 30  # each a test that passed

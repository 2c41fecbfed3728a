"""``ycsbpy doctor`` and ``--version``: what is said of this machine, and of ones that lack something."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import resource
import sys
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from ycsbpy import __version__
from ycsbpy.cli import checkup
from ycsbpy.cli.app import app
from ycsbpy.cli.checkup import State
from ycsbpy.cli.facts import NATIVE, native_modules
from ycsbpy.config import load_config, make_config
from ycsbpy.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.cli.checkup import Check


def invoke(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(app, [*arguments], prog_name="ycsbpy")


def named(checks: Sequence[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_the_version_comes_first_and_alone() -> None:
    lines = invoke("--version").stdout.splitlines()
    assert lines[0] == f"ycsbpy {__version__}"
    assert platform.python_version() in lines[1]
    assert platform.machine() in lines[2]
    assert lines[3].startswith("native    generators, recording")


def test_native_modules_that_are_not_there_say_why(tmp_path: Path) -> None:
    suffix = EXTENSION_SUFFIXES[0]
    (tmp_path / f"generators{suffix}").write_bytes(b"\0GCC: (Debian 12.2.0-14) 12.2.0\0")
    (tmp_path / f"recording{suffix}").write_bytes(b"\0Apple clang version 15.0.0 (clang-1500)\0")
    (tmp_path / "engine.cpython-299-x86_64-linux-gnu.so").write_bytes(b"")
    found = {one.name: one for one in native_modules(tmp_path, "darwin")}
    assert (found["generators"].built, found["generators"].compiler) == (True, "GCC 12.2.0")
    assert found["recording"].compiler == "Apple clang version 15.0.0"
    assert (found["engine"].built, found["engine"].why) == (False, "it is for Linux")
    found = {one.name: one for one in native_modules(tmp_path, "linux")}
    tag = sys.implementation.cache_tag
    assert found["engine"].why == f"only for cpython-299-x86_64-linux-gnu, not for {tag}; install ycsbpy anew"
    assert found["timer"].why == f"not built for {tag}; install ycsbpy anew"


def test_a_doctor_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("tikv.pd=127.0.0.1:1\n")
    result = invoke("doctor", "--json", YCSBPY_CONFIG=str(tmp_path / "none"), YCSBPY_TREADS="1")
    assert result.exit_code == 4  # the PD that the file names
    assert result.stderr == "ycsbpy: doctor: pd: no PD answers: 127.0.0.1:1: connection refused\n"
    found = json.loads(result.stdout)
    assert (found["version"], found["ok"]) == (__version__, False)
    checks = {one["name"]: one for one in found["checks"]}
    assert {f"native {name}" for name in NATIVE} <= set(checks)
    assert checks["packages"]["versions"]["click"] == importlib.metadata.version("click")
    assert checks["tikv.driver"]["state"] == "ok"
    assert checks["driver memory"]["state"] == "ok"
    assert checks["settings"]["text"] == f"{tmp_path / 'none'} sets tikv.pd"
    assert checks["open files"]["soft"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert checks["clock"]["resolution_ns"] >= 1
    assert 1 <= checks["cores"]["usable"] <= checks["cores"]["present"]
    assert checks["YCSBPY_TREADS"]["state"] == "warn"
    assert 'did you mean "YCSBPY_THREADS"?' in checks["YCSBPY_TREADS"]["text"]
    assert checks["environment"]["text"] == "set: YCSBPY_CONFIG"
    assert "pd" in checks


def test_settings_that_are_wrong_are_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "own"
    file.write_text("tikv.ca=/no/such/file\n")
    assert "/no/such/file" in checkup.settings(file)[0].text
    file.write_text("recordcont=5\n")
    check, config = checkup.settings(file)
    assert (check.state, check.needed, check.exit_code) == (State.FAIL, True, 2)
    assert f"{file}:1: recordcont" in check.text
    assert config.settings == load_config().settings
    assert checkup.settings(None)[0].state is State.NOTE


def test_drivers_that_cannot_do_what_is_asked_say_why() -> None:
    checks = checkup.drivers(make_config({"tikv.apiversion": "V2"}))
    assert named(checks, "driver tikv-python").state is State.NOTE
    assert "tikv.apiversion: tikv-python speaks only V1 and V1TTL" in named(checks, "driver tikv-python").text
    assert named(checks, "tikv.driver").state is State.OK
    assert named(checks, "tikv.driver").facts["driver"] == "native"


def test_no_driver_at_all_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise DriverError(f'driver "{name}" of ycsbpy cannot be imported: no')

    monkeypatch.setattr("ycsbpy.drivers.registry.driver_class", missing)
    checks = checkup.drivers(make_config())
    assert named(checks, "driver tikv-python").state is State.NOTE
    assert (named(checks, "tikv.driver").state, named(checks, "tikv.driver").needed) == (State.FAIL, True)


def test_a_missing_package_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "importlib.metadata.requires",
        lambda _name: ["nowhere-to-be-found>=1", "absent; python_version == '2.7'", "other; extra == 'test'", "click"],
    )
    check = named(checkup.installed(), "packages")
    assert (check.state, check.text, check.needed) == (State.FAIL, "missing: nowhere-to-be-found", True)


def test_few_open_files_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _which: (256, 4096))
    check = checkup.open_files()
    assert (check.state, check.facts) == (State.WARN, {"soft": 256, "hard": 4096})
    monkeypatch.setattr("resource.getrlimit", lambda _which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert checkup.open_files().state is State.OK


@pytest.mark.parametrize(
    ("text", "quota", "warns"),
    [
        ("max 100000\n", None, False),
        ("50000 100000\n", 0.5, True),
        ("", None, False),
        ("9900000 100000\n", 99.0, False),
    ],
)
def test_a_quota_of_cores_is_a_warning(text: str, quota: float | None, warns: bool, tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    check = checkup.cores(file)
    assert check.facts["quota"] == quota
    assert (check.state is State.WARN) == (warns or check.facts["usable"] == 1)


def test_a_slow_clock_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "current_clocksource").write_text("hpet\n")
    assert checkup.clock(tmp_path).state is State.WARN
    (tmp_path / "current_clocksource").write_text("tsc\n")
    check = checkup.clock(tmp_path)
    assert check.state is State.OK
    assert check.facts["clocksource"] == "tsc"
    assert check.facts["smallest_step_ns"] > 0
    assert checkup.clock(tmp_path / "none").facts["clocksource"] == ""


def test_folders_that_cannot_be_written_are_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.access", lambda path, _mode: Path(path) != tmp_path)
    checks = checkup.folders(tmp_path / "not" / "made" / "yet")
    assert (checks[0].state, checks[0].exit_code) == (State.FAIL, 4)
    assert checks[1].facts["folder"] == tempfile.gettempdir()
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 5 << 20}))
    assert "only 5 MiB free" in checkup.folders(tmp_path)[1].text


def test_programs_are_asked_for_their_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in (("tikv-server", "TiKV\nRelease Version:   7.5.1"), ("pd-server", "Release Version: v7.5.1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{text}'\n")
        program.chmod(0o755)
    broken = tmp_path / "tiup"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = checkup.programs()
    assert named(checks, "tikv-server").facts["version"] == "7.5.1"
    assert named(checks, "pd-server").facts["version"] == "v7.5.1"
    assert named(checks, "tiup").state is State.WARN
    assert named(checks, "playground").facts["backend"] == "binaries"


def test_variables_that_stand_for_nothing_are_a_warning() -> None:
    given = {"YCSBPY_THREDS": "1", "YCSBPY_TABLE": "a", "YCSBPY_DEBUG": "1", "HOME": "/"}
    checks = checkup.environment(["YCSBPY_THREADS", "YCSBPY_TABLE"], given)
    assert [(one.name, one.state) for one in checks] == [("YCSBPY_THREDS", State.WARN), ("environment", State.OK)]
    assert checkup.environment(["YCSBPY_THREADS"], {"HOME": "/"}) == []


def test_without_native_modules_the_doctor_says_so(tmp_path: Path) -> None:
    """In a copy of the package without them, as after a failed build."""
    import shutil
    import subprocess

    source = Path(checkup.__file__).parents[1]
    shutil.copytree(source, tmp_path / "ycsbpy", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for arguments, code in ((["--version"], 0), (["doctor"], 1), (["load", "memory"], 1)):
        done = subprocess.run(
            [sys.executable, "-c", "from ycsbpy.cli.entry import main; main()", *arguments],
            capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert "generators" in done.stdout + done.stderr
        assert done.stderr.count("\n") == code

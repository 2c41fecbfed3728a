"""What a user sees of the native modules before they work, and the files that come with the package."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING

import pytest

from ycsbpy import _native, _resources

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_module_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=r"generators is not built for \S+; .*pip install -e \.") as caught:
        _native._check_built(tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "generators.cpython-39-x86_64-linux-gnu.so").touch()
    with pytest.raises(_native.NativeModuleMissingError, match="only for cpython-39-x86_64-linux-gnu; "):
        _native._check_built(tmp_path)
    (tmp_path / f"generators{EXTENSION_SUFFIXES[0]}").touch()
    with pytest.raises(_native.NativeModuleMissingError, match="recording is not built"):
        _native._check_built(tmp_path)
    (tmp_path / f"recording{EXTENSION_SUFFIXES[0]}").touch()
    _native._check_built(tmp_path)  # the timer is not missed


def test_shipped_workloads() -> None:
    names = _resources.shipped_workloads()
    assert [name for name in names if len(name) == len("workloada")] == [f"workload{letter}" for letter in "abcdef"]
    for name in names:
        path = _resources.shipped_workload(name)
        assert path is not None
        assert "recordcount=" in path.read_text()
    for name in ("workloadz", "", ".", "../workloads/workloada", "workloads/workloada", "setup.py"):
        assert _resources.shipped_workload(name) is None


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        ("a", {"readproportion": "0.5", "updateproportion": "0.5", "requestdistribution": "zipfian"}),
        ("b", {"readproportion": "0.95", "updateproportion": "0.05", "requestdistribution": "zipfian"}),
        ("c", {"readproportion": "1", "updateproportion": "0", "requestdistribution": "zipfian"}),
        ("d", {"readproportion": "0.95", "insertproportion": "0.05", "requestdistribution": "latest"}),
        (
            "e",
            {
                "scanproportion": "0.95",
                "insertproportion": "0.05",
                "requestdistribution": "zipfian",
                "maxscanlength": "100",
                "scanlengthdistribution": "uniform",
            },
        ),
        ("f", {"readproportion": "0.5", "readmodifywriteproportion": "0.5", "requestdistribution": "zipfian"}),
    ],
)
def test_workloads_are_as_published(letter: str, expected: dict[str, str]) -> None:
    path = _resources.shipped_workload(f"workload{letter}")
    assert path is not None
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    properties = dict(line.split("=", 1) for line in lines)
    nothing = {name: "0" for name in properties if name.endswith("proportion")}
    common = {"workload": "core", "recordcount": "1000", "operationcount": "1000", "readallfields": "true"}
    assert properties == nothing | common | expected

"""Which backend ``auto`` takes: the first that is there, and never another than was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ycsbpy.cluster.backends import choose
from ycsbpy.cluster.topology import Spec
from ycsbpy.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

TIUP = ("tiup",)
SERVERS = ("pd-server", "tikv-server")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with all three as programs that only say a version."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in (*TIUP, *SERVERS):
        path = folder / name
        path.write_text("#!/bin/sh\necho 1.16.5 tiup\n")
        path.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("in_path", "flags", "taken"),
    [
        ((), {}, "minicluster"),
        (SERVERS, {}, "binaries"),
        (("pd-server",), {}, "minicluster"),
        ((*TIUP, *SERVERS), {}, "tiup"),
        ((*TIUP, *SERVERS), {"data_dir": "data"}, "binaries"),
        ((*TIUP, *SERVERS), {"version": "v8.5.0"}, "tiup"),
        ((*TIUP, *SERVERS), {"bin_dir": ""}, "binaries"),
        ((), {"bin_dir": ""}, "binaries"),
        ((), {"tiup": "tiup"}, "tiup"),
        ((), {"pd_binpath": "pd-server", "kv_binpath": "tikv-server"}, "binaries"),
        (TIUP, {"pd_binpath": "pd-server", "kv_binpath": "tikv-server"}, "binaries"),
        (TIUP, {"kv_binpath": "tikv-server"}, "tiup"),  # which finds a PD by itself
        (SERVERS, {"kv_binpath": "tikv-server"}, "binaries"),
        ((*TIUP, *SERVERS), {"version": "v8.5.0", "kv_binpath": "tikv-server"}, "tiup"),
    ],
)
def test_what_auto_takes(
    in_path: tuple[str, ...], flags: dict[str, str], taken: str, programs: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name, why = choose(spec(in_path, flags, programs, tmp_path, monkeypatch))
    assert name == taken
    assert why


@pytest.mark.parametrize(
    ("in_path", "flags", "message"),
    [
        (SERVERS, {"version": "v8.5.0"}, "--version: .*: no tiup in PATH"),
        (TIUP, {"version": "v8.5.0", "data_dir": "data"}, "--version: .*: tiup keeps data in its own folder"),
        (SERVERS, {"bin_dir": "elsewhere"}, "--bin-dir: .*: no pd-server and no tikv-server in .*/elsewhere"),
        ((), {"kv_binpath": "tikv-server"}, "--kv.binpath: .*: no pd-server in PATH; no tiup in PATH"),
        (TIUP, {"version": "v8.5.0", "bin_dir": ""}, "--version and --bin-dir: .*: no backend heeds them all"),
    ],
)
def test_a_real_one_that_was_asked_for_is_not_replaced_by_the_embedded_one(
    in_path: tuple[str, ...], flags: dict[str, str], message: str, programs: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with pytest.raises(ClusterError, match=message):
        choose(spec(in_path, flags, programs, tmp_path, monkeypatch))


@pytest.mark.parametrize("backend", ["minicluster", "binaries"])
def test_only_tiup_has_versions(backend: str) -> None:
    with pytest.raises(UsageError, match=r"the version v8\.5\.0 is TiUP's to find"):
        choose(Spec(backend=backend, version="v8.5.0"))


def spec(
    in_path: tuple[str, ...], flags: dict[str, str], programs: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Spec:
    """Flags with their files in ``programs``, and a PATH that has ``in_path`` only."""
    path = folder / "path"
    path.mkdir()
    for name in in_path:
        (path / name).symlink_to(programs / name)
    monkeypatch.setenv("PATH", str(path))
    given: dict[str, Any] = {
        name: value if name == "version" else str(programs / value) if name == "tiup" else programs / value
        for name, value in flags.items()
    }
    return Spec(**given)

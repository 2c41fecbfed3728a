"""Sizes, command lines and configuration files of pd-server and tikv-server."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.cluster.tikv import (
    Place,
    merged,
    parse_size,
    pd_command,
    pd_config,
    read_toml,
    shown_size,
    tikv_command,
    tikv_config,
    write_toml,
)
from ycsbpy.errors import UsageError

PLACE = Place("tikv-0", Path("/d/tikv-0"), "127.0.0.1", 20160, 20180)


@pytest.mark.parametrize(
    ("text", "size"),
    [("16MB", 16 << 20), ("16MiB", 16 << 20), (" 1.5 gb ", 3 << 29), ("96M", 96 << 20), ("65536", 65536)],
)
def test_sizes_are_tikv_s(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "16XB", "-1MB", "1e9", "1KB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError):
        parse_size(text)


@given(st.integers(4096, 1 << 40))
def test_sizes_go_there_and_back(size: int) -> None:
    assert parse_size(shown_size(size)) == size


def test_tikv_is_started_as_tiup_does() -> None:
    assert tikv_command(Path("/b/tikv-server"), PLACE, ("127.0.0.1:2379",), Path("/d/t.toml")) == [
        "/b/tikv-server",
        "--addr=127.0.0.1:20160",
        "--advertise-addr=127.0.0.1:20160",
        "--status-addr=127.0.0.1:20180",
        "--pd-endpoints=http://127.0.0.1:2379",
        "--config=/d/t.toml",
        "--data-dir=/d/tikv-0/data",
        "--log-file=/d/tikv-0/tikv.log",
    ]


def test_pd_is_started_as_tiup_does() -> None:
    place = Place("pd-0", Path("/d/pd-0"), "127.0.0.1", 2379, 2380)
    assert pd_command(Path("/b/pd-server"), place, Path("/d/p.toml"))[1:] == [
        "--name=pd-0",
        "--data-dir=/d/pd-0/data",
        "--peer-urls=http://127.0.0.1:2380",
        "--advertise-peer-urls=http://127.0.0.1:2380",
        "--client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--log-file=/d/pd-0/pd.log",
        "--initial-cluster=pd-0=http://127.0.0.1:2380",
        "--config=/d/p.toml",
    ]


def test_what_a_playground_needs_of_tikv() -> None:
    config = tikv_config({}, 0)
    assert config["rocksdb"]["max-open-files"] == config["raftdb"]["max-open-files"] == 256
    assert config["server"]["graceful-shutdown-timeout"] == "0s"
    assert "coprocessor" not in config
    assert pd_config({})["schedule"]["merge-schedule-limit"] == 0


def test_the_user_s_file_is_stronger_and_the_flag_strongest() -> None:
    user = {
        "rocksdb": {"max-open-files": 1000},
        "coprocessor": {"region-split-size": "64MB", "region-split-keys": 7},
        "raftstore": {"split-region-check-tick-interval": "3s"},
    }
    config = tikv_config(user, 16 << 20)
    assert config["rocksdb"] == {"max-open-files": 1000}
    assert config["coprocessor"] == {"region-split-size": "16MiB", "region-max-size": "24MiB", "region-split-keys": 7}
    assert config["raftstore"] == {"split-region-check-tick-interval": "3s", "pd-heartbeat-tick-interval": "5s"}
    assert tikv_config(user, 0)["coprocessor"]["region-split-size"] == "64MB"
    assert pd_config({"replication": {"max-replicas": 1}})["replication"] == {"max-replicas": 1}


def test_merging_changes_neither() -> None:
    below, above = {"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": {"z": 3}}
    assert merged(below, above) == {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    assert (below, above) == ({"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": {"z": 3}})


def test_files(tmp_path: Path) -> None:
    path = write_toml(tmp_path / "t.toml", tikv_config({}, 1 << 20))
    assert read_toml(path) == tomllib.loads(path.read_text()) == tikv_config({}, 1 << 20)
    assert read_toml(None) == {}
    with pytest.raises(UsageError, match="cannot read"):
        read_toml(tmp_path / "nothing")
    path.write_text("a = = b")
    with pytest.raises(UsageError, match="is no TOML"):
        read_toml(path)

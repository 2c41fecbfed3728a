"""A store whose disk fills up: clear errors, and nothing that was acknowledged is lost once there is room again.

The disk is a small tmpfs, which needs root and mount; elsewhere these tests say so and do nothing.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from pdhelp import pd_get, still_leaders, transfer_leader
from processes import no_traceback, until
from rawclient import RawClient, region_error
from writers import Writers

from ycsbpy.minicluster import MiniCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.once

SMALL = 1
"""The place, among the stores, of the one with the small disk."""


class Disk:
    """A tmpfs at a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, mib: int) -> None:
        """Raises ``subprocess.CalledProcessError`` where that is not allowed."""
        self.folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tmpfs", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)

    def resize(self, mib: int) -> None:
        """As if something had been removed from a disk that others use too."""
        subprocess.run(["mount", "-o", f"remount,size={mib}m", str(self.folder)], check=True, capture_output=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk of one of the stores that find their data in ``tmp_path``, of 256 MiB."""
    if os.geteuid() != 0:
        pytest.skip("a disk of its own for a store needs root, to mount it")
    made = Disk(tmp_path / f"store-{SMALL}")
    try:
        made.mount(256)
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode().strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        pytest.skip(f"no tmpfs can be mounted here: {said}")
    try:
        yield made
    finally:
        made.unmount()


def lead_from_the_small_disk(cluster: MiniCluster) -> None:
    cluster.wait_replicated(60.0)
    still_leaders(cluster.pd_address)
    (region,) = pd_get(cluster.pd_address, "/regions")["regions"]
    transfer_leader(cluster.pd_address, region["id"], cluster.stores[SMALL].id)


def put(client: RawClient, key: bytes, value: bytes) -> tuple[str, Any]:
    return region_error(client.store("RawPut", client.context(key), key=key, value=value))


def test_writes_are_refused_before_the_disk_is_full(disk: Disk, tmp_path: Path) -> None:
    """The store keeps some room to itself, for what others have committed and to put its own things in order."""
    flags = [f"--reserve-space={160 << 20}"]
    with MiniCluster(data_dir=tmp_path, store_flags=flags, region_heartbeat_s=1.0) as cluster:
        lead_from_the_small_disk(cluster)
        full = cluster.stores[SMALL]
        with RawClient(cluster.pd_address) as client, Writers(cluster, clients=2, value_bytes=20_000) as writers:
            assert until(lambda: put(client, b"probe", b"v")[0] == "disk_full", 120.0)
            _, error = put(client, b"probe", b"v")
            assert list(error.disk_full.store_id) == [full.id]
            assert error.disk_full.reason.startswith("disk full: ")
            key, value = next(iter(writers.acknowledged.items()))
            context = client.context(key)
            assert context.peer.store_id == full.id
            answer = client.store("RawGet", context, key=key)  # reads go on
            assert answer.value == value
            assert full.process.log.read_text().count("disk full: ") == 1
            disk.resize(2048)
            assert until(lambda: put(client, b"probe", b"v")[0] == "", 60.0)
            writers.go_on(within_s=60.0)
        assert full.process.returncode is None
        assert "the disk has room again" in full.process.log.read_text()
        cluster.wait_replicated(60.0)
        assert writers.missing() == []
        no_traceback(cluster)


def test_a_store_that_cannot_write_stops_and_comes_back_when_there_is_room(disk: Disk, tmp_path: Path) -> None:
    disk.resize(80)  # less than what RocksDB logs before it writes, and compresses, its first table
    flags = ["--reserve-space=0"]
    with MiniCluster(data_dir=tmp_path, store_flags=flags, region_heartbeat_s=1.0) as cluster:
        lead_from_the_small_disk(cluster)
        full = cluster.stores[SMALL]
        with Writers(cluster, clients=4, value_bytes=50_000) as writers:
            assert until(lambda: full.process.returncode is not None, 120.0)
            writers.go_on(within_s=60.0)  # on the other two
        assert full.process.returncode == 1
        last = [line for line in full.process.log.read_text().splitlines() if " CRITICAL " in line]
        assert len(last) == 1
        assert "the store stops, because its engine cannot be written: " in last[0]
        assert "No space left on device" in last[0]
        no_traceback(cluster)
        disk.resize(2048)
        cluster.restart_store(SMALL)
        cluster.wait_replicated(120.0)
        transfer_leader(cluster.pd_address, pd_get(cluster.pd_address, "/regions")["regions"][0]["id"], full.id)
        assert writers.missing() == []  # read where the disk was full
        no_traceback(cluster)

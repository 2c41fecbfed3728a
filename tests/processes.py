"""What tests ask about processes, ports and folders."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ycsbpy.cluster import reaper
from ycsbpy.cluster.process import python_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ycsbpy.minicluster import MiniCluster

__all__ = ["Script", "Traces", "no_traceback", "port_is_open", "until"]


def until(true: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Wait until ``true()``; return whether it came to that."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def port_is_open(address: str) -> bool:
    """Whether something listens there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 1.0).close()
    except OSError:
        return False
    return True


class Traces:
    """The processes, addresses and folder of a cluster, remembered while it runs, to be looked for after."""

    def __init__(self, pids: Sequence[int], addresses: Sequence[str], folder: str) -> None:
        self.pids = {pid: reaper.start_time(pid) for pid in pids}
        assert all(self.pids.values())
        self.addresses = list(addresses)
        self.folder = Path(folder)
        assert all(port_is_open(address) for address in addresses)

    @classmethod
    def of(cls, cluster: MiniCluster) -> Traces:
        """The traces of a running mini-cluster."""
        return cls(**json.loads(described(cluster)))

    def left(self) -> list[str]:
        """What is still there."""
        found = [f"process {pid}" for pid, start in self.pids.items() if reaper.start_time(pid) == start]
        found += [f"listener on {address}" for address in self.addresses if port_is_open(address)]
        if self.folder.exists():
            found.append(f"folder {self.folder}")
        return found


def described(cluster: MiniCluster) -> str:
    """What ``Traces`` needs to know of a cluster, as JSON."""
    assert cluster.pd is not None
    return json.dumps(
        {
            "pids": [cluster.pd.pid, *(store.process.pid for store in cluster.stores)],
            "addresses": [cluster.pd_address, *(store.address for store in cluster.stores)],
            "folder": str(cluster.folder),
        }
    )


class Script:
    """A Python program in a process of its own, whose first line of output is JSON."""

    def __init__(self, source: str) -> None:
        environment = python_environment()
        environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent)
        self.process = subprocess.Popen(
            [sys.executable, "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1])
        self.says: Any = json.loads(line)

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Send a signal, if one is given, and wait; return the status and what was written to standard error."""
        if number is not None:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


class Logging(Protocol):
    """What has the logs of its processes in a folder."""

    @property
    def folder(self) -> Path: ...


def no_traceback(cluster: Logging) -> None:
    """Whatever the tests did to the servers, it was foreseen."""
    for log in cluster.folder.glob("*.log"):
        text = log.read_text()
        assert "Traceback" not in text, f"{log.name}: {text[-4000:]}"

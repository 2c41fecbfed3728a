"""``ycsbpy clean``: what is left of a playground, ended and removed, and nothing that is not its own.

One that runs is stopped first. A process is ended only if it is the very one that the state file names, by pid, start
time and boot. In a data folder of the user's choice only the folders of the playground's processes go, and the folder
itself if it is empty then.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ycsbpy.cluster import control, reaper, statedir
from ycsbpy.cluster.host import MARKER
from ycsbpy.cluster.topology import Instance, Topology
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["clean", "left_behind"]

STOP_S = 60.0
KILLED_S = 30.0


def clean(home: statedir.Home, say: Callable[[str], None], *, stop_s: float = STOP_S) -> None:
    """Stop a playground if it runs, end what is left of it, and remove its folders.

    Raises ``ClusterError`` if it cannot be ended.
    """
    topology = home.read()
    if home.alive():
        say(f"Stop playground {home.tag}" + (f", pid: {topology.pid}" if topology is not None else ""))
        _stop(home, topology, stop_s)
        topology = home.read() or topology
    if not home.path.exists():  # it had no tag, and went with all it had
        say(f"Clean playground {home.tag}, directory: {home.path}")
        return
    with home.held():
        if topology is not None:
            for one in left_behind(topology):
                say(f"Kill instance of `{one.role}`, pid: {one.pid}")
                reaper.end(one.pid, one.start)
            _clean_backend(topology, say)
            _clean_data(home, topology)
        home.remove()
        say(f"Clean playground {home.tag}, directory: {home.path}")


def left_behind(topology: Topology) -> list[Instance]:
    """The processes of a playground that still run."""
    if topology.boot_id != statedir.boot_id():
        return []
    return [one for one in topology.instances if one.start and reaper.start_time(one.pid) == one.start]


def _stop(home: statedir.Home, topology: Topology | None, stop_s: float) -> None:
    try:
        control.stop(home, stop_s)
    except ClusterError:
        if topology is None or topology.boot_id != statedir.boot_id():
            raise
        reaper.end(topology.pid, topology.start)
        deadline = time.monotonic() + KILLED_S  # its reaper works now
        while home.alive() or left_behind(topology):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _clean_backend(topology: Topology, say: Callable[[str], None]) -> None:
    if topology.backend == "tiup":
        from ycsbpy.cluster.backends.tiup import clean_instance

        clean_instance(topology, say)


def _clean_data(home: statedir.Home, topology: Topology) -> None:
    data = Path(topology.data_dir)
    if not topology.data_dir or data == home.data:
        return
    found = statedir.read_json(data / MARKER)
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        for one in {*Topology.from_json(found).instances, *topology.instances}:
            shutil.rmtree(data / one.name, ignore_errors=True)
        for name in (MARKER, "lock"):
            (data / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        data.rmdir()

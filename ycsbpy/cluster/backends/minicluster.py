"""The mini-cluster as a backend: this Python's own PD and stores. It is there wherever ycsbpy is.

The processes are started by their command line, so nothing of ``ycsbpy.minicluster`` is imported here. Of a TiKV
configuration file it heeds what it has itself, and says that it leaves the rest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster.backends.base import Found
from ycsbpy.cluster.backends.processes import Launch, ProcessBackend
from ycsbpy.cluster.process import OWNER_FD, READY_FD, python_environment
from ycsbpy.cluster.tikv import parse_size, read_toml
from ycsbpy.cluster.topology import Role
from ycsbpy.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from ycsbpy.cluster.backends.base import Site
    from ycsbpy.cluster.process import Child
    from ycsbpy.cluster.tikv import Place
    from ycsbpy.cluster.topology import Spec

__all__ = ["MiniClusterBackend"]


class MiniClusterBackend(ProcessBackend):
    """See ``backends.base.Backend``."""

    name = "minicluster"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._store_flags = _store_flags(site)

    @staticmethod
    def found(_spec: Spec) -> Found:
        """Whether it can be used here: always."""
        return Found(there=True, why="the embedded one, which is always there (for learning and tests, no benchmark)")

    def _launch_pd(self, place: Place) -> Launch:
        return self._launch("pd", place, [f"--name={place.name}"])

    def _launch_store(self, place: Place) -> Launch:
        flags = ["--pd", ",".join(self.endpoints), "--status-addr", place.other_address, *self._store_flags]
        return self._launch("store", place, flags)

    def _launch(self, role: str, place: Place, more: list[str]) -> Launch:
        command = [
            *[sys.executable, "-P", "-m", "ycsbpy.minicluster", role, "--dir", str(place.folder)],
            *["--addr", place.address, "--owner-fd", OWNER_FD, "--ready-fd", READY_FD, *more],
        ]
        return Launch(command, str(place.folder / "output.log"), python_environment())

    def _label(self, role: Role) -> str:
        return "the mini-cluster's PD" if role is Role.PD else "the mini-cluster's store"

    def _own_words(self, child: Child) -> str:
        try:
            child.wait_ready(0.0)
        except ClusterError as error:
            text = str(error).removeprefix(f"{child.name}: ")
            return text if text != str(error) else ""
        return ""


def _store_flags(site: Site) -> list[str]:
    spec = site.spec
    config = read_toml(spec.kv_config)
    flags = ["--region-heartbeat=5"]
    if _taken(config, "storage", "enable-ttl") is False:
        flags.append("--no-ttl")
    split = spec.region_split_size
    given = _taken(config, "coprocessor", "region-split-size")
    if given is not None and not split:
        split = parse_size(str(given))
    if split:
        flags += [f"--region-split-size={split}", "--split-check=1"]
    left = [f"{table}.{name}" for table, values in config.items() if isinstance(values, dict) for name in values]
    left += [name for name, value in config.items() if not isinstance(value, dict)]
    if left:
        site.say(f"The mini-cluster does not know, and leaves: {', '.join(left)} ({spec.kv_config})")
    if spec.pd_config is not None:
        raise UsageError("the mini-cluster's PD takes no configuration file (--pd.config)")
    return flags


def _taken(config: dict[str, Any], table: str, name: str) -> Any:
    values = config.get(table)
    return values.pop(name, None) if isinstance(values, dict) else None

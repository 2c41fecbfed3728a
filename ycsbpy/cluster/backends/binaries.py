"""pd-server and tikv-server as they are, from PATH, a folder or by name: a real TiKV, without TiUP or network."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ycsbpy.cluster.backends.base import Found
from ycsbpy.cluster.backends.processes import GRACEFUL, Launch, ProcessBackend, local_environment
from ycsbpy.cluster.tikv import pd_command, pd_config, read_toml, tikv_command, tikv_config, write_toml
from ycsbpy.cluster.topology import Role
from ycsbpy.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from ycsbpy.cluster.backends.base import Site
    from ycsbpy.cluster.tikv import Place
    from ycsbpy.cluster.topology import Spec

__all__ = ["BinariesBackend"]

PD, TIKV = "pd-server", "tikv-server"


class BinariesBackend(ProcessBackend):
    """See ``backends.base.Backend``."""

    name = "binaries"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        pd, tikv = programs(site.spec)
        missing = [name for name, path in ((PD, pd), (TIKV, tikv)) if path is None]
        if pd is None or tikv is None:
            raise ClusterError(f"there is no {' and no '.join(missing)} in {_where(site.spec)}")
        self._programs = {Role.PD: pd, Role.TIKV: tikv}
        self._pd_config = pd_config(read_toml(site.spec.pd_config))
        self._kv_config = tikv_config(read_toml(site.spec.kv_config), site.spec.region_split_size)

    @staticmethod
    def found(spec: Spec) -> Found:
        """Whether both programs are there. Raises ``UsageError`` for a path that was given and is no program."""
        pd, tikv = programs(spec)
        if pd is not None and tikv is not None:
            return Found(there=True, why=f"{pd} and {tikv}")
        missing = [name for name, path in ((PD, pd), (TIKV, tikv)) if path is None]
        return Found(there=False, why=f"no {' and no '.join(missing)} in {_where(spec)}")

    def _launch_pd(self, place: Place) -> Launch:
        config = write_toml(place.folder / "pd.toml", self._pd_config)
        command = pd_command(self._programs[Role.PD], place, config)
        return Launch(command, str(place.folder / "pd.log"), local_environment(), GRACEFUL)

    def _launch_store(self, place: Place) -> Launch:
        config = write_toml(place.folder / "tikv.toml", self._kv_config)
        command = tikv_command(self._programs[Role.TIKV], place, self.endpoints, config)
        return Launch(command, str(place.folder / "tikv.log"), local_environment(), GRACEFUL)

    def _label(self, role: Role) -> str:
        return str(self._programs[role])


def programs(spec: Spec) -> tuple[Path | None, Path | None]:
    """pd-server and tikv-server; each where its flag says, else in the folder that was given, else in PATH."""
    return _program(PD, spec.pd_binpath, spec.bin_dir), _program(TIKV, spec.kv_binpath, spec.bin_dir)


def _program(name: str, given: Path | None, folder: Path | None) -> Path | None:
    if given is not None:
        path = given.absolute()
        if not path.is_file() or not os.access(path, os.X_OK):
            raise UsageError(f"{given} is no program that can be run")
        return path
    found = shutil.which(name, path=str(folder) if folder is not None else None)
    return Path(found).absolute() if found else None


def _where(spec: Spec) -> str:
    return str(spec.bin_dir) if spec.bin_dir is not None else "PATH"

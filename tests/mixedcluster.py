"""A cluster of a PD and three stores, each of them ours or the real program, started by its own command line; of real
programs also with mutual TLS."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from processes import until
from standins import free_port

from ycsbpy.cluster import tikv
from ycsbpy.cluster.backends.processes import GRACEFUL, local_environment
from ycsbpy.cluster.locate import TlsFiles
from ycsbpy.cluster.pdhttp import PdHttp, StoreView
from ycsbpy.cluster.process import OWNER_FD, READY_FD, Child, Estate, python_environment
from ycsbpy.cluster.tikv import Place
from ycsbpy.cluster.verification import verify_replication
from ycsbpy.errors import ClusterError

__all__ = ["PD_SERVER", "TIKV_SERVER", "MixedCluster"]

PD_SERVER, TIKV_SERVER = "YCSBPY_PD_SERVER", "YCSBPY_TIKV_SERVER"
"""Variables that name the real programs."""

STORES = 3
UP_S = 120.0
"""A real TiKV's elections take ten to twenty seconds."""


@dataclass
class _Store:
    place: Place
    child: Child


class MixedCluster:
    """A context. The real programs are used where it is asked for them.

    With ``certificates``, a folder as ``make_certificates`` fills it, all are real, present ``server.pem`` and take
    clients that have a certificate of the name ``server`` or ``client``; ``tls`` are the files of such a client.
    """

    def __init__(self, folder: Path, *, real_pd: bool, real_stores: bool, certificates: Path | None = None) -> None:
        assert certificates is None or (real_pd and real_stores)
        self.folder = folder
        self._certificates = certificates
        self.tls = (
            None
            if certificates is None
            else TlsFiles(*(certificates / f"{name}.pem" for name in ("ca", "client", "client-key")))
        )
        self._pd_program = Path(os.environ[PD_SERVER]).absolute() if real_pd else None
        self._tikv_program = Path(os.environ[TIKV_SERVER]).absolute() if real_stores else None
        base = free_port()
        self._pd = self._place("pd-0", base, base + 1)
        self._places = [self._place(f"store-{n}", base + 2 + n, base + 12 + n) for n in range(STORES)]
        self._estate = Estate()
        self._stores: list[_Store] = []
        self.pd_address = self._pd.address
        self.endpoints = [self.pd_address]

    def _place(self, name: str, port: int, other: int) -> Place:
        folder = self.folder / name
        folder.mkdir()
        return Place(name, folder, "127.0.0.1", port, other)

    def __enter__(self) -> Self:
        try:
            self._start_pd()
            self._stores = [_Store(place, self._start_store(place)) for place in self._places]
            assert until(self._all_up, UP_S), f"not every store is Up; see {self.folder}"
            self.wait_replicated()
        except BaseException:
            self._estate.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._estate.close()

    def _start_pd(self) -> None:
        if self._pd_program is None:
            self._ours(self._pd, "pd", "--addr", self._pd.address)
        else:
            security = self._security("cacert-path", "cert-path", "key-path")
            config = tikv.write_toml(self._pd.folder / "pd.toml", tikv.pd_config(security))
            self._real(self._pd, tikv.pd_command(self._pd_program, self._pd, config))
        assert until(self.http().healthy, UP_S), f"PD has no leader; see {self._pd.folder}"

    def _security(self, ca: str, cert: str, key: str) -> dict[str, Any]:
        """The section of a configuration, by the names that it has there."""
        if self._certificates is None:
            return {}
        files = {ca: "ca", cert: "server", key: "server-key"}
        section: dict[str, Any] = {name: str(self._certificates / f"{file}.pem") for name, file in files.items()}
        return {"security": {**section, "cert-allowed-cn": ["server", "client"]}}

    def http(self) -> PdHttp:
        """PD's HTTP interface."""
        return PdHttp(self.endpoints, tls=self.tls)

    def _start_store(self, place: Place) -> Child:
        if self._tikv_program is None:
            flags = ["--addr", place.address, "--status-addr", place.other_address, "--pd", self.pd_address]
            return self._ours(place, "store", *flags, "--no-ttl", "--region-heartbeat=1")
        security = self._security("ca-path", "cert-path", "key-path")
        config = tikv.write_toml(place.folder / "tikv.toml", tikv.tikv_config(security, 0))
        return self._real(place, tikv.tikv_command(self._tikv_program, place, (self.pd_address,), config))

    def _ours(self, place: Place, role: str, *flags: str) -> Child:
        command = [sys.executable, "-m", "ycsbpy.minicluster", role, "--dir", str(place.folder), *flags]
        command += ["--owner-fd", OWNER_FD, "--ready-fd", READY_FD]
        log = self.folder / f"{place.name}.log"
        child = self._estate.start(place.name, command, log, environment=python_environment())
        child.wait_ready(UP_S)
        return child

    def _real(self, place: Place, command: list[str]) -> Child:
        log = place.folder / "output.log"
        if self._certificates is not None:
            command = [word.replace("http://", "https://") for word in command]
        return self._estate.start(place.name, command, log, environment=local_environment(), stop_signal=GRACEFUL)

    def views(self) -> list[StoreView]:
        """The stores as PD has them."""
        return self.http().stores()

    def _all_up(self) -> bool:
        try:
            up = {view.address for view in self.views() if view.state == "Up"}
        except ClusterError:  # a PD without a cluster yet
            return False
        return up == {place.address for place in self._places}

    def wait_replicated(self) -> None:
        """Wait until every Region has three voters, all caught up."""
        judged = verify_replication(self.http(), timeout_s=UP_S)
        assert judged.good, judged.why

    def kill_store(self, store_id: int) -> int:
        """Kill a store by PD's id; return its place."""
        address = next(view.address for view in self.views() if view.id == store_id)
        index = next(n for n, place in enumerate(self._places) if place.address == address)
        self._stores[index].child.kill()
        self._estate.ended(self._stores[index].child)
        return index

    def restart_store(self, index: int) -> None:
        """Start a store again, on its files."""
        self._stores[index].child = self._start_store(self._places[index])

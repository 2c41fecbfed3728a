"""Starts a mini-cluster: one PD and its stores, each in a process, and takes them down without a trace.

::

    with MiniCluster() as cluster:
        client = tikv.RawClient(cluster.endpoints)

The processes start at the same time. PD's socket is made here and given to PD, so its address is known before PD runs
and a port that is taken is an error at once; a store that is quicker than PD waits in the socket's queue. The cluster
is ready when every store is registered and PD knows a leader of every Region.
"""

from __future__ import annotations

import asyncio
import atexit
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ycsbpy.cluster.folders import make_writable
from ycsbpy.cluster.process import OWNER_FD, READY_FD, Child, Estate, python_environment
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster.readiness import wait_replicated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["MiniCluster", "RunningStore"]

DEFAULT_STORES = 3
ELECTION_TICKS = 7


@dataclass(frozen=True)
class RunningStore:
    """A store of a running mini-cluster."""

    id: int
    address: str
    status_address: str
    process: Child
    name: str


class MiniCluster:
    """A mini-cluster, as a context manager, of the blocking and of the asynchronous kind.

    ``pd_port`` and ``store_ports`` are 0 or missing for free ports. ``data_dir`` is where the processes keep their
    files, and find them when the cluster is started again; without it a temporary folder that goes with the cluster.
    ``split_keys`` split the first Region at the start. ``region_heartbeat_s`` is how often sizes reach PD (TiKV: a
    minute). ``ttl`` is TiKV's ``storage.enable-ttl``, ``sync`` makes writes wait for the disk. ``region_split_size``
    and ``region_max_size`` in bytes, 0 for TiKV's (256 MiB, and half again that). Elections begin after ``election_s``
    to twice that of a leader's silence (TiKV: 10 s). ``max_replicas`` is PD's. All raise ``ClusterError`` when the
    cluster cannot be had.
    """

    def __init__(
        self,
        *,
        stores: int = DEFAULT_STORES,
        host: str = "127.0.0.1",
        pd_port: int = 0,
        store_ports: Sequence[int] = (),
        data_dir: Path | None = None,
        split_keys: Sequence[bytes] = (),
        region_heartbeat_s: float = 10.0,
        region_split_size: int = 0,
        region_max_size: int = 0,
        split_check_s: float = 1.0,
        election_s: float = 0.7,
        max_peer_down_s: float = 10.0,
        max_replicas: int = 3,
        ttl: bool = True,
        sync: bool = False,
        timeout_s: float = 30.0,
        store_flags: Sequence[str] = (),
        pd_flags: Sequence[str] = (),
    ) -> None:
        if stores < 1:
            raise ClusterError(f"a mini-cluster needs a store, not {stores}")
        self._host = host
        self._pd_port = pd_port
        self._store_ports = [*store_ports, *[0] * stores][:stores]
        self._data_dir = data_dir
        self._split_keys = list(split_keys)
        self._max_replicas = max_replicas
        tick_ms = max(1, round(election_s * 1000 / ELECTION_TICKS))
        self._store_flags = [
            f"--region-heartbeat={region_heartbeat_s}",
            f"--raft-tick={tick_ms}",
            f"--election-ticks={ELECTION_TICKS}",
            f"--split-check={split_check_s}",
            f"--max-peer-down={max_peer_down_s}",
        ]
        self._store_flags += [f"--region-split-size={region_split_size}"] if region_split_size else []
        self._store_flags += [f"--region-max-size={region_max_size}"] if region_max_size else []
        self._store_flags += ([] if ttl else ["--no-ttl"]) + (["--sync"] if sync else []) + list(store_flags)
        self._pd_flags = [f"--max-replicas={max_replicas}", *pd_flags]
        self._timeout_s = timeout_s
        self._estate: Estate | None = None
        self._made = 0
        self.folder = Path()
        self.pd_address = ""
        self.cluster_id = 0
        self.pd: Child | None = None
        self.stores: list[RunningStore] = []

    @property
    def endpoints(self) -> list[str]:
        """PD's addresses, as clients want them."""
        return [self.pd_address]

    def describe(self) -> str:
        """What there is, in a few words for the user."""
        count = len(self.stores)
        return f"a mini-cluster of {count} store{'s' * (count > 1)} with PD at {self.pd_address}"

    # ---- the two kinds of context manager ----

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread cannot be stopped; what it has started can.
            await asyncio.gather(starting, return_exceptions=True)
            await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))

    # ---- start and stop ----

    def start(self) -> None:
        """Start the processes and wait until the cluster is ready."""
        if self._estate is not None:
            raise ClusterError("this mini-cluster runs already")
        self._estate = Estate()
        atexit.register(self.stop)
        try:
            self._start(self._estate)
        except BaseException:  # Ctrl-C included
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the processes and remove the temporary folder. May be called more than once."""
        estate, self._estate = self._estate, None
        atexit.unregister(self.stop)
        if estate is not None:
            estate.close()

    def _start(self, estate: Estate) -> None:
        self.folder = self._make_folder(estate)
        listener = self._listen()
        with listener:
            self.pd_address = "{}:{}".format(*listener.getsockname()[:2])
            self.pd = self._start_pd(estate, listener)
        self.add_stores(len(self._store_ports), ports=self._store_ports)

    def _start_pd(self, estate: Estate, listener: socket.socket) -> Child:
        return estate.start(
            "PD",
            self._command("pd", "pd-0", "--listen-fd", str(listener.fileno()), *self._pd_flags),
            self.folder / "pd-0.log",
            environment=python_environment(),
            pass_fds=[listener.fileno()],
        )

    # ---- stores that come, go and come back ----

    def add_stores(self, count: int, *, ports: Sequence[int] = ()) -> list[RunningStore]:
        """Start ``count`` more stores and wait until they are registered; return them."""
        estate, pd = self._running()
        names = [f"store-{self._made + index}" for index in range(count)]
        started = [
            self._start_store(estate, name, port) for name, port in zip(names, [*ports, *[0] * count], strict=False)
        ]
        self._made += count
        if not self.cluster_id:
            self.cluster_id = int(pd.wait_ready(self._timeout_s)["cluster_id"])
        added = [self._registered(child) for child in started]
        self.stores += added
        return added

    def kill_store(self, index: int, number: int = signal.SIGKILL) -> None:
        """Kill a store, as a crash would, and wait for its end; its files stay."""
        self.stores[index].process.kill(number)

    def restart_store(self, index: int) -> RunningStore:
        """Start a store again, on its files and its address; it is stopped first if it runs."""
        estate, _ = self._running()
        old = self.stores[index]
        old.process.stop()
        estate.ended(old.process)
        child = self._start_store(estate, old.name, int(old.address.rpartition(":")[2]))
        self.stores[index] = self._registered(child)
        return self.stores[index]

    def restart_pd(self) -> None:
        """Kill PD, if it runs, and start it again, on its files and its address."""
        estate, pd = self._running()
        pd.kill()
        estate.ended(pd)
        self._pd_port = int(self.pd_address.rpartition(":")[2])
        with self._listen() as listener:
            self.pd = self._start_pd(estate, listener)
        self.pd.wait_ready(self._timeout_s)

    def wait_replicated(self, timeout_s: float | None = None) -> None:
        """Wait until every Region has as many voters as it should have, or as there are stores, and all are caught up.

        Raises ``ClusterError`` if that takes longer than ``timeout_s`` (by default what the start may take).
        """
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        wait_replicated(self.pd_address, self.cluster_id, min(self._max_replicas, len(self.stores)), timeout_s)

    def _running(self) -> tuple[Estate, Child]:
        if self._estate is None or self.pd is None:
            raise ClusterError("this mini-cluster does not run")
        return self._estate, self.pd

    def _registered(self, child: Child) -> RunningStore:
        ready = child.wait_ready(self._timeout_s)
        return RunningStore(
            int(ready["store_id"]), str(ready["address"]), str(ready["status_address"]), child, child.name
        )

    def _start_store(self, estate: Estate, name: str, port: int) -> Child:
        splits = [f"--split-key={key.hex()}" for key in self._split_keys]  # whoever made the first Region splits it
        command = self._command(
            "store", name, "--pd", self.pd_address, "--addr", f"{self._host}:{port}", *self._store_flags, *splits
        )
        return estate.start(name, command, self.folder / f"{name}.log", environment=python_environment())

    def _command(self, role: str, name: str, *more: str) -> list[str]:
        own = self.folder / name
        own.mkdir(exist_ok=True)
        lifeline = ["--owner-fd", OWNER_FD, "--ready-fd", READY_FD]
        return [sys.executable, "-P", "-m", "ycsbpy.minicluster", role, "--dir", str(own), *lifeline, *more]

    def _make_folder(self, estate: Estate) -> Path:
        if self._data_dir is None:
            return estate.folder()
        make_writable(self._data_dir)
        return self._data_dir.resolve()

    def _listen(self) -> socket.socket:
        try:
            return socket.create_server((self._host, self._pd_port), backlog=1024)
        except OSError as error:
            raise ClusterError(f"PD cannot listen on {self._host}:{self._pd_port}: {error.strerror or error}") from None

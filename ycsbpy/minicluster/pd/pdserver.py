"""A PD process: the state, its gRPC service on a unix socket, and the front that has both on one TCP port."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpc import aio

from ycsbpy.clock import SystemClock
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster.pd.configuration import Configuration
from ycsbpy.minicluster.pd.coordinator import Coordinator
from ycsbpy.minicluster.pd.front import Front, HttpFactory
from ycsbpy.minicluster.pd.members import Members
from ycsbpy.minicluster.pd.metaservice import MetaService
from ycsbpy.minicluster.pd.parts import Pd
from ycsbpy.minicluster.pd.pdservice import PdService
from ycsbpy.minicluster.pd.regionjobs import RegionJobs
from ycsbpy.minicluster.pd.resourcegroups import ensure_controller
from ycsbpy.minicluster.pd.state import ClusterState
from ycsbpy.minicluster.pd.storage import Storage
from ycsbpy.minicluster.pd.streams import HeartbeatStreams
from ycsbpy.minicluster.placement.schedule import FAITHFUL, QUICK
from ycsbpy.minicluster.rpc import Router, health_routes, server_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["PdOptions", "new_cluster_id", "serve"]

GRPC_SOCKET = "pd-grpc.sock"
STOP_GRACE_S = 0.2


@dataclass(frozen=True)
class PdOptions:
    """``listen_fd`` is a listening socket that the owner made; without it the process binds ``host:port`` itself."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    listen_fd: int | None = None
    name: str = "pd-0"
    max_replicas: int = 3
    faithful: bool = False
    release: str = "0"


def new_cluster_id(wall_ns: int) -> int:
    """Return an id as PD makes it: the seconds of its birth in the upper half, chance in the lower."""
    return (wall_ns // 1_000_000_000 << 32) | secrets.randbits(32)


@contextlib.asynccontextmanager
async def serve(options: PdOptions) -> AsyncIterator[dict[str, Any]]:
    """Run a PD; the value is its address and cluster id. Raises ``ClusterError`` when the port is taken."""
    clock = SystemClock()
    listener = _listen(options)
    address = "{}:{}".format(*listener.getsockname()[:2])
    os.chdir(options.folder)  # a unix socket's path is limited to about a hundred bytes; its name alone fits
    storage = Storage(options.folder)
    cluster_id, member_id = _identity(storage, clock.wall_ns())
    configuration = Configuration(storage, FAITHFUL if options.faithful else QUICK, options.max_replicas)
    state = ClusterState(
        cluster_id,
        clock,
        max_replicas=configuration.schedule.max_replicas,
        sink=storage,
        restored=storage.restore(),
    )
    ensure_controller(state.meta)
    members = Members(
        name=options.name,
        member_id=member_id,
        address=address,
        deploy_path=str(options.folder),
        release=options.release,
        start_timestamp=int(time.time()),
    )
    streams = HeartbeatStreams(state.cluster_id)
    coordinator = Coordinator(state, streams, schedule=configuration.schedule)
    configuration.on_change(coordinator.reconfigure)
    jobs = RegionJobs(coordinator)
    service = PdService(state, members, streams, coordinator, jobs)
    grpc_server = aio.server(options=server_options())
    meta = MetaService(state.cluster_id, state.meta)
    unary = {**service.unary(), **meta.unary(), **health_routes()}
    grpc_server.add_generic_rpc_handlers((Router(unary, {**service.streams(), **meta.streams()}),))
    _remove_socket()
    grpc_server.add_insecure_port(f"unix:{GRPC_SOCKET}")
    await grpc_server.start()
    front = Front(GRPC_SOCKET, _http_loader(Pd(state, members, coordinator, configuration, jobs)))
    tcp = await asyncio.get_running_loop().create_server(front, sock=listener, backlog=1024)
    scheduling = asyncio.ensure_future(coordinator.run())
    try:
        yield {"address": address, "cluster_id": state.cluster_id}
    finally:
        scheduling.cancel()
        await asyncio.gather(scheduling, return_exceptions=True)
        tcp.close()
        await front.close()
        await grpc_server.stop(STOP_GRACE_S)
        _remove_socket()
        storage.close()


def _identity(storage: Storage, wall_ns: int) -> tuple[int, int]:
    """The ids of the cluster and of this member: those that were kept, or new ones."""
    kept = storage.fact("identity")
    if kept is None:
        kept = [str(new_cluster_id(wall_ns)), str(secrets.randbits(63) | 1)]
        storage.keep("identity", kept)
    return int(kept[0]), int(kept[1])


def _remove_socket() -> None:
    Path(GRPC_SOCKET).unlink(missing_ok=True)


def _http_loader(pd: Pd) -> Callable[[], Awaitable[HttpFactory]]:
    async def load() -> HttpFactory:
        loop = asyncio.get_running_loop()
        # In a thread, since the import takes a quarter of a second and gRPC goes on meanwhile.
        module = await loop.run_in_executor(None, importlib.import_module, "ycsbpy.minicluster.pd.httpapi")
        runner = module.make_runner(pd)
        await runner.setup()
        factory: HttpFactory = runner.server
        return factory

    return load


def _listen(options: PdOptions) -> socket.socket:
    if options.listen_fd is not None:
        return socket.socket(fileno=options.listen_fd)
    try:
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        raise ClusterError(f"cannot listen on {options.host}:{options.port}: {error.strerror or error}") from None
    return listener

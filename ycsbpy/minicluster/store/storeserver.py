"""A store process: the engine, the node, and the gRPC service on a TCP port."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from grpc import aio

from ycsbpy.clock import NS_PER_SECOND, SystemClock
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster.model import COMPATIBLE_VERSION
from ycsbpy.minicluster.rpc import Router, health_routes, server_options
from ycsbpy.minicluster.store.admission import Admissions
from ycsbpy.minicluster.store.engine import RocksEngine
from ycsbpy.minicluster.store.feedback import HealthReporter
from ycsbpy.minicluster.store.multiraft import RaftOptions
from ycsbpy.minicluster.store.node import StoreNode, load_identity
from ycsbpy.minicluster.store.pdlink import PdLink
from ycsbpy.minicluster.store.rawkv import RawKv
from ycsbpy.minicluster.store.rawservice import RawCalls
from ycsbpy.minicluster.store.splits import SplitOptions
from ycsbpy.minicluster.store.storeservice import StoreService
from ycsbpy.minicluster.store.transport import RaftService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["StoreOptions", "serve"]

log = logging.getLogger(__name__)

STOP_GRACE_S = 0.2


@dataclass(frozen=True)
class StoreOptions:
    """``pd`` are PD's host:port; ``split_keys`` are where the Regions are split at the start, for tests.

    ``status_port`` is where ``/status`` and ``/metrics`` are served; ``None`` for nowhere. ``reserve_bytes`` of the
    disk are kept from writes.
    """

    folder: Path
    pd: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 0
    ttl_enabled: bool = True
    sync: bool = False
    split_keys: tuple[bytes, ...] = ()
    region_heartbeat_s: float = 60.0
    status_port: int | None = 0
    raft: RaftOptions = field(default_factory=RaftOptions)
    split: SplitOptions = field(default_factory=SplitOptions)
    reserve_bytes: int = 64 << 20
    pd_timeout_s: float = 30.0
    release: str = "0"


@contextlib.asynccontextmanager
async def serve(options: StoreOptions) -> AsyncIterator[dict[str, Any]]:
    """Run a store; the value is its address and id. Raises ``ClusterError`` (port taken, no PD, data of another)."""
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        server = aio.server(options=server_options())
        address = _bind(server, options)
        link = PdLink(options.pd, clock, region_heartbeat_s=options.region_heartbeat_s)
        stack.push_async_callback(link.close)
        engine = _open_engine(options)
        stack.callback(engine.close)
        await link.find(options.pd_timeout_s)
        identity = await load_identity(engine, link)
        kv = RawKv(engine, ttl_enabled=options.ttl_enabled, now_s=lambda: clock.wall_ns() // NS_PER_SECOND)
        node = StoreNode(
            engine,
            kv,
            identity,
            link,
            options.folder,
            clock,
            raft=options.raft,
            split=options.split,
            region_heartbeat_s=options.region_heartbeat_s,
            reserve_bytes=options.reserve_bytes,
            fatal=_die,
        )
        stack.push_async_callback(node.close)
        storage = "V1ttl" if options.ttl_enabled else "V1"
        admissions = Admissions(node.replicas, identity.cluster_id, storage)
        calls = RawCalls(kv, admissions, node.raft, clock)
        split = partial(node.splitter.call, admissions)
        service = StoreService(calls, HealthReporter(identity.store_id, clock), split)
        raft_service = RaftService(node.raft, node.transport.heard)
        streams = {**service.streams(), **raft_service.streams()}
        server.add_generic_rpc_handlers((Router({**service.unary(), **health_routes()}, streams),))
        await server.start()
        stack.push_async_callback(server.stop, STOP_GRACE_S)
        status_address = await _status(stack, node, options)
        await node.join(address, status_address, options.release, COMPATIBLE_VERSION)
        if options.split_keys:
            await node.splitter.at_start(options.split_keys)
        await node.confirmed()
        yield {
            "address": address,
            "status_address": status_address,
            "store_id": identity.store_id,
            "cluster_id": identity.cluster_id,
        }


def _die(why: str) -> None:
    """The engine failed: what is promised from now on could not be kept, so promise nothing; the data is as it was."""
    log.critical("the store stops, because its engine cannot be written: %s", why)
    logging.shutdown()
    os._exit(1)


async def _status(stack: contextlib.AsyncExitStack, node: StoreNode, options: StoreOptions) -> str:
    if options.status_port is None:
        return ""
    from ycsbpy.minicluster.store.statusserver import serve_status

    try:
        port = await stack.enter_async_context(serve_status(node, options.host, options.status_port, options.release))
    except OSError as error:
        wanted = f"{options.host}:{options.status_port}"
        raise ClusterError(f"cannot serve the status on {wanted}: {error.strerror}") from None
    return f"{options.host}:{port}"


def _bind(server: aio.Server, options: StoreOptions) -> str:
    wanted = f"{options.host}:{options.port}"
    try:
        port = server.add_insecure_port(wanted)
    except RuntimeError:
        port = 0
    if port == 0:
        raise ClusterError(f"cannot listen on {wanted}: the port is taken or the address is not of this machine")
    return f"{options.host}:{port}"


def _open_engine(options: StoreOptions) -> RocksEngine:
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        return RocksEngine(options.folder / "db", sync=options.sync)
    except Exception as error:  # noqa: BLE001  (rocksdict raises plain Exception)
        raise ClusterError(f"cannot open the store's data in {options.folder}: {error}") from None

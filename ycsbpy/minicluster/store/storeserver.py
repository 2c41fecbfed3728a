"""A store process: the engine, the node, and the gRPC service on a TCP port."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpc import aio

from ycsbpy.clock import NS_PER_SECOND, SystemClock
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster.model import COMPATIBLE_VERSION
from ycsbpy.minicluster.rpc import Router, health_routes, server_options
from ycsbpy.minicluster.store.admission import Admissions
from ycsbpy.minicluster.store.engine import RocksEngine
from ycsbpy.minicluster.store.feedback import HealthReporter
from ycsbpy.minicluster.store.node import StoreNode, load_identity
from ycsbpy.minicluster.store.pdlink import PdLink
from ycsbpy.minicluster.store.rawkv import RawKv
from ycsbpy.minicluster.store.rawservice import RawCalls
from ycsbpy.minicluster.store.storeservice import StoreService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["StoreOptions", "serve"]

STOP_GRACE_S = 0.2


@dataclass(frozen=True)
class StoreOptions:
    """``pd`` are PD's host:port; ``split_keys`` are where the Regions are split at the start, for tests."""

    folder: Path
    pd: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 0
    ttl_enabled: bool = True
    sync: bool = False
    split_keys: tuple[bytes, ...] = ()
    region_heartbeat_s: float = 60.0
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
        node = StoreNode(engine, kv, identity, link, options.folder, clock)
        storage = "V1ttl" if options.ttl_enabled else "V1"
        calls = RawCalls(kv, Admissions(node.replicas, identity.cluster_id, storage), node.proposals, clock)
        service = StoreService(calls, HealthReporter(identity.store_id, clock))
        server.add_generic_rpc_handlers((Router({**service.unary(), **health_routes()}, service.streams()),))
        await server.start()
        stack.push_async_callback(server.stop, STOP_GRACE_S)
        await node.join(address, options.release, COMPATIBLE_VERSION)
        if options.split_keys:
            await node.split(options.split_keys)
        await node.confirmed()
        yield {"address": address, "store_id": identity.store_id, "cluster_id": identity.cluster_id}


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

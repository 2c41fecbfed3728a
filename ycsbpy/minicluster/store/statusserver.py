"""A store's HTTP port beside gRPC: ``/status`` and ``/metrics``, as a TiKV has them on its status address.

Metrics have TiKV's names, so that dashboards and tools made for TiKV find them. They are read when asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aiohttp import web

    from ycsbpy.minicluster.store.node import StoreNode

__all__ = ["StoreMetrics", "serve_status"]


class StoreMetrics:
    """The metrics of one store, for a ``CollectorRegistry``."""

    def __init__(self, node: StoreNode) -> None:
        self._node = node

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """What there is now."""
        raft = self._node.raft
        regions = GaugeMetricFamily(
            "tikv_raftstore_region_count", "Number of regions collected in region_collector", labels=["type"]
        )
        regions.add_metric(["region"], len(raft.replicas))
        regions.add_metric(["leader"], sum(peer.is_leader for peer in raft.peers.values()))
        yield regions
        awake = GaugeMetricFamily(
            "tikv_raftstore_hibernated_peer_state", "Number of peers in hibernated state", labels=["state"]
        )
        awake.add_metric(["awaken"], raft.awake_count)
        awake.add_metric(["hibernated"], len(raft.peers) - raft.awake_count)
        yield awake
        snapshots = GaugeMetricFamily("tikv_raftstore_snapshot_traffic_total", "Snapshots under way", labels=["type"])
        for kind, count in (
            ("sending", raft.snapshots.sending),
            ("receiving", raft.snapshots.receiving),
            ("applying", raft.snapshots.ingesting),
        ):
            snapshots.add_metric([kind], count)
        yield snapshots
        size = GaugeMetricFamily("tikv_store_size_bytes", "Size of storage", labels=["type"])
        stats = self._node.reports.disk()
        for kind, value in (("capacity", stats.capacity), ("available", stats.available), ("used", stats.used)):
            size.add_metric([kind], value)
        yield size
        applied = CounterMetricFamily("tikv_raftstore_apply_proposal", "Commands applied by leaders")
        applied.add_metric([], raft.applied_commands)
        yield applied


@contextlib.asynccontextmanager
async def serve_status(node: StoreNode, host: str, port: int, release: str) -> AsyncIterator[int]:
    """Serve until the context ends; the value is the port. Raises ``OSError`` if it is taken.

    The web framework is loaded at the first connection: most mini-clusters live without one.
    """
    loop = asyncio.get_running_loop()
    listener = socket.create_server((host, port), backlog=128)
    listener.setblocking(False)
    runners: list[web.AppRunner] = []
    tasks: list[asyncio.Task[None]] = []

    async def start() -> None:
        from aiohttp import web

        runner = web.AppRunner(_app(node, release), access_log=None, shutdown_timeout=0.2)
        runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, listener).start()

    def called() -> None:
        loop.remove_reader(listener)
        tasks.append(loop.create_task(start()))

    loop.add_reader(listener, called)
    try:
        yield int(listener.getsockname()[1])
    finally:
        loop.remove_reader(listener)
        await asyncio.gather(*tasks, return_exceptions=True)
        for runner in runners:
            await runner.cleanup()
        listener.close()


def _app(node: StoreNode, release: str) -> web.Application:
    from aiohttp import web

    registry = CollectorRegistry()
    registry.register(StoreMetrics(node))

    async def status(_request: web.Request) -> web.Response:
        identity = node.identity
        return web.json_response(
            {"version": release, "store_id": identity.store_id, "cluster_id": identity.cluster_id, "status": "ok"}
        )

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/status", status)
    app.router.add_get("/metrics", metrics)
    return app

"""What a playground offers to look at: Prometheus' files, and a small site on loopback with the page of the Regions.

``prometheus.yml`` and ``targets.json`` are as ``tiup playground`` writes them, one job per component, so a Prometheus
that is started with them, and a Grafana behind it, show the usual dashboards. The page is ``dashboard``'s.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster.statedir import replace_file
from ycsbpy.cluster.topology import Role
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from ycsbpy.cluster.topology import Topology

__all__ = ["prometheus_targets", "status_site", "write_prometheus"]

SCRAPE = "15s"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def prometheus_targets(topology: Topology) -> list[dict[str, Any]]:
    """Who serves ``/metrics``, as Prometheus' file discovery wants it: a list for each component."""
    found = []
    for role in Role:
        targets = [
            one.status_address
            for one in topology.instances
            if one.role is role and one.status_address and not one.ended
        ]
        if targets:
            found.append({"targets": targets, "labels": {"job": str(role)}})
    return found


def write_prometheus(folder: Path, topology: Topology) -> Path:
    """Write both files and return the path of ``prometheus.yml``. Raises ``ClusterError`` if that cannot be done."""
    config, targets = folder / "prometheus.yml", folder / "targets.json"
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        if not config.exists():
            replace_file(config, _config(targets))
        replace_file(targets, json.dumps(prometheus_targets(topology), indent=2) + "\n")
    except OSError as error:
        raise ClusterError(f"cannot write in {folder}: {error.strerror}") from None
    return config


def _config(targets: Path) -> str:
    return f"""\
global:
  scrape_interval: {SCRAPE}
  evaluation_interval: {SCRAPE}
scrape_configs:
  - job_name: cluster
    honor_labels: true
    file_sd_configs:
      - files: [{json.dumps(str(targets))}]
        refresh_interval: 5s
"""


@contextlib.asynccontextmanager
async def status_site(host: str, port: int, topology: Callable[[], Topology]) -> AsyncIterator[str]:
    """Serve ``/dashboard`` and ``/topology``; the value is the page's address.

    Only requests that name this machine are answered, so that no page of the web can read along under another name.
    """
    from aiohttp import web

    from ycsbpy.cluster.dashboard import add_dashboard

    @web.middleware
    async def from_here(request: web.Request, handler: Any) -> web.StreamResponse:
        if (request.url.host or "") not in {*LOOPBACK, host}:
            raise web.HTTPForbidden
        response: web.StreamResponse = await handler(request)
        return response

    async def shown(_request: web.Request) -> web.Response:
        return web.json_response(topology().to_json())

    app = web.Application(middlewares=[from_here])
    app.router.add_get("/topology", shown)
    add_dashboard(app, topology().endpoints, topology().tag)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ClusterError(f"the dashboard cannot listen on {host}:{port}: {error.strerror}") from None
        yield f"http://{host}:{port}/dashboard"
    finally:
        await runner.cleanup()

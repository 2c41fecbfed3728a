"""PD's HTTP interface: the application, and what it says of PD itself.

The shapes are PD's own. Sizes of Regions are in MiB, those of stores are strings such as ``97.59GiB``, keys are
upper-case hexadecimal, and fields that are zero are left out where PD leaves them out. Before the first store has made
a cluster, everything about the cluster is answered with status 500 and PD's error text.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from ycsbpy.minicluster.pd import shapes
from ycsbpy.minicluster.pd.httphot import hot_routes
from ycsbpy.minicluster.pd.httpkit import Handler, RequestError, answer
from ycsbpy.minicluster.pd.httpmarks import resolved_routes, safe_point_routes
from ycsbpy.minicluster.pd.httpregions import region_routes
from ycsbpy.minicluster.pd.httpschedule import schedule_routes
from ycsbpy.minicluster.pd.httpstores import store_routes
from ycsbpy.minicluster.pd.metrics import exposition
from ycsbpy.minicluster.pd.state import PdError

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.parts import Pd

__all__ = ["make_runner"]

BASE = "/pd/api/v1"
NOT_BOOTSTRAPPED = "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"
MAX_BODY = 8 << 20


def make_runner(pd: Pd) -> web.AppRunner:
    """Return the HTTP application of one PD; after ``setup()``, ``server`` makes the protocol of a connection."""
    app = web.Application(middlewares=[_manners], client_max_size=MAX_BODY)
    for method, path, handler in _Own(pd).routes():
        app.router.add_route(method, path, handler)
    for method, path, handler in safe_point_routes(pd):
        app.router.add_route(method, BASE + path, handler)
    for routes in (store_routes, region_routes, schedule_routes, hot_routes, resolved_routes):
        for method, path, handler in routes(pd):
            app.router.add_route(method, BASE + path, _needs_cluster(pd, handler))
    logging.getLogger("aiohttp.server").addFilter(_worth_a_line)
    return web.AppRunner(app, access_log=None)


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Not a peer that speaks no HTTP: it gets its 400, and the log no traceback of it."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


@web.middleware
async def _manners(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPNotFound:
        response = web.Response(status=404, text="404 page not found\n")
    except web.HTTPMethodNotAllowed:
        response = web.Response(status=405)
    except RequestError as error:
        response = answer(str(error), status=error.status)
    except PdError as error:
        response = answer(str(error), status=500)
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _needs_cluster(pd: Pd, handler: Handler) -> Handler:
    async def wrapped(request: web.Request) -> web.StreamResponse:
        if not pd.state.bootstrapped:
            return answer(NOT_BOOTSTRAPPED, status=500)
        return await handler(request)

    return wrapped


class _Own:
    """What needs no cluster yet."""

    def __init__(self, pd: Pd) -> None:
        self._pd = pd
        self._state = pd.state
        self._members = pd.members

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, whole path, handler."""
        return [
            ("GET", f"{BASE}/members", self._get_members),
            ("GET", f"{BASE}/leader", self._get_leader),
            ("GET", f"{BASE}/health", self._get_health),
            ("GET", f"{BASE}/ping", self._ping),
            ("GET", f"{BASE}/version", self._get_version),
            ("GET", f"{BASE}/status", self._get_status),
            ("GET", f"{BASE}/cluster", self._get_cluster),
            ("GET", f"{BASE}/cluster/status", self._get_cluster_status),
            ("GET", "/pd/api/v2/ready", self._ready),
            ("GET", "/metrics", self._metrics),
        ]

    async def _get_members(self, _request: web.Request) -> web.Response:
        leader = shapes.member(self._members.leader)
        return answer(
            {
                "header": {"cluster_id": self._state.cluster_id},
                "members": [shapes.member(member) for member in self._members.all()],
                "leader": leader,
                "etcd_leader": leader,
            }
        )

    async def _get_leader(self, _request: web.Request) -> web.Response:
        return answer(shapes.member(self._members.leader))

    async def _get_health(self, _request: web.Request) -> web.Response:
        return answer(
            [
                {
                    "name": member.name,
                    "member_id": member.member_id,
                    "client_urls": list(member.client_urls),
                    "health": True,
                }
                for member in self._members.all()
            ]
        )

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def _ready(self, _request: web.Request) -> web.Response:
        ready = not self._state.bootstrapped or self._pd.coordinator.ready()
        return web.Response(status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        text, content_type = exposition(self._pd)
        return web.Response(body=text, headers={"Content-Type": content_type})

    async def _get_version(self, _request: web.Request) -> web.Response:
        return answer({"version": self._members.version, "build_time": "", "hash": "", "branch": ""})

    async def _get_status(self, _request: web.Request) -> web.Response:
        return answer(
            {
                "build_ts": "None",
                "version": self._members.version,
                "git_hash": self._members.leader.git_hash,
                "start_timestamp": self._members.start_timestamp,
                "kernel_type": "Classic",
            }
        )

    async def _get_cluster(self, _request: web.Request) -> web.Response:
        if not self._state.bootstrapped:
            return answer(None)
        return answer({"id": self._state.cluster_id, "max_peer_count": self._state.max_replicas})

    async def _get_cluster_status(self, _request: web.Request) -> web.Response:
        at = self._state.bootstrapped_wall_ns
        return answer(
            {
                "raft_bootstrap_time": shapes.timestamp(at) if at is not None else "0001-01-01T00:00:00Z",
                "is_initialized": at is not None,
                "replication_status": "",
            }
        )

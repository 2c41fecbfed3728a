"""PD's HTTP interface, first part: members, stores, Regions and what they add up to, in PD's own JSON shapes.

Sizes of Regions are in MiB, those of stores are strings such as ``97.59GiB``, keys are upper-case hexadecimal, and
fields that are zero are left out where PD leaves them out. Before the first store has made a cluster, everything
about the cluster is answered with status 500 and PD's error text.
"""

from __future__ import annotations

import binascii
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from ycsbpy.minicluster.pd import shapes
from ycsbpy.minicluster.pd.state import ClusterState, PdError, StoreInfo

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.members import Members

__all__ = ["make_runner"]

Json: TypeAlias = Any
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BASE = "/pd/api/v1"
NOT_BOOTSTRAPPED = "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"


def make_runner(state: ClusterState, members: Members) -> web.AppRunner:
    """Return the HTTP application of one PD; after ``setup()``, ``server`` makes the protocol of a connection."""
    app = web.Application(middlewares=[_manners])
    for path, handler in _Api(state, members).routes().items():
        app.router.add_get(BASE + path, handler)
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
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _answer(value: Json, *, status: int = 200, compact: bool = False) -> web.Response:
    text = json.dumps(value, separators=(",", ":")) if compact else json.dumps(value, indent=2) + "\n"
    return web.Response(status=status, text=text, content_type="application/json", charset="UTF-8")


class _Api:
    """The handlers; each is a few lines of look-up, the shapes are in ``shapes``."""

    def __init__(self, state: ClusterState, members: Members) -> None:
        self._state = state
        self._members = members

    def routes(self) -> dict[str, Handler]:
        """Path below the base → handler of GET."""
        cluster = self._needs_cluster
        return {
            "/members": self._get_members,
            "/leader": self._get_leader,
            "/health": self._get_health,
            "/ping": self._ping,
            "/version": self._get_version,
            "/status": self._get_status,
            "/cluster": self._get_cluster,
            "/cluster/status": self._get_cluster_status,
            "/stores": cluster(self._get_stores),
            "/store/{id}": cluster(self._get_store),
            "/regions": cluster(self._get_regions),
            "/region/id/{id}": cluster(self._get_region_by_id),
            "/region/key/{key:.*}": cluster(self._get_region_by_key),
            "/stats/region": cluster(self._get_region_stats),
        }

    def _needs_cluster(self, handler: Handler) -> Handler:
        async def wrapped(request: web.Request) -> web.StreamResponse:
            if not self._state.bootstrapped:
                return _answer(NOT_BOOTSTRAPPED, status=500)
            return await handler(request)

        return wrapped

    # ---- PD itself ----

    async def _get_members(self, _request: web.Request) -> web.Response:
        leader = shapes.member(self._members.leader)
        return _answer(
            {
                "header": {"cluster_id": self._state.cluster_id},
                "members": [shapes.member(member) for member in self._members.all()],
                "leader": leader,
                "etcd_leader": leader,
            }
        )

    async def _get_leader(self, _request: web.Request) -> web.Response:
        return _answer(shapes.member(self._members.leader))

    async def _get_health(self, _request: web.Request) -> web.Response:
        return _answer(
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

    async def _get_version(self, _request: web.Request) -> web.Response:
        return _answer({"version": self._members.version, "build_time": "", "hash": "", "branch": ""})

    async def _get_status(self, _request: web.Request) -> web.Response:
        return _answer(
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
            return _answer(None)
        return _answer({"id": self._state.cluster_id, "max_peer_count": self._state.max_replicas})

    async def _get_cluster_status(self, _request: web.Request) -> web.Response:
        at = self._state.bootstrapped_wall_ns
        return _answer(
            {
                "raft_bootstrap_time": shapes.timestamp(at) if at is not None else "0001-01-01T00:00:00Z",
                "is_initialized": at is not None,
                "replication_status": "",
            }
        )

    # ---- stores ----

    async def _get_stores(self, request: web.Request) -> web.Response:
        try:
            wanted = {int(value) for value in request.query.getall("state", [])}
        except ValueError as error:
            return _answer(f"invalid state: {error}", status=400)
        chosen = [
            info
            for info in self._state.stores.values()
            if (info.meta.state in wanted if wanted else info.meta.state.name != "TOMBSTONE")
        ]
        return _answer({"count": len(chosen), "stores": self._store_shapes(chosen)})

    async def _get_store(self, request: web.Request) -> web.Response:
        store_id = _number(request.match_info["id"])
        if store_id is None:
            return _answer(f"invalid store id {request.match_info['id']!r}", status=400)
        try:
            info = self._state.store(store_id)
        except PdError:
            return _answer(f"[PD:core:ErrStoreNotFound]store {store_id} not found", status=404)
        return _answer(self._store_shapes([info])[0])

    def _store_shapes(self, stores: list[StoreInfo]) -> list[Json]:
        loads = self._state.loads()
        now = self._state.clock.wall_ns()
        return [shapes.store(info, loads[info.meta.id], now) for info in stores]

    # ---- Regions ----

    async def _get_regions(self, _request: web.Request) -> web.Response:
        regions = [shapes.region(info) for info in self._state.regions]
        return _answer({"count": len(regions), "regions": regions}, compact=True)

    async def _get_region_by_id(self, request: web.Request) -> web.Response:
        region_id = _number(request.match_info["id"])
        if region_id is None:
            return _answer(f"invalid region id {request.match_info['id']!r}", status=400)
        if region_id == 0:
            return _answer("[PD:region:ErrRegionInvalidID]invalid region id", status=400)
        info = self._state.regions.get(region_id)
        if info is None:
            return _answer(f"[PD:region:ErrRegionNotFound]region {region_id} not found", status=404)
        return _answer(shapes.region(info), compact=True)

    async def _get_region_by_key(self, request: web.Request) -> web.Response:
        # The path is taken as it was sent: a key may hold an escaped slash, and bytes that are no text.
        escaped = request.raw_path.partition("?")[0].partition("/region/key/")[2]
        key = unquote_to_bytes(escaped.replace("+", " "))
        if request.query.get("format") == "hex":
            try:
                key = binascii.unhexlify(key)
            except ValueError as error:
                return _answer(f"invalid hex key: {error}", status=400)
        info = self._state.regions.find(key)
        if info is None:
            return _answer("[PD:region:ErrRegionNotFound]region %v not found", status=404)
        return _answer(shapes.region(info), compact=True)

    async def _get_region_stats(self, request: web.Request) -> web.Response:
        start = request.query.get("start_key", "").encode()
        end = request.query.get("end_key", "").encode()
        found = self._state.regions.scan(start, end)
        if "count" in request.query:
            return _answer(shapes.region_stats([], count=len(found)))
        return _answer(shapes.region_stats(found))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None

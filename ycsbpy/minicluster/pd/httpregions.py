"""PD's HTTP interface: Regions, by id, by key, by store, by what is wrong with them, and what they add up to."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from ycsbpy.minicluster.model import Role, StoreState
from ycsbpy.minicluster.pd import shapes
from ycsbpy.minicluster.pd.httpkit import (
    Handler,
    Json,
    RequestError,
    answer,
    body,
    integer,
    key_of,
    natural,
    naturals,
    number,
    path_number,
)
from ycsbpy.minicluster.pd.httpoperators import region_of
from ycsbpy.minicluster.pd.regionjobs import JobError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp import web

    from ycsbpy.minicluster.pd.parts import Pd
    from ycsbpy.minicluster.pd.regiontree import RegionInfo

__all__ = ["region_problems", "region_routes"]

DEFAULT_LIMIT = 16
MAX_LIMIT = 10_240
DEFAULT_RETRIES = 5
EMPTY_MIB = 1
OVERSIZED_MIB = 384
UNDERSIZED_MIB = 20

TOP: dict[str, Callable[[RegionInfo], int]] = {
    "size": lambda info: info.size_mib,
    "keys": lambda info: info.approximate_keys,
    "writeflow": lambda info: info.bytes_written,
    "readflow": lambda info: info.bytes_read,
    "writequery": lambda info: info.keys_written,
    "readquery": lambda info: info.keys_read,
    "confver": lambda info: info.region.epoch.conf_ver,
    "version": lambda info: info.region.epoch.version,
    "cpu": lambda _info: 0,
}


def region_problems(pd: Pd) -> dict[str, Callable[[RegionInfo], bool]]:
    """PD's checks by name: which Regions have them."""
    replicas = pd.coordinator.schedule.max_replicas
    offline = {each.meta.id for each in pd.state.stores.values() if each.meta.state is StoreState.OFFLINE}
    return {
        "miss-peer": lambda info: len(info.region.peers) < replicas,
        "extra-peer": lambda info: len(info.region.peers) > replicas,
        "pending-peer": lambda info: bool(info.pending_peers),
        "down-peer": lambda info: bool(info.down_peers),
        "learner-peer": lambda info: any(peer.role is Role.LEARNER for peer in info.region.peers),
        "offline-peer": lambda info: any(peer.store_id in offline for peer in info.region.peers),
        "empty-region": lambda info: info.size_mib <= EMPTY_MIB,
        "oversized-region": lambda info: info.size_mib >= OVERSIZED_MIB,
        "undersized-region": lambda info: info.size_mib <= UNDERSIZED_MIB,
    }


def region_routes(pd: Pd) -> list[tuple[str, str, Handler]]:
    """Method, path below the base, handler."""
    api = _Regions(pd)
    return [
        ("GET", "/regions", api.all),
        ("GET", "/regions/count", api.count),
        ("GET", "/regions/store/{id}", api.on_store),
        ("GET", "/regions/key", api.from_key),
        ("GET", "/regions/sibling/{id}", api.siblings),
        ("GET", "/regions/check/hist-size", api.histogram_of_sizes),
        ("GET", "/regions/check/hist-keys", api.histogram_of_keys),
        ("GET", "/regions/check/{what}", api.check),
        ("GET", "/regions/range-holes", api.holes),
        ("GET", "/regions/replicated", api.replicated),
        ("POST", "/regions/scatter", api.scatter),
        ("POST", "/regions/split", api.split),
        ("POST", "/regions/accelerate-schedule", api.accelerate),
        *[("GET", f"/regions/{name}", api.top(name)) for name in TOP],
        ("GET", "/region/id/{id}", api.by_id),
        ("GET", "/region/key/{key:.*}", api.by_key),
        ("GET", "/stats/region", api.stats),
    ]


class _Regions:
    def __init__(self, pd: Pd) -> None:
        self._pd = pd
        self._state = pd.state

    @staticmethod
    def _list(regions: Iterable[RegionInfo]) -> web.Response:
        shown = [shapes.region(info) for info in regions]
        return answer({"count": len(shown), "regions": shown}, compact=True)

    def _keys(self, request: web.Request, start: str, end: str, *, is_hex: bool | None = None) -> tuple[bytes, bytes]:
        hexed = request.query.get("format") == "hex" if is_hex is None else is_hex
        return key_of(request.query.get(start, ""), is_hex=hexed), key_of(request.query.get(end, ""), is_hex=hexed)

    @staticmethod
    def _limit(request: web.Request, default: int = DEFAULT_LIMIT) -> int:
        text = request.query.get("limit", "")
        if not text:
            return default
        limit = integer(text)
        if limit is None:
            raise RequestError(f"strconv.Atoi: parsing {text!r}: invalid syntax")
        return min(limit, MAX_LIMIT)

    # ---- one ----

    async def by_id(self, request: web.Request) -> web.Response:
        region_id = path_number(request, "id", "region")
        if region_id == 0:
            raise RequestError("[PD:region:ErrRegionInvalidID]invalid region id")
        return answer(shapes.region(region_of(self._pd, region_id)), compact=True)

    async def by_key(self, request: web.Request) -> web.Response:
        # The path is taken as it was sent: a key may hold an escaped slash, and bytes that are no text.
        escaped = request.raw_path.partition("?")[0].partition("/region/key/")[2]
        key = unquote_to_bytes(escaped.replace("+", " "))
        if request.query.get("format") == "hex":
            key = key_of(key.decode(errors="replace"), is_hex=True)
        info = self._state.regions.find(key)
        if info is None:
            raise RequestError("[PD:region:ErrRegionNotFound]region %v not found", 404)
        return answer(shapes.region(info), compact=True)

    async def siblings(self, request: web.Request) -> web.Response:
        info = region_of(self._pd, path_number(request, "id", "region"))
        before = self._state.regions.find_previous(info.region.start)
        after = self._state.regions.find(info.region.end) if info.region.end else None
        return self._list(each for each in (before, after) if each is not None)

    # ---- many ----

    async def all(self, _request: web.Request) -> web.Response:
        return self._list(self._state.regions)

    async def count(self, _request: web.Request) -> web.Response:
        return answer({"count": sum(1 for _ in self._state.regions), "regions": None})

    async def on_store(self, request: web.Request) -> web.Response:
        store_id = path_number(request, "id", "store")
        return self._list(info for info in self._state.regions if info.region.peer_on(store_id) is not None)

    async def from_key(self, request: web.Request) -> web.Response:
        start, end = self._keys(request, "key", "end_key")
        return self._list(self._state.regions.scan(start, end, self._limit(request)))

    def top(self, name: str) -> Handler:
        """The handler of one of the lists of the largest."""

        async def handler(request: web.Request) -> web.StreamResponse:
            limit = max(self._limit(request), 0)
            return self._list(heapq.nlargest(limit, self._state.regions, key=TOP[name]))

        return handler

    async def check(self, request: web.Request) -> web.Response:
        test = region_problems(self._pd).get(request.match_info["what"])
        if test is None:
            raise RequestError(f"unknown check {request.match_info['what']!r}", 404)
        return self._list(info for info in self._state.regions if test(info))

    # ---- sums ----

    async def stats(self, request: web.Request) -> web.Response:
        start, end = self._keys(request, "start_key", "end_key")
        found = self._state.regions.scan(start, end)
        if "count" in request.query:
            return answer(shapes.region_stats([], count=len(found)))
        return answer(shapes.region_stats(found))

    async def histogram_of_sizes(self, request: web.Request) -> web.Response:
        return self._histogram(request, 10, lambda info: info.size_mib)

    async def histogram_of_keys(self, request: web.Request) -> web.Response:
        return self._histogram(request, 10_000, lambda info: info.approximate_keys)

    def _histogram(self, request: web.Request, least: int, size: Callable[[RegionInfo], int]) -> web.Response:
        bound = number(request.query.get("bound", str(least)))
        if bound is None:
            raise RequestError(f"invalid bound {request.query['bound']!r}")
        bound = max(bound, least)
        counts = Counter(size(info) // bound for info in self._state.regions)
        return answer(
            [{"start": step * bound, "end": (step + 1) * bound - 1, "count": counts[step]} for step in sorted(counts)]
        )

    async def holes(self, _request: web.Request) -> web.Response:
        found: list[list[str]] = []
        reached: bytes | None = b""
        for info in self._state.regions:
            if reached is not None and info.region.start > reached:
                found.append([reached.hex().upper(), info.region.start.hex().upper()])
            reached = info.region.end or None
        if reached is not None:
            found.append([reached.hex().upper(), ""])
        return answer(found)

    async def replicated(self, request: web.Request) -> web.Response:
        start, end = self._keys(request, "startKey", "endKey", is_hex=True)
        replicas = self._pd.coordinator.schedule.max_replicas
        regions = self._state.regions.scan(start, end)
        if not regions:
            return answer("PENDING")
        good = all(
            len([peer for peer in info.region.peers if peer.role is Role.VOTER]) >= replicas and not info.pending_peers
            for info in regions
        )
        return answer("REPLICATED" if good else "INPROGRESS")

    # ---- asked for ----

    async def split(self, request: web.Request) -> web.Response:
        values = await body(request)
        keys = values.get("split_keys")
        if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
            raise RequestError("split_keys should be provided.")
        done = await self._pd.jobs.split([key_of(text, is_hex=True) for text in keys], _retries(values))
        return answer({"processed-percentage": done.percentage, "regions-id": done.region_ids})

    async def scatter(self, request: web.Request) -> web.Response:
        values = await body(request)
        region_ids = naturals(values.get("regions_id"))
        if isinstance(values.get("start_key"), str) and isinstance(values.get("end_key"), str):
            start, end = (key_of(values[name], is_hex=True) for name in ("start_key", "end_key"))
            region_ids = [info.region.id for info in self._state.regions.scan(start, end)]
        elif region_ids is None:
            raise RequestError("regions_id is invalid", 500)
        try:
            done = await self._pd.jobs.scatter(region_ids, str(values.get("group", "")), _retries(values))
        except JobError as error:
            raise RequestError(str(error), 500) from None
        return answer({"processed-percentage": done.percentage})

    async def accelerate(self, _request: web.Request) -> web.Response:
        self._pd.coordinator.changed()
        return answer("Accelerate regions scheduling in a given range.")


def _retries(values: Json) -> int:
    """PD's five, or how many are asked for."""
    found = natural(values.get("retry_limit"))
    return DEFAULT_RETRIES if found is None else found

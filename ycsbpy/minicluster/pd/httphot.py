"""PD's HTTP interface: hot spots. There is no scheduler for them here, so no Region and no bucket is ever called hot;
what the stores are asked and told is shown as they report it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.pd.httpkit import Handler, Json, RequestError, answer, number
from ycsbpy.minicluster.pd.state import PdError

if TYPE_CHECKING:
    from aiohttp import web

    from ycsbpy.minicluster.pd.parts import Pd
    from ycsbpy.minicluster.pd.state import StoreStats

__all__ = ["hot_routes"]

FLOWS = {
    # PD's name → the field of the store's statistics; each of our raw commands is of one key
    "bytes-write-rate": "bytes_written",
    "bytes-read-rate": "bytes_read",
    "keys-write-rate": "keys_written",
    "keys-read-rate": "keys_read",
    "query-write-rate": "keys_written",
    "query-read-rate": "keys_read",
}


def hot_routes(pd: Pd) -> list[tuple[str, str, Handler]]:
    """Method, path below the base, handler."""
    api = _Hot(pd)
    return [
        ("GET", "/hotspot/regions/write", api.regions(written=True)),
        ("GET", "/hotspot/regions/read", api.regions(written=False)),
        ("GET", "/hotspot/regions/history", api.history),
        ("GET", "/hotspot/stores", api.stores),
        ("GET", "/hotspot/buckets", api.buckets),
    ]


def _rate(stats: StoreStats, name: str) -> float:
    """A second, over the interval of the store's last heartbeat."""
    flow: int = getattr(stats, FLOWS[name])
    return flow / max(1, stats.interval[1] - stats.interval[0])


class _Hot:
    def __init__(self, pd: Pd) -> None:
        self._state = pd.state

    def _reported(self) -> dict[int, StoreStats]:
        return {store_id: info.stats for store_id, info in self._state.stores.items() if info.stats is not None}

    def regions(self, *, written: bool) -> Handler:
        """The handler of the hot Regions, by what is written or by what is read."""

        async def handler(request: web.Request) -> web.StreamResponse:
            wanted = self._wanted(request)
            stats = {store_id: each for store_id, each in self._reported().items() if store_id in wanted}
            return answer(
                {
                    kind: {
                        str(store_id): self._of_store(each, written=written, leader=kind == "as_leader")
                        for store_id, each in stats.items()
                    }
                    for kind in ("as_peer", "as_leader")
                }
            )

        return handler

    def _wanted(self, request: web.Request) -> set[int]:
        """The stores that are asked for, all of them if none is."""
        wanted: set[int] = set()
        for text in request.query.getall("store_id", []):
            store_id = number(text)
            if store_id is None:
                raise RequestError(f"invalid store id: {text}")
            try:
                wanted.add(self._state.store(store_id).meta.id)
            except PdError:
                raise RequestError(f"[PD:core:ErrStoreNotFound]store {store_id} not found", 500) from None
        return wanted or set(self._state.stores)

    @staticmethod
    def _of_store(stats: StoreStats, *, written: bool, leader: bool) -> Json:
        flows = dict.fromkeys(("bytes", "keys", "query"), 0.0)
        for unit in flows:
            # What is written reaches all peers; PD counts as the leaders' share only what is hot, and queries.
            if not written or (unit == "query") is leader:
                flows[unit] = _rate(stats, f"{unit}-{'write' if written else 'read'}-rate")
        shown: Json = {f"store_{unit}": rate for unit, rate in flows.items()} | {"store_cpu": 0}
        shown |= dict.fromkeys(("total_flow_bytes", "total_flow_keys", "total_flow_query", "total_flow_cpu"), 0)
        return shown | {"regions_count": 0, "statistics": []}

    async def history(self, _request: web.Request) -> web.Response:
        return answer({"history_hot_region": []})

    async def stores(self, _request: web.Request) -> web.Response:
        shown = {
            name: {str(store_id): _rate(stats, name) for store_id, stats in self._reported().items()} for name in FLOWS
        }
        return answer({name: rates for name, rates in shown.items() if rates})

    async def buckets(self, _request: web.Request) -> web.Response:
        return answer({})

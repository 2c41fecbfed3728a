"""PD's HTTP interface: safe points and resolved timestamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.pd.gcpoints import GcPointsError
from ycsbpy.minicluster.pd.httpkit import Handler, Json, RequestError, answer, number, path_number

if TYPE_CHECKING:
    from aiohttp import web

    from ycsbpy.minicluster.pd.parts import Pd

__all__ = ["resolved_routes", "safe_point_routes"]

PERSIST_INTERVAL = "1s"


def safe_point_routes(pd: Pd) -> list[tuple[str, str, Handler]]:
    """Method, path below the base, handler; these are answered before there is a cluster, too."""
    api = _Marks(pd)
    return [
        ("GET", "/gc/safepoint", api.safe_points),
        ("DELETE", "/gc/safepoint/{service}", api.remove_safe_point),
    ]


def resolved_routes(pd: Pd) -> list[tuple[str, str, Handler]]:
    """Method, path below the base, handler."""
    api = _Marks(pd)
    return [
        ("GET", "/min-resolved-ts", api.resolved),
        ("GET", "/min-resolved-ts/{id}", api.resolved_of),
    ]


class _Marks:
    def __init__(self, pd: Pd) -> None:
        self._state = pd.state

    async def safe_points(self, _request: web.Request) -> web.Response:
        gc = self._state.gc
        services = gc.services()
        shown: Json = {
            "service_gc_safe_points": [
                {"service_id": each.service_id, "expired_at": each.expires_s, "safe_point": each.safe_point}
                for each in services
            ]
        }
        lowest = min((each.safe_point for each in services if each.expires_s > gc.now_s()), default=0)
        if lowest:
            shown["min_service_gc_safe_point"] = lowest
        return answer(shown | {"gc_safe_point": gc.safe_point})

    async def remove_safe_point(self, request: web.Request) -> web.Response:
        try:
            self._state.gc.remove(request.match_info["service"])
        except GcPointsError as error:
            raise RequestError(str(error), 500) from None
        return answer("Delete service GC safepoint successfully.")

    async def resolved(self, request: web.Request) -> web.Response:
        scope = request.query.get("scope", "")
        lowest, of_stores = self._state.watermarks.min_resolved, None
        if scope == "cluster":
            of_stores = self._of_stores(list(self._state.stores))
        elif scope:
            ids = [number(text) for text in scope.split(",")]
            if None in ids:
                raise RequestError(f"invalid store ids {scope!r}")
            of_stores = self._of_stores([each for each in ids if each is not None])
            lowest = min(of_stores.values())
        shown = None if of_stores is None else {str(store_id): mark for store_id, mark in of_stores.items()}
        return self._answer(lowest, shown)

    async def resolved_of(self, request: web.Request) -> web.Response:
        store_id = path_number(request, "id", "store")
        return self._answer(self._of_stores([store_id])[store_id], None)

    def _of_stores(self, ids: list[int]) -> dict[int, int]:
        leading = self._state.leading_stores()
        return {store_id: self._state.watermarks.of_store(store_id, leading) for store_id in ids}

    @staticmethod
    def _answer(lowest: int, of_stores: Json) -> web.Response:
        return answer(
            {
                "is_real_time": True,
                "min_resolved_ts": lowest,
                "persist_interval": PERSIST_INTERVAL,
                "stores_min_resolved_ts": of_stores,
            }
        )

"""PD's HTTP interface: stores, their states, labels, weights and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import StoreState
from ycsbpy.minicluster.pd import shapes
from ycsbpy.minicluster.pd.httpkit import (
    Handler,
    Json,
    RequestError,
    amount,
    answer,
    body,
    flagged,
    number,
    path_number,
)
from ycsbpy.minicluster.pd.removals import REMOVING
from ycsbpy.minicluster.pd.state import ErrorType, PdError
from ycsbpy.minicluster.placement.limits import StoreLimits
from ycsbpy.minicluster.placement.scores import region_score

if TYPE_CHECKING:
    from aiohttp import web

    from ycsbpy.minicluster.pd.parts import Pd
    from ycsbpy.minicluster.pd.state import StoreInfo

__all__ = ["store_limits", "store_routes"]

STATE_NAMES = ("Up", "Disconnected", "Down", "Offline", "Tombstone")


def store_routes(pd: Pd) -> list[tuple[str, str, Handler]]:
    """Method, path below the base, handler."""
    api = _Stores(pd)
    return [
        ("GET", "/stores", api.all),
        ("GET", "/stores/check", api.in_state),
        ("GET", "/stores/limit", api.limits),
        ("POST", "/stores/limit", api.set_all_limits),
        ("GET", "/stores/progress", api.progress),
        ("DELETE", "/stores/remove-tombstone", api.remove_tombstones),
        ("GET", "/store/{id}", api.one),
        ("DELETE", "/store/{id}", api.take_offline),
        ("POST", "/store/{id}/state", api.set_state),
        ("POST", "/store/{id}/label", api.set_label),
        ("POST", "/store/{id}/weight", api.set_weight),
        ("POST", "/store/{id}/limit", api.set_limit),
        ("GET", "/labels", api.labels),
        ("GET", "/labels/stores", api.stores_with_label),
    ]


def store_limits(pd: Pd) -> Json:
    """Store id → its limits, replicas a minute."""
    limits = pd.coordinator.limits
    return {
        str(store_id): {kind: shapes.plain(limits.rate(store_id, kind)) for kind in StoreLimits.TYPES}
        for store_id, info in sorted(pd.state.stores.items())
        if info.meta.state is not StoreState.TOMBSTONE
    }


class _Stores:
    def __init__(self, pd: Pd) -> None:
        self._pd = pd
        self._state = pd.state

    # ---- shown ----

    async def all(self, request: web.Request) -> web.Response:
        texts = request.query.getall("state", [])
        wanted = {number(text) for text in texts}
        if None in wanted:
            raise RequestError(f"invalid state among {texts}: 0 is Up, 1 is Offline, 2 is Tombstone")
        chosen = [
            info
            for info in self._state.stores.values()
            if (info.meta.state in wanted if wanted else info.meta.state is not StoreState.TOMBSTONE)
        ]
        return self._answer(chosen)

    async def in_state(self, request: web.Request) -> web.Response:
        wanted = {name.lower() for name in request.query.getall("state", [])}
        unknown = wanted - {name.lower() for name in STATE_NAMES}
        if unknown:
            raise RequestError(f"unknown StoreState: {min(unknown)}")
        now, down = self._now()
        chosen = [
            info
            for info in self._state.stores.values()
            if (info.state_name(now, down).lower() in wanted if wanted else info.meta.state is not StoreState.TOMBSTONE)
        ]
        return self._answer(chosen)

    async def one(self, request: web.Request) -> web.Response:
        return answer(self._shapes([self._store(request)])[0])

    async def progress(self, request: web.Request) -> web.Response:
        removals, now = self._pd.coordinator.removals, self._state.clock.wall_ns()
        shown: Json
        if text := request.query.get("id", ""):
            store_id = number(text)
            if store_id is None:
                raise RequestError(f"invalid store id {text!r}")
            found, what = removals.of_store(store_id, now), f"the given store ID: {store_id}"
            shown = {"action": REMOVING, "store_id": store_id}
        elif action := request.query.get("action", ""):
            found, what = removals.average(now) if action == REMOVING else None, f"the action: {action}"
            shown = {"action": action}
        else:
            raise RequestError("need query parameters")
        if found is None:
            raise RequestError(f"[PD:progress:ErrProgressNotFound]no progress found for {what}", 404)
        return answer(shown | {"progress": found.share, "current_speed": found.speed, "left_seconds": found.left_s})

    def _answer(self, chosen: list[StoreInfo]) -> web.Response:
        return answer({"count": len(chosen), "stores": self._shapes(chosen)})

    def _shapes(self, stores: list[StoreInfo]) -> list[Json]:
        loads = self._state.loads()
        views = self._pd.coordinator.view(loads).stores
        low = self._pd.coordinator.schedule.low_space_ratio
        now, down = self._now()
        return [
            shapes.store(
                info,
                loads[info.meta.id],
                now,
                region_score=region_score(views[info.meta.id], 0, low),
                down_after_ns=down,
            )
            for info in stores
        ]

    def _now(self) -> tuple[int, int]:
        down_s = self._pd.coordinator.schedule.max_store_down_time
        return self._state.clock.wall_ns(), int(down_s * NS_PER_SECOND)

    def _store(self, request: web.Request) -> StoreInfo:
        store_id = path_number(request, "id", "store")
        try:
            return self._state.store(store_id)
        except PdError:
            raise RequestError(f"[PD:core:ErrStoreNotFound]store {store_id} not found", 404) from None

    # ---- changed ----

    async def take_offline(self, request: web.Request) -> web.Response:
        store = self._store(request)
        try:
            self._state.take_store_offline(store.meta.id, physically_destroyed=flagged(request, "force"))
        except PdError as error:
            gone = error.kind is ErrorType.STORE_TOMBSTONE
            raise RequestError(str(error), 410 if gone else 400) from None
        self._pd.coordinator.changed()
        return answer("The store is set as Offline.")

    async def set_state(self, request: web.Request) -> web.Response:
        store = self._store(request)
        wanted = request.query.get("state", "")
        try:
            if wanted == "Up":
                self._state.put_store_up(store.meta.id)
            elif wanted == "Offline":
                self._state.take_store_offline(store.meta.id)
            else:
                raise RequestError(f"invalid state {wanted}")
        except PdError as error:
            raise RequestError(str(error)) from None
        self._pd.coordinator.changed()
        return answer("The store's state is updated.")

    async def set_label(self, request: web.Request) -> web.Response:
        store = self._store(request)
        labels = await body(request)
        if not all(isinstance(value, str) for value in labels.values()):
            raise RequestError("labels are texts")
        self._state.set_store_labels(store.meta.id, labels, force=flagged(request, "force"))
        self._pd.coordinator.changed()
        return answer("The store's label is updated.")

    async def set_weight(self, request: web.Request) -> web.Response:
        store = self._store(request)
        values = await body(request)
        leader = amount(values.get("leader", store.leader_weight))
        region = amount(values.get("region", store.region_weight))
        if not values.keys() & {"leader", "region"} or leader is None or region is None:
            raise RequestError("leader weight or region weight unset")
        self._state.set_store_weights(store.meta.id, leader, region)
        self._pd.coordinator.changed()
        return answer("The store's label is updated.")

    async def remove_tombstones(self, _request: web.Request) -> web.Response:
        for store_id in self._state.remove_tombstones():
            self._pd.coordinator.limits.forget(store_id)
        return answer("Remove tombstone successfully.")

    # ---- limits ----

    async def limits(self, _request: web.Request) -> web.Response:
        return answer(store_limits(self._pd))

    async def set_all_limits(self, request: web.Request) -> web.Response:
        rate, kinds = _limit(await body(request))
        changes = {f"default-{kind}-limit": rate for kind in kinds}
        for kind in kinds:
            self._pd.coordinator.limits.set(rate, kind)
        self._pd.configuration.change(changes)
        return answer("Set store limit successfully.")

    async def set_limit(self, request: web.Request) -> web.Response:
        store = self._store(request)
        rate, kinds = _limit(await body(request))
        for kind in kinds:
            self._pd.coordinator.limits.set(rate, kind, store.meta.id)
        return answer("The store's label is updated.")

    # ---- labels ----

    async def labels(self, _request: web.Request) -> web.Response:
        found = {(key, value) for info in self._state.stores.values() for key, value in info.meta.labels}
        return answer([{"key": key, "value": value} for key, value in sorted(found)])

    async def stores_with_label(self, request: web.Request) -> web.Response:
        name, value = request.query.get("name", ""), request.query.get("value", "")
        chosen = [
            info
            for info in self._state.stores.values()
            if any(key == name and value in ("", held) for key, held in info.meta.labels)
        ]
        return self._answer(chosen)


def _limit(values: Json) -> tuple[float, tuple[str, ...]]:
    rate = amount(values.get("rate"))
    if not rate:
        raise RequestError("rate should be a number above 0")
    kind = values.get("type")
    if kind is None:
        return rate, StoreLimits.TYPES
    if kind not in StoreLimits.TYPES:
        raise RequestError(f"unknown limit type {kind!r}, it is one of {', '.join(StoreLimits.TYPES)}")
    return rate, (kind,)

"""PD's HTTP interface: operators, shown, asked for and given up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.pd import shapes
from ycsbpy.minicluster.pd.configuration import duration_text
from ycsbpy.minicluster.pd.httpkit import (
    Handler,
    Json,
    RequestError,
    answer,
    body,
    key_of,
    natural,
    naturals,
    number,
    path_number,
    wanted_number,
)
from ycsbpy.minicluster.pd.regionjobs import JobError
from ycsbpy.minicluster.peerchange import roles_by_store
from ycsbpy.minicluster.placement.operators import (
    ImpossibleError,
    Kind,
    Operator,
    Status,
    move,
    split,
    transfer_leader,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from ycsbpy.minicluster.pd.parts import Pd
    from ycsbpy.minicluster.pd.regiontree import RegionInfo

__all__ = ["operator_routes", "operator_text", "region_of"]

STATUS_NUMBERS = {Status.RUNNING: 1, Status.SUCCESS: 2, Status.CANCEL: 3, Status.REPLACE: 4, Status.TIMEOUT: 6}
KINDS = {"leader": Kind.LEADER, "region": Kind.REGION, "admin": Kind.ADMIN, "replica": Kind.REPLICA}


def operator_routes(pd: Pd) -> list[tuple[str, str, Handler]]:
    """Method, path below the base, handler."""
    api = _Operators(pd)
    return [
        ("GET", "/operators", api.all),
        ("POST", "/operators", api.create),
        ("DELETE", "/operators", api.cancel_all),
        ("GET", "/operators/records", api.records),
        ("GET", "/operators/{id}", api.one),
        ("DELETE", "/operators/{id}", api.cancel),
    ]


def region_of(pd: Pd, region_id: int) -> RegionInfo:
    """The Region with an id. Raises ``RequestError``."""
    info = pd.state.regions.get(region_id)
    if info is None:
        raise RequestError(f"[PD:region:ErrRegionNotFound]region {region_id} not found", 404)
    return info


def _moment(wall_ns: int) -> str:
    """A time as Go prints it in UTC."""
    seconds, fraction = divmod(wall_ns, NS_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{fraction:09d} +0000 UTC"


def operator_text(operator: Operator) -> str:
    """An operator as PD writes it."""
    steps = ", ".join(f"{number}:{{{step}}}" for number, step in enumerate(operator.steps))
    text = (
        f"{operator.desc} {{{operator.brief}}} (kind:{operator.kind_text()}, region:{operator.region_id}"
        f"({operator.origin.version}, {operator.origin.conf_ver}), createAt:{_moment(operator.created_ns)}, "
        f"startAt:{_moment(operator.started_ns)}, currentStep:{operator.current}, size:{operator.size_mib}, "
        f"steps:[{steps}], timeout:[{duration_text(operator.timeout_s())}])"
    )
    if operator.status is Status.RUNNING:
        return text
    took = shapes.duration(operator.finished_ns - operator.created_ns)
    return f"{text} {operator.status.value} (finishAt:{_moment(operator.finished_ns)}, duration:{took})"


def _object(operator: Operator) -> Json:
    return {
        "desc": operator.desc,
        "brief": operator.brief,
        "region_id": operator.region_id,
        "region_epoch": {"conf_ver": operator.origin.conf_ver, "version": operator.origin.version},
        "kind": operator.kind.value,
        "timeout": duration_text(operator.timeout_s()),
        "status": STATUS_NUMBERS[operator.status],
    }


class _Operators:
    def __init__(self, pd: Pd) -> None:
        self._pd = pd
        self._running = pd.coordinator.operators

    async def all(self, request: web.Request) -> web.Response:
        kinds = request.query.getall("kind", [])
        unknown = [kind for kind in kinds if kind not in (*KINDS, "waiting")]
        if unknown:
            raise RequestError(f"unknown operator kind {unknown[0]!r}")
        chosen = [
            operator
            for operator in self._running.by_priority()
            if not kinds or any(KINDS[kind] in operator.kind for kind in kinds if kind in KINDS)
        ]
        if "object" in request.query:
            return answer([_object(operator) for operator in chosen])
        return answer([operator_text(operator) for operator in chosen])

    async def one(self, request: web.Request) -> web.Response:
        region_id = path_number(request, "id", "region")
        operator = self._running.running.get(region_id) or self._running.last_by_region.get(region_id)
        if operator is None:
            raise RequestError("operator not found", 404)
        status = "RUNNING" if operator.status is Status.RUNNING else operator.status.name
        return answer(f"status: {status}, operator: {operator_text(operator)}")

    async def records(self, request: web.Request) -> web.Response:
        text = request.query.get("from", "0")
        since_s = number(text)
        if since_s is None:
            raise RequestError(f"strconv.ParseInt: parsing {text!r}: invalid syntax")
        since = since_s * NS_PER_SECOND
        return answer([operator_text(each) for each in self._running.records if each.finished_ns >= since])

    async def cancel(self, request: web.Request) -> web.Response:
        region_id = path_number(request, "id", "region")
        if not self._running.cancel(region_id, self._pd.state.clock.wall_ns()):
            raise RequestError("operator not found", 404)
        return answer("The pending operator is canceled.")

    async def cancel_all(self, _request: web.Request) -> web.Response:
        for region_id in list(self._running.running):
            self._running.cancel(region_id, self._pd.state.clock.wall_ns())
        return answer("The operators are canceled.")

    # ---- asked for ----

    async def create(self, request: web.Request) -> web.Response:
        values = await body(request)
        name = values.get("name")
        makers: dict[str, Callable[[Json], list[Operator]]] = {
            "transfer-leader": self._transfer_leader,
            "transfer-region": self._transfer_region,
            "transfer-peer": self._transfer_peer,
            "add-peer": self._add_peer,
            "add-learner": self._add_learner,
            "remove-peer": self._remove_peer,
            "split-region": self._split,
        }
        if not isinstance(name, str):
            raise RequestError("missing operator name")
        if name in ("scatter-region", "scatter-regions"):
            return await self._scatter(values)
        if name not in makers:
            raise RequestError("unknown operator" if name != "merge-region" else "Regions are not merged here")
        try:
            operators = makers[name](values)
        except ImpossibleError as error:
            raise RequestError(str(error), 500) from None
        for operator in operators:
            if not self._pd.jobs.start(operator):
                raise RequestError("failed to add operator, maybe already have one", 500)
        return answer("The operator is created.")

    def _region(self, values: Json) -> RegionInfo:
        return region_of(self._pd, wanted_number(values, "region_id"))

    def _store(self, store_id: int) -> int:
        view = self._pd.coordinator.view().stores.get(store_id)
        if view is None:
            raise RequestError(f"[PD:core:ErrStoreNotFound]store {store_id} not found", 404)
        if not view.up:
            raise RequestError(f"store {store_id} is {view.state}")
        return store_id

    def _move(self, info: RegionInfo, desc: str, target: dict[int, Role]) -> list[Operator]:
        joint = self._pd.coordinator.schedule.enable_joint_consensus
        new_id = self._pd.state.alloc_ids
        return [move(info, f"admin-{desc}", target, kind=Kind.REGION, new_id=new_id, joint=joint)]

    def _transfer_leader(self, values: Json) -> list[Operator]:
        to = self._store(wanted_number(values, "to_store_id"))
        return [transfer_leader(self._region(values), "admin-transfer-leader", to)]

    def _transfer_region(self, values: Json) -> list[Operator]:
        stores = naturals(values.get("to_store_ids"))
        if stores is None:
            raise RequestError("invalid store ids to transfer region to")
        target = {self._store(each): Role.VOTER for each in stores}
        return self._move(self._region(values), "move-region", target)

    def _transfer_peer(self, values: Json) -> list[Operator]:
        info = self._region(values)
        origin, to = wanted_number(values, "from_store_id"), self._store(wanted_number(values, "to_store_id"))
        roles = roles_by_store(info.region)
        if origin not in roles:
            raise RequestError(f"region {info.region.id} has no peer in store {origin}", 500)
        if to in roles:
            raise RequestError(f"region {info.region.id} already has peer in store {to}", 500)
        role = roles.pop(origin)
        return self._move(info, "move-peer", {**roles, to: role})

    def _add_peer(self, values: Json, role: Role = Role.VOTER, desc: str = "add-peer") -> list[Operator]:
        info, to = self._region(values), self._store(wanted_number(values, "store_id"))
        if to in roles_by_store(info.region):
            raise RequestError(f"region {info.region.id} already has peer in store {to}", 500)
        return self._move(info, desc, {**roles_by_store(info.region), to: role})

    def _add_learner(self, values: Json) -> list[Operator]:
        return self._add_peer(values, Role.LEARNER, "add-learner")

    def _remove_peer(self, values: Json) -> list[Operator]:
        info, origin = self._region(values), wanted_number(values, "store_id")
        roles = roles_by_store(info.region)
        if roles.pop(origin, None) is None:
            raise RequestError(f"region {info.region.id} has no peer in store {origin}", 500)
        return self._move(info, "remove-peer", roles)

    def _split(self, values: Json) -> list[Operator]:
        info = self._region(values)
        policy = str(values.get("policy", "scan")).upper()
        if policy not in ("SCAN", "APPROXIMATE", "USEKEY"):
            raise RequestError(f"check policy {values['policy']!r} is not supported")
        keys = values.get("keys", [])
        if (
            not isinstance(keys, list)
            or not all(isinstance(key, str) for key in keys)
            or (policy == "USEKEY" and not keys)
        ):
            raise RequestError("keys should be a list of hexadecimal texts")
        return [split(info, "admin-split-region", policy, [key_of(key, is_hex=True) for key in keys])]

    async def _scatter(self, values: Json) -> web.Response:
        wanted = values.get("region_ids", values.get("regions_id", [values.get("region_id")]))
        region_ids = naturals(wanted)
        if region_ids is None:
            raise RequestError("missing region id")
        for region_id in region_ids:
            region_of(self._pd, region_id)
        retries = natural(values.get("retry_limit"))
        try:
            done = await self._pd.jobs.scatter(region_ids, str(values.get("group", "")), retries or 0)
        except JobError as error:
            raise RequestError(str(error), 500) from None
        if done.failed:
            raise RequestError("; ".join(done.failed.values()), 500)
        return answer("The operator is created.")

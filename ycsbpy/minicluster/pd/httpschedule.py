"""PD's HTTP interface: schedulers, configuration and placement rules; operators are in ``httpoperators``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.pd.configuration import BALANCE_LEADER_BATCH, SCHEDULERS, ConfigurationError
from ycsbpy.minicluster.pd.httpkit import Handler, Json, RequestError, amount, answer, body, natural
from ycsbpy.minicluster.pd.httpoperators import operator_routes
from ycsbpy.minicluster.pd.httpstores import store_limits

if TYPE_CHECKING:
    from ycsbpy.minicluster.pd.parts import Pd

__all__ = ["schedule_routes"]

SECTIONS = {"schedule": "schedule", "replicate": "replication", "pd-server": "pd-server"}


def schedule_routes(pd: Pd) -> list[tuple[str, str, Handler]]:
    """Method, path below the base, handler."""
    api = _Schedule(pd)
    return [
        *operator_routes(pd),
        ("GET", "/schedulers", api.schedulers),
        ("POST", "/schedulers", api.add_scheduler),
        ("POST", "/schedulers/{name}", api.pause),
        ("DELETE", "/schedulers/{name}", api.remove_scheduler),
        ("GET", "/scheduler-config/balance-leader-scheduler/list", api.balance_leader),
        ("POST", "/scheduler-config/balance-leader-scheduler/config", api.set_balance_leader),
        ("GET", "/scheduler-config/balance-region-scheduler/{rest:.*}", api.not_configurable),
        ("GET", "/config", api.config),
        ("POST", "/config", api.set_config("")),
        ("GET", "/config/default", api.config),
        ("GET", "/config/cluster-version", api.cluster_version),
        *[("GET", f"/config/{path}", api.section(name)) for path, name in SECTIONS.items()],
        *[("POST", f"/config/{path}", api.set_config(name)) for path, name in SECTIONS.items()],
        ("GET", "/config/rules", api.rules),
        ("GET", "/config/rules/group/{group}", api.rules),
        ("GET", "/config/rule/{group}/{id}", api.rule),
        ("GET", "/config/placement-rule", api.placement_rule),
        ("GET", "/config/region-label/rules", api.label_rules),
    ]


class _Schedule:
    def __init__(self, pd: Pd) -> None:
        self._pd = pd

    # ---- schedulers ----

    async def schedulers(self, request: web.Request) -> web.Response:
        schedule = self._pd.coordinator.schedule
        now = self._pd.state.clock.wall_ns()
        paused = [name for name, until in self._pd.coordinator.paused_until_ns.items() if until > now]
        status = request.query.get("status", "")
        if status == "paused":
            return answer([name for name in SCHEDULERS if name in paused and name not in schedule.paused])
        if status == "disabled":
            return answer([])
        return answer([name for name in SCHEDULERS if name not in schedule.paused])

    async def add_scheduler(self, request: web.Request) -> web.Response:
        name = (await body(request)).get("name")
        if name not in SCHEDULERS:
            raise RequestError("unknown scheduler" if isinstance(name, str) else "missing scheduler name")
        self._put_paused(self._pd.configuration.schedule.paused - {name})
        return answer("The scheduler is created.")

    async def remove_scheduler(self, request: web.Request) -> web.Response:
        name = self._known(request)
        self._put_paused(self._pd.configuration.schedule.paused | {name})
        return answer("The scheduler is removed.")

    async def pause(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name != "all":
            self._known(request)
        delay = amount((await body(request)).get("delay"))
        if delay is None:
            raise RequestError("missing pause time")
        until = self._pd.state.clock.wall_ns() + int(delay * NS_PER_SECOND)
        for each in SCHEDULERS if name == "all" else (name,):
            self._pd.coordinator.paused_until_ns[each] = until
        return answer("Pause or resume the scheduler successfully.")

    async def balance_leader(self, _request: web.Request) -> web.Response:
        batch = self._pd.coordinator.schedule.balance_leader_batch
        return answer({"ranges": [{"start-key": "", "end-key": ""}], "batch": batch})

    async def set_balance_leader(self, request: web.Request) -> web.Response:
        values = await body(request)
        if "batch" not in values or values.keys() - {"batch"}:
            raise RequestError("Config item is not found.")
        if natural(values["batch"]) is None:
            raise RequestError("the batch is no whole number")
        if values["batch"] == self._pd.configuration.schedule.balance_leader_batch:
            return answer("Config is the same with origin, so do nothing.")
        self._change({BALANCE_LEADER_BATCH: values["batch"]})
        return answer("Config is updated.")

    async def not_configurable(self, _request: web.Request) -> web.Response:
        return web.Response(text="not implements")

    def _known(self, request: web.Request) -> str:
        name = request.match_info["name"]
        if name not in SCHEDULERS or name in self._pd.configuration.schedule.paused:
            raise RequestError("[PD:scheduler:ErrSchedulerNotFound]scheduler not found", 404)
        return name

    def _put_paused(self, paused: frozenset[str]) -> None:
        configuration = self._pd.configuration
        configuration.put(configuration.schedule.with_(paused=paused), {"paused-schedulers": sorted(paused)})

    # ---- configuration ----

    async def config(self, _request: web.Request) -> web.Response:
        members, state = self._pd.members, self._pd.state
        url = f"http://{members.address}"
        facts = {
            "client-urls": url,
            "peer-urls": url,
            "advertise-client-urls": url,
            "advertise-peer-urls": url,
            "name": members.name,
            "data-dir": members.deploy_path,
            "cluster-version": state.cluster_version,
        }
        return answer(self._pd.configuration.everything(facts, store_limits(self._pd)))

    async def cluster_version(self, _request: web.Request) -> web.Response:
        return answer(self._pd.state.cluster_version)

    def section(self, name: str) -> Handler:
        """The handler of one section."""

        async def handler(_request: web.Request) -> web.StreamResponse:
            return answer(self._pd.configuration.section(name, store_limits(self._pd)))

        return handler

    def set_config(self, section: str) -> Handler:
        """The handler that takes settings, of one section or of any."""

        async def handler(request: web.Request) -> web.StreamResponse:
            self._change(await body(request), section)
            return answer("The config is updated.")

        return handler

    def _change(self, items: Json, section: str = "") -> None:
        try:
            self._pd.configuration.change(items, section)
        except ConfigurationError as error:
            raise RequestError(str(error)) from None

    # ---- placement rules: the one that max-replicas stands for ----

    def _rule(self) -> Json:
        schedule = self._pd.coordinator.schedule
        rule: Json = {
            "group_id": "pd",
            "id": "default",
            "start_key": "",
            "end_key": "",
            "role": "voter",
            "is_witness": False,
            "count": schedule.max_replicas,
        }
        return rule | ({"location_labels": list(schedule.location_labels)} if schedule.location_labels else {})

    async def rules(self, request: web.Request) -> web.Response:
        return answer([self._rule()] if request.match_info.get("group", "pd") == "pd" else [])

    async def rule(self, request: web.Request) -> web.Response:
        if (request.match_info["group"], request.match_info["id"]) != ("pd", "default"):
            raise RequestError("rule not found", 404)
        return answer(self._rule())

    async def placement_rule(self, _request: web.Request) -> web.Response:
        return answer([{"group_id": "pd", "group_index": 0, "group_override": False, "rules": [self._rule()]}])

    async def label_rules(self, _request: web.Request) -> web.Response:
        return answer([])

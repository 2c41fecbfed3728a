"""PD at work: looks at the Regions, makes operators for what is wrong or uneven, and sends their steps.

Decisions are in ``ycsbpy.minicluster.placement``; this is what drives them: heartbeats as they come, a patrol over all
Regions, the schedulers each at its own pace, and the burial of stores that have been emptied. A round costs as much as
there are Regions, so while nothing changes, rounds are only made once a second: for what time alone changes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import StoreState
from ycsbpy.minicluster.pd.commands import command
from ycsbpy.minicluster.pd.removals import Removals
from ycsbpy.minicluster.placement.balance import BALANCE_LEADER, BALANCE_REGION, balance_leader, balance_region
from ycsbpy.minicluster.placement.checkers import check_region
from ycsbpy.minicluster.placement.controller import OperatorController
from ycsbpy.minicluster.placement.limits import StoreLimits
from ycsbpy.minicluster.placement.operators import Kind
from ycsbpy.minicluster.placement.schedule import QUICK, Schedule
from ycsbpy.minicluster.placement.view import Cluster, StoreView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.pd.state import ClusterState, StoreLoad
    from ycsbpy.minicluster.pd.streams import HeartbeatStreams
    from ycsbpy.minicluster.placement.operators import Operator
    from ycsbpy.minicluster.placement.steps import Step

__all__ = ["Coordinator"]

log = logging.getLogger(__name__)

IDLE_ROUND_NS = NS_PER_SECOND
REPORTED_SHARE = 0.9
PATIENCE_NS = 300 * NS_PER_SECOND
GROWTH = 1.3


class Coordinator:
    """One PD's scheduling. ``chance`` chooses among equals."""

    def __init__(
        self,
        state: ClusterState,
        streams: HeartbeatStreams,
        *,
        schedule: Schedule = QUICK,
        chance: random.Random | None = None,
    ) -> None:
        self.state = state
        self.schedule = schedule.with_(max_replicas=state.max_replicas)
        self.limits = StoreLimits(schedule.add_peer_limit, schedule.remove_peer_limit)
        self.operators = OperatorController(self._send, self.limits)
        self.paused_until_ns: dict[str, int] = {}
        self.removals = Removals()
        self._streams = streams
        self._chance = chance if chance is not None else random.Random()  # noqa: S311
        self._started_ns = state.clock.now_ns()
        self._to_report = {info.region.id for info in state.regions}
        self._unreported = set(self._to_report)
        self._changed = True
        self._round_ns = 0

    # ---- what comes in ----

    def region_reported(self, info: RegionInfo, before: RegionInfo | None) -> None:
        """A Region's heartbeat has been taken."""
        self._unreported.discard(info.region.id)
        if before is None or before != info:
            self._changed = True
        self.operators.heartbeat(info, self.state.clock.wall_ns())

    def store_reached_anew(self, store_id: int, region_id: int) -> None:
        """A store has a new heartbeat stream, on which this Region has just reported."""
        now_ns = self.state.clock.wall_ns()
        self.operators.store_reached_anew(store_id, self.state.regions.get, now_ns, besides=region_id)

    def changed(self) -> None:
        """Something else has changed: a store, a setting."""
        self._changed = True

    def reconfigure(self, schedule: Schedule) -> None:
        """Other settings are in force."""
        if schedule.add_peer_limit != self.schedule.add_peer_limit:
            self.limits.set(schedule.add_peer_limit, "add-peer")
        if schedule.remove_peer_limit != self.schedule.remove_peer_limit:
            self.limits.set(schedule.remove_peer_limit, "remove-peer")
        self.schedule = schedule
        self.state.max_replicas = schedule.max_replicas
        self._changed = True

    # ---- the rounds ----

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.gather(self._patrols(), self._schedulers())

    async def _patrols(self) -> None:
        while True:
            self._guarded_round(self.patrol)
            await asyncio.sleep(max(self.schedule.patrol_region_interval, 0.02))

    async def _schedulers(self) -> None:
        interval = self.schedule.scheduler_interval_min
        while True:
            busy = self._guarded_round(self.balance)
            least, most = self.schedule.scheduler_interval_min, self.schedule.scheduler_interval_max
            interval = least if busy else min(interval * GROWTH, most)
            await asyncio.sleep(max(interval, 0.02))

    def _guarded_round(self, work: Callable[[], int]) -> bool:
        try:
            return work() > 0
        except Exception:  # one bad round must not be the last
            log.exception("a round of scheduling failed")
            return False

    def ready(self) -> bool:
        """Whether enough Regions have been heard of since the start; at once for a new cluster."""
        if not self.state.bootstrapped or self.schedule.halt_scheduling:
            return False
        heard = len(self._to_report) - len(self._unreported)
        if heard >= REPORTED_SHARE * len(self._to_report):
            return True
        return self.state.clock.now_ns() - self._started_ns > PATIENCE_NS

    def patrol(self) -> int:
        """Look at every Region once; return how many operators were started."""
        now_ns = self.state.clock.wall_ns()
        self.operators.tick(self.state.regions.get, now_ns)
        if not self.ready():
            return 0
        if not self._changed and now_ns - self._round_ns < IDLE_ROUND_NS:
            return 0
        self._changed = False
        self._round_ns = now_ns
        self._see_off()
        started = 0
        cluster = self.view()
        for info in list(self.state.regions):
            if info.region.id in self.operators.running:
                continue
            found = check_region(cluster, info)
            if found is None:
                continue
            if not self.operators.has_room(Kind.REPLICA, self.schedule):
                break
            if self.operators.add(found, info, now_ns):
                started += 1
                cluster = self.view()
        self._changed |= started > 0
        return started

    def balance(self) -> int:
        """Let each scheduler make what it would; return how many operators were started."""
        if not self.ready():
            return 0
        started = 0
        if not self._paused(BALANCE_LEADER):
            for _ in range(self.schedule.balance_leader_batch):
                if not self.operators.has_room(Kind.LEADER, self.schedule):
                    break
                if not self._start(balance_leader(self.view(), self._chance)):
                    break
                started += 1
        if not self._paused(BALANCE_REGION) and self.operators.has_room(Kind.REGION, self.schedule):
            started += self._start(balance_region(self.view(), self._chance))
        return started

    def _start(self, operator: Operator | None) -> bool:
        if operator is None:
            return False
        info = self.state.regions.get(operator.region_id)
        return info is not None and self.operators.add(operator, info, self.state.clock.wall_ns())

    def _paused(self, scheduler: str) -> bool:
        if scheduler in self.schedule.paused:
            return True
        return self.paused_until_ns.get(scheduler, 0) > self.state.clock.wall_ns()

    def _see_off(self) -> None:
        """A store that is to go and holds nothing any more is gone; of the others, note how far they are."""
        leaving = [info.meta.id for info in self.state.stores.values() if info.meta.state is StoreState.OFFLINE]
        loads = self.state.loads() if leaving else {}
        for store_id in leaving:
            if not loads[store_id].regions:
                self.state.bury_store(store_id)
                self.limits.forget(store_id)
                log.info("store %d is empty and now a tombstone", store_id)
        remaining = {store_id: loads[store_id].region_size for store_id in leaving if loads[store_id].regions}
        self.removals.note(remaining, self.state.clock.wall_ns())

    # ---- the picture, and the way out ----

    def view(self, loads: Mapping[int, StoreLoad] | None = None) -> Cluster:
        """The cluster as it is now; ``loads`` saves a count that the caller has made just now."""
        now_ns = self.state.clock.wall_ns()
        loads = self.state.loads() if loads is None else loads
        sizes, leaders = self.operators.influence()
        down_ns = int(self.schedule.max_store_down_time * NS_PER_SECOND)
        stores = {}
        for store_id, info in self.state.stores.items():
            load, stats = loads[store_id], info.stats
            stores[store_id] = StoreView(
                store_id,
                info.state_name(now_ns, down_ns),
                load.regions,
                load.leaders,
                load.region_size,
                load.pending,
                (stats.sending_snap_count + stats.receiving_snap_count) if stats else 0,
                stats.capacity if stats else 0,
                stats.available if stats else 0,
                info.region_weight,
                info.leader_weight,
                stats.is_busy if stats else False,
                dict(info.meta.labels),
                self.limits.available(store_id, "add-peer", now_ns),
                self.limits.available(store_id, "remove-peer", now_ns),
                sizes[store_id],
                leaders[store_id],
            )
        return Cluster(
            stores,
            list(self.state.regions),
            self.state.alloc_ids,
            self.schedule,
            frozenset(self.operators.running),
        )

    def _send(self, info: RegionInfo, step: Step) -> None:
        if info.leader is not None:
            self._streams.send(info.leader.store_id, command(self.state.cluster_id, info, step))

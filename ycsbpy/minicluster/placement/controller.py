"""The operators that run: one for each Region, carried forward by that Region's heartbeats.

A heartbeat shows how far the Region has come; the controller notes the steps that are done and sends the next one. A
command may get lost, so it is sent again after a while, and at once when there is a new way to the leader's store. An
operator ends when its last step is done; when it takes too long; when a step has become impossible; when the Region's
configuration changes in a way that it did not ask for; or when one of higher priority takes its place.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.placement.limits import StoreLimits, cost
from ycsbpy.minicluster.placement.operators import Kind, Operator, Priority, Status
from ycsbpy.minicluster.placement.steps import AddLearner, RemovePeer, TransferLeader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.placement.schedule import Schedule
    from ycsbpy.minicluster.placement.steps import Step

__all__ = ["OperatorController"]

RESEND_NS = 2 * NS_PER_SECOND
RECORDS = 1024
_EVENTS = {
    Status.SUCCESS: "finish",
    Status.CANCEL: "cancel",
    Status.REPLACE: "replace",
    Status.TIMEOUT: "timeout",
}


class OperatorController:
    """``send`` carries a step to the leader of a Region. Times are nanoseconds of the wall clock."""

    def __init__(self, send: Callable[[RegionInfo, Step], None], limits: StoreLimits) -> None:
        self._send = send
        self.limits = limits
        self.running: dict[int, Operator] = {}
        self.records: deque[Operator] = deque(maxlen=RECORDS)
        self.last_by_region: dict[int, Operator] = {}
        self.events: Counter[tuple[str, str]] = Counter()
        """(desc, event) → how often: create, cancel, finish, timeout, replace."""
        self._sent_ns: dict[int, int] = {}

    # ---- starting ----

    def add(self, operator: Operator, info: RegionInfo, now_ns: int) -> bool:
        """Start an operator and send its first step; False if the Region has one that matters as much, or has changed
        since it was made."""
        known = self.running.get(operator.region_id)
        if known is not None:
            if operator.priority <= known.priority and Kind.ADMIN not in operator.kind:
                return False
            self._end(known, Status.REPLACE, now_ns, "one of higher priority came")
        if info.region.epoch != operator.origin or info.region.id != operator.region_id:
            return False
        operator.created_ns = operator.started_ns = operator.step_started_ns = now_ns
        self.running[operator.region_id] = operator
        self.events[operator.desc, "create"] += 1
        for step in operator.steps:
            if isinstance(step, AddLearner):
                self.limits.take(step.store_id, "add-peer", now_ns, cost(operator.size_mib))
            elif isinstance(step, RemovePeer):
                self.limits.take(step.store_id, "remove-peer", now_ns, cost(operator.size_mib))
        self.heartbeat(info, now_ns)
        return True

    def has_room(self, kind: Kind, schedule: Schedule) -> bool:
        """Whether the schedule limits let another operator of this kind start."""
        limit = {
            Kind.LEADER: schedule.leader_schedule_limit,
            Kind.REGION: schedule.region_schedule_limit,
            Kind.REPLICA: schedule.replica_schedule_limit,
        }.get(kind)
        return limit is None or self.count(kind) < limit

    def count(self, kind: Kind) -> int:
        """How many operators of a kind run. One that repairs a Region counts as that alone."""
        if kind is Kind.REPLICA:
            return sum(Kind.REPLICA in each.kind for each in self.running.values())
        alone = [each for each in self.running.values() if Kind.REPLICA not in each.kind]
        if kind is Kind.LEADER:
            return sum(each.kind in (Kind.LEADER, Kind.LEADER | Kind.ADMIN) for each in alone)
        return sum(kind in each.kind for each in alone)

    # ---- going on ----

    def heartbeat(self, info: RegionInfo, now_ns: int) -> None:
        """A Region's leader has reported."""
        operator = self.running.get(info.region.id)
        if operator is None:
            return
        if not operator.advance(info, now_ns):
            self._end(operator, Status.SUCCESS, now_ns)
            return
        step = operator.step
        assert step is not None
        changed = info.region.epoch.conf_ver - operator.origin.conf_ver
        if changed > operator.conf_ver_changed(info):
            self._end(operator, Status.CANCEL, now_ns, "somebody else changed the Region")
            return
        problem = "" if step.applied(info) else step.problem(info)
        if problem:
            self._end(operator, Status.CANCEL, now_ns, problem)
            return
        if step.applied(info):
            return  # nothing to send: data is on its way to the new replica
        self._sent_ns[info.region.id] = now_ns
        self._send(info, step)

    def tick(self, lookup: Callable[[int], RegionInfo | None], now_ns: int) -> None:
        """Give up what takes too long, and send again what was sent a while ago."""
        for operator in list(self.running.values()):
            info = lookup(operator.region_id)
            if info is None:
                self._end(operator, Status.CANCEL, now_ns, "the Region is gone")
            elif now_ns - operator.step_started_ns > operator.step_timeout_s() * NS_PER_SECOND:
                self._end(operator, Status.TIMEOUT, now_ns, "it took too long")
            elif now_ns - self._sent_ns.get(operator.region_id, 0) > RESEND_NS:
                self._push(info, now_ns)

    def store_reached_anew(
        self, store_id: int, lookup: Callable[[int], RegionInfo | None], now_ns: int, *, besides: int = 0
    ) -> None:
        """There is a new way to a store, and what was sent on the old one may be lost: send it again, besides that for
        the Region which has just reported by it."""
        for region_id in list(self.running):
            info = lookup(region_id)
            if info is None or info.leader is None or region_id == besides:
                continue
            if info.leader.store_id == store_id:
                self._push(info, now_ns)

    def _push(self, info: RegionInfo, now_ns: int) -> None:
        self._sent_ns[info.region.id] = now_ns
        self.heartbeat(info, now_ns)

    def cancel(self, region_id: int, now_ns: int, reason: str = "by request") -> bool:
        """Give up a Region's operator; what it has done stays done."""
        operator = self.running.get(region_id)
        if operator is None:
            return False
        self._end(operator, Status.CANCEL, now_ns, reason)
        return True

    def _end(self, operator: Operator, status: Status, now_ns: int, reason: str = "") -> None:
        del self.running[operator.region_id]
        self._sent_ns.pop(operator.region_id, None)
        operator.status = status
        operator.finished_ns = now_ns
        operator.reason = reason
        self.records.append(operator)
        self.last_by_region[operator.region_id] = operator
        if len(self.last_by_region) > 4 * RECORDS:
            del self.last_by_region[next(iter(self.last_by_region))]
        self.events[operator.desc, _EVENTS[status]] += 1

    # ---- what is under way ----

    def influence(self) -> tuple[Counter[int], Counter[int]]:
        """What the steps still to be done will bring each store: MiB of replicas, and leaders."""
        sizes: Counter[int] = Counter()
        leaders: Counter[int] = Counter()
        for operator in self.running.values():
            for step in operator.steps[operator.current :]:
                if isinstance(step, AddLearner):
                    sizes[step.store_id] += operator.size_mib
                elif isinstance(step, RemovePeer):
                    sizes[step.store_id] -= operator.size_mib
                elif isinstance(step, TransferLeader):
                    leaders[step.from_store] -= 1
                    leaders[step.to_store] += 1
        return sizes, leaders

    def by_priority(self) -> Iterator[Operator]:
        """The running ones, the most urgent first."""
        yield from sorted(self.running.values(), key=lambda each: (-Priority(each.priority), each.created_ns))

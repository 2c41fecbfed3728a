"""Operators: what one Region is to become, as a list of steps, and how that list is made.

PD's builder is followed: new replicas come as learners; one that only adds is promoted by a simple change; a swap goes
through joint consensus, so that there is never a moment in which fewer voters decide; leadership leaves a Peer before
it is demoted; what is to go is removed last, as a learner.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.minicluster.model import Epoch, Role
from ycsbpy.minicluster.peerchange import is_joint
from ycsbpy.minicluster.placement.steps import (
    AddLearner,
    DemoteVoter,
    EnterJoint,
    LeaveJoint,
    PromoteLearner,
    RemovePeer,
    SplitRegion,
    Step,
    TransferLeader,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ycsbpy.minicluster.model import Peer
    from ycsbpy.minicluster.pd.regiontree import RegionInfo

__all__ = [
    "ImpossibleError",
    "Kind",
    "Operator",
    "Priority",
    "Status",
    "leave_joint",
    "move",
    "split",
    "transfer_leader",
]


class ImpossibleError(Exception):
    """There is no way from what a Region is to what it should be."""


class Kind(enum.Flag):
    """What an operator does; PD's numbers (``object=1`` in its HTTP interface)."""

    ADMIN = 1
    MERGE = 2
    RANGE = 4
    REPLICA = 8
    SPLIT = 16
    HOT_REGION = 32
    REGION = 64
    LEADER = 128


KIND_NAMES = {
    Kind.ADMIN: "admin",
    Kind.MERGE: "merge",
    Kind.RANGE: "range",
    Kind.REPLICA: "replica",
    Kind.SPLIT: "split",
    Kind.HOT_REGION: "hot-region",
    Kind.REGION: "region",
    Kind.LEADER: "leader",
}


class Priority(enum.IntEnum):
    """A higher one takes the place of a lower one."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    URGENT = 3


class Status(enum.Enum):
    """How an operator stands; the words are those of PD's records."""

    RUNNING = "running"
    SUCCESS = "finished"
    CANCEL = "canceled"
    REPLACE = "replaced"
    TIMEOUT = "timeout"


@dataclass(slots=True)
class Operator:
    """One Region's way. Times in nanoseconds of the wall clock."""

    desc: str
    brief: str
    region_id: int
    origin: Epoch
    steps: tuple[Step, ...]
    kind: Kind
    priority: Priority = Priority.MEDIUM
    size_mib: int = 0
    current: int = 0
    created_ns: int = 0
    started_ns: int = 0
    finished_ns: int = 0
    step_started_ns: int = 0
    status: Status = Status.RUNNING
    reason: str = ""
    group: str = ""
    """Of a scatter: with which Regions."""

    @property
    def step(self) -> Step | None:
        """What is to be done now; ``None`` when all is done."""
        return self.steps[self.current] if self.current < len(self.steps) else None

    def step_timeout_s(self) -> float:
        """How long the step at hand may take."""
        step = self.step
        return self.timeout_s_of(step) if step is not None else 0.0

    def timeout_s_of(self, step: Step) -> float:
        """PD's: six seconds a MiB but ten minutes at least where data has to be carried, a tenth of it elsewhere; for
        joint changes once more for each Peer."""
        if step.slow:
            return max(600.0, 6.0 * self.size_mib)
        return max(60.0, 0.6 * self.size_mib) * step.waits

    def timeout_s(self) -> float:
        """How long all of its steps may take together."""
        return sum(self.timeout_s_of(step) for step in self.steps)

    def conf_ver_changed(self, info: RegionInfo) -> int:
        """By how much this operator has moved the conf_ver so far."""
        changed = sum(step.conf_ver_change for step in self.steps[: self.current])
        step = self.step
        if step is not None and step.applied(info):
            changed += step.conf_ver_change
        return changed

    def advance(self, info: RegionInfo, now_ns: int) -> bool:
        """Take note of the steps that a Region shows to be done; whether any is left."""
        while (step := self.step) is not None and step.done(info):
            self.current += 1
            self.step_started_ns = now_ns
        return self.step is not None

    def kind_text(self) -> str:
        """As PD prints it: ``replica,region``."""
        return ",".join(name for kind, name in KIND_NAMES.items() if kind in self.kind)


def move(
    info: RegionInfo,
    desc: str,
    target: dict[int, Role],
    *,
    kind: Kind,
    new_id: Callable[[], int],
    priority: Priority = Priority.MEDIUM,
    leader_store: int = 0,
    can_lead: Callable[[int], bool] = lambda _store: True,
    joint: bool = True,
) -> Operator:
    """Build the operator that makes a Region's replicas those in ``target`` (store id → VOTER or LEARNER).

    ``leader_store`` is who shall lead in the end; 0 leaves that open: whoever leads goes on, or if it has to go, a
    voter that stays and of whose store ``can_lead`` is true. Raises ``ImpossibleError`` for a Region in a joint state,
    without a leader, or if nothing changes.
    """
    plan = _Plan(info, target, leader_store, can_lead, new_id)
    steps = plan.steps(joint=joint)
    if not steps:
        raise ImpossibleError(f"region {info.region.id} is so already")
    if plan.moved_leader:
        kind |= Kind.LEADER
    return Operator(
        desc,
        plan.brief(),
        info.region.id,
        info.region.epoch,
        tuple(steps),
        kind,
        priority,
        info.size_mib,
    )


def transfer_leader(
    info: RegionInfo, desc: str, to_store: int, *, kind: Kind = Kind.LEADER, priority: Priority = Priority.MEDIUM
) -> Operator:
    """Build the operator that gives leadership to the voter on ``to_store``. Raises ``ImpossibleError``."""
    if info.leader is None:
        raise ImpossibleError(f"region {info.region.id} has no leader")
    peer = info.region.peer_on(to_store)
    if peer is None or peer.role is not Role.VOTER:
        raise ImpossibleError(f"region {info.region.id} has no voter on store {to_store}")
    origin = info.leader.store_id
    if origin == to_store:
        raise ImpossibleError(f"store {to_store} leads region {info.region.id} already")
    steps = (TransferLeader(peer.id, origin, to_store),)
    brief = f"transfer leader: store {origin} to {to_store}"
    return Operator(desc, brief, info.region.id, info.region.epoch, steps, kind, priority, info.size_mib)


def leave_joint(info: RegionInfo, desc: str = "leave-joint-state") -> Operator:
    """Build the operator that ends a joint state somebody left behind. Raises ``ImpossibleError``."""
    promote = tuple((p.id, p.store_id) for p in info.region.peers if p.role is Role.INCOMING_VOTER)
    demote = tuple((p.id, p.store_id) for p in info.region.peers if p.role is Role.DEMOTING_VOTER)
    if not promote and not demote:
        raise ImpossibleError(f"region {info.region.id} is in no joint state")
    steps: list[Step] = []
    if info.leader is not None and any(store == info.leader.store_id for _, store in demote):
        heirs = [p for p in info.region.peers if p.role in (Role.VOTER, Role.INCOMING_VOTER)]
        if not heirs:
            raise ImpossibleError(f"region {info.region.id} would be left without a leader")
        steps.append(TransferLeader(heirs[0].id, info.leader.store_id, heirs[0].store_id))
    steps.append(LeaveJoint(promote, demote))
    return Operator(
        desc, "leave joint state", info.region.id, info.region.epoch, tuple(steps), Kind.REPLICA, Priority.HIGH,
        info.size_mib,
    )  # fmt: skip


def split(info: RegionInfo, desc: str, policy: str = "SCAN", keys: Sequence[bytes] = ()) -> Operator:
    """Build the operator that splits a Region."""
    region = info.region
    how = f" and keys [{' '.join(key.hex().upper() for key in keys)}]" if keys else ""
    return Operator(
        desc,
        f"split: region {region.id} use policy {policy}{how}",
        region.id,
        region.epoch,
        (SplitRegion(region.start, region.end, policy, tuple(keys)),),
        Kind.SPLIT,
        Priority.HIGH,
        info.size_mib,
    )


class _Plan:
    """From a Region and its target to steps."""

    def __init__(
        self,
        info: RegionInfo,
        target: dict[int, Role],
        leader_store: int,
        can_lead: Callable[[int], bool],
        new_id: Callable[[], int],
    ) -> None:
        region = info.region
        if info.leader is None:
            raise ImpossibleError(f"region {region.id} has no leader")
        if is_joint(region):
            raise ImpossibleError(f"region {region.id} is in a joint state")
        if Role.VOTER not in target.values():
            raise ImpossibleError(f"region {region.id} would be left without a voter")
        self._info = info
        self._target = target
        self._can_lead = can_lead
        self._leader = info.leader.store_id
        self._wanted = leader_store
        now = {peer.store_id: peer for peer in region.peers}
        self.added = {store: (new_id(), role) for store, role in target.items() if store not in now}
        self.removed: list[Peer] = [peer for peer in region.peers if peer.store_id not in target]
        self._promoted = [
            (peer.id, peer.store_id)
            for peer in region.peers
            if peer.role is Role.LEARNER and target.get(peer.store_id) is Role.VOTER
        ] + [(peer_id, store) for store, (peer_id, role) in self.added.items() if role is Role.VOTER]
        self._demoted = [
            (peer.id, peer.store_id)
            for peer in region.peers
            if peer.role is Role.VOTER and target.get(peer.store_id) is not Role.VOTER
        ]
        self._staying = {
            peer.store_id: peer.id
            for peer in region.peers
            if peer.role is Role.VOTER and target.get(peer.store_id) is Role.VOTER
        }
        self.moved_leader: tuple[tuple[int, int], ...] = ()

    def steps(self, *, joint: bool) -> list[Step]:
        """The list."""
        steps: list[Step] = [AddLearner(peer_id, store) for store, (peer_id, _) in self.added.items()]
        incoming = {store: peer_id for peer_id, store in self._promoted}
        heir = self._heir(incoming)
        if joint and len(self._promoted) + len(self._demoted) > 1:
            if heir and heir in self._staying:
                steps.append(self._transfer(heir, self._staying[heir]))
            promote, demote = tuple(self._promoted), tuple(self._demoted)
            steps.append(EnterJoint(promote, demote))
            if heir and heir not in self._staying:
                steps.append(self._transfer(heir, incoming[heir]))
            steps.append(LeaveJoint(promote, demote))
        else:
            steps += [PromoteLearner(peer_id, store) for peer_id, store in self._promoted]
            if heir:
                steps.append(self._transfer(heir, self._staying.get(heir) or incoming[heir]))
            steps += [DemoteVoter(peer_id, store) for peer_id, store in self._demoted]
        steps += [RemovePeer(peer.id, peer.store_id) for peer in self.removed]
        return steps

    def _heir(self, incoming: dict[int, int]) -> int:
        """The store that leadership has to go to, 0 if it may stay where it is."""
        if self._wanted:
            if self._wanted not in self._staying and self._wanted not in incoming:
                raise ImpossibleError(f"region {self._info.region.id} will have no voter on store {self._wanted}")
            return 0 if self._wanted == self._leader else self._wanted
        if self._leader in self._staying:
            return 0
        lagging = {peer.store_id for peer in self._info.pending_peers}
        down = {each.peer.store_id for each in self._info.down_peers}
        candidates = [*self._staying, *incoming]
        good = [store for store in candidates if self._can_lead(store) and store not in lagging | down]
        if not good:
            raise ImpossibleError(f"region {self._info.region.id} would be left without a leader")
        return good[0]

    def _transfer(self, store: int, peer_id: int) -> TransferLeader:
        self.moved_leader = ((self._leader, -1), (store, 1))
        return TransferLeader(peer_id, self._leader, store)

    def brief(self) -> str:
        """PD's few words."""
        come, go = _stores(self.added), _stores(peer.store_id for peer in self.removed)
        if self.added and self.removed:
            return f"mv peer: store {go} to {come}"
        if self.added:
            return f"add peer: store {come}"
        if self.removed:
            return f"rm peer: store {go}"
        if self.moved_leader:
            return f"transfer leader: store {self.moved_leader[0][0]} to {self.moved_leader[1][0]}"
        return "change peer roles"


def _stores(ids: Iterable[int]) -> str:
    return "[" + " ".join(str(each) for each in ids) + "]"

"""Builders for pictures of a cluster, and stores in memory that do what PD says."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ycsbpy.minicluster.model import Epoch, Peer, Region, Role, Store, StoreState, split_region
from ycsbpy.minicluster.pd.coordinator import Coordinator
from ycsbpy.minicluster.pd.regiontree import DownPeer, RegionInfo
from ycsbpy.minicluster.pd.state import ClusterState, StoreStats
from ycsbpy.minicluster.pd.streams import HeartbeatStreams
from ycsbpy.minicluster.placement.schedule import FAITHFUL, Schedule
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
from ycsbpy.minicluster.placement.view import Cluster, StoreView
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIB = 1 << 20
GIB = 1 << 30
ROLES = {"v": Role.VOTER, "l": Role.LEARNER, "i": Role.INCOMING_VOTER, "d": Role.DEMOTING_VOTER}


def region(text: str, region_id: int = 2, *, size: int = 96, start: bytes = b"", end: bytes = b"") -> RegionInfo:
    """``"1* 2 3l 4? 5!900"``: a voter that leads on store 1, one on 2, a learner on 3, one that lags on 4, one on 5
    that has been silent for 900 s. Letters are roles (v, l, i, d). Peer 2005 is Region 2's on store 5."""
    peers, pending, down = [], [], []
    leader = None
    for whole in text.split():
        word, _, silent = whole.partition("!")
        digits = word.rstrip("*?vlid")
        marks = word[len(digits) :]
        role = next((ROLES[mark] for mark in marks if mark in ROLES), Role.VOTER)
        peer = Peer(region_id * 1000 + int(digits), int(digits), role)
        peers.append(peer)
        leader = peer if "*" in marks else leader
        if "?" in marks:
            pending.append(peer)
        if silent:
            down.append(DownPeer(peer, int(silent)))
    return RegionInfo(
        Region(region_id, start, end, Epoch(5, 1), tuple(peers)),
        leader,
        6,
        tuple(down),
        tuple(pending),
        approximate_size=size * MIB,
    )


def store(text: str, **more: Any) -> StoreView:
    """``"4"``, ``"4 Down"``, ``"4 Up 300"``: id, state and MiB of Regions."""
    words = text.split()
    state = words[1] if len(words) > 1 else "Up"
    size = int(words[2]) if len(words) > 2 else 0
    return StoreView(int(words[0]), state, **{"region_size": size, **more})


def cluster(stores: str, regions: Sequence[RegionInfo] = (), schedule: Schedule = FAITHFUL, **views: Any) -> Cluster:
    """``"1, 2, 3 Down"`` and so on; ``s4={…}`` are more facts about store 4."""
    listed = [store(text, **views.get(f"s{text.split()[0]}", {})) for text in stores.split(",")]
    return Cluster({each.id: each for each in listed}, list(regions), itertools.count(9001).__next__, schedule)


def steps(operator: object) -> list[str]:
    """What an operator does, in PD's words, with ids for what they stand for: ``3`` is Peer 2003 on store 3."""
    texts = [str(step) for step in getattr(operator, "steps", ())]
    return [
        re.sub(
            r"learner peer (\d+) on store (\d+) to voter|voter peer (\d+) on store (\d+) to learner",
            lambda found: f"{found[1] or found[3]} on {found[2] or found[4]}",
            text,
        )
        for text in texts
    ]


def _changed_peers(info: RegionInfo, step: Step) -> Iterator[Peer]:
    """The Peers that a step makes or changes."""
    roles = {peer.id: peer.role for peer in info.region.peers}
    if isinstance(step, AddLearner | DemoteVoter):
        yield Peer(step.peer_id, step.store_id, Role.LEARNER)
    elif isinstance(step, PromoteLearner):
        yield Peer(step.peer_id, step.store_id)
    elif isinstance(step, EnterJoint):
        for peer_id, store_id in step.promote:
            assert roles[peer_id] is Role.LEARNER
            yield Peer(peer_id, store_id, Role.INCOMING_VOTER)
        for peer_id, store_id in step.demote:
            assert roles[peer_id] is Role.VOTER
            yield Peer(peer_id, store_id, Role.DEMOTING_VOTER)
    elif isinstance(step, LeaveJoint):
        after = {Role.INCOMING_VOTER: Role.VOTER, Role.DEMOTING_VOTER: Role.LEARNER}
        yield from (replace(peer, role=after.get(peer.role, peer.role)) for peer in info.region.peers)


def apply(info: RegionInfo, step: Step) -> RegionInfo:
    """A Region after its leader has done a step: epoch and peers as TiKV has them."""
    peers = {peer.id: peer for peer in info.region.peers}
    if isinstance(step, TransferLeader):
        return replace(info, leader=peers[step.peer_id], term=info.term + 1)
    if isinstance(step, RemovePeer):
        assert peers.pop(step.peer_id).role is Role.LEARNER
    peers.update((peer.id, peer) for peer in _changed_peers(info, step))
    epoch = replace(info.region.epoch, conf_ver=info.region.epoch.conf_ver + step.conf_ver_change)
    leader = peers.get(info.leader.id) if info.leader is not None else None
    assert leader is not None, "the leader was removed"
    assert leader.role is not Role.LEARNER, "the leader was demoted"
    return replace(info, region=replace(info.region, peers=tuple(peers.values()), epoch=epoch), leader=leader)


def majority_lives(info: RegionInfo, alive: set[int]) -> bool:
    """Whether each configuration that decides has a majority on stores that live."""
    for deciding in (
        (Role.VOTER, Role.INCOMING_VOTER),
        (Role.VOTER, Role.DEMOTING_VOTER),
    ):
        voters = [peer for peer in info.region.peers if peer.role in deciding]
        if 2 * sum(peer.store_id in alive for peer in voters) <= len(voters):
            return False
    return True


@dataclass
class Simulation:
    """PD's scheduling over stores that exist only here: heartbeats every second, commands done at the next one."""

    seed: int
    stores: int = 3
    schedule: Schedule = FAITHFUL
    regions: dict[int, RegionInfo] = field(default_factory=dict)
    alive: set[int] = field(default_factory=set)
    commands: list[tuple[int, Step]] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = VirtualClock()
        self.state = ClusterState(1, self.clock, max_replicas=self.schedule.max_replicas)
        self.pd = Coordinator(self.state, HeartbeatStreams(1), schedule=self.schedule, chance=self.chance)
        self.pd.operators._send = self._take
        first = self.state.alloc_ids()
        region_id, peer_id = self.state.alloc_ids(), self.state.alloc_ids()
        whole = Region(region_id, peers=(Peer(peer_id, first),))
        self.state.bootstrap(Store(first, f"127.0.0.1:{first}"), whole)
        self.regions[region_id] = RegionInfo(whole, whole.peers[0], 6, approximate_size=96 * MIB)
        self.alive.add(first)
        self.add_stores(self.stores - 1)

    def _take(self, info: RegionInfo, step: Step) -> None:
        self.commands.append((info.region.id, step))

    def add_stores(self, count: int) -> list[int]:
        ids = [self.state.alloc_ids() for _ in range(count)]
        for each in ids:
            self.state.put_store(Store(each, f"127.0.0.1:{each}"))
            self.alive.add(each)
        self.pd.changed()
        return ids

    def split(self, count: int, size: int = 96) -> None:
        """Cut the last Region into so many more pieces."""
        info = max(self.regions.values(), key=lambda each: each.region.start)
        base = int.from_bytes(info.region.start[:4] or b"\0\0\0\0")
        keys = [(base + 1 + number).to_bytes(4) for number in range(count)]
        self._cut(info, keys, size)

    def _cut(self, info: RegionInfo, keys: Sequence[bytes], size: int = 96) -> None:
        pieces = split_region(info.region, keys, self.state.ask_split(info.region, len(keys)))
        for piece in pieces:
            leader = piece.peer_on(info.leader.store_id) if info.leader else None
            self.regions[piece.id] = RegionInfo(piece, leader, info.term, approximate_size=size * MIB)
        self.state.report_split(pieces)

    def second(self) -> None:
        """One second: commands are done, heartbeats come, PD makes its rounds."""
        self.clock.advance(1_000_000_000)
        commands, self.commands = self.commands, []
        for region_id, step in commands:
            self._do(region_id, step)
        for each in self.state.stores.values():
            if each.meta.id in self.alive and each.meta.state is not StoreState.TOMBSTONE:
                self.state.store_heartbeat(each.meta.id, StoreStats(1000 * GIB, 900 * GIB))
        for region_id in list(self.regions):
            self._report(region_id)
        self.pd.patrol()
        for _ in range(5):
            self.pd.balance()

    def _do(self, region_id: int, step: Step) -> None:
        info = self.regions[region_id]
        if info.leader is None or info.leader.store_id not in self.alive or not majority_lives(info, self.alive):
            return
        if step.applied(info) or step.problem(info):
            return
        if isinstance(step, SplitRegion):
            self._cut(info, step.keys)
            return
        if isinstance(step, TransferLeader) and step.to_store not in self.alive:
            return
        after = apply(info, step)
        assert len({peer.store_id for peer in after.region.peers}) == len(after.region.peers), "two peers on one store"
        assert majority_lives(after, self.alive), f"{step} leaves region {region_id} without a majority"
        self.regions[region_id] = after
        self.done += 1

    def _report(self, region_id: int) -> None:
        info = self.regions[region_id]
        if not majority_lives(info, self.alive):
            return
        assert info.leader is not None
        if info.leader.store_id not in self.alive:
            heir = next(p for p in info.region.peers if p.store_id in self.alive and p.role is not Role.LEARNER)
            info = replace(info, leader=heir, term=info.term + 1)
        now = self.clock.wall_ns()
        silent = [
            DownPeer(peer, (now - self.state.stores[peer.store_id].meta.last_heartbeat) // 1_000_000_000)
            for peer in info.region.peers
            if peer.store_id not in self.alive
        ]
        pending = tuple(each.peer for each in silent)
        info = self.regions[region_id] = replace(info, down_peers=tuple(silent), pending_peers=pending)
        before = self.state.regions.get(region_id)
        self.state.region_heartbeat(info)
        self.pd.region_reported(info, before)

    def set_schedule(self, **changes: object) -> None:
        """Change some settings."""
        self.pd.reconfigure(self.pd.schedule.with_(**changes))

    def settle(self, seconds: int = 2000, quiet: int = 60) -> int:
        """Let time go by until nothing has moved for a while; return how long it took."""
        still = 0
        for second in range(seconds):
            before = self.done
            self.second()
            still = still + 1 if self.done == before and not self.pd.operators.running else 0
            if still >= quiet:
                return second - quiet
        raise AssertionError(f"still moving after {seconds} s (seed {self.seed})")

    def counts(self) -> dict[int, int]:
        """Store → replicas."""
        found = dict.fromkeys(self.state.stores, 0)
        for info in self.regions.values():
            for peer in info.region.peers:
                found[peer.store_id] += 1
        return found

    def check_replicated(self, replicas: int = 3) -> None:
        for info in self.regions.values():
            assert [peer.role for peer in info.region.peers] == [Role.VOTER] * replicas, info
            assert len({peer.store_id for peer in info.region.peers} & self.alive) == replicas, info

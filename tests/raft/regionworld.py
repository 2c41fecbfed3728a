"""A cluster in simulated time: stores with all their Regions' groups, and PD, and somebody who makes it hard for them.

    PYTHONPATH=.:tests python tests/raft/regionworld.py FROM TO     run a range of seeds

What runs is the stores' and PD's own code, but for sockets, disks and clocks: Regions split, replicas come and go by
PD's operators, stores join and leave, crash, and cannot hear each other. All of it comes from one seed. ``simulation``
beside this does the same to a single group, harder.

What must hold, always: a group has one leader a term; Regions of one version hold no key in common, and one of a later
version lies within the one it was split from; a read by lease sees every write that was acknowledged before it. After a
time of peace: no acknowledged write is lost, replicas are equal, each Region has three of them on stores that stay.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from raft.simchecks import Violation
from raftkit import Cluster, Node, put

from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Peer, Region, Role, Store, StoreState, valid_split_keys
from ycsbpy.minicluster.pd import answers
from ycsbpy.minicluster.pd.coordinator import Coordinator
from ycsbpy.minicluster.pd.state import ClusterState, PdError, StoreStats
from ycsbpy.minicluster.placement.operators import split
from ycsbpy.minicluster.placement.schedule import QUICK
from ycsbpy.minicluster.raft import rawnode
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.engine import CF_DEFAULT
from ycsbpy.minicluster.store.pdlink import PdRefusedError
from ycsbpy.minicluster.store.reports import PdCommands, Reports
from ycsbpy.minicluster.store.splits import SplitOptions, Splitter
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.minicluster.store.peer import RaftPeer

__all__ = ["RegionWorld", "run"]

GIB = 1 << 30
KEYS = [b"%02d" % number for number in range(24)]
CLIENTS = 4
PATIENCE = 30
"""Ticks that a client waits for an answer."""
MOST_REGIONS = 10
MOST_STORES = 6
TROUBLE = 300
PEACE = 1500
"""Ticks: how long a cluster is made trouble, and how long it may need at the most to recover."""


class Pd:
    """PD's state and scheduling, and what stores ask of it; it is the heartbeat streams, too."""

    def __init__(self, world: RegionWorld) -> None:
        self.world = world
        self.state = ClusterState(1, world.clock)
        self.coordinator = Coordinator(self.state, self, schedule=QUICK, chance=world.random)  # type: ignore[arg-type]

    def send(self, store_id: int, command: pdpb.RegionHeartbeatResponse) -> bool:
        """See ``HeartbeatStreams``."""
        if store_id not in self.world.down:
            asyncio.get_running_loop().call_soon(self.world.member(store_id).commands.command, command)
        return True

    def report(self, request: pdpb.RegionHeartbeatRequest) -> None:
        """A Region's heartbeat."""
        info = answers.report_from_pb(request)
        before = self.state.regions.get(info.region.id)
        try:
            self.state.region_heartbeat(info)
        except PdError:
            return  # a leader that was, and does not know yet
        self.coordinator.region_reported(info, before)


class Link:
    """A store's way to PD."""

    def __init__(self, world: RegionWorld, store_id: int) -> None:
        self._world = world
        self._store_id = store_id

    async def call(self, method: str, request: Any, response_class: Any) -> Any:
        """See ``PdLink``."""
        await asyncio.sleep(0)
        if self._store_id in self._world.down:
            raise ClusterError("the store is down")
        state = self._world.pd.state
        response = response_class()
        try:
            if method == "AskBatchSplit":
                for ids in state.ask_split(wire.region_from_pb(request.region), request.split_count):
                    response.ids.add(new_region_id=ids.region_id, new_peer_ids=ids.peer_ids)
            elif method == "ReportBatchSplit":
                state.report_split(wire.region_from_pb(each) for each in request.regions)
            else:
                answers.fill_region(response, state.regions.get(request.region_id))
        except PdError as error:
            raise PdRefusedError(method, pdpb.Error(type=int(error.kind), message=str(error))) from None  # type: ignore[arg-type]
        return response


class Member:
    """What a store has beside its groups: reports, and PD's commands."""

    def __init__(self, world: RegionWorld, store_id: int, node: Node) -> None:
        self.node = node
        link: Any = Link(world, store_id)
        self.reports = Reports(node.raft, world.folder, world.clock, 1.0)
        splitter = Splitter(node.raft, node.engine, link, SplitOptions(right_derive=world.random.random() < 0.7))
        self.commands = PdCommands(node.raft, link, splitter)


class Client:
    """Writes its own keys, one at a time, each value with a number that grows; reads them where it may by lease."""

    def __init__(self, world: RegionWorld, keys: list[bytes]) -> None:
        self.world = world
        self.keys = keys
        self.tried = dict.fromkeys(keys, 0)
        self.acknowledged = dict.fromkeys(keys, 0)
        self._running: tuple[bytes, int, asyncio.Future[Any]] | None = None
        self._waited = 0

    def act(self, *, begin: bool) -> None:
        """One tick; ``begin`` something new if nothing is under way."""
        if self._running is not None:
            self._look(*self._running)
            return
        if not begin:
            return
        key = self.world.random.choice(self.keys)
        leaders = [peer for peer in self.world.leaders() if peer.region.contains(key)]
        if not leaders:
            return
        peer = self.world.random.choice(leaders)  # one of them may have been deposed without knowing it
        self._read(peer, key)
        self.tried[key] += 1
        number = self.tried[key]
        future = peer.host.propose(peer.replica, peer.region.epoch.version, put(key, b"%d" % number))
        self._running, self._waited = (key, number, future), 0

    def _look(self, key: bytes, number: int, future: asyncio.Future[Any]) -> None:
        self._waited += 1
        if future.done():
            self._running = None
            if not future.cancelled() and future.exception() is None:
                self.acknowledged[key] = number
            elif not isinstance(future.exception(), RegionError):
                raise Violation("failed", f"a write of {key!r} ended with {future.exception()!r}")
        elif self._waited > PATIENCE:
            self._running = None  # it may still happen
            future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _read(self, peer: RaftPeer, key: bytes) -> None:
        if peer.may_read():
            self.check(key, peer.host.kv.get(CF_DEFAULT, key), f"store {peer.host.store_id} by lease")

    def check(self, key: bytes, value: bytes | None, where: str) -> None:
        """A value is that of the last write that was acknowledged, or of one that was tried after it."""
        number = int(value or b"0")
        if not self.acknowledged[key] <= number <= self.tried[key]:
            raise Violation("lost write", f"{key!r} is {number} on {where}; {self.acknowledged[key]} was acknowledged")


class RegionWorld(Cluster):
    """See the module."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(folder, 3, max_peer_down_s=5.0, gc_ticks=5, gc_entries=20)
        self.random = random.Random(seed)
        rawnode._RANDOM.seed(seed)
        self.members: dict[int, Member] = {}
        self.pd = Pd(self)
        self.back_at: dict[int, int] = {}
        """Store that is down → the tick at which it starts again."""
        self.now = 0
        self.counts = dict.fromkeys(("split", "crash", "join", "leave", "cut"), 0)
        self._leaders: dict[tuple[int, int], int] = {}
        self._epochs: dict[int, tuple[int, int]] = {}
        self.clients = [Client(self, KEYS[number::CLIENTS]) for number in range(CLIENTS)]

    # ---- who there is ----

    def member(self, store_id: int) -> Member:
        """The store's process as it is now."""
        member = self.members.get(store_id)
        if member is None or member.node is not self.nodes[store_id]:
            member = self.members[store_id] = Member(self, store_id, self.nodes[store_id])
        return member

    def peers(self) -> Iterator[RaftPeer]:
        """Replicas that know their Region, on stores that are up."""
        for store_id, node in self.nodes.items():
            if store_id not in self.down:
                yield from (peer for peer in node.raft.peers.values() if peer.initialized and not peer.removed)

    def leaders(self) -> list[RaftPeer]:
        """Those that take themselves for leaders."""
        return [peer for peer in self.peers() if peer.is_leader]

    # ---- time ----

    async def start(self) -> None:
        """Three stores, one Region, and PD makes its replicas."""
        state = self.pd.state
        state.alloc_ids(1000)
        whole = Region(2, peers=(Peer(3, 1),))
        self.begin(together=False)
        state.bootstrap(Store(1, "127.0.0.1:1"), whole)
        for store_id in (2, 3):
            state.put_store(Store(store_id, f"127.0.0.1:{store_id}"))

    async def step(self, *, calm: bool = False) -> None:
        """A tick of everybody."""
        self.now += 1
        if not calm:
            self._make_trouble()
        for store_id in [each for each, when in self.back_at.items() if when <= self.now or calm]:
            del self.back_at[store_id]
            self.down.discard(store_id)
            self.restart(store_id)
        for client in self.clients:
            client.act(begin=not calm)
        await self.ticks()
        for store_id in self.nodes.keys() - self.down:
            self._heard_of(store_id)
        self.pd.coordinator.patrol()
        self.pd.coordinator.balance()
        await self.settle()
        self.check()

    def _heard_of(self, store_id: int) -> None:
        state = self.pd.state
        if state.stores[store_id].meta.state is StoreState.TOMBSTONE:
            return
        state.store_heartbeat(store_id, StoreStats(capacity=100 * GIB, available=90 * GIB))
        for request in self.member(store_id).reports.region_reports():
            request.approximate_size = max(request.approximate_size, 32 << 20)  # or no store would be fuller
            self.pd.report(request)

    # ---- trouble ----

    def _make_trouble(self) -> None:
        draw = self.random.random
        if draw() < 0.02 and len(self.down) < 2:
            self._crash()
        if draw() < 0.02:
            self._cut()
        if draw() < 0.06:
            self.cut.clear()
        if draw() < 0.05:
            self._split()
        if draw() < 0.015 and len(self._staying()) < MOST_STORES:
            self._join()
        if draw() < 0.01:
            self._leave()

    def _staying(self) -> list[int]:
        return [info.meta.id for info in self.pd.state.stores.values() if info.meta.state is StoreState.UP]

    def _crash(self) -> None:
        store_id = self.random.choice(sorted(self.nodes.keys() - self.down))
        self.nodes[store_id].raft.close()
        self.down.add(store_id)
        self.back_at[store_id] = self.now + self.random.randint(3, 30)
        self.counts["crash"] += 1

    def _cut(self) -> None:
        """Two stores do not hear each other, or one is alone."""
        one, other = self.random.sample(sorted(self.nodes), 2)
        others = set(self.nodes) - {one} if self.random.random() < 0.5 else {other}
        self.cut |= {(one, each) for each in others} | {(each, one) for each in others}
        self.counts["cut"] += 1

    def _split(self) -> None:
        state = self.pd.state
        info = self.random.choice(list(state.regions))
        keys = valid_split_keys(info.region, self.random.sample(KEYS, 2))
        if keys and info.leader is not None and len(list(state.regions)) < MOST_REGIONS:
            operator = split(info, "test", "USEKEY", keys)
            self.counts["split"] += self.pd.coordinator.operators.add(operator, info, self.clock.wall_ns())

    def _join(self) -> None:
        store_id = max(self.nodes) + 1
        self.nodes[store_id] = Node(self, store_id, self.folder / str(store_id))
        self.pd.state.put_store(Store(store_id, f"127.0.0.1:{store_id}"))
        self.pd.coordinator.changed()
        self.counts["join"] += 1

    def _leave(self) -> None:
        staying = self._staying()
        if len(staying) > 3:
            self.pd.state.take_store_offline(self.random.choice(staying))
            self.pd.coordinator.changed()
            self.counts["leave"] += 1

    # ---- what must hold ----

    def check(self) -> None:
        """At every moment."""
        for node in self.nodes.values():
            if node.died:
                raise Violation("died", node.died[0])
        for peer in self.leaders():
            other = self._leaders.setdefault((peer.region.id, peer.raw.term), peer.peer.id)
            if other != peer.peer.id:
                raise Violation("two leaders", f"peers {other} and {peer.peer.id} of region {peer.region.id}")
        regions = {(peer.region.id, peer.region.epoch): peer.region for peer in self.peers()}
        for one in regions.values():
            for other_region in regions.values():
                if one.id != other_region.id and one.epoch.version <= other_region.epoch.version:
                    _check_ranges(one, other_region)

    async def make_peace(self) -> None:
        """Everything is mended, and after a while all is well."""
        self.cut.clear()
        wrong = ""
        for _ in range(PEACE):
            await self.step(calm=True)
            wrong = self.unrest()
            if not wrong:
                break
        else:
            raise Violation("no recovery", wrong)
        for client in self.clients:
            for key in client.keys:
                info = self.pd.state.regions.find(key)
                assert info is not None
                for peer in info.region.peers:
                    value = self.nodes[peer.store_id].kv.get(CF_DEFAULT, key)
                    client.check(key, value, f"store {peer.store_id}")

    def unrest(self) -> str:
        """What is not as it should be in the end; empty if nothing."""
        state = self.pd.state
        if self.pd.coordinator.operators.running:
            return f"operators: {list(self.pd.coordinator.operators.running.values())}"
        reached: bytes | None = b""
        held: dict[int, set[int]] = {store_id: set() for store_id in self.nodes}
        staying = set(self._staying())
        for info in state.regions:
            region = info.region
            if region.start != reached:
                return f"a hole before {region.start!r}"
            reached = region.end or None
            stores = {peer.store_id for peer in region.peers}
            if len(stores) != 3 or not stores <= staying or any(peer.role is not Role.VOTER for peer in region.peers):
                return f"region {region.id} has {region.peers}"
            rows = [self.nodes[store_id].rows(region.start, region.end) for store_id in stores]
            if info.pending_peers or info.down_peers or any(each != rows[0] for each in rows):
                return f"replicas of region {region.id} differ or lag"
            for store_id in stores:
                held[store_id].add(region.id)
        for store_id, wanted in held.items():
            found = set(self.nodes[store_id].raft.peers)
            if found != wanted:
                return f"store {store_id} holds {sorted(found)} and should hold {sorted(wanted)}"
        return "" if reached is None else "no Region holds the last keys"


def _check_ranges(older: Region, newer: Region) -> None:
    apart = (older.end and older.end <= newer.start) or (newer.end and newer.end <= older.start)
    if apart:
        return
    within = older.start <= newer.start and (not older.end or (newer.end and newer.end <= older.end))
    if older.epoch.version == newer.epoch.version or not within:
        raise Violation("overlap", f"{older} and {newer}")


def run(seed: int) -> RegionWorld:
    """One world from beginning to end; ``Violation`` names the seed."""

    async def main(folder: Path) -> RegionWorld:
        world = RegionWorld(seed, folder)
        await world.start()
        for _ in range(TROUBLE):
            await world.step()
        await world.make_peace()
        for member in world.members.values():
            await member.commands.close()
        return world

    with tempfile.TemporaryDirectory() as folder:
        try:
            return asyncio.run(main(Path(folder)))
        except Violation as violation:
            text = f"seed {seed} (python tests/raft/regionworld.py {seed} {seed + 1}): {violation}"
            raise Violation(violation.kind, text) from violation


if __name__ == "__main__":
    for each in range(int(sys.argv[1]), int(sys.argv[2])):
        try:
            print(each, run(each).counts)
        except Violation as found:
            print(str(found)[:2000])

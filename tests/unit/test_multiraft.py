"""Three stores on one loop: what is acknowledged is on a majority, and the groups heal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from raftkit import Cluster, put

from ycsbpy.minicluster.model import Peer, Role
from ycsbpy.minicluster.raft import ConfChangeType
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.multiraft import SLEEPERS_TURNS
from ycsbpy.minicluster.store.rawkv import CasResult, CompareAndSwap

if TYPE_CHECKING:
    from pathlib import Path

ADD, REMOVE, LEARN = ConfChangeType.ADD_NODE, ConfChangeType.REMOVE_NODE, ConfChangeType.ADD_LEARNER_NODE

Run = Callable[[Callable[[Cluster], Awaitable[None]]], None]


@pytest.fixture
def three(tmp_path: Path) -> Run:
    """Runs a test on three stores that have Region 2 from the beginning."""

    def run(test: Callable[[Cluster], Awaitable[None]]) -> None:
        async def main() -> None:
            cluster = Cluster(tmp_path)
            cluster.begin()
            await test(cluster)

        asyncio.run(main())

    return run


@pytest.fixture
def one(tmp_path: Path) -> Run:
    """Runs a test on four stores of which the first has everything."""

    def run(test: Callable[[Cluster], Awaitable[None]]) -> None:
        async def main() -> None:
            cluster = Cluster(tmp_path, 4)
            cluster.begin(together=False)
            await cluster.until(cluster.has_leader)
            await test(cluster)

        asyncio.run(main())

    return run


def test_writes_reach_all(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(*(b"%d" % index for index in range(50)))
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        assert len(cluster.nodes[3].rows()) == 50

    three(test)


def test_writes_of_one_pass_are_one_entry(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"first")
        before = cluster.leader().storage.last
        await cluster.write(*(b"%d" % index for index in range(50)))
        assert cluster.leader().storage.last == before + 1

    three(test)


def test_nothing_is_acknowledged_without_a_majority(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a")
        leader = cluster.leader()
        cluster.down = {store for store in cluster.nodes if store != leader.host.store_id}
        future = leader.host.propose(leader.replica, 1, put(b"lost"))
        await cluster.ticks(3)
        assert not future.done()
        await cluster.until(future.done)  # the leader finds out that it leads nobody
        with pytest.raises(RegionError, match="stale command"):
            future.result()
        assert b"lost" not in dict(leader.host.kv.engine.rows(0, b"", b""))
        with pytest.raises(RegionError, match="not leader"):
            await leader.host.propose(leader.replica, 1, put(b"x"))

    three(test)


def test_a_dead_leader_is_replaced_and_learns_when_it_is_back(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a", b"b")
        first = cluster.leader().host.store_id
        cluster.down = {first}
        await cluster.write(b"c")
        assert cluster.leader().host.store_id != first
        cluster.down = set()
        cluster.restart(first)
        await cluster.write(b"d")
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        assert len(cluster.nodes[first].rows()) == 4

    three(test)


def test_all_restart(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(*(b"%d" % index for index in range(10)))
        for store in (1, 2, 3):
            cluster.restart(store)
        await cluster.write(b"more")
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        assert len(cluster.nodes[2].rows()) == 11

    three(test)


def test_swaps_see_what_was_written_before_them(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"k", value=b"1")
        leader = cluster.leader()
        swap = CompareAndSwap(0, b"k", b"2", b"3", False, 0, 1000)
        futures = [leader.host.propose(leader.replica, 1, command) for command in (put(b"k", b"2"), swap, swap)]
        await cluster.until(lambda: all(future.done() for future in futures))
        assert futures[1].result() == CasResult(True, b"2")
        assert futures[2].result() == CasResult(False, b"3")
        await cluster.until(lambda: cluster.same([1, 2, 3]))

    three(test)


def test_reads_by_lease_and_by_asking(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"k", value=b"1")
        leader = cluster.leader()
        assert leader.may_read()
        leader.raw.suspect_lease()
        assert not leader.may_read()
        assert await cluster.read(leader, b"k") == b"1"
        follower = next(node.raft.peers[2] for node in cluster.nodes.values() if node.raft.peers[2] is not leader)
        with pytest.raises(RegionError, match="not leader"):
            await cluster.read(follower, b"k")

    three(test)


def test_a_leader_that_is_cut_off_answers_no_read(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"k", value=b"old")
        old = cluster.leader()
        store = old.host.store_id
        cluster.cut = {(store, other) for other in cluster.nodes} | {(other, store) for other in cluster.nodes}
        await cluster.ticks(cluster.options.election_ticks)
        with pytest.raises(RegionError):
            await cluster.read(old, b"k")

    three(test)


def test_idle_groups_sleep_and_wake(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"k")
        await cluster.until(lambda: all(node.raft.awake_count == 0 for node in cluster.nodes.values()))
        before = cluster.messages
        await cluster.ticks(50)
        assert cluster.messages == before
        leader = cluster.leader()
        assert await cluster.read(leader, b"k") == b"v"
        await cluster.write(b"l")
        await cluster.until(lambda: cluster.same([1, 2, 3]))

    three(test)


def test_replicas_that_sleep_are_asked_about_now_and_then(three: Run) -> None:
    """Or one that was removed while nobody could reach it would sleep for ever."""

    async def test(cluster: Cluster) -> None:
        await cluster.write(b"k")
        await cluster.until(lambda: all(node.raft.awake_count == 0 for node in cluster.nodes.values()))
        asked: list[int] = []
        for store, node in cluster.nodes.items():
            node.raft.stale = lambda _peer, store=store: asked.append(store)  # type: ignore[misc]
        await cluster.ticks(cluster.options.stale_ticks * SLEEPERS_TURNS)
        assert sorted(asked) == [store for store in (1, 2, 3) if store != cluster.leader().host.store_id]

    three(test)


def test_a_sleeping_groups_leader_is_missed_when_its_store_is_lost(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"k")
        await cluster.until(lambda: all(node.raft.awake_count == 0 for node in cluster.nodes.values()))
        gone = cluster.leader().host.store_id
        cluster.down = {gone}
        for store, node in cluster.nodes.items():
            if store != gone:
                node.raft.lost_store(gone)
        await cluster.write(b"l")

    three(test)


def test_the_log_is_compacted(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        for index in range(80):
            await cluster.write(b"%d" % index)
        await cluster.ticks(2 * cluster.options.gc_ticks)
        await cluster.until(lambda: all(cluster.peer(store).storage.truncated[0] > 50 for store in (1, 2, 3)))
        cluster.restart(2)
        await cluster.write(b"x")
        await cluster.until(lambda: cluster.same([1, 2, 3]))

    three(test)


def test_a_replica_is_made_and_promoted(one: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(*(b"%d" % index for index in range(20)))
        await cluster.add(Peer(10, 2))
        await cluster.add(Peer(11, 3))
        region = cluster.leader().region
        assert [(peer.id, peer.store_id, peer.role) for peer in region.peers] == [
            (3, 1, Role.VOTER),
            (10, 2, Role.VOTER),
            (11, 3, Role.VOTER),
        ]
        assert region.epoch.conf_ver == 5
        await cluster.write(b"x")
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        assert cluster.snapshots == 2

    one(test)


def test_a_replica_moves_by_a_joint_change(one: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a")
        for peer in (Peer(10, 2), Peer(11, 3)):
            await cluster.add(peer)
        await cluster.change((LEARN, Peer(12, 4)))
        await cluster.until(lambda: not cluster.leader().pending_peers())
        await cluster.change((ADD, Peer(12, 4)), (LEARN, Peer(11, 3)))
        assert cluster.leader().joint
        assert cluster.leader().region.epoch.conf_ver == 8
        await cluster.write(b"b")
        await cluster.change()
        assert cluster.leader().region.epoch.conf_ver == 10
        await cluster.change((REMOVE, Peer(11, 3)))
        assert cluster.leader().region.epoch.conf_ver == 11
        await cluster.until(lambda: 2 not in cluster.nodes[3].raft.peers)
        assert cluster.nodes[3].rows() == {}
        await cluster.write(b"c")
        await cluster.until(lambda: cluster.same([1, 2, 4]))
        # and back, as another peer
        await cluster.add(Peer(20, 3))
        await cluster.until(lambda: cluster.same([1, 2, 3, 4]))
        assert cluster.nodes[3].raft.tombstones[2].epoch.conf_ver >= 10

    one(test)


def test_what_cannot_be_changed(one: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.add(Peer(10, 2))
        with pytest.raises(ValueError, match="leadership has to go first"):
            await cluster.change((REMOVE, cluster.leader().peer))
        with pytest.raises(ValueError, match="not in a joint state"):
            await cluster.change()
        leader = cluster.leader()
        with pytest.raises(ValueError, match="for conf_ver 1"):
            leader.change_peers([], 1)

    one(test)


def test_leadership_goes_where_it_is_sent(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a")
        old = cluster.leader()
        other = next(peer for peer in old.region.peers if peer.id != old.peer.id)
        old.transfer_leader(other)
        future = old.host.propose(old.replica, 1, put(b"b"))
        await cluster.until(lambda: cluster.leader().peer.id == other.id)
        await cluster.until(future.done)
        await cluster.write(b"c")

    three(test)


def test_a_replica_that_lags_too_far_gets_a_snapshot(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a")
        store = next(store for store in cluster.nodes if store != cluster.leader().host.store_id)
        cluster.down = {store}
        for index in range(60):
            await cluster.write(b"%d" % index)
        cluster.leader().log_bytes = cluster.options.gc_force_bytes
        await cluster.ticks(2 * cluster.options.gc_ticks)
        await cluster.until(lambda: cluster.leader().storage.truncated[0] > 50)
        cluster.leader().raw.release_cache()
        cluster.break_snapshots = 1
        cluster.down = set()
        await cluster.ticks(5)
        assert cluster.snapshots == 0
        cluster.break_snapshots = 0
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        assert cluster.snapshots == 1
        await cluster.write(b"z")
        cluster.restart(store)
        await cluster.write(b"zz")
        await cluster.until(lambda: cluster.same([1, 2, 3]))

    three(test)


@pytest.mark.parametrize("right_derive", [True, False])
def test_a_split_is_made_on_all(three: Run, right_derive: bool) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a", b"m", b"z")
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        led = cluster.leader().host.store_id
        stale = cluster.leader()
        ids = await cluster.split(b"g", b"t", right_derive=right_derive)
        await cluster.until(lambda: all(len(node.replicas) == 3 for node in cluster.nodes.values()))
        for region_id in ids:
            await cluster.until(lambda region_id=region_id: cluster.has_leader(region_id))  # type: ignore[misc]
            assert cluster.leader(region_id).host.store_id == led
        regions = [replica.region for replica in cluster.nodes[2].replicas]
        assert [(region.start, region.end) for region in regions] == [(b"", b"g"), (b"g", b"t"), (b"t", b"")]
        assert regions[2 if right_derive else 0].id == 2
        assert {region.epoch.version for region in regions} == {3}
        with pytest.raises(RegionError, match="epoch"):
            await stale.host.propose(stale.replica, 1, put(b"a"))
        await cluster.write(b"g", region_id=regions[1].id)
        for store in (1, 2, 3):
            cluster.restart(store)
        await cluster.write(b"h", region_id=regions[1].id)
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        assert len(cluster.nodes[1].rows()) == 5

    three(test)


def test_a_replica_removed_behind_its_back_goes_when_it_asks_for_votes(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a")
        leader = cluster.leader()
        victim = next(peer for peer in leader.region.peers if peer.id != leader.peer.id)
        cluster.down = {victim.store_id}
        await cluster.change((LEARN, victim))
        await cluster.change((REMOVE, victim))
        cluster.down = set()
        cluster.nodes[victim.store_id].raft.lost_store(leader.host.store_id)
        await cluster.until(lambda: 2 not in cluster.nodes[victim.store_id].raft.peers)
        assert cluster.nodes[victim.store_id].rows() == {}

    three(test)


def test_an_engine_that_fails_stops_the_store(three: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from ycsbpy.minicluster.store.engine import EngineError

    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a")
        leader = cluster.leader()

        def fail(_mutations: object) -> None:
            raise EngineError("No space left on device")

        monkeypatch.setattr(leader.host.engine, "write", fail)
        future = leader.host.propose(leader.replica, 1, put(b"b"))
        await cluster.until(lambda: cluster.nodes[leader.host.store_id].died)
        await cluster.settle()
        with pytest.raises(RegionError, match="No space left"):
            future.result()

    three(test)


def test_overload_is_refused(three: Run) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.write(b"a")
        leader = cluster.leader()
        value = b"v" * (leader.host.options.max_queued_bytes // 4)
        futures = [leader.host.propose(leader.replica, 1, put(b"%d" % index, value)) for index in range(5)]
        with pytest.raises(RegionError, match="server is busy"):
            futures[-1].result()
        await cluster.until(lambda: all(future.done() for future in futures))
        await cluster.write(b"again")

    three(test)

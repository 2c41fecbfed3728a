"""Splits and scatters that somebody asks PD for, over stores that exist only here."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import pytest
from placementkit import Simulation

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import Role
from ycsbpy.minicluster.pd.regionjobs import JobError, RegionJobs, Scattered, SplitDone
from ycsbpy.minicluster.placement.operators import ImpossibleError, Status, move, split
from ycsbpy.minicluster.placement.operators import Kind as OperatorKind
from ycsbpy.minicluster.placement.scatter import Groups
from ycsbpy.minicluster.placement.schedule import QUICK

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def settled(stores: int = 3) -> Simulation:
    sim = Simulation(5, stores=stores, schedule=QUICK)
    sim.settle(quiet=20)
    return sim


def during(sim: Simulation, job: Coroutine[object, object, T], *, working: bool = True) -> T:
    """Run a job while the stores work and report, or hear nothing."""

    async def world() -> None:
        while True:
            if working:
                sim.second()
            await sim.clock.sleep_ns(NS_PER_SECOND // 4)

    async def main() -> T:
        stores = asyncio.ensure_future(world())
        try:
            return await job
        finally:
            stores.cancel()

    return sim.clock.run(main())


# ---- splits ----


def test_a_split_is_answered_when_the_regions_are_there() -> None:
    sim = settled()
    jobs = RegionJobs(sim.pd)
    done = during(sim, jobs.split([b"g", b"m", b"t"]))
    assert done.percentage == 100
    starts = {info.region.start: info.region.id for info in sim.state.regions}
    assert starts.keys() == {b"", b"g", b"m", b"t"}
    assert set(done.region_ids) == {starts[key] for key in (b"g", b"m", b"t")}
    again = during(sim, jobs.split([b"m", b"p"]))  # one of them is there: nothing that this call has done
    assert (again.percentage, again.region_ids) == (50, [sim.state.regions.find(b"p").region.id])  # type: ignore[union-attr]


def test_no_keys_no_split() -> None:
    sim = settled()
    assert during(sim, RegionJobs(sim.pd).split([])) == SplitDone(0, [])


def test_a_split_that_nobody_does_is_given_up_after_a_minute() -> None:
    sim = settled()
    before = sim.clock.now_ns()
    assert during(sim, RegionJobs(sim.pd).split([b"m"]), working=False) == SplitDone(0, [])
    assert 60 <= (sim.clock.now_ns() - before) / NS_PER_SECOND < 62


def test_a_split_waits_no_longer_once_its_operator_is_given_up() -> None:
    sim = settled()
    jobs = RegionJobs(sim.pd)

    async def given_up() -> SplitDone:
        job = asyncio.ensure_future(jobs.split([b"m"]))
        await sim.clock.sleep_ns(NS_PER_SECOND)
        (region_id,) = sim.pd.operators.running
        assert sim.pd.operators.cancel(region_id, sim.clock.wall_ns())
        return await job

    before = sim.clock.now_ns()
    assert during(sim, given_up(), working=False) == SplitDone(0, [])
    assert sim.clock.now_ns() - before < 2 * NS_PER_SECOND


def test_what_cannot_be_split_yet_is_tried_again() -> None:
    sim = Simulation(5, stores=3, schedule=QUICK)  # a single replica so far
    jobs = RegionJobs(sim.pd)
    assert during(sim, jobs.split([b"m"]), working=False).percentage == 0
    assert during(sim, jobs.split([b"m"], 8)).percentage == 100


# ---- scatter ----


def test_scatter_spreads_a_group_over_stores_and_leaders() -> None:
    sim = settled(6)
    sim.set_schedule(paused=frozenset({"balance-region-scheduler", "balance-leader-scheduler"}))
    sim.split(11)
    sim.settle(quiet=20)
    jobs = RegionJobs(sim.pd)
    done = during(sim, jobs.scatter(list(sim.regions), "g"))
    assert (done.done, done.failed, done.percentage) == (12, {}, 100)
    sim.settle(quiet=20)
    sim.check_replicated()
    assert set(sim.counts().values()) == {6}
    leaders = Counter(info.leader.store_id for info in sim.regions.values() if info.leader)
    assert set(leaders.values()) == {2}
    before = sim.done
    for region_id in sim.regions:  # one by one, as an older client does
        jobs.scatter_one(region_id, "g")
    sim.settle(quiet=20)
    assert max(sim.counts().values()) - min(sim.counts().values()) <= 1
    assert sim.done - before <= 12 * 5


def test_a_running_scatter_of_the_same_group_is_as_good() -> None:
    sim = settled(5)
    sim.split(5)
    sim.settle(quiet=20)
    jobs = RegionJobs(sim.pd)
    for region_id in sim.regions:
        jobs.scatter_one(region_id, "g")
    busy = next(iter(sim.pd.operators.running))
    running = sim.pd.operators.running[busy]
    jobs.scatter_one(busy, "g")
    assert sim.pd.operators.running[busy] is running
    with pytest.raises(ImpossibleError, match=f"the operator of region {busy} already exist"):
        jobs.scatter_one(busy, "another")


def test_what_cannot_be_scattered_is_named() -> None:
    sim = settled()
    jobs = RegionJobs(sim.pd)
    (region_id,) = sim.regions
    with pytest.raises(JobError, match="ErrRegionNotFound"):
        during(sim, jobs.scatter([99]))
    for nothing in ([98, 99], []):
        with pytest.raises(JobError, match="ErrEmptyRegion"):
            during(sim, jobs.scatter(nothing))
    done = during(sim, jobs.scatter([99, region_id]))
    assert (done.done, done.failed, done.percentage) == (1, {99: "failed to find region 99"}, 50)
    sim.alive.discard(1)
    for _ in range(3):
        sim.second()
    done = during(sim, jobs.scatter([region_id], retry_limit=2))
    assert list(done.failed.values()) == [f"region {region_id} has a peer that is down or lags"]
    fresh = Simulation(5, stores=3, schedule=QUICK)
    with pytest.raises(ImpossibleError, match="not fully replicated"):
        RegionJobs(fresh.pd).scatter_one(next(iter(fresh.regions)))
    assert Scattered().percentage == 100


def test_a_group_is_remembered_for_three_minutes() -> None:
    groups = Groups()
    groups.of("g", 0).peers[1] += 1
    assert groups.of("g", 170 * NS_PER_SECOND).peers[1] == 1
    assert groups.of("other", 170 * NS_PER_SECOND).peers[1] == 0
    assert groups.of("g", 351 * NS_PER_SECOND).peers[1] == 0


# ---- single operators ----


def test_an_operator_that_is_asked_for_takes_the_place_of_pds_own() -> None:
    sim = settled(4)
    jobs = RegionJobs(sim.pd)
    (info,) = sim.state.regions
    roles = {peer.store_id: Role.VOTER for peer in info.region.peers}
    (spare,) = sim.alive - roles.keys()
    own = move(info, "own", {**roles, spare: Role.VOTER}, kind=OperatorKind.REGION, new_id=sim.state.alloc_ids)
    assert sim.pd.operators.add(own, info, sim.clock.wall_ns())
    asked = split(info, "admin-split-region")
    assert jobs.start(asked)
    assert own.status is Status.REPLACE
    assert jobs.find(info.region.id) is asked
    assert sim.pd.operators.cancel(info.region.id, sim.clock.wall_ns())
    assert jobs.find(info.region.id) is asked
    assert jobs.find(99) is None
    gone = split(info, "admin-split-region")
    gone.region_id = 99
    assert not jobs.start(gone)

"""PD's scheduling over simulated stores: it converges, never endangers a Region, and stops."""

from __future__ import annotations

import pytest
from placementkit import GIB, MIB, Simulation

from ycsbpy.minicluster.model import StoreState
from ycsbpy.minicluster.pd.coordinator import Coordinator
from ycsbpy.minicluster.pd.state import ClusterState, PdError, Restored, StoreInfo, StoreStats
from ycsbpy.minicluster.pd.streams import HeartbeatStreams
from ycsbpy.minicluster.placement.schedule import FAITHFUL, QUICK
from ycsbpy.testing import VirtualClock


@pytest.mark.parametrize("seed", range(6))
def test_a_cluster_grows_shrinks_and_loses_stores(seed: int) -> None:
    """Each command is checked as it is done: a majority lives, no store has two, the leader stays (placementkit)."""
    sim = Simulation(seed, stores=3 + seed, schedule=QUICK)
    sim.settle(quiet=20)
    sim.check_replicated()
    sim.split(20 + 10 * seed)
    sim.settle(quiet=20)
    sim.check_replicated()
    new = sim.add_stores(2)
    sim.settle(quiet=20)
    sim.check_replicated()
    counts = sim.counts()
    assert all(counts[store] for store in new)
    assert max(counts.values()) - min(counts.values()) <= 3
    sim.state.take_store_offline(new[0])
    sim.settle(quiet=20)
    assert sim.state.stores[new[0]].meta.state is StoreState.TOMBSTONE
    sim.check_replicated()
    sim.alive.discard(1)
    sim.settle(quiet=90)
    sim.check_replicated()
    assert sim.counts()[1] == 0


def test_many_stores() -> None:
    sim = Simulation(7, stores=40, schedule=QUICK)
    sim.split(90)
    sim.settle(quiet=15)
    sim.check_replicated()
    counts = sim.counts().values()
    assert max(counts) - min(counts) <= 6


def test_pds_own_pace_is_one_replica_every_four_seconds() -> None:
    sim = Simulation(1, stores=3, schedule=FAITHFUL)
    sim.settle(quiet=20)
    sim.split(20)
    sim.settle(quiet=20)
    (new,) = sim.add_stores(1)
    for _ in range(21):
        sim.second()
    assert 4 <= sim.counts()[new] <= 7
    sim.settle(quiet=20)
    sim.check_replicated()


def test_nothing_moves_when_two_of_three_are_gone() -> None:
    sim = Simulation(3, stores=3, schedule=QUICK)
    sim.settle(quiet=20)
    sim.alive = {1}
    sim.settle(quiet=100)
    assert sim.counts() == dict.fromkeys(sim.counts(), 1)


def test_one_store_too_few_cannot_go() -> None:
    sim = Simulation(3, stores=3, schedule=QUICK)
    with pytest.raises(PdError, match="number of up stores would be 2 while need 3"):
        sim.state.take_store_offline(1)


def test_halted_and_paused_schedulers_do_nothing() -> None:
    sim = Simulation(3, stores=3, schedule=QUICK.with_(halt_scheduling=True))
    sim.settle(quiet=20)
    assert sim.counts() == {1: 1, 4: 0, 5: 0}
    sim.set_schedule(halt_scheduling=False, paused=frozenset({"balance-region-scheduler"}))
    sim.settle(quiet=20)
    sim.check_replicated()
    sim.split(20)
    sim.settle(quiet=20)
    (new,) = sim.add_stores(1)
    sim.settle(quiet=20)
    assert sim.counts()[new] == 0


def test_after_a_restart_it_waits_until_most_regions_have_reported() -> None:
    sim = Simulation(3, stores=3, schedule=QUICK)
    sim.split(9)
    sim.settle(quiet=20)
    infos = list(sim.regions.values())
    clock = VirtualClock()
    state = ClusterState(1, clock, restored=Restored(1, list(sim.state.stores.values()), infos, 5000))
    again = Coordinator(state, HeartbeatStreams(1), schedule=QUICK)
    assert not again.ready()
    for info in infos[:8]:
        again.region_reported(info, info)
    assert not again.ready()
    again.region_reported(infos[8], infos[8])
    assert again.ready()
    late = Coordinator(state, HeartbeatStreams(1), schedule=QUICK)
    clock.advance(301_000_000_000)
    assert late.ready()


def test_max_replicas_can_be_changed_while_it_runs() -> None:
    sim = Simulation(3, stores=5, schedule=QUICK)
    sim.settle(quiet=20)
    sim.set_schedule(max_replicas=5)
    sim.settle(quiet=20)
    sim.check_replicated(5)
    sim.set_schedule(max_replicas=3)
    sim.settle(quiet=20)
    sim.check_replicated(3)


def test_a_full_disk_is_relieved() -> None:
    sim = Simulation(5, stores=3, schedule=QUICK.with_(low_space_ratio=0.8))
    sim.settle(quiet=20)
    sim.split(12)
    sim.settle(quiet=20)
    sim.add_stores(1)
    sim.settle(quiet=20)
    before = sim.counts()[1]
    original = sim.state.store_heartbeat

    def heartbeat(store_id: int, stats: StoreStats) -> StoreInfo:
        return original(store_id, StoreStats(1000 * GIB, (10 if store_id == 1 else 900) * GIB, 1000 * MIB))

    sim.state.store_heartbeat = heartbeat  # type: ignore[method-assign]
    for _ in range(20):
        sim.second()
    assert sim.counts()[1] < before

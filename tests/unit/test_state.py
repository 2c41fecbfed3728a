"""PD's decisions about stores, Regions and ids, by its own rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import Epoch, NodeState, Peer, Region, Role, SplitIds, Store, StoreState
from ycsbpy.minicluster.pd.regiontree import RegionInfo
from ycsbpy.minicluster.pd.state import (
    ClusterState,
    ErrorType,
    NoSink,
    PdError,
    Restored,
    StoreInfo,
    StoreStats,
)
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

STORE = Store(1, "127.0.0.1:20160")
FIRST = Region(2, peers=(Peer(3, 1),))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def empty(clock: VirtualClock) -> ClusterState:
    return ClusterState(77, clock)


@pytest.fixture
def state(empty: ClusterState) -> ClusterState:
    empty.alloc_ids(3)
    empty.bootstrap(STORE, FIRST)
    return empty


def test_ids_are_shared_and_handed_out_in_order(empty: ClusterState) -> None:
    assert [empty.alloc_ids(), empty.alloc_ids(), empty.alloc_ids(5), empty.alloc_ids()] == [1, 2, 7, 8]


def test_ids_are_saved_in_blocks(clock: VirtualClock) -> None:
    bounds: list[int] = []

    class Sink(NoSink):
        def save_next_id(self, bound: int) -> None:
            bounds.append(bound)

    state = ClusterState(77, clock, sink=Sink())
    last = [state.alloc_ids() for _ in range(1500)][-1]
    assert len(bounds) == 2
    assert ClusterState(77, clock, restored=Restored(0, next_id=bounds[-1])).alloc_ids() > last


def test_no_id_for_nothing(empty: ClusterState) -> None:
    with pytest.raises(PdError, match="positive"):
        empty.alloc_ids(0)


@pytest.mark.parametrize(
    ("store", "region", "problem"),
    [
        (replace(STORE, id=0), FIRST, "invalid zero store id"),
        (STORE, replace(FIRST, id=0), "invalid zero region id"),
        (STORE, replace(FIRST, start=b"a"), "invalid first region key range"),
        (STORE, replace(FIRST, end=b"a"), "invalid first region key range"),
        (STORE, replace(FIRST, peers=()), "invalid first region peer count 0"),
        (STORE, replace(FIRST, peers=(Peer(3, 1), Peer(4, 2))), "invalid first region peer count 2"),
        (STORE, replace(FIRST, peers=(Peer(3, 2),)), "invalid peer store id 2 != 1"),
        (STORE, replace(FIRST, peers=(Peer(0, 1),)), "invalid zero peer id"),
    ],
)
def test_a_bootstrap_that_cannot_be(empty: ClusterState, store: Store, region: Region, problem: str) -> None:
    with pytest.raises(PdError, match=problem) as caught:
        empty.bootstrap(store, region)
    assert caught.value.kind is ErrorType.UNKNOWN
    assert not empty.bootstrapped


def test_bootstrap_makes_a_serving_store_and_a_region_with_its_leader(state: ClusterState) -> None:
    assert state.bootstrapped
    assert state.store(1).meta.node_state is NodeState.SERVING
    found = state.regions.find(b"anything")
    assert found is not None
    assert (found.region, found.leader) == (FIRST, FIRST.peers[0])


def test_a_second_bootstrap_is_too_late(state: ClusterState) -> None:
    with pytest.raises(PdError) as caught:
        state.bootstrap(replace(STORE, id=9), FIRST)
    assert caught.value.kind is ErrorType.ALREADY_BOOTSTRAPPED


def test_before_bootstrap_there_is_no_cluster(empty: ClusterState) -> None:
    for call in (
        lambda: empty.put_store(STORE),
        lambda: empty.store(1),
        lambda: empty.store_heartbeat(1, StoreStats()),
        lambda: empty.region_heartbeat(RegionInfo(FIRST, FIRST.peers[0])),
        lambda: empty.ask_split(FIRST, 1),
        lambda: empty.report_split([FIRST]),
        lambda: empty.batch_scan([(b"", b"")]),
    ):
        with pytest.raises(PdError) as caught:
            call()
        assert caught.value.kind is ErrorType.NOT_BOOTSTRAPPED


def test_a_new_store_serves_at_once(state: ClusterState) -> None:
    state.put_store(Store(4, "127.0.0.1:20161"))
    assert state.store(4).meta.node_state is NodeState.SERVING
    assert state.store(4).meta.state is StoreState.UP


def test_a_known_store_may_move_and_keeps_its_labels(state: ClusterState) -> None:
    state.put_store(replace(STORE, labels=(("zone", "a"), ("disk", "ssd"))))
    state.put_store(replace(STORE, address="127.0.0.1:9", labels=(("zone", "b"),), start_timestamp=5))
    meta = state.store(1).meta
    assert (meta.address, meta.start_timestamp) == ("127.0.0.1:9", 5)
    assert dict(meta.labels) == {"zone": "b", "disk": "ssd"}


@pytest.mark.parametrize(
    ("store", "problem"),
    [
        (Store(0, "a:1"), "id is 0"),
        (Store(4, STORE.address), "duplicated store address"),
        (Store(4, "a:1", peer_address=STORE.address), "duplicated store address"),
        (Store(4, "a:1", version="yesterday"), "is not a version"),
        (Store(4, "a:1", version="8.4.9"), "version should compatible"),
    ],
)
def test_a_store_that_is_not_taken(state: ClusterState, store: Store, problem: str) -> None:
    with pytest.raises(PdError, match=problem):
        state.put_store(store)


def test_an_older_patch_and_a_newer_version_are_compatible(state: ClusterState) -> None:
    state.put_store(Store(4, "a:1", version="v8.5.0-alpha"))
    state.put_store(Store(5, "a:2", version="9.0.0-beta.2.pre+abc"))
    assert state.cluster_version == "8.5.0"


def test_a_removed_stores_address_is_free_and_its_id_is_not(state: ClusterState) -> None:
    gone = state.store(1)
    gone.meta = replace(gone.meta, state=StoreState.TOMBSTONE, node_state=NodeState.REMOVED)
    state.put_store(Store(4, STORE.address))
    for call in (lambda: state.put_store(STORE), lambda: state.store_heartbeat(1, StoreStats())):
        with pytest.raises(PdError) as caught:
            call()
        assert caught.value.kind is ErrorType.STORE_TOMBSTONE


@pytest.mark.parametrize(
    ("silent_s", "name"), [(0, "Up"), (20, "Up"), (21, "Disconnected"), (1800, "Disconnected"), (1801, "Down")]
)
def test_a_silent_store_changes_its_name(clock: VirtualClock, state: ClusterState, silent_s: int, name: str) -> None:
    state.store_heartbeat(1, StoreStats())
    clock.advance(silent_s * NS_PER_SECOND)
    assert state.store(1).state_name(clock.wall_ns()) == name


def test_offline_is_a_name_of_its_own(clock: VirtualClock) -> None:
    assert StoreInfo(replace(STORE, state=StoreState.OFFLINE)).state_name(clock.wall_ns()) == "Offline"


def test_unknown_stores(state: ClusterState) -> None:
    with pytest.raises(PdError, match="invalid store ID 8, not found"):
        state.store(8)
    with pytest.raises(PdError, match="store 8 not found"):
        state.store_heartbeat(8, StoreStats())


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        (RegionInfo(FIRST), "leader"),
        (RegionInfo(replace(FIRST, id=0), FIRST.peers[0]), "id is 0"),
        (RegionInfo(replace(FIRST, peers=()), FIRST.peers[0]), "zero region peer count"),
        (RegionInfo(replace(FIRST, epoch=Epoch(0, 1)), FIRST.peers[0]), "stale"),
    ],
)
def test_a_report_that_is_not_taken(state: ClusterState, info: RegionInfo, problem: str) -> None:
    with pytest.raises(PdError, match=problem):
        state.region_heartbeat(info)


def test_ids_of_a_split_interleave(state: ClusterState) -> None:
    region = replace(FIRST, peers=(Peer(3, 1), Peer(8, 2)))
    assert state.ask_split(region, 2) == [SplitIds(4, (5, 6)), SplitIds(7, (8, 9))]


@pytest.mark.parametrize(
    ("region", "kind"),
    [
        (replace(FIRST, id=9), ErrorType.REGION_NOT_FOUND),
        (replace(FIRST, epoch=Epoch(1, 0)), ErrorType.UNKNOWN),
        (replace(FIRST, epoch=Epoch(0, 1)), ErrorType.UNKNOWN),
    ],
)
def test_a_split_that_is_not_allowed(state: ClusterState, region: Region, kind: ErrorType) -> None:
    with pytest.raises(PdError) as caught:
        state.ask_split(region, 1)
    assert caught.value.kind is kind


def test_a_reported_split_shares_the_size_and_keeps_the_leaders_store(state: ClusterState) -> None:
    state.region_heartbeat(RegionInfo(FIRST, FIRST.peers[0], approximate_size=90, approximate_keys=9))
    left = Region(4, b"", b"m", Epoch(1, 2), (Peer(5, 1),))
    right = replace(FIRST, start=b"m", epoch=Epoch(1, 2))
    state.report_split([left, right])
    assert [(info.region, info.leader, info.approximate_size, info.approximate_keys) for info in state.regions] == [
        (left, Peer(5, 1), 45, 4),
        (right, Peer(3, 1), 45, 4),
    ]


def split_in_three(state: ClusterState) -> None:
    epoch = Epoch(1, 3)
    pieces = [Region(4, b"", b"c", epoch, (Peer(5, 1),)), Region(6, b"c", b"m", epoch, (Peer(7, 1),))]
    state.report_split([*pieces, replace(FIRST, start=b"m", epoch=epoch)])


@pytest.mark.parametrize(
    ("ranges", "limit", "found"),
    [
        ([(b"", b"")], 0, [4, 6, 2]),
        ([(b"", b"")], 2, [4, 6]),
        ([(b"a", b"b"), (b"bb", b"bc")], 0, [4]),  # one Region, told once
        ([(b"a", b"d"), (b"n", b"")], 0, [4, 6, 2]),
        ([(b"a", b"b"), (b"d", b"e"), (b"x", b"y")], 2, [4, 6]),
        ([], 0, []),
    ],
)
def test_scans_of_several_ranges(
    state: ClusterState, ranges: Sequence[tuple[bytes, bytes]], limit: int, found: list[int]
) -> None:
    split_in_three(state)
    assert [info.region.id for info in state.batch_scan(ranges, limit, contain_all=True)] == found


@pytest.mark.parametrize(
    ("ranges", "problem"),
    [([(b"a", b"c"), (b"b", b"d")], "ranges overlapped"), ([(b"d", b"c")], "start key > end key")],
)
def test_ranges_that_are_no_ranges(state: ClusterState, ranges: Sequence[tuple[bytes, bytes]], problem: str) -> None:
    with pytest.raises(PdError, match=problem):
        state.batch_scan(ranges)


@pytest.mark.parametrize(
    ("start", "end", "limit", "whole"),
    [
        (b"a", b"b", 0, True),
        (b"a", b"d", 0, False),  # nobody has reported [c, m)
        (b"d", b"e", 0, False),
        (b"a", b"z", 1, True),  # the limit comes before the hole
        (b"n", b"", 0, True),
        (b"d", b"", 0, False),
    ],
)
def test_a_hole_is_an_error_where_all_was_asked_for(
    clock: VirtualClock, start: bytes, end: bytes, limit: int, whole: bool
) -> None:
    known = [
        RegionInfo(Region(4, b"", b"c", peers=(Peer(5, 1),))),
        RegionInfo(Region(2, b"m", b"", peers=(Peer(3, 1),))),
    ]
    state = ClusterState(77, clock, restored=Restored(1, [StoreInfo(STORE)], known))
    state.batch_scan([(start, end)], limit)
    if whole:
        state.batch_scan([(start, end)], limit, contain_all=True)
    else:
        with pytest.raises(PdError) as caught:
            state.batch_scan([(start, end)], limit, contain_all=True)
        assert caught.value.kind is ErrorType.REGIONS_NOT_CONTAIN_ALL_KEY_RANGE


def test_what_a_store_holds_is_counted_from_the_regions(state: ClusterState) -> None:
    state.put_store(Store(4, "a:1"))
    peers = (Peer(3, 1), Peer(9, 4, Role.LEARNER))
    region = replace(FIRST, peers=peers, epoch=Epoch(2, 1))
    state.region_heartbeat(RegionInfo(region, peers[0], pending_peers=(peers[1],), approximate_size=5 << 20))
    one, four = state.loads()[1], state.loads()[4]
    assert (one.regions, one.leaders, one.learners, one.region_size, one.leader_size) == (1, 1, 0, 5, 5)
    assert (four.regions, four.leaders, four.learners, four.pending, four.region_size) == (1, 0, 1, 1, 5)


def test_a_change_is_saved_before_it_is_seen(clock: VirtualClock) -> None:
    events: list[str] = []

    class Sink(NoSink):
        def save_bootstrap(self, wall_ns: int) -> None:
            events.append(f"bootstrap {made.bootstrapped}")

        def save_store(self, store: StoreInfo) -> None:
            events.append(f"store {store.meta.id} {store.meta.id in made.stores}")

        def save_region(self, info: RegionInfo, displaced: Sequence[RegionInfo]) -> None:
            events.append(f"region {info.region.id} {made.regions.get(info.region.id) is not None} {len(displaced)}")

    made = ClusterState(77, clock, sink=Sink())
    made.bootstrap(STORE, FIRST)
    assert events == ["bootstrap False", "region 2 False 0", "store 1 False"]
    made.region_heartbeat(RegionInfo(FIRST, FIRST.peers[0], approximate_size=9))
    assert len(events) == 3  # only sizes changed, and those come again

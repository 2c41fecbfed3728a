"""Each region error, and which comes first when several would fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from storekit import NoGroup

from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.store import checks
from ycsbpy.minicluster.store.regions import Replica, ReplicaMap
from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb

if TYPE_CHECKING:
    from collections.abc import Callable

OURS, THEIRS = Peer(31, 1), Peer(32, 4)
REGION = Region(3, b"c", b"m", Epoch(5, 7), (OURS, THEIRS))


@pytest.fixture
def replicas() -> ReplicaMap:
    made = ReplicaMap(1)
    for region_id, start, end in ((1, b"", b"b"), (2, b"b", b"c")):
        peer = Peer(region_id * 10, 1)
        made.add(
            Replica(Region(region_id, start, end, Epoch(5, 7), (peer,)), peer, group=NoGroup(), leader=peer, term=6)
        )
    made.add(Replica(REGION, OURS, group=NoGroup(), leader=OURS, term=9))
    return made


def context(**changes: Any) -> kvrpcpb.Context:
    made = kvrpcpb.Context(region_id=3, term=changes.pop("term", 0))
    made.peer.id, made.peer.store_id = changes.pop("peer", 31), changes.pop("store", 1)
    version = changes.pop("version", 7)
    if version is not None:
        made.region_epoch.conf_ver, made.region_epoch.version = changes.pop("conf_ver", 5), version
    made.region_id = changes.pop("region", 3)
    assert not changes
    return made


def refused(call: Callable[[], Any]) -> errorpb.Error:
    with pytest.raises(checks.RegionError) as caught:
        call()
    assert caught.value.error.message
    return caught.value.error


def kind(error: errorpb.Error) -> str:
    set_fields = [field.name for field, _ in error.ListFields() if field.name != "message"]
    assert len(set_fields) <= 1
    return set_fields[0] if set_fields else ""


@pytest.mark.parametrize("changes", [{}, {"conf_ver": 1}, {"conf_ver": 9}, {"term": 8}, {"term": 9}, {"term": 99}])
def test_what_may_be_served(replicas: ReplicaMap, changes: dict[str, int]) -> None:
    assert checks.admit(replicas, context(**changes)) is replicas.get(3)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"store": 2}, "store_not_match"),
        ({"store": 0}, "store_not_match"),
        ({"region": 99}, "region_not_found"),
        ({"region": 0}, "region_not_found"),
        ({"peer": 32}, "mismatch_peer_id"),
        ({"term": 7}, "stale_command"),
        ({"version": None}, ""),
        ({"version": 6}, "epoch_not_match"),
        ({"version": 8}, "epoch_not_match"),
        # the first of several
        ({"store": 2, "region": 99, "peer": 1, "version": 1}, "store_not_match"),
        ({"region": 99, "peer": 1, "version": 1}, "region_not_found"),
        ({"peer": 1, "term": 1, "version": 1}, "mismatch_peer_id"),
        ({"term": 1, "version": 1}, "stale_command"),
    ],
)
def test_what_is_refused(replicas: ReplicaMap, changes: dict[str, Any], expected: str) -> None:
    assert kind(refused(lambda: checks.admit(replicas, context(**changes)))) == expected


@pytest.mark.parametrize("leader", [THEIRS, None])
def test_a_follower_says_who_leads_before_anything_about_epochs(replicas: ReplicaMap, leader: Peer | None) -> None:
    replica = replicas.get(3)
    assert replica is not None
    replicas.lead(replica, leader, 9)
    error = refused(lambda: checks.admit(replicas, context(term=1, version=1)))
    assert error.not_leader.region_id == 3
    assert error.not_leader.HasField("leader") == (leader is not None)
    if leader is not None:
        assert (error.not_leader.leader.id, error.not_leader.leader.store_id) == (32, 4)


def test_the_details_of_misrouted_requests(replicas: ReplicaMap) -> None:
    error = refused(lambda: checks.admit(replicas, context(store=2)))
    assert (error.store_not_match.request_store_id, error.store_not_match.actual_store_id) == (2, 1)
    error = refused(lambda: checks.admit(replicas, context(region=99)))
    assert error.region_not_found.region_id == 99
    error = refused(lambda: checks.admit(replicas, context(peer=32)))
    assert (error.mismatch_peer_id.request_peer_id, error.mismatch_peer_id.store_peer_id) == (32, 31)


@pytest.mark.parametrize(("version", "told"), [(6, [3, 2]), (5, [3, 2, 1]), (1, [3, 2, 1]), (8, [3])])
def test_an_outdated_client_is_told_the_neighbours_that_were_split_off(
    replicas: ReplicaMap, version: int, told: list[int]
) -> None:
    error = refused(lambda: checks.admit(replicas, context(version=version)))
    current = error.epoch_not_match.current_regions
    assert [region.id for region in current] == told
    assert (current[0].start_key, current[0].end_key, current[0].region_epoch.version) == (b"c", b"m", 7)


@pytest.mark.parametrize(("key", "held"), [(b"b", False), (b"c", True), (b"lzz", True), (b"m", False), (b"", False)])
def test_keys(key: bytes, held: bool) -> None:
    if held:
        checks.check_key(REGION, key)
        return
    error = refused(lambda: checks.check_key(REGION, key)).key_not_in_region
    assert (error.key, error.region_id, error.start_key, error.end_key) == (key, 3, b"c", b"m")


def test_a_scan_may_begin_at_the_end() -> None:
    checks.check_scan_start(REGION, b"c")
    checks.check_scan_start(REGION, b"m")
    for key in (b"", b"bz", b"m\x00"):
        assert kind(refused(lambda key=key: checks.check_scan_start(REGION, key))) == "key_not_in_region"  # type: ignore[misc]


def test_a_range_may_end_at_the_end() -> None:
    checks.check_range_end(REGION, b"m")
    checks.check_range_end(Region(3), b"")
    for key in (b"", b"m\x00"):
        assert kind(refused(lambda key=key: checks.check_range_end(REGION, key))) == "key_not_in_region"  # type: ignore[misc]


def test_entries_have_a_limit() -> None:
    checks.check_entry_size(REGION, 8 << 20)
    error = refused(lambda: checks.check_entry_size(REGION, (8 << 20) + 1)).raft_entry_too_large
    assert (error.region_id, error.entry_size) == (3, (8 << 20) + 1)


def test_a_missed_deadline_is_a_busy_server() -> None:
    assert checks.deadline_exceeded().error.server_is_busy.reason == "deadline is exceeded"

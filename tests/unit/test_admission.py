"""What is decided about a context is remembered, and forgotten in time."""

from __future__ import annotations

import pytest
from storekit import CLUSTER, StoreKit

from ycsbpy.minicluster.model import Peer, SplitIds
from ycsbpy.minicluster.store.admission import Admissions, BadRequestError, ForeignClusterError
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.commands import Split
from ycsbpy.minicluster.store.rawkv import StorageError
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb


@pytest.fixture
def kit() -> StoreKit:
    return StoreKit(b"m")


def test_the_same_bytes_get_the_same_answer(kit: StoreKit) -> None:
    data = kit.context(2, max_execution_duration_ms=30).SerializeToString()
    first = kit.admissions(data, "raw_get")
    assert first is kit.admissions(data, "raw_get")
    assert (first.replica, first.version, first.deadline_ms) == (kit.replica(2), 2, 30)
    assert (first.holds(b"a"), first.holds(b"m")) == (True, False)


def test_a_change_of_any_region_is_noticed(kit: StoreKit) -> None:
    data = kit.context(2).SerializeToString()
    kit.admissions(data, "raw_get")
    kit.do(2, Split((b"c",), (SplitIds(7, (8,)),)))
    with pytest.raises(RegionError) as caught:
        kit.admissions(data, "raw_get")
    assert caught.value.error.HasField("epoch_not_match")


def test_a_change_of_leader_is_noticed_there_and_back(kit: StoreKit) -> None:
    data, replica = kit.context(2).SerializeToString(), kit.replica(2)
    kit.admissions(data, "raw_get")
    kit.replicas.lead(replica, Peer(99, 4), 7)
    with pytest.raises(RegionError) as caught:
        kit.admissions(data, "raw_get")
    assert caught.value.error.not_leader.leader.id == 99
    kit.replicas.lead(replica, replica.peer, 8)
    assert kit.admissions(data, "raw_get").replica is replica


@pytest.mark.parametrize(
    ("version", "ttl", "text"),
    [
        (kvrpcpb.V2, True, "cmd: raw_get, storage: V1ttl, request: V2"),
        (kvrpcpb.V1TTL, False, "cmd: raw_get, storage: V1, request: V1TTL"),
        (77, True, "request: 77"),
    ],
)
def test_other_api_versions_are_refused_in_tikvs_words(version: int, ttl: bool, text: str) -> None:
    kit = StoreKit(ttl=ttl)
    with pytest.raises(StorageError, match="Api version in request does not match with TiKV storage") as caught:
        kit.admissions(kit.context(api_version=version).SerializeToString(), "raw_get")
    assert text in str(caught.value)


def test_clusters_are_told_apart(kit: StoreKit) -> None:
    kit.admissions(kit.context(cluster_id=CLUSTER).SerializeToString(), "raw_get")
    with pytest.raises(ForeignClusterError):
        kit.admissions(kit.context(cluster_id=CLUSTER + 1).SerializeToString(), "raw_get")


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x08"])
def test_bytes_that_are_no_context(kit: StoreKit, data: bytes) -> None:
    with pytest.raises(BadRequestError):
        kit.admissions(data, "raw_get")


def test_contexts_that_never_come_again_cost_bounded_memory(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admissions, "MAX_KEPT", 8)
    for number in range(50):
        data = kit.context(trace_id=b"%d" % number).SerializeToString()
        assert kit.admissions(data, "raw_get").replica is kit.replica(2)
        assert len(kit.admissions._kept) <= 8

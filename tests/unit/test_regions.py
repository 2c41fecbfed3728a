"""The replicas of a store."""

from __future__ import annotations

import pytest
from storekit import NoGroup

from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.store.regions import Replica, ReplicaMap


def replica(region_id: int, start: bytes, end: bytes) -> Replica:
    peer = Peer(region_id * 10, 1)
    return Replica(Region(region_id, start, end, peers=(peer,)), peer, group=NoGroup(), leader=peer)


@pytest.fixture
def replicas() -> ReplicaMap:
    made = ReplicaMap(1)
    for each in (replica(2, b"m", b""), replica(4, b"", b"c"), replica(6, b"c", b"m")):
        made.add(each)
    return made


def test_replicas_are_found_by_id_and_go_in_key_order(replicas: ReplicaMap) -> None:
    assert [each.region.id for each in replicas] == [4, 6, 2]
    assert replicas.get(9) is None
    found = replicas.get(6)
    assert found is not None
    assert found.region.start == b"c"


def test_a_region_has_one_replica_here(replicas: ReplicaMap) -> None:
    with pytest.raises(ValueError, match="region 6"):
        replicas.add(replica(6, b"x", b"y"))


def test_left_neighbours_come_nearest_first(replicas: ReplicaMap) -> None:
    two = replicas.get(2)
    assert two is not None
    assert [region.id for region in replicas.neighbours(two, 5)] == [6, 4]
    assert [region.id for region in replicas.neighbours(two, 1)] == [6]
    four = replicas.get(4)
    assert four is not None
    assert replicas.neighbours(four, 3) == []


def test_an_update_moves_the_replica(replicas: ReplicaMap) -> None:
    two = replicas.get(2)
    assert two is not None
    new = Region(2, b"a", b"b", Epoch(1, 2), (Peer(77, 1),))
    replicas.update(two, new)
    assert [each.region.id for each in replicas] == [4, 2, 6]
    assert (two.region, two.peer) == (new, Peer(77, 1))
    assert not two.is_leader  # its peer is another now


def test_who_leads(replicas: ReplicaMap) -> None:
    two = replicas.get(2)
    assert two is not None
    assert two.is_leader
    replicas.lead(two, Peer(99, 4), 8)
    assert (two.is_leader, two.term) == (False, 8)
    replicas.lead(two, None, 9)
    assert not two.is_leader


def test_every_change_is_told(replicas: ReplicaMap) -> None:
    told: list[int] = []
    replicas.on_change(lambda: told.append(len(replicas)))
    two = replicas.get(2)
    assert two is not None
    replicas.add(replica(8, b"d", b"e"))
    replicas.update(two, two.region)
    replicas.lead(two, None, 9)
    assert replicas.remove(8).region.id == 8
    assert told == [4, 4, 4, 3]
    with pytest.raises(KeyError):
        replicas.remove(8)


def test_flow_adds_up() -> None:
    stats = replica(1, b"", b"").stats
    stats.wrote(10, 1)
    stats.wrote(5, 2)
    assert (stats.size, stats.total_keys, stats.bytes_written, stats.keys_written) == (15, 3, 15, 3)

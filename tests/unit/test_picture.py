"""PD's answers as a picture: the shapes that a real PD gave, and those that nobody gives."""

from __future__ import annotations

from typing import Any

import pytest

from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.picture import PeerFacts, take_picture
from ycsbpy.errors import ClusterError

STORE = {
    "store": {"id": 74, "address": "127.0.0.1:1074", "version": "8.5.0", "node_state": 1, "state_name": "Up"},
    "status": {
        "capacity": "100GiB",
        "leader_count": 3,
        "region_count": 14,
        "region_score": 6167.14,
        "region_size": 1344,
    },
}
FLASH = {"store": {"id": 9, "address": "h:1", "state_name": "Up", "labels": [{"key": "engine", "value": "tiflash"}]}}
REGION = {
    "id": 8,
    "start_key": "6B30",
    "end_key": "",
    "epoch": {"conf_ver": 5, "version": 20},
    "peers": [
        {"role_name": "Voter", "id": 9, "store_id": 1},
        {"role_name": "Learner", "is_learner": True, "id": 81, "store_id": 74, "role": 1},
    ],
    "leader": {"role_name": "Voter", "id": 9, "store_id": 1},
    "pending_peers": [{"role_name": "Learner", "id": 81, "store_id": 74}],
    "down_peers": [{"down_seconds": 60, "peer": {"id": 81, "store_id": 74}}],
    "approximate_size": 96,
}
ANSWERS: dict[str, Any] = {
    "/stores": {"count": 2, "stores": [STORE, FLASH]},
    "/regions": {"count": 1, "regions": [REGION]},
    "/operators": ["add-rule-peer {add peer: store [74]} (kind:replica,region, region:8(20, 3)…"],
    "/schedulers": ["balance-region-scheduler"],
    "/config/schedule": {"region-schedule-limit": 2048},
    "/config/replicate": {"max-replicas": 5},
}


class Pd(PdHttp):
    def __init__(self, **changes: Any) -> None:
        super().__init__(["127.0.0.1:1"])
        self.answers = {**ANSWERS, **{f"/{name}": value for name, value in changes.items()}}

    def get(self, path: str) -> Any:
        return self.answers[path]


def test_what_pd_says() -> None:
    picture = take_picture(Pd())
    store = picture.stores[74]
    assert (store.address, store.state, store.up, store.regions, store.leaders) == ("127.0.0.1:1074", "Up", True, 14, 3)
    assert (store.size_mib, store.score, store.tiflash) == (1344, 6167.14, False)
    assert picture.stores[9].tiflash
    assert [one.id for one in picture.tikv_stores] == [74]
    (region,) = picture.regions
    assert (region.id, region.start, region.end, region.conf_ver, region.version) == (8, b"k0", b"", 5, 20)
    assert region.peers == (PeerFacts(9, 1), PeerFacts(81, 74, "Learner"))
    assert (region.leader, region.pending, region.down, region.size_mib) == (1, frozenset({81}), frozenset({81}), 96)
    assert picture.max_replicas == 5
    assert len(picture.operators) == 1


def test_lists_that_are_null_are_empty() -> None:
    picture = take_picture(
        Pd(stores={"count": 0, "stores": None}, regions={"count": 0, "regions": None}, operators=None)
    )
    assert not picture.stores
    assert not picture.regions
    assert not picture.operators


@pytest.mark.parametrize(
    "broken", [{"stores": "what"}, {"regions": {"regions": [{"id": "x"}]}}, {"stores": {"stores": [{}]}}]
)
def test_shapes_that_nobody_knows_are_an_error(broken: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="shape that is not known"):
        take_picture(Pd(**broken))


def test_the_fingerprint_changes_with_every_move() -> None:
    def printed(**change: Any) -> object:
        return take_picture(Pd(regions={"regions": [{**REGION, **change}]})).fingerprint()

    same = printed()
    assert printed() == same
    assert printed(approximate_size=200) == same
    for change in ({"epoch": {"conf_ver": 6, "version": 20}}, {"epoch": {"conf_ver": 5, "version": 21}},
                   {"leader": {"id": 81, "store_id": 74}}, {"id": 9}):  # fmt: skip
        assert printed(**change) != same

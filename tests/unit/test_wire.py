"""Values to messages and back."""

from __future__ import annotations

import pytest

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Epoch, NodeState, Peer, Region, Role, Store, StoreState
from ycsbpy.proto import metapb_pb2 as metapb


@pytest.mark.parametrize("role", list(Role))
def test_a_peer_survives(role: Role) -> None:
    peer = Peer(7, 4, role, is_witness=True)
    assert wire.peer_from_pb(wire.peer_to_pb(peer)) == peer


def test_a_region_survives() -> None:
    region = Region(2, b"\x00a", b"\xff", Epoch(5, 9), (Peer(3, 1), Peer(4, 2, Role.LEARNER)))
    assert wire.region_from_pb(wire.region_to_pb(region)) == region


def test_a_store_survives() -> None:
    store = Store(
        id=1,
        address="127.0.0.1:20160",
        state=StoreState.OFFLINE,
        labels=(("zone", "z1"), ("host", "h1")),
        version="8.5.0",
        peer_address="127.0.0.1:20161",
        status_address="127.0.0.1:20180",
        git_hash="abc",
        start_timestamp=17,
        deploy_path="/x",
        last_heartbeat=18,
        physically_destroyed=True,
        node_state=NodeState.REMOVING,
    )
    assert wire.store_from_pb(wire.store_to_pb(store)) == store


def test_values_from_the_future_are_errors() -> None:
    with pytest.raises(ValueError, match="9"):
        wire.peer_from_pb(metapb.Peer(id=1, role=9))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="7"):
        wire.store_from_pb(metapb.Store(id=1, node_state=7))  # type: ignore[arg-type]

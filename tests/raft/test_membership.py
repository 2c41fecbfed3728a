"""Learners, and changes of who takes part (thesis, chapter 4), over a network."""

from __future__ import annotations

from typing import Any

import pytest
from raft.network import Network

from ycsbpy.minicluster.raft import (
    ConfChange,
    ConfChangeTransition,
    ConfChangeType,
    MemoryStorage,
    ProposalDroppedError,
    Role,
)


def config(network: Network, node: int) -> str:
    return str(network.raft(node).raft.tracker.config)


def led(count: int = 3, **settings: Any) -> Network:
    network = Network(count, **settings)
    network.elect(1)
    return network


def test_a_learner_gets_entries_and_decides_nothing() -> None:
    network = led(3, learners=[3])
    network.isolate(2)
    network.propose(1, b"x")
    assert network[1].data == []
    assert network[3].storage.last_index() == 2
    network.tick(3, 50)
    assert network.raft(3).role == Role.FOLLOWER


def test_a_newcomer_catches_up_as_a_learner_and_is_promoted() -> None:
    network = led(1)
    network.propose(1, b"x")
    network.add(2, MemoryStorage.with_voters(1))  # what the group began with is not in the log
    network.change(1, "l2")
    network.tick(1, 4)
    assert network[2].data == [b"x"]
    network.change(1, "v2")
    network.tick(1, 4)
    assert config(network, 1) == config(network, 2) == "voters=(1 2)"
    network.isolate(2)
    network.propose(1, b"y")
    assert network[1].data == [b"x"]


def test_the_older_form_of_a_change_works_too() -> None:
    network = led(1)
    network.raft(1).propose_conf_change(ConfChange(ConfChangeType.ADD_LEARNER_NODE, 2))
    network.pump()
    assert config(network, 1) == "voters=(1) learners=(2)"


def test_one_change_at_a_time() -> None:
    network = led()
    network.isolate(1)
    network.change(1, "l4")
    with pytest.raises(ProposalDroppedError, match="is not applied yet"):
        network.change(1, "l5")


@pytest.mark.parametrize("text", ["r1 r2", "r1 r2 r3"])
def test_an_impossible_change_is_not_proposed(text: str) -> None:
    network = led()
    last = network[1].log
    with pytest.raises(ProposalDroppedError):
        network.change(1, text if text != "r1 r2" else "l1 l2 l3")
    assert network[1].log == last


def test_a_joint_configuration_is_left_by_itself() -> None:
    network = led()
    network.add(4, MemoryStorage.with_voters(1, 2, 3))
    network.change(1, "v4 r3")
    network.tick(1, 4)
    assert config(network, 1) == config(network, 2) == config(network, 4) == "voters=(1 2 4)"


def test_or_when_it_is_told_to() -> None:
    network = led()
    network.add(4, MemoryStorage.with_voters(1, 2, 3))
    network.change(1, "v4 l3", ConfChangeTransition.EXPLICIT)
    network.tick(1, 4)
    assert config(network, 1) == "voters=(1 2 4)&&(1 2 3) learners_next=(3)"
    network.change(1, "")
    network.tick(1, 4)
    assert config(network, 4) == "voters=(1 2 4) learners=(3)"


def test_both_halves_decide_in_a_joint_configuration() -> None:
    network = led()
    for node in (4, 5):
        network.add(node, MemoryStorage.with_voters(1, 2, 3))
    network.change(1, "v4 v5 r2 r3", ConfChangeTransition.EXPLICIT)
    network.tick(1, 4)
    for missing in ((2, 3), (4, 5)):
        for node in missing:
            network.isolate(node)
        before = network[1].committed
        network.propose(1, b"x")
        assert network[1].committed == before
        network.recover()
        network.tick(1, 4)
        assert network[1].committed > before


def test_a_leader_that_is_removed_steps_down() -> None:
    network = led()
    network.change(1, "r1")
    assert network.raft(1).role == Role.FOLLOWER
    assert not network.raft(1).campaign()
    network.tick(2, 40)
    network.elect(2)
    network.propose(2, b"x")
    assert network[2].data == [b"x"]


def test_a_new_leader_ends_what_the_old_one_began() -> None:
    network = led()
    network.change(1, "l4", ConfChangeTransition.IMPLICIT)
    network.tick(1, 4)
    assert config(network, 2) == "voters=(1 2 3) learners=(4)"

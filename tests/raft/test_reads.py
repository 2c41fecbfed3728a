"""Reads by lease and by read index (thesis 6.4)."""

from __future__ import annotations

from typing import Any

import pytest
from raft.network import TICK_NS, Network

from ycsbpy.minicluster.raft import Message, MessageType, ReadOnlyOption, ReadState, Role


def led(count: int = 3, **settings: Any) -> Network:
    network = Network(count, **settings)
    network.elect(1)
    network.tick(1, 2)
    return network


# read index


@pytest.mark.parametrize("node", [1, 2])
def test_a_read_index_is_proven_by_a_round_of_heartbeats(node: int) -> None:
    network = led()
    network.propose(1, b"x")
    network.sent()
    assert network.raft(node).read_index(b"r1")
    network.pump()
    assert network[node].reads == [ReadState(network[1].committed, b"r1")]
    assert len(network.sent(MessageType.HEARTBEAT)) == 2


def test_one_round_serves_all_reads_of_a_pass() -> None:
    network = led()
    network.sent()
    for number in range(10):
        network.raft(1).read_index(b"%d" % number)
    network.pump()
    assert len(network[1].reads) == 10
    assert len(network.sent(MessageType.HEARTBEAT)) == 2


def test_a_leader_that_is_cut_off_answers_no_read() -> None:
    network = led()
    network.isolate(1)
    network.raft(1).read_index(b"r")
    network.pump()
    assert network[1].reads == []
    network.recover()
    network.tick(1, 2)  # a later round proves it as well
    assert network[1].reads == [ReadState(1, b"r")]


def test_answers_to_earlier_rounds_prove_nothing() -> None:
    network = led()
    old = [one for one in network.log if one.msg_type == MessageType.HEARTBEAT_RESPONSE][-1]
    network.isolate(1)
    network.raft(1).read_index(b"r")
    network.pump()
    for sender in (2, 3):
        network.deliver(Message(MessageType.HEARTBEAT_RESPONSE, 1, sender, 1, context=old.context))
        network.deliver(Message(MessageType.HEARTBEAT_RESPONSE, 1, sender, 1, context=b"\xff" * 8))
    network.pump()
    assert network[1].reads == []


def test_a_new_leader_first_commits_an_entry_of_its_own() -> None:
    network = led()
    network.propose(1, b"x")
    network.ignore(MessageType.APPEND)
    network.elect(2)
    network.raft(2).read_index(b"r")
    network.pump()
    assert network[2].reads == []
    network.recover()
    network.tick(2, 4)
    assert network[2].reads == [ReadState(network[2].committed, b"r")]
    assert network[2].committed == 3


def test_reads_that_wait_are_dropped_with_the_leadership() -> None:
    network = led()
    network.isolate(1)
    network.raft(1).read_index(b"r")
    network.pump()
    network.elect(2)
    network.recover()
    network.tick(2, 4)
    network.tick(2, 4)
    assert network.raft(1).role == Role.FOLLOWER
    assert network[1].reads == []


def test_without_a_leader_there_is_no_read_index() -> None:
    assert not Network(3).raft(2).read_index(b"r")


def test_a_single_voter_proves_reads_by_itself() -> None:
    network = led(1)
    network.raft(1).read_index(b"r")
    network.pump()
    assert network[1].reads == [ReadState(1, b"r")]


def test_a_leader_with_a_lease_may_answer_by_it() -> None:
    network = led(read_only_option=ReadOnlyOption.LEASE_BASED)
    network.isolate(1)
    network.raft(1).read_index(b"r1")
    network.pump()
    assert network[1].reads == [ReadState(1, b"r1")]
    network.now += 9 * TICK_NS
    network.raft(1).read_index(b"r2")
    network.pump()
    assert len(network[1].reads) == 1


# the lease


def test_a_lease_holds_for_its_time_from_when_the_round_was_sent() -> None:
    network = led()
    network.now += 5
    network.raft(1).wake()
    network.drain(network[1])
    sent = network.now
    network.now += TICK_NS
    network.pump()
    duration = network.raft(1).raft.lease.duration_ns
    assert duration == 9 * TICK_NS * 9 // 10
    assert network.raft(1).lease_read_index(sent + duration - 1) == 1
    assert network.raft(1).lease_read_index(sent + duration) == 0


def test_an_acknowledged_entry_renews_it_too() -> None:
    network = led()
    network.now += 20 * TICK_NS
    assert not network.raft(1).lease_read_index(network.now)
    network.propose(1, b"x")
    assert network.raft(1).lease_read_index(network.now) == 2


def test_it_needs_a_quorum() -> None:
    network = led(5)
    network.now += 20 * TICK_NS
    for node in (3, 4, 5):
        network.isolate(node)
    network.raft(1).wake()
    network.pump()
    assert not network.raft(1).lease_read_index(network.now)


def test_followers_have_none() -> None:
    assert not led().raft(2).lease_read_index(0)


def test_no_lease_read_before_an_entry_of_the_term() -> None:
    network = led()
    network.ignore(MessageType.APPEND)
    network.elect(2)
    network.tick(2, 2)
    assert network.raft(2).raft.lease_holds(network.now)
    assert not network.raft(2).lease_read_index(network.now)


def test_a_lease_that_is_suspect_is_renewed_by_what_is_sent_later() -> None:
    network = led()
    network.raft(1).wake()
    network.drain(network[1])
    network.raft(1).suspect_lease()
    network.pump()
    assert not network.raft(1).lease_read_index(network.now)
    network.raft(1).wake()
    network.pump()
    assert network.raft(1).lease_read_index(network.now)


def test_no_other_leader_while_a_lease_holds() -> None:
    """By the clocks of all: the leader is cut off, the others elect one as soon as they may."""
    network = led()
    network.raft(1).wake()
    network.pump()
    network.isolate(1)
    network.raft(2).raft.randomized_timeout = 10
    for _ in range(30):
        network.now += TICK_NS
        for node in (2, 3):
            network.raft(node).tick()
        network.pump()
        if network.raft(1).lease_read_index(network.now):
            assert network.leaders == [1]
    assert network.raft(2).role == Role.LEADER
    assert not network.raft(1).lease_read_index(network.now)

"""Batches, windows, snapshots and compaction, over a network."""

from __future__ import annotations

from typing import Any

import pytest
from raft.network import Network

from ycsbpy.minicluster.raft import Entry, MessageType, ProgressState, ProposalDroppedError


def led(count: int = 3, **settings: Any) -> Network:
    network = Network(count, **settings)
    network.elect(1)
    network.tick(1, 2)
    network.sent()
    return network


def test_proposals_of_one_pass_go_out_in_one_message() -> None:
    network = led()
    for number in range(20):
        network.raft(1).propose(b"%d" % number)
    network.drain(network[1])
    assert [(one.to, len(one.entries)) for one in network.sent(MessageType.APPEND)] == [(2, 20), (3, 20)]
    network.pump()
    assert len(network[1].data) == 20


def test_several_entries_are_proposed_together_or_not_at_all() -> None:
    network = led(max_uncommitted_size=1 << 20, max_size_per_msg=10)
    network.isolate(1)
    assert network.raft(1).propose_entries([Entry(data=b"a"), Entry(data=b"b")]) == 2
    with pytest.raises(ProposalDroppedError, match="2 bytes are uncommitted"):
        network.raft(1).propose_entries([Entry(data=b"c"), Entry(data=bytes(1 << 20))])
    assert network.raft(1).raft.log.last_index() == 3


def test_messages_are_no_larger_than_allowed() -> None:
    network = led(max_size_per_msg=100)
    network.raft(1).propose_entries([Entry(data=bytes(30)) for _ in range(6)])
    network.drain(network[1])
    assert [len(one.entries) for one in network.sent(MessageType.APPEND) if one.to == 2] == [2, 2, 2]


def test_a_window_of_messages_in_flight() -> None:
    network = led(max_inflight_msgs=2)
    network.isolate(2)
    for _ in range(5):
        network.raft(1).propose(b"x")
        network.drain(network[1])
    assert len([one for one in network.sent(MessageType.APPEND) if one.to == 2]) == 2
    network.pump()
    network.recover()
    network.tick(1, 8)
    assert network[2].storage.last_index() == network[1].storage.last_index()


def behind(**settings: Any) -> Network:
    """Node 3 lacks entries that the leader has compacted."""
    network = led(**settings)
    network.isolate(3)
    network.propose(1, *[b"x"] * 10)
    network[1].storage.compact(8)
    network[1].storage.snapshot_data = b"state"
    network.raft(1).release_cache()
    network.recover()
    return network


def test_whoever_lacks_compacted_entries_gets_a_snapshot() -> None:
    network = behind()
    network.tick(1, 4)
    (sent,) = network.sent(MessageType.SNAPSHOT)
    assert sent.to == 3
    network.raft(1).report_snapshot(3, arrived=True)
    network.tick(1, 4)
    assert network[3].storage.snapshot_data == b"state"
    network.propose(1, b"y")
    network.tick(1, 4)
    assert network[3].data == [b"y"]
    assert network.raft(1).raft.tracker.progress[3].state == ProgressState.REPLICATE


def test_a_snapshot_that_is_not_ready_is_asked_for_again() -> None:
    network = behind()
    network[1].storage.making_snapshot = True
    network.tick(1, 4)
    assert network.sent(MessageType.SNAPSHOT) == []
    network[1].storage.making_snapshot = False
    network.tick(1, 4)
    assert len(network.sent(MessageType.SNAPSHOT)) == 1


def test_a_lost_snapshot_is_sent_again() -> None:
    network = behind()
    network.ignore(MessageType.SNAPSHOT)
    network.tick(1, 4)
    network.recover()
    network.tick(1, 4)
    assert len(network.sent(MessageType.SNAPSHOT)) == 1  # nothing more is sent until the transport reports
    network.raft(1).report_snapshot(3, arrived=False)
    network.tick(1, 4)
    assert len(network.sent(MessageType.SNAPSHOT)) == 1
    assert network[3].storage.snapshot_data == b"state"


def test_nobody_loses_acknowledged_entries_for_an_older_snapshot() -> None:
    """Not even a node that asked for one; the leader may count on what it acknowledged."""
    network = led()
    network.propose(1, b"a")
    network.tick(1, 2)
    old = network[1].storage.snapshot(0, 3)
    network.isolate(2)
    network.propose(1, b"b")
    raft = network.raft(3)
    last = raft.raft.log.last_index()
    raft.raft.log.committed = old.index  # it has not heard yet that the last one is committed
    assert raft.request_snapshot()
    assert not raft.raft.restore(old)
    assert raft.raft.log.last_index() == last

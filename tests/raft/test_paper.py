"""Raft as the paper has it, section by section, over a network that tests cut (D. Ongaro and J. Ousterhout, extended
version). What goes beyond the paper is in test_elections, test_reads, test_membership and test_replication."""

from __future__ import annotations

from typing import Any

import pytest
from raft.network import Network, entries

from ycsbpy.minicluster.raft import (
    ConfState,
    HardState,
    LogCorruptionError,
    MemoryStorage,
    Message,
    MessageType,
    ProposalDroppedError,
    Role,
)

VOTES = MessageType.REQUEST_VOTE_RESPONSE
PLAIN: dict[str, Any] = {"pre_vote": False, "check_quorum": False, "tick_ns": 0}
"""Without what the paper does not have."""


def disk(*terms: int, voters: int = 3, term: int = 0, vote: int = 0, commit: int = 0) -> MemoryStorage:
    """A stored log of entries with these terms."""
    storage = MemoryStorage.with_voters(*range(1, voters + 1))
    storage.append(entries(*terms))
    storage.set_hard_state(HardState(term or max(terms, default=0), vote, commit))
    return storage


def request_vote(to: int, sender: int, term: int, *, index: int = 0, log_term: int = 0) -> Message:
    return Message(MessageType.REQUEST_VOTE, to, sender, term, log_term=log_term, index=index)


# 5.1  basics


@pytest.mark.parametrize("role", [Role.FOLLOWER, Role.CANDIDATE, Role.LEADER])
def test_5_1_a_higher_term_makes_everybody_a_follower(role: Role) -> None:
    network = Network(3, **PLAIN)
    if role == Role.LEADER:
        network.elect(1)
    elif role == Role.CANDIDATE:
        network.isolate(1)
        network.raft(1).campaign()
        network.pump()
    assert network.raft(1).role == role
    network.deliver(Message(MessageType.APPEND, 1, 2, 9))
    assert (network.raft(1).role, network.raft(1).term, network.raft(1).leader_id) == (Role.FOLLOWER, 9, 2)


def test_5_1_messages_of_an_earlier_term_change_nothing() -> None:
    network = Network(3, **PLAIN)
    network.elect(1)
    network.raft(2).raft.become_follower(5, 1)
    before = network[2].log
    network.deliver(Message(MessageType.APPEND, 2, 3, 4, entries=entries(4, 4)))
    network.deliver(request_vote(2, 3, 4, index=9, log_term=4))
    network.pump()
    assert network[2].log == before
    assert network.raft(2).leader_id == 1


# 5.2  leader election


def test_5_2_nodes_start_as_followers() -> None:
    network = Network(3)
    assert {member.node.role for member in network.members.values()} == {Role.FOLLOWER}
    assert network.leaders == []


def test_5_2_a_leader_sends_heartbeats_at_its_interval() -> None:
    network = Network(3, heartbeat_tick=2, **PLAIN)
    network.elect(1)
    network.sent()
    counts = []
    for _ in range(4):
        network.tick(1)
        counts.append(len(network.sent(MessageType.HEARTBEAT)))
    assert counts == [0, 2, 0, 2]


def test_5_2_whoever_hears_no_leader_begins_an_election() -> None:
    network = Network(3, **PLAIN)
    network.isolate(2)
    network.tick(2, 19)
    assert (network.raft(2).role, network.raft(2).term) == (Role.CANDIDATE, 1)
    requests = network.sent(MessageType.REQUEST_VOTE)
    assert [(one.to, one.term) for one in requests][:2] == [(1, 1), (3, 1)]
    network.tick(2, 19)
    assert network.raft(2).term > 1


def test_5_2_heartbeats_keep_followers_from_campaigning() -> None:
    network = Network(3, **PLAIN)
    network.elect(1)
    network.tick_all(100)
    assert (network.leader, network.raft(1).term) == (1, 1)


ELECTIONS = {
    # voters, who is cut off → whether node 1 is elected
    (1, ()): True,
    (2, ()): True,
    (2, (2,)): False,
    (3, (2,)): True,
    (3, (2, 3)): False,
    (4, (2,)): True,
    (4, (2, 3)): False,
    (5, (2, 3)): True,
    (5, (2, 3, 4)): False,
}


@pytest.mark.parametrize(("voters", "cut"), ELECTIONS)
def test_5_2_a_majority_of_votes_wins(voters: int, cut: tuple[int, ...]) -> None:
    network = Network(voters, **PLAIN)
    for node in cut:
        network.isolate(node)
    network.raft(1).campaign()
    network.pump()
    assert (network.raft(1).role == Role.LEADER) == ELECTIONS[voters, cut]


def test_5_2_first_come_first_served() -> None:
    network = Network(3, **PLAIN)
    answers = []
    for sender in (1, 3, 1):
        network.deliver(request_vote(2, sender, 5))
        network.drain(network[2])
        answers += [(one.to, one.reject) for one in network.sent(VOTES)]
    assert answers == [(1, False), (3, True), (1, False)]


def test_5_2_a_vote_is_not_forgotten_by_a_crash() -> None:
    network = Network(3, **PLAIN)
    network.deliver(request_vote(2, 1, 5))
    network.drain(network[2])
    network.sent()
    network.restart(2)
    network.deliver(request_vote(2, 3, 5))
    network.drain(network[2])
    assert [(one.to, one.reject) for one in network.sent(VOTES)] == [(3, True)]


def test_5_2_a_vote_is_not_sent_before_it_is_durable() -> None:
    network = Network(3, **PLAIN)
    network.hold_disk(2)
    network.deliver(request_vote(2, 1, 5))
    network.drain(network[2])
    assert network.sent(VOTES) == []
    network.release_disk(2)
    assert [(one.to, one.reject) for one in network.sent(VOTES)] == [(1, False)]


def test_5_2_the_own_vote_does_not_count_before_it_is_durable() -> None:
    network = Network(1, **PLAIN)
    network.hold_disk(1)
    network.raft(1).campaign()
    network.pump()
    assert network.raft(1).role == Role.CANDIDATE
    network.release_disk(1)
    assert network.raft(1).role == Role.LEADER


def test_5_2_a_candidate_follows_the_leader_of_its_term() -> None:
    network = Network(3, **PLAIN)
    network.isolate(1)
    network.raft(1).campaign()
    network.pump()
    assert network.raft(1).role == Role.CANDIDATE
    network.deliver(Message(MessageType.HEARTBEAT, 1, 3, 1))
    assert (network.raft(1).role, network.raft(1).leader_id) == (Role.FOLLOWER, 3)


def test_5_2_election_timeouts_are_random() -> None:
    asked: list[tuple[int, int]] = []
    network = Network(1, **PLAIN)
    raft = network.raft(1).raft
    raft.random_tick = lambda low, high: asked.append((low, high)) or 17  # type: ignore[func-returns-value]
    raft.become_follower(1, 0)
    assert raft.randomized_timeout == 17
    assert asked == [(10, 20)]


# 5.3  log replication


def test_5_3_a_leader_appends_and_replicates() -> None:
    network = Network(3, **PLAIN)
    network.elect(1)
    network.sent()
    network.raft(1).propose(b"one")
    network.drain(network[1])
    sent = network.sent(MessageType.APPEND)
    assert [(one.to, one.index, one.log_term, [entry.data for entry in one.entries]) for one in sent] == [
        (2, 1, 1, [b"one"]),
        (3, 1, 1, [b"one"]),
    ]
    network.pump()
    assert network[1].data == [b"one"]
    network.tick(1, 4)  # followers learn of it by the next heartbeat
    assert [member.data for member in network.members.values()] == [[b"one"]] * 3


COMMITS = {
    (1, ()): True,
    (3, ()): True,
    (3, (3,)): True,
    (3, (2, 3)): False,
    (4, (3, 4)): False,
    (5, (4, 5)): True,
    (5, (3, 4, 5)): False,
}


@pytest.mark.parametrize(("voters", "cut"), COMMITS)
def test_5_3_an_entry_is_committed_by_a_majority(voters: int, cut: tuple[int, ...]) -> None:
    network = Network(voters, **PLAIN)
    network.elect(1)
    for node in cut:
        network.isolate(node)
    network.propose(1, b"x")
    assert (network[1].data == [b"x"]) == COMMITS[voters, cut]


def test_5_3_an_entry_counts_where_it_is_durable() -> None:
    """Neither the leader's own disk nor a follower's is taken for granted."""
    network = Network(3, **PLAIN)
    network.elect(1)
    network.isolate(3)
    network.hold_disk(2)
    network.propose(1, b"x")
    assert network[1].committed == 1
    network.release_disk(2)
    network.pump()
    assert network[1].committed == 2
    network.hold_disk(1)
    network.propose(1, b"y")
    assert network[1].committed == 2
    network.release_disk(1)
    network.pump()
    assert network[1].data == [b"x", b"y"]


def test_5_3_followers_reject_what_does_not_follow_their_log() -> None:
    network = Network(3, storages={2: disk(1, 2)}, **PLAIN)
    for index, log_term, accepted in ((2, 2, True), (1, 1, True), (0, 0, True), (2, 1, False), (3, 3, False)):
        network.deliver(Message(MessageType.APPEND, 2, 1, 3, log_term=log_term, index=index))
        network.drain(network[2])
        (answer,) = network.sent(MessageType.APPEND_RESPONSE)
        assert answer.reject != accepted
        if accepted:
            assert answer.index == index


FIGURE_7 = {
    "a: lacks one": (1, 1, 1, 4, 4, 5, 5, 6, 6),
    "b: lacks many": (1, 1, 1, 4),
    "c: has one more": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
    "d: has more of a later term": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7),
    "e: lacks and has others": (1, 1, 1, 4, 4, 4, 4),
    "f: of other terms": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
}


@pytest.mark.parametrize("case", FIGURE_7)
def test_5_3_a_leader_makes_logs_the_same(case: str) -> None:
    """Figure 7: whatever a follower's log looks like."""
    leader = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
    storages = {1: disk(*leader, term=7), 2: disk(*FIGURE_7[case], term=7), 3: disk(term=7)}
    network = Network(3, storages=storages, **PLAIN)
    network.elect(1)
    network.propose(1, b"x")
    network.tick(1, 4)
    assert network.raft(1).term == 8
    expected = [*enumerate((*leader, 8, 8), 1)]
    assert [member.log for member in network.members.values()] == [expected] * 3
    assert [member.storage.last_index() for member in network.members.values()] == [12] * 3
    assert len({tuple(member.data) for member in network.members.values()}) == 1


def test_5_3_an_append_that_comes_late_takes_nothing_back() -> None:
    network = Network(3, storages={2: disk(1, 1, 1)}, **PLAIN)
    network.deliver(Message(MessageType.APPEND, 2, 1, 1, log_term=0, index=0, entries=entries(1, 1)))
    assert network[2].log == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize(("commit", "expected"), [(1, 1), (2, 2), (3, 2), (9, 2)])
def test_5_3_followers_commit_no_more_than_they_know_to_be_the_leaders(commit: int, expected: int) -> None:
    """Figure 2: the smaller of the leader's commit index and the last new entry; entry 3 may be another's."""
    network = Network(3, storages={2: disk(1, 1, 1)}, **PLAIN)
    network.deliver(
        Message(MessageType.APPEND, 2, 1, 2, log_term=1, index=1, entries=entries(1, first=2), commit=commit)
    )
    assert network[2].committed == expected


def test_5_3_committed_entries_are_never_replaced() -> None:
    network = Network(3, storages={2: disk(1, 1, commit=2)}, **PLAIN)
    before = network[2].log
    network.deliver(Message(MessageType.APPEND, 2, 1, 2, log_term=1, index=1, entries=entries(2, first=2)))
    assert network[2].log == before
    with pytest.raises(LogCorruptionError):
        network.raft(2).raft.log.append(entries(2, first=2))


# 5.4  safety

NEWER = {
    # the candidate's log, the voter's → whether it gets the vote
    ((1,), (1,)): True,
    ((1, 1), (1,)): True,
    ((2,), (1,)): True,
    ((2,), (1, 1)): True,
    ((1,), (1, 1)): False,
    ((1,), (2,)): False,
    ((1, 1), (2,)): False,
}


@pytest.mark.parametrize(("candidate", "voter"), NEWER)
def test_5_4_1_votes_go_to_logs_that_are_as_new(candidate: tuple[int, ...], voter: tuple[int, ...]) -> None:
    network = Network(3, storages={2: disk(*voter)}, **PLAIN)
    network.deliver(request_vote(2, 1, 5, index=len(candidate), log_term=candidate[-1]))
    network.drain(network[2])
    (answer,) = network.sent(VOTES)
    assert answer.reject != NEWER[candidate, voter]


def test_5_4_2_entries_of_earlier_terms_are_not_committed_by_counting() -> None:
    """Figure 8: entry 2 of term 2 is on a majority, and may still be replaced, until an entry of term 4 is there."""
    storages = {
        1: disk(1, 2, voters=5, term=3, commit=1),
        2: disk(1, 2, voters=5, term=2, commit=1),
        3: disk(1, voters=5, term=3, commit=1),
        4: disk(1, voters=5, term=3, commit=1),
        5: disk(1, 3, voters=5, term=3, commit=1),
    }
    network = Network(5, storages=storages, max_size_per_msg=0, **PLAIN)
    network.isolate(5)

    def without_term_4(message: Message) -> bool:
        message.entries = [entry for entry in message.entries if entry.term < 4]
        return True

    network.filter(without_term_4)
    network.elect(1)
    assert network.raft(1).term == 4
    assert network[3].log == [(1, 1), (2, 2)]
    assert network[1].committed == 1
    network.recover()
    network.isolate(5)
    network.tick(1, 4)
    assert network[1].committed == 3


def test_5_4_2_and_so_figure_8_ends_well() -> None:
    """The other end of figure 8: node 5 is elected and replaces what was on a majority but not committed."""
    storages = {node: disk(1, 2, voters=5, term=4, commit=1) for node in (1, 2, 3)}
    storages |= {4: disk(1, voters=5, term=4, commit=1), 5: disk(1, 3, voters=5, term=4, commit=1)}
    network = Network(5, storages=storages, **PLAIN)
    network.isolate(1)
    network.elect(5)
    network.tick(5, 4)
    assert [network[node].log for node in (2, 3, 4, 5)] == [[(1, 1), (2, 3), (3, 5)]] * 4


# 5.5, 5.6  crashes and timing


def test_5_5_a_crash_loses_nothing_that_was_acknowledged() -> None:
    network = Network(3, **PLAIN)
    network.elect(1)
    network.propose(1, b"a", b"b")
    for node in (1, 2, 3):
        network.restart(node)
    network.elect(3)
    assert network[3].data == [b"a", b"b"]
    network.propose(3, b"c")
    network.tick(3, 4)
    assert network[1].data == [b"a", b"b", b"c"]


def test_5_5_requests_are_idempotent() -> None:
    network = Network(3, **PLAIN)
    network.elect(1)
    network.propose(1, b"a")
    for message in list(network.log):
        network.deliver(message)
    network.pump()
    network.propose(1, b"b")
    assert network[1].data == [b"a", b"b"]
    assert network.leader == 1


# 8  clients


def test_8_a_leader_begins_with_an_empty_entry() -> None:
    network = Network(3, storages={node: disk(1, 1, commit=0) for node in (1, 2, 3)}, **PLAIN)
    network.elect(1)
    assert network[1].log == [(1, 1), (2, 1), (3, 2)]
    assert network[1].committed == 3
    assert network[1].data == [b"1.1", b"1.2"]


def test_8_followers_take_no_proposals_but_may_pass_them_on() -> None:
    network = Network(3, **PLAIN)
    network.elect(1)
    with pytest.raises(ProposalDroppedError, match="node 1 leads, not this one"):
        network.raft(2).propose(b"x")
    network = Network(3, forward_proposals=True, **PLAIN)
    network.elect(1)
    assert network.raft(2).propose(b"x") == 0
    network.pump()
    assert network[1].data == [b"x"]


def test_nobody_leads_a_group_of_learners_alone() -> None:
    network = Network(1, storages={1: MemoryStorage(ConfState((2,), (1,)))}, **PLAIN)
    network.tick(1, 50)
    assert network.raft(1).role == Role.FOLLOWER
    assert not network.raft(1).campaign()

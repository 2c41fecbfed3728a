"""Elections beyond the paper: pre-vote, check-quorum, priorities, leadership transfer (thesis 3.10, 6.2, 9.6)."""

from __future__ import annotations

import pytest
from raft.network import Network, entries

from ycsbpy.minicluster.raft import HardState, MemoryStorage, Message, MessageType, ProposalDroppedError, Role

PRE_VOTES = MessageType.REQUEST_PRE_VOTE_RESPONSE
VOTES = MessageType.REQUEST_VOTE_RESPONSE


# pre-vote


def test_a_pre_vote_changes_nothing() -> None:
    network = Network(3)
    network.isolate(1)
    network.raft(1).campaign()
    network.pump()
    assert (network.raft(1).role, network.raft(1).term, network.raft(1).raft.vote) == (Role.PRE_CANDIDATE, 0, 0)
    assert network[1].storage.hard_state == HardState()
    assert {one.term for one in network.sent(MessageType.REQUEST_PRE_VOTE)} == {1}


def test_pre_votes_come_before_votes() -> None:
    network = Network(3)
    network.raft(1).campaign()
    network.pump()
    assert network.leader == 1
    types = [one.msg_type for one in network.log if one.to == 2][:3]
    assert types == [MessageType.REQUEST_PRE_VOTE, MessageType.REQUEST_VOTE, MessageType.APPEND]


def test_a_node_that_was_cut_off_does_not_unseat_the_leader() -> None:
    network = Network(3)
    network.elect(1)
    network.isolate(3)
    network.tick_all(100)
    assert network.raft(3).term == 1
    network.recover()
    network.tick_all(40)
    assert (network.leader, network.raft(1).term, network.raft(3).leader_id) == (1, 1, 1)


def test_without_pre_vote_it_would() -> None:
    network = Network(3, pre_vote=False)
    network.elect(1)
    network.isolate(3)
    network.tick_all(100)
    assert network.raft(3).term > 1
    network.recover()
    network.tick_all(40)
    assert network.raft(1).term > 1


def test_a_pre_vote_goes_to_no_older_log() -> None:
    network = Network(3)
    network.elect(1)
    network.isolate(3)
    network.propose(1, b"x")
    network.recover()
    network.crash(1)
    network.raft(3).raft.contact_elapsed = network.raft(2).raft.contact_elapsed = 99
    network.raft(3).raft.election_elapsed = network.raft(2).raft.election_elapsed = 99
    assert network.raft(3).campaign()
    network.pump()
    assert network.leaders == []
    network.tick_all(60)
    assert network.leader == 2


def test_a_refused_pre_vote_tells_the_term_and_what_is_committed() -> None:
    storage = MemoryStorage.with_voters(1, 2, 3)
    storage.append(entries(1, 5))
    storage.set_hard_state(HardState(5, 0, 2))
    network = Network(3, storages={2: storage})
    network.deliver(Message(MessageType.REQUEST_PRE_VOTE, 2, 1, 6, log_term=1, index=1))
    network.drain(network[2])
    (answer,) = network.sent(PRE_VOTES)
    assert (answer.reject, answer.term, answer.commit, answer.commit_term) == (True, 5, 2, 5)


def test_a_candidate_learns_by_votes_what_is_committed() -> None:
    """So it takes up configuration changes that it has, but did not know to be committed, before it stands."""
    network = Network(3)
    network.elect(1)
    network.propose(1, b"x")  # followers have it, and do not know yet that it is committed
    assert network[2].committed < network[1].committed
    network.deliver(
        Message(MessageType.REQUEST_VOTE, 2, 3, 1, log_term=1, index=2, commit=network[1].committed, commit_term=1)
    )
    network.pump()
    assert network[2].data == [b"x"]


# check-quorum, and the lease that voters honour


def test_a_leader_that_nobody_answers_steps_down() -> None:
    network = Network(3)
    network.elect(1)
    network.isolate(1)
    network.tick(1, 25)
    assert (network.raft(1).role, network.raft(1).leader_id, network.raft(1).term) == (Role.FOLLOWER, 0, 1)
    with pytest.raises(ProposalDroppedError):
        network.raft(1).propose(b"x")


def test_a_leader_that_a_quorum_answers_stays() -> None:
    network = Network(5)
    network.elect(1)
    network.isolate(2)
    network.isolate(3)
    network.tick_all(100)
    assert network.leader == 1


def test_whoever_hears_a_leader_votes_for_nobody_else() -> None:
    network = Network(3)
    network.elect(1)
    network.tick(1, 2)
    network.sent()
    for kind in (MessageType.REQUEST_VOTE, MessageType.REQUEST_PRE_VOTE):
        network.deliver(Message(kind, 2, 3, 99, log_term=99, index=99))
    network.drain(network[2]) if network.raft(2).has_ready() else None
    assert network.sent(VOTES, PRE_VOTES) == []
    assert network.raft(2).term == 1
    network.tick(2, 10)
    network.deliver(Message(MessageType.REQUEST_PRE_VOTE, 2, 3, 99, log_term=99, index=99))
    network.drain(network[2])
    assert [one.reject for one in network.sent(PRE_VOTES)] == [False]


def test_after_a_restart_a_voter_waits() -> None:
    """It may have answered a leader just before it went down, who counts on it."""
    network = Network(3)
    network.elect(1)
    network.restart(2)
    request = Message(MessageType.REQUEST_VOTE, 2, 3, 5, log_term=9, index=9)
    network.deliver(request)
    assert network.raft(2).term == 1
    assert not network.raft(2).campaign()
    network.cut(1, 2)
    network.tick(2, 9)
    network.deliver(request)
    assert network.raft(2).term == 1
    network.tick(2)
    network.deliver(request)
    assert network.raft(2).term == 5


def test_a_leader_of_an_earlier_term_learns_that_it_is() -> None:
    """A node of a later term answers it, though check-quorum has it ignore candidates."""
    network = Network(3)
    network.elect(1)
    network.raft(2).raft.become_follower(7, 0)
    network.tick(1, 2)
    assert network.raft(1).role == Role.FOLLOWER
    assert network.raft(1).term == 7


def test_priority_decides_between_equal_logs() -> None:
    network = Network(3)
    network.raft(2).raft.priority = 5
    network.raft(1).raft.priority = 1
    network.crash(3)
    assert network.raft(1).campaign()
    network.pump()
    assert network.leaders == []
    network.elect(2)
    assert network.leader == 2


# leadership transfer


def test_leadership_is_given_to_a_voter_that_is_up_to_date() -> None:
    network = Network(3)
    network.elect(1)
    network.tick(1, 4)
    network.raft(1).transfer_leader(2)
    network.pump()
    assert (network.leader, network.raft(1).leader_id) == (2, 2)
    assert network.raft(2).term == 2


def test_a_follower_passes_the_wish_on() -> None:
    network = Network(3)
    network.elect(1)
    network.tick(1, 4)
    network.raft(3).transfer_leader(3)
    network.pump()
    assert network.leader == 3


def test_a_node_that_lags_is_brought_up_to_date_first() -> None:
    network = Network(3)
    network.elect(1)
    network.isolate(2)
    network.propose(1, b"x")
    network.recover()
    network.raft(1).transfer_leader(2)
    network.pump()
    network.tick(1, 2)
    assert network.leader == 2
    assert network[2].data == [b"x"]


def test_nothing_is_proposed_meanwhile_and_it_ends_with_an_election_timeout() -> None:
    network = Network(3)
    network.elect(1)
    network.isolate(2)
    network.raft(1).transfer_leader(2)
    network.pump()
    assert network.raft(1).transferee == 2
    with pytest.raises(ProposalDroppedError, match="being transferred to node 2"):
        network.raft(1).propose(b"x")
    network.tick(1, 10)
    assert network.raft(1).transferee == 0
    network.propose(1, b"x")
    assert network[1].data == [b"x"]


@pytest.mark.parametrize("to", [1, 3, 9])
def test_leadership_goes_to_no_learner_no_stranger_and_not_to_oneself(to: int) -> None:
    network = Network(3, learners=[3])
    network.elect(1)
    network.raft(1).transfer_leader(to)
    network.pump()
    assert network.raft(1).transferee == 0
    assert network.leader == 1


def test_not_while_a_configuration_change_is_pending() -> None:
    network = Network(3)
    network.elect(1)
    network.isolate(1)
    network.change(1, "l4")
    network.raft(1).transfer_leader(2)
    assert network.raft(1).transferee == 0


def test_giving_away_ends_the_lease_for_the_whole_term() -> None:
    network = Network(3)
    network.elect(1)
    network.tick(1, 4)
    assert network.raft(1).lease_read_index(network.now)
    network.ignore(MessageType.TIMEOUT_NOW)
    network.raft(1).transfer_leader(2)
    network.pump()
    assert not network.raft(1).lease_read_index(network.now)
    network.tick(1, 30)  # it failed, but the message may still be on its way
    network.propose(1, b"x")
    assert network.leader == 1
    assert not network.raft(1).lease_read_index(network.now)


def test_a_stale_bid_to_campaign_is_ignored() -> None:
    network = Network(3)
    network.elect(1)
    network.elect(2)
    network.deliver(Message(MessageType.TIMEOUT_NOW, 3, 1, 1))
    network.pump()
    assert (network.leader, network.raft(3).role) == (2, Role.FOLLOWER)

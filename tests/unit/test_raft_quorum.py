"""Majorities and pairs of them, by the tables in tests/raft/testdata and against counting one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raft.tables import Row, rows

from ycsbpy.minicluster.raft.quorum import (
    EVERYTHING,
    VoteResult,
    committed_index,
    has_quorum,
    joint_committed_index,
    joint_vote_result,
    majority,
    vote_result,
)


def halves(text: str) -> tuple[list[int], list[int], dict[int, str]]:
    """``"1=5 2=- && 2 3=4"``: the voters of both halves, and what is known of each."""
    known: dict[int, str] = {}
    found: list[list[int]] = []
    for half in text.partition("&&")[::2]:
        found.append([])
        for word in half.split():
            node, _, value = word.partition("=")
            found[-1].append(int(node))
            if value and value != "-":
                known[int(node)] = value
    return found[0], found[1], known


def index_of(text: str | None) -> int:
    assert text is not None
    return EVERYTHING if text == "everything" else int(text)


@pytest.mark.parametrize("row", [*rows("majority.txt"), *rows("joint.txt")], ids=lambda row: row.place)
def test_committed(row: Row) -> None:
    incoming, outgoing, known = halves(row.left)
    acknowledged = {node: int(value) for node, value in known.items()}
    assert joint_committed_index(incoming, outgoing, acknowledged) == index_of(row.right)
    assert joint_committed_index(outgoing, incoming, acknowledged) == index_of(row.right)
    if not outgoing:
        assert committed_index(incoming, acknowledged) == index_of(row.right)


@pytest.mark.parametrize("row", rows("votes.txt"), ids=lambda row: row.place)
def test_votes(row: Row) -> None:
    incoming, outgoing, known = halves(row.left)
    votes = {node: value == "yes" for node, value in known.items()}
    votes[99] = True  # nobody asked it
    assert row.right is not None
    expected = VoteResult[row.right.upper()]
    assert joint_vote_result(incoming, outgoing, votes) == expected
    assert joint_vote_result(outgoing, incoming, votes) == expected
    if not outgoing:
        assert vote_result(incoming, votes) == expected


NODES = st.frozensets(st.integers(1, 7), max_size=7)


@given(NODES, NODES, st.dictionaries(st.integers(1, 7), st.integers(0, 5)))
def test_what_is_committed_has_a_quorum_and_the_next_has_none(
    incoming: frozenset[int], outgoing: frozenset[int], acknowledged: dict[int, int]
) -> None:
    index = joint_committed_index(incoming, outgoing, acknowledged)

    def have(at_least: int) -> set[int]:
        return {node for node in incoming | outgoing if acknowledged.get(node, 0) >= at_least}

    if index == EVERYTHING:
        assert not incoming | outgoing
        return
    assert has_quorum(incoming, outgoing, have(index))
    assert not has_quorum(incoming, outgoing, have(index + 1))


@given(st.frozensets(st.integers(1, 7), min_size=1), NODES, NODES)
def test_two_quorums_meet(voters: frozenset[int], one: frozenset[int], other: frozenset[int]) -> None:
    if has_quorum(voters, (), one) and has_quorum(voters, (), other):
        assert one & other & voters


@given(NODES, NODES, st.dictionaries(st.integers(1, 7), st.booleans()))
def test_an_election_that_is_decided_stays_so(
    incoming: frozenset[int], outgoing: frozenset[int], votes: dict[int, bool]
) -> None:
    result = joint_vote_result(incoming, outgoing, votes)
    ends = {
        joint_vote_result(incoming, outgoing, {**dict.fromkeys(range(1, 8), rest), **votes}) for rest in (True, False)
    }
    assert VoteResult.PENDING not in ends
    assert (result == VoteResult.PENDING) == (len(ends) == 2)
    if result != VoteResult.PENDING:
        assert ends == {result}


def test_a_majority_is_more_than_half() -> None:
    assert [majority(voters) for voters in range(1, 8)] == [1, 2, 2, 3, 3, 4, 4]

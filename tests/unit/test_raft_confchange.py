"""Which configuration may follow which: the tables in tests/raft/testdata, and rules that hold for all of them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raft.network import changes
from raft.tables import Row, rows

from ycsbpy.minicluster.raft import (
    ConfChange,
    ConfChangeError,
    ConfChangeSingle,
    ConfChangeTransition,
    ConfChangeType,
    ConfChangeV2,
    ConfState,
)
from ycsbpy.minicluster.raft.confchange import Configuration, after, check, enter_joint, leave_joint, simple
from ycsbpy.minicluster.raft.quorum import has_quorum


def parse(text: str) -> Configuration:
    """The reverse of ``str(configuration)``."""
    parts = dict(re.findall(r"(\w+)=(\([\d ]*\)(?:&&\([\d ]*\))?)", text))

    def ids(part: str) -> frozenset[int]:
        return frozenset(map(int, part.strip("()").split()))

    incoming, _, outgoing = parts["voters"].partition("&&")
    return Configuration(
        ids(incoming),
        ids(outgoing),
        ids(parts.get("learners", "")),
        ids(parts.get("learners_next", "")),
        "autoleave" in text,
    )


def blocks(name: str) -> list[list[Row]]:
    found: list[list[Row]] = []
    for row in rows(name):
        if row.right is None:
            found.append([])
        found[-1].append(row)
    return found


def perform(config: Configuration, command: str) -> Configuration:
    verb, _, text = command.partition(" ")
    if verb == "simple":
        return simple(config, changes(text))
    if verb == "leave":
        return leave_joint(config)
    return enter_joint(config, changes(text), auto_leave=verb == "auto")


@pytest.mark.parametrize(
    "block", [*blocks("confchange_simple.txt"), *blocks("confchange_joint.txt")], ids=lambda block: block[0].place
)
def test_tables(block: list[Row]) -> None:
    config = parse(block[0].left)
    for place, command, expected in block[1:]:
        try:
            config = perform(config, command)
            got = str(config)
        except ConfChangeError as error:
            got = f"error: {error}"
        assert got == expected, f"{place}: {command}"


CONFIGURATIONS = {
    "voters=(1 2) learners=(2)": "2 is both a learner and a voter",
    "voters=(1)&&(2) learners=(2)": "2 is both a learner and a voter",
    "voters=(1)&&(2) learners_next=(3)": "3 is to become a learner but is no outgoing voter",
    "voters=(1 2)&&(2) learners_next=(2)": "2 is to become a learner but is an incoming voter",
    "voters=()&&(1)": "a joint configuration needs incoming voters",
    "voters=(1) autoleave": "only a joint configuration can be left",
}


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_impossible_configurations(text: str) -> None:
    with pytest.raises(ConfChangeError, match=CONFIGURATIONS[text]):
        check(parse(text))
    with pytest.raises(ConfChangeError):
        Configuration.of(parse(text).state())


def test_the_empty_configuration_is_one_that_is_not_known_yet() -> None:
    empty = Configuration.of(ConfState())
    assert empty == Configuration()
    with pytest.raises(ConfChangeError, match="without voters"):
        enter_joint(empty, changes("v1"), auto_leave=True)


def test_states_there_and_back() -> None:
    state = ConfState((1, 2), (5,), (2, 3), (3,), auto_leave=True)
    assert Configuration.of(state).state() == state
    assert ConfState((2, 1), (6, 5), (3, 2), (3,)).sorted() == ConfState((1, 2), (5, 6), (2, 3), (3,))


WAYS = {
    # transition, changes → joint?, left by itself?, leaves?
    ("AUTO", ""): (False, True, True),
    ("AUTO", "v2"): (False, True, False),
    ("AUTO", "v2 v3"): (True, True, False),
    ("IMPLICIT", "v2"): (True, True, False),
    ("IMPLICIT", ""): (True, True, False),
    ("EXPLICIT", "v2"): (True, False, False),
    ("EXPLICIT", "v2 v3"): (True, False, False),
}


@pytest.mark.parametrize(("transition", "text"), WAYS)
def test_which_way_a_change_goes(transition: str, text: str) -> None:
    change = ConfChangeV2(changes(text), ConfChangeTransition[transition])
    assert (change.enters_joint(), change.auto_leave(), change.leaves_joint()) == WAYS[transition, text]


def test_the_older_form_is_a_simple_change() -> None:
    old = ConfChange(ConfChangeType.ADD_LEARNER_NODE, 4, b"why")
    assert old.as_v2() == ConfChangeV2((ConfChangeSingle(ConfChangeType.ADD_LEARNER_NODE, 4),), context=b"why")
    assert str(after(parse("voters=(1)"), old.as_v2())) == "voters=(1) learners=(4)"


STEPS = st.builds(ConfChangeSingle, st.sampled_from(ConfChangeType), st.integers(0, 5))
CHANGES = st.builds(ConfChangeV2, st.lists(STEPS, max_size=4).map(tuple), st.sampled_from(ConfChangeTransition))


def path(changes_: list[ConfChangeV2]) -> list[Configuration]:
    """From one voter by all changes that are allowed."""
    found = [Configuration(frozenset({1}))]
    for change in changes_:
        try:
            found.append(after(found[-1], change))
        except ConfChangeError:
            continue
    return found


@given(st.lists(CHANGES, max_size=12))
def test_whatever_is_allowed_fits_together(steps: list[ConfChangeV2]) -> None:
    for config in path(steps):
        check(config)
        assert config.incoming
        assert Configuration.of(config.state()) == config
        assert parse(str(config)) == config


@given(st.lists(CHANGES, max_size=12), st.frozensets(st.integers(1, 5)))
def test_no_two_quorums_of_neighbours_miss_each_other(steps: list[ConfChangeV2], nodes: frozenset[int]) -> None:
    """Thesis 4.1: or two leaders could be elected in one term. ``nodes`` decide in one, all others in the other."""
    others = frozenset(range(1, 6)) - nodes
    for one, other in pairwise(path(steps)):
        assert not (
            has_quorum(one.incoming, one.outgoing, nodes) and has_quorum(other.incoming, other.outgoing, others)
        )

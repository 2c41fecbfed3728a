"""How operators are built, and how they see that they are getting on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from placementkit import apply, region, steps

from ycsbpy.minicluster.model import Epoch, Role
from ycsbpy.minicluster.placement.operators import ImpossibleError, Kind, leave_joint, move, split, transfer_leader
from ycsbpy.minicluster.placement.steps import LeaveJoint, SplitRegion

if TYPE_CHECKING:
    from ycsbpy.minicluster.placement.operators import Operator

V, L = Role.VOTER, Role.LEARNER


def built(peers: str, target: dict[int, Role], leader: int = 0) -> Operator:
    return move(
        region(peers), "test", target, kind=Kind.REGION, new_id=itertools.count(9001).__next__, leader_store=leader
    )


def test_a_move_has_the_conf_ver_steps_of_pd() -> None:
    """AddLearner c+1, enter joint c+3, leave c+5, remove c+6 (seen on a real PD)."""
    info = region("1* 2 3")
    operator = built("1* 2 3", {1: V, 2: V, 4: V})
    seen = []
    for step in operator.steps:
        assert not step.done(info)
        info = apply(info, step)
        assert step.done(info)
        seen.append(info.region.epoch.conf_ver - 5)
    assert seen == [1, 3, 5, 6]
    assert operator.brief == "mv peer: store [3] to [4]"


def test_a_leader_that_is_asked_for_takes_over_in_the_joint_state_when_it_is_new() -> None:
    assert steps(built("1* 2 3", {2: V, 3: V, 4: V}, leader=4))[1:3] == [
        "use joint consensus, promote 9001 on 4, demote 2001 on 1",
        "transfer leader from store 1 to store 4",
    ]


def test_a_lagging_voter_is_not_made_the_leader() -> None:
    assert "transfer leader from store 1 to store 3" in steps(built("1* 2? 3", {2: V, 3: V, 4: V}))


@pytest.mark.parametrize(
    ("peers", "target", "leader"),
    [
        ("1* 2 3", {1: V, 2: V, 3: V}, 0),  # nothing to do
        ("1 2 3", {1: V, 2: V, 4: V}, 0),  # nobody to do it
        ("1* 2 3d 4i", {1: V, 2: V, 4: V}, 0),  # in the middle of something else
        ("1* 2 3", {1: L, 2: L}, 0),  # nobody left to vote
        ("1* 2 3", {1: V, 2: V, 4: L}, 4),  # a learner cannot lead
        ("1* 2? 3?", {2: V, 3: V}, 0),  # nobody fit to lead
    ],
)
def test_what_cannot_be_is_refused(peers: str, target: dict[int, Role], leader: int) -> None:
    with pytest.raises(ImpossibleError):
        built(peers, target, leader)


@pytest.mark.parametrize(
    ("target", "minutes"),
    [({1: V, 2: V, 4: V}, 17), ({1: V, 2: V, 3: V, 4: V}, 11)],  # as in the records of a real PD
)
def test_an_operator_may_take_as_long_as_pds(target: dict[int, Role], minutes: int) -> None:
    operator = built("1* 2 3", target)
    assert operator.timeout_s() == 60 * minutes
    assert operator.step_timeout_s() == 600
    assert split(region("1* 2 3"), "test").timeout_s() == 60


def test_leadership_goes_only_to_another_voter() -> None:
    info = region("1* 2 3l")
    assert steps(transfer_leader(info, "test", 2)) == ["transfer leader from store 1 to store 2"]
    for store in (1, 3, 4):
        with pytest.raises(ImpossibleError):
            transfer_leader(info, "test", store)
    with pytest.raises(ImpossibleError):
        transfer_leader(replace(info, leader=None), "test", 2)


def test_a_region_in_no_joint_state_has_none_to_leave() -> None:
    with pytest.raises(ImpossibleError):
        leave_joint(region("1* 2 3"))


def test_a_split_is_done_when_the_range_has_changed() -> None:
    info = region("1* 2 3", start=b"a", end=b"z")
    operator = split(info, "admin-split-region", "USEKEY", [b"m"])
    assert operator.brief == "split: region 2 use policy USEKEY and keys [6D]"
    (step,) = operator.steps
    assert isinstance(step, SplitRegion)
    assert not step.done(info)
    assert step.done(replace(info, region=replace(info.region, start=b"m", epoch=Epoch(5, 2))))


@given(
    now=st.dictionaries(st.integers(1, 6), st.sampled_from([V, L]), min_size=1, max_size=5),
    target=st.dictionaries(st.integers(1, 6), st.sampled_from([V, L]), min_size=1, max_size=5),
    joint=st.booleans(),
)
def test_any_change_of_roles_ends_as_asked_and_never_loses_the_leader(
    now: dict[int, Role], target: dict[int, Role], joint: bool
) -> None:
    voters = [store for store, role in now.items() if role is V]
    if not voters:
        return
    text = " ".join(f"{s}{'l' if r is L else ''}{'*' if s == voters[0] else ''}" for s, r in now.items())
    info = region(text)
    try:
        operator = move(info, "test", target, kind=Kind.REGION, new_id=itertools.count(9001).__next__, joint=joint)
    except ImpossibleError:
        assert now == target or V not in target.values()
        return
    for step in operator.steps:
        info = apply(info, step)  # which refuses to demote or remove the leader, or to remove a voter
        assert operator.advance(info, 0) or step is operator.steps[-1]
        assert operator.conf_ver_changed(info) == info.region.epoch.conf_ver - 5
        joint_now = any(p.role in (Role.INCOMING_VOTER, Role.DEMOTING_VOTER) for p in info.region.peers)
        assert not joint_now or not isinstance(step, LeaveJoint)
    assert {peer.store_id: peer.role for peer in info.region.peers} == target
    assert operator.step is None

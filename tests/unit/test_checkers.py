"""The replica checker by tables: a picture of the cluster in, an operator out."""

from __future__ import annotations

import pytest
from placementkit import cluster, region, steps

from ycsbpy.minicluster.placement.checkers import check_region, pick_store
from ycsbpy.minicluster.placement.schedule import FAITHFUL, Schedule

TABLE: list[tuple[str, str, str, str, list[str]]] = [
    # what it is about · stores · the Region · the operator · its steps
    ("all well", "1,2,3,4", "1* 2 3", "", []),
    ("too few stores", "1,2", "1* 2", "", []),
    ("no leader known", "1,2,3", "1 2", "", []),
    (
        "one is missing", "1,2,3", "1* 2", "add-rule-peer",
        ["add learner peer 9001 on store 3", "promote 9001 on 3"],
    ),
    (
        "the emptiest is taken", "1,2,3 Up 500,4 Up 300", "1* 2", "add-rule-peer",
        ["add learner peer 9001 on store 4", "promote 9001 on 4"],
    ),
    ("the only one left is disconnected", "1,2,3 Disconnected", "1* 2", "", []),
    ("the only one left goes", "1,2,3 Offline", "1* 2", "", []),
    (
        "a store is down", "1,2,3 Down,4", "1* 2 3?!1900", "replace-rule-down-peer",
        [
            "add learner peer 9001 on store 4",
            "use joint consensus, promote 9001 on 4, demote 2003 on 3",
            "leave joint state, promote 9001 on 4, demote 2003 on 3",
            "remove peer on store 3",
        ],
    ),
    ("down, but not long enough", "1,2,3 Disconnected,4", "1* 2 3?!60", "", []),
    ("silent peer on a store that lives", "1,2,3,4", "1* 2 3?!1900", "", []),
    ("down, and nowhere to go", "1,2,3 Down", "1* 2 3?!1900", "", []),
    (
        "down, and one too many", "1,2,3 Down,4", "1* 2 3?!1900 4", "remove-orphan-down-peer",
        ["demote 2003 on 3", "remove peer on store 3"],
    ),
    (
        "the leader's store goes", "1 Offline,2,3,4", "1* 2 3", "replace-rule-offline-peer",
        [
            "add learner peer 9001 on store 4",
            "transfer leader from store 1 to store 2",
            "use joint consensus, promote 9001 on 4, demote 2001 on 1",
            "leave joint state, promote 9001 on 4, demote 2001 on 1",
            "remove peer on store 1",
        ],
    ),
    (
        "one too many", "1,2,3 Up 200,4 Up 100", "1* 2 3 4", "remove-extra-replica",
        ["demote 2003 on 3", "remove peer on store 3"],
    ),
    (
        "the one that lags goes first", "1,2,3 Up 200,4", "1* 2 3 4?", "remove-extra-replica",
        ["demote 2004 on 4", "remove peer on store 4"],
    ),
    (
        "a learner without a job gets the vote", "1,2,3,4", "1* 2 3l", "fix-peer-role",
        ["promote 2003 on 3"],
    ),
    ("unless it lags", "1,2,3,4", "1* 2 3l?", "", []),
    ("a learner too many", "1,2,3,4", "1* 2 3 4l", "remove-orphan-peer", ["remove peer on store 4"]),
    (
        "a joint state that was left behind", "1,2,3,4", "1* 2 3d 4i", "leave-joint-state",
        ["leave joint state, promote 2004 on 4, demote 2003 on 3"],
    ),
    (
        "led by one that is to go", "1,2,3,4", "1 2 3d* 4i", "leave-joint-state",
        [
            "transfer leader from store 3 to store 1",
            "leave joint state, promote 2004 on 4, demote 2003 on 3",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("stores", "peers", "desc", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_checkers(stores: str, peers: str, desc: str, expected: list[str]) -> None:
    info = region(peers)
    operator = check_region(cluster(stores, [info]), info)
    assert (operator.desc if operator else "") == desc
    assert steps(operator) == expected


SWITCHES: list[tuple[str, str, str]] = [
    ("enable_remove_down_replica", "1,2,3 Down,4", "1* 2 3?!1900"),
    ("enable_replace_offline_replica", "1,2,3 Offline,4", "1* 2 3"),
    ("enable_make_up_replica", "1,2,3", "1* 2"),
    ("enable_remove_extra_replica", "1,2,3,4", "1* 2 3 4"),
]


@pytest.mark.parametrize(("switch", "stores", "peers"), SWITCHES, ids=[row[0] for row in SWITCHES])
def test_each_checker_can_be_switched_off(switch: str, stores: str, peers: str) -> None:
    info = region(peers)
    assert check_region(cluster(stores, [info]), info) is not None
    off: Schedule = FAITHFUL.with_(**{switch: False})
    assert check_region(cluster(stores, [info], off), info) is None


def test_without_joint_consensus_a_replica_is_moved_by_simple_changes() -> None:
    info = region("1* 2 3")
    operator = check_region(cluster("1 Offline,2,3,4", [info], FAITHFUL.with_(enable_joint_consensus=False)), info)
    assert steps(operator) == [
        "add learner peer 9001 on store 4",
        "promote 9001 on 4",
        "transfer leader from store 1 to store 2",
        "demote 2001 on 1",
        "remove peer on store 1",
    ]


LABELLED = {
    "s1": {"labels": {"zone": "a", "host": "1"}},
    "s2": {"labels": {"zone": "a", "host": "2"}},
    "s3": {"labels": {"zone": "b", "host": "3"}},
    "s4": {"labels": {"zone": "c", "host": "4"}, "region_size": 1000},
}


def test_a_new_replica_is_kept_apart_from_the_others() -> None:
    info = region("1* 3")
    view = cluster("1,2,3,4", [info], FAITHFUL.with_(location_labels=("zone", "host")), **LABELLED)
    place = pick_store(view, info)
    assert place is not None
    assert place.id == 4  # the fullest, but in a zone of its own


def test_a_replica_moves_to_a_better_location() -> None:
    info = region("1* 2 3")
    view = cluster("1,2,3,4", [info], FAITHFUL.with_(location_labels=("zone", "host")), **LABELLED)
    operator = check_region(view, info)
    assert operator is not None
    assert operator.desc == "move-to-better-location"
    assert operator.brief == "mv peer: store [1] to [4]"
    assert check_region(view, region("1* 3 4")) is None


def test_a_store_at_its_limit_takes_nothing() -> None:
    info = region("1* 2")
    for facts in ({"can_add": False}, {"busy": True}, {"snapshots": 65}, {"pending": 65}):
        assert check_region(cluster("1,2,3", [info], s3=facts), info) is None

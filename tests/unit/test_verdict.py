"""Verdicts by tables: a picture of the cluster in, what is wrong and what may be in the way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ycsbpy.cluster.picture import PeerFacts, Picture, RegionFacts, StoreFacts
from ycsbpy.cluster.verdict import Spread, balance, replication

ROLES = {"v": "Voter", "l": "Learner", "i": "IncomingVoter", "d": "DemotingVoter"}


def region(text: str, number: int = 0, count: int = 1, *, size: int = 96) -> RegionFacts:
    """``"1* 2 3l 4? 5!"``: leader on store 1, a voter on 2, a learner on 3, one that lags on 4, one that is down on 5.
    It is number ``number`` of ``count`` Regions that cover all keys."""
    peers, pending, down, leader = [], set(), set(), 0
    for word in text.split():
        digits = word.rstrip("*?!vlid")
        marks = word[len(digits) :]
        peer_id = int(digits) * 100 + number
        peers.append(PeerFacts(peer_id, int(digits), next((ROLES[m] for m in marks if m in ROLES), "Voter")))
        leader = int(digits) if "*" in marks else leader
        pending |= {peer_id} if "?" in marks else set()
        down |= {peer_id} if "!" in marks else set()
    start = bytes([number]) if number else b""
    end = bytes([number + 1]) if number + 1 < count else b""
    return RegionFacts(
        10 + number, start, end, 5, 1, tuple(peers), leader, frozenset(pending), frozenset(down), size_mib=size
    )


def picture(stores: str, *regions: str, **more: Any) -> Picture:
    """Stores are ``"1, 2, 3 Down"``; their counts follow from the Regions."""
    facts = {}
    made = [region(text, number, len(regions)) for number, text in enumerate(regions)]
    for text in stores.split(","):
        words = text.split()
        store_id = int(words[0])
        holds = sum(any(peer.store_id == store_id for peer in one.peers) for one in made)
        leads = sum(one.leader == store_id for one in made)
        state = words[1] if len(words) > 1 else "Up"
        facts[store_id] = StoreFacts(
            store_id, f"127.0.0.1:{20160 + store_id}", state, holds, leads, 96 * holds, 96.0 * holds
        )
    settings: dict[str, Any] = {"schedulers": ("balance-region-scheduler",), **more}
    return Picture(facts, tuple(made), **settings)


GOOD = "1* 2 3"
REPLICATION: list[tuple[str, Picture, list[str], str]] = [
    # what it is about · picture · kinds of findings · a word of the hints
    ("all is well", picture("1,2,3", GOOD, "2* 1 3"), [], ""),
    ("a spare store that is down", picture("1,2,3,4 Down", GOOD), [], ""),
    ("a missing peer", picture("1,2,3", "1* 2"), ["missing peer"], ""),
    ("too few stores", picture("1,2", "1* 2"), ["missing peer"], "2 stores Up, and max-replicas is 3"),
    ("an extra peer", picture("1,2,3,4", "1* 2 3 4"), ["extra peer"], ""),
    ("a learner left over", picture("1,2,3,4", "1* 2 3 4l"), ["learner left over"], ""),
    ("a learner instead of a voter", picture("1,2,3", "1* 2 3l"), ["learner left over", "missing peer"], ""),
    ("a joint state", picture("1,2,3,4", "1* 2 3d 4i"), ["joint state", "missing peer"], ""),
    ("two peers on one store", picture("1,2,3", "1* 2 2"), ["two peers on one store"], ""),
    ("a store that is down", picture("1,2,3 Down", GOOD), ["store not up"], "store 3 at 127.0.0.1:20163 is Down"),
    ("a store that is to go", picture("1,2,3 Offline,4", GOOD), ["store not up"], "Offline"),
    ("a store that is gone", picture("1,2", GOOD), ["store not up"], ""),
    ("nobody leads", picture("1,2,3", "1 2 3"), ["no leader"], ""),
    ("a learner leads", picture("1,2,3,4", "1 2 3 4l*"), ["learner left over", "no leader"], ""),
    ("a peer that lags", picture("1,2,3", "1* 2 3?"), ["pending peer"], ""),
    ("a peer that is down", picture("1,2,3", "1* 2 3?!"), ["down peer", "pending peer"], ""),
    ("no store", Picture({}, ()), ["no stores", "hole"], ""),
    (
        "PD is at it",
        picture("1,2,3", "1* 2", operators=("add-rule-peer {add peer: store [3]} (kind:replica…",)),
        ["missing peer"],
        "PD is at it: 1 operator, the first is add-rule-peer {add peer: store [3]}",
    ),
    (
        "PD may not",
        picture("1,2,3", "1* 2", schedule={"enable-make-up-replica": "false", "halt-scheduling": "true"}),
        ["missing peer"],
        "halt-scheduling is true",
    ),
]


@pytest.mark.parametrize(("seen", "kinds", "hint"), [row[1:] for row in REPLICATION], ids=[r[0] for r in REPLICATION])
def test_replication(seen: Picture, kinds: list[str], hint: str) -> None:
    verdict = replication(seen)
    assert [finding.kind for finding in verdict.findings] == sorted(kinds, key=_order(kinds))
    assert verdict.good == (not kinds)
    assert hint in "\n".join(verdict.hints)
    assert replication(seen).to_json()["good"] == verdict.good


def _order(kinds: list[str]) -> Any:
    """Stores first, then ranges, then Regions by kind."""
    rank = {"no stores": 0, "same address": 0, "hole": 1, "overlap": 1}
    return lambda kind: (rank.get(kind, 2), kind)


def test_a_hole_an_overlap_and_an_open_end_are_seen() -> None:
    whole = picture("1,2,3", GOOD, GOOD, GOOD)
    first, second, third = whole.regions
    assert [f.kind for f in replication(replace(whole, regions=(first, third))).findings] == ["hole"]
    assert [f.kind for f in replication(replace(whole, regions=(first, second))).findings] == ["hole"]
    assert [f.kind for f in replication(replace(whole, regions=(second, third))).findings] == ["hole"]
    wide = replace(first, end=second.end)
    assert [f.kind for f in replication(replace(whole, regions=(wide, second, third))).findings] == ["overlap"]
    assert replication(replace(whole, regions=(third, first, second))).good  # in whatever order PD lists them


def test_two_stores_at_one_address_are_one_machine() -> None:
    seen = picture("1,2,3", GOOD)
    stores = {**seen.stores, 3: replace(seen.stores[3], address=seen.stores[1].address)}
    verdict = replication(replace(seen, stores=stores))
    assert [finding.kind for finding in verdict.findings] == ["same address"]
    assert verdict.findings[0].stores == (1, 3)


def test_regions_with_the_same_problem_are_one_finding_that_names_them() -> None:
    verdict = replication(picture("1,2,3", *["1* 2"] * 9))
    (finding,) = verdict.findings
    assert finding.regions == tuple(range(10, 19))
    assert finding.text == "9 Regions (10, 11, 12, 13, 14, …): 2 of 3 voters"


def test_learners_on_tiflash_are_not_tikvs_replicas() -> None:
    seen = picture("1,2,3,4", "1* 2 3 4l")
    stores = {**seen.stores, 4: replace(seen.stores[4], tiflash=True)}
    assert replication(replace(seen, stores=stores)).good


def test_one_replica_is_what_was_asked_for_but_is_told() -> None:
    verdict = replication(picture("1,2", "1*", replication={"max-replicas": 1}))
    assert verdict.good
    assert "max-replicas is 1" in verdict.warnings[0]


SPREAD = ["1* 2 3", "1* 2 3", "1* 2 4", "2* 3 4", "3* 4 1", "4* 1 2"]
BALANCE: list[tuple[str, Picture, dict[str, Any], list[str], str]] = [
    ("balanced", picture("1,2,3,4", *SPREAD), {"new_stores": [4]}, [], ""),
    ("a new store without any", picture("1,2,3,4", *[GOOD] * 6), {"new_stores": [4]}, ["empty store"], ""),
    ("no store of that number", picture("1,2,3", GOOD), {"new_stores": [9]}, ["store not there"], ""),
    ("a new store that is gone", picture("1,2,3,4 Down", GOOD), {"new_stores": [4]}, ["store not up"], ""),
    (
        "PD is at it",
        picture("1,2,3,4", *SPREAD, operators=("balance-region-scheduler {mv peer: store [1] to [4]} (kind…",),
                schedule={"store-limit": {"4": {"add-peer": 15, "remove-peer": 15}}}),
        {},
        ["operators running"],
        "store limits let a store take few replicas a minute (4: 15)",
    ),
    ("not replicated", picture("1,2,3,4", *SPREAD[:5], "4* 1"), {}, ["missing peer"], ""),
    ("uneven, and that is fine", picture("1,2,3,4", *[GOOD] * 5, "1* 2 4"), {"new_stores": [4]}, [], ""),
    (
        "uneven, and that is not fine",
        picture("1,2,3,4", *[GOOD] * 5, "1* 2 4"),
        {"tolerance": 0.5},
        ["outside tolerance"],
        "PD lets a difference of about two average Regions be",
    ),
    ("within tolerance", picture("1,2,3,4", *SPREAD), {"tolerance": 0.5}, [], ""),
    (
        "no scheduler",
        picture("1,2,3,4", *[GOOD] * 6, schedulers=("balance-leader-scheduler",)),
        {"new_stores": [4]},
        ["empty store"],
        "the balance-region scheduler is not there",
    ),
    (
        "no moves allowed",
        picture("1,2,3,4", *[GOOD] * 6, schedule={"region-schedule-limit": 0}),
        {"new_stores": [4]},
        ["empty store"],
        "region-schedule-limit is 0",
    ),
    ("too little to spread", picture("1,2,3,4", GOOD), {"new_stores": [4]}, ["empty store"], "1 Region is few"),
    (
        "one replica each",
        picture("1,2", "1*", replication={"max-replicas": 1}),
        {"new_stores": [2]},
        ["empty store"],
        "max-replicas is 1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "asked", "kinds", "hint"), [row[1:] for row in BALANCE], ids=[row[0] for row in BALANCE]
)
def test_balance(seen: Picture, asked: dict[str, Any], kinds: list[str], hint: str) -> None:
    verdict = balance(seen, **asked)
    assert [finding.kind for finding in verdict.findings] == kinds
    assert hint in "\n".join(verdict.hints)
    assert set(verdict.spreads) == {"regions", "leaders", "size", "score"}


def test_empty_regions_do_not_move_once_there_are_a_hundred() -> None:
    """tikv/pd#8285."""
    seen = picture("1,2,3,4", *[GOOD] * 120)
    empty = replace(seen, regions=tuple(replace(one, size_mib=1) for one in seen.regions))
    assert "120 Regions are empty" in "\n".join(balance(empty, new_stores=[4]).hints)
    assert "empty" not in "\n".join(balance(seen, new_stores=[4]).hints)


def test_spreads() -> None:
    assert Spread.of([4, 6, 5]) == Spread(4, 6, 0.4)
    assert Spread.of([0, 0]) == Spread(0, 0, 0)
    assert Spread.of([]) == Spread(0, 0, 0)

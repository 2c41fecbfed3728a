"""Regions and how they split."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.minicluster.model import Epoch, Peer, Region, Role, SplitIds, split_region, valid_split_keys

PEERS = (Peer(3, 1), Peer(4, 2, Role.LEARNER))


@pytest.mark.parametrize(
    ("start", "end", "key", "contains", "touches"),
    [
        (b"", b"", b"", True, True),
        (b"b", b"d", b"a", False, False),
        (b"b", b"d", b"b", True, True),
        (b"b", b"d", b"c\xff", True, True),
        (b"b", b"d", b"d", False, True),
        (b"b", b"d", b"d\x00", False, False),
        (b"b", b"", b"\xff" * 9, True, True),
    ],
)
def test_a_region_holds_its_start_and_not_its_end(
    start: bytes, end: bytes, key: bytes, contains: bool, touches: bool
) -> None:
    region = Region(1, start, end)
    assert (region.contains(key), region.touches(key)) == (contains, touches)


def test_a_peer_is_found_by_its_store() -> None:
    region = Region(1, peers=PEERS)
    assert region.peer_on(2) is PEERS[1]
    assert region.peer_on(3) is None


def test_split_keys_outside_or_at_the_start_are_not_valid() -> None:
    keys = [b"", b"b", b"c", b"c", b"bb", b"d", b"e"]
    assert valid_split_keys(Region(1, b"b", b"d"), keys) == [b"bb", b"c"]


def test_a_split_keeps_the_region_on_the_right() -> None:
    parent = Region(2, b"b", b"m", Epoch(5, 7), PEERS)
    pieces = split_region(parent, [b"d", b"f"], [SplitIds(10, (11, 12)), SplitIds(13, (14, 15))])
    assert [(piece.id, piece.start, piece.end) for piece in pieces] == [
        (10, b"b", b"d"),
        (13, b"d", b"f"),
        (2, b"f", b"m"),
    ]
    assert {piece.epoch for piece in pieces} == {Epoch(5, 9)}
    assert pieces[0].peers == (Peer(11, 1), Peer(12, 2, Role.LEARNER))
    assert pieces[2].peers == PEERS


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        ([], []),
        ([b"z"], [SplitIds(9, (1, 2))]),
        ([b"f", b"d"], [SplitIds(9, (1, 2)), SplitIds(8, (1, 2))]),
        ([b"d"], []),
        ([b"d"], [SplitIds(9, (1,))]),
    ],
)
def test_a_senseless_split_is_refused(keys: list[bytes], ids: list[SplitIds]) -> None:
    with pytest.raises(ValueError, match="region 2"):
        split_region(Region(2, b"b", b"m", Epoch(), PEERS), keys, ids)


@given(st.binary(max_size=3), st.lists(st.binary(max_size=3), max_size=6), st.binary(max_size=3))
def test_pieces_cover_the_parent_without_gap(start: bytes, keys: list[bytes], end: bytes) -> None:
    if end and start >= end:
        start, end = end, start + b"\xff"
    parent = Region(1, start, end, peers=PEERS)
    valid = valid_split_keys(parent, keys)
    if not valid:
        return
    pieces = split_region(parent, valid, [SplitIds(10 + i, (20 + i, 30 + i)) for i in range(len(valid))])
    assert pieces[0].start == start
    assert pieces[-1].end == end
    assert all(left.end == right.start for left, right in itertools.pairwise(pieces))

"""The Regions that PD knows: looked up, scanned, and replaced only by what is newer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.pd.regiontree import RegionInfo, RegionTree, StaleRegionError


def info(region_id: int, start: bytes, end: bytes, version: int = 1, conf_ver: int = 1, term: int = 0) -> RegionInfo:
    return RegionInfo(Region(region_id, start, end, Epoch(conf_ver, version), (Peer(region_id * 10, 1),)), term=term)


def tree(*infos: RegionInfo) -> RegionTree:
    made = RegionTree()
    for each in infos:
        made.put(each)
    return made


THREE = [info(1, b"", b"c"), info(2, b"c", b"m"), info(3, b"m", b"")]
HOLE = [info(1, b"b", b"c"), info(3, b"m", b"p")]


@pytest.mark.parametrize(
    ("key", "found", "previous"),
    [(b"", 1, None), (b"b\xff", 1, None), (b"c", 2, 1), (b"m", 3, 2), (b"\xff", 3, 2)],
)
def test_look_up(key: bytes, found: int, previous: int | None) -> None:
    regions = tree(*THREE)
    here, before = regions.find(key), regions.find_previous(key)
    assert here is not None
    assert here.region.id == found
    assert (before.region.id if before else None) == previous
    assert regions.get(found) is here


@pytest.mark.parametrize("key", [b"", b"c", b"l", b"p", b"z"])
def test_look_up_in_a_hole(key: bytes) -> None:
    regions = tree(*HOLE)
    assert regions.find(key) is None
    assert regions.find_previous(key) is None


def test_the_previous_region_is_an_adjacent_one() -> None:
    assert tree(*HOLE).find_previous(b"m") is None


@pytest.mark.parametrize(
    ("start", "end", "limit", "found"),
    [
        (b"", b"", 0, [1, 2, 3]),
        (b"", b"", 2, [1, 2]),
        (b"", b"", -1, [1, 2, 3]),
        (b"b", b"c", 0, [1]),
        (b"b", b"c\x00", 0, [1, 2]),
        (b"d", b"e", 0, [2]),
        (b"n", b"", 0, [3]),
    ],
)
def test_scan(start: bytes, end: bytes, limit: int, found: list[int]) -> None:
    assert [each.region.id for each in tree(*THREE).scan(start, end, limit)] == found


def test_scan_skips_holes() -> None:
    assert [each.region.id for each in tree(*HOLE).scan(b"c", b"n")] == [3]


@pytest.mark.parametrize(
    ("report", "stale"),
    [
        (info(2, b"c", b"m", 5, 5, term=5), False),
        (info(2, b"c", b"m", 4, 5, term=5), True),
        (info(2, b"c", b"m", 5, 4, term=5), True),
        (info(2, b"c", b"m", 5, 5, term=4), True),
        (info(2, b"c", b"m", 5, 5, term=0), False),
        (info(2, b"c", b"m", 6, 5, term=4), True),
        (info(2, b"c", b"m", 6, 6, term=6), False),
        (info(9, b"a", b"d", 4), True),  # overlaps Region 2, and is older than it
        (info(9, b"a", b"d", 5), False),
        (info(9, b"m", b"z", 1), False),  # overlaps nothing
    ],
)
def test_stale_reports_are_refused(report: RegionInfo, stale: bool) -> None:
    regions = tree(info(2, b"c", b"m", 5, 5, term=5))
    if stale:
        with pytest.raises(StaleRegionError):
            regions.put(report)
        assert [each.region.id for each in regions] == [2]
    else:
        regions.put(report)
        assert regions.get(report.region.id) is report


def test_a_split_reported_piece_by_piece() -> None:
    regions = tree(info(2, b"", b""))
    assert [each.region.id for each in regions.put(info(2, b"m", b"", 2))] == []
    assert regions.find(b"a") is None  # nobody has reported the left half yet
    regions.put(info(5, b"", b"m", 2))
    assert [(each.region.id, each.region.start) for each in regions] == [(5, b""), (2, b"m")]


def test_a_newer_region_displaces_those_it_covers() -> None:
    regions = tree(*THREE)
    assert [each.region.id for each in regions.put(info(7, b"b", b"n", 2))] == [1, 2, 3]
    assert [each.region.id for each in regions] == [7]
    assert regions.get(1) is None


@pytest.mark.parametrize(("size", "mib"), [(0, 0), (1, 1), ((1 << 20) - 1, 1), (96 << 20, 96), ((97 << 20) - 1, 96)])
def test_sizes_count_whole_mib_and_at_least_one(size: int, mib: int) -> None:
    assert RegionInfo(Region(1), approximate_size=size).size_mib == mib


keys = st.binary(max_size=2)


@given(
    st.lists(st.tuples(st.integers(1, 5), keys, keys, st.integers(1, 3), st.integers(1, 2)), max_size=25), keys, keys
)
def test_the_tree_is_a_list_searched_from_end_to_end(
    reports: list[tuple[int, bytes, bytes, int, int]], start: bytes, end: bytes
) -> None:
    regions, known = RegionTree(), list[RegionInfo]()
    for region_id, one, other, version, conf_ver in reports:
        low, high = sorted((one, other))
        report = info(region_id, low, high if low < high else b"", version, conf_ver)
        overlaps = [each for each in known if each.region.id != region_id and overlap(each.region, report.region)]
        same = next((each for each in known if each.region.id == region_id), None)
        stale = any(each.region.epoch.version > version for each in overlaps) or (
            same is not None and (same.region.epoch.version > version or same.region.epoch.conf_ver > conf_ver)
        )
        try:
            regions.put(report)
        except StaleRegionError:
            assert stale
        else:
            assert not stale
            known = sorted(
                [each for each in known if each not in overlaps and each is not same] + [report],
                key=lambda each: each.region.start,
            )
        assert list(regions) == known
        assert len(regions) == len(known)
    assert regions.find(start) == next((each for each in known if each.region.contains(start)), None)
    if not end or start < end:
        window = Region(0, start, end)
        assert regions.scan(start, end) == [each for each in known if overlap(each.region, window)]


def overlap(one: Region, other: Region) -> bool:
    return (not one.end or one.end > other.start) and (not other.end or other.end > one.start)

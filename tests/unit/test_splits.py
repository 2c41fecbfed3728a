"""Where Regions are cut."""

from __future__ import annotations

import pytest

from ycsbpy.minicluster.store.splits import SizeScan, SplitOptions, half_way


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        (0, []),
        (14, []),  # 140 bytes, and 150 is the largest that stays whole
        (15, [10]),
        (21, [10]),  # a second cut would leave nothing
        (24, [10]),
        (25, [10, 20]),
        (300, [10, 20, 30, 40, 50]),  # no more than the limit at once
    ],
)
def test_a_cut_after_each_split_size_but_no_small_rest(rows: int, keys: list[int]) -> None:
    scan = SizeScan(SplitOptions(split_size=100, batch_limit=5))
    for number in range(rows):
        scan.add(b"%03d" % number, 10)
    assert (scan.size, scan.rows) == (10 * rows, rows)
    assert scan.split_keys() == [b"%03d" % number for number in keys]


def test_sizes_that_follow_from_others() -> None:
    assert (SplitOptions().largest >> 20, SplitOptions().diff >> 20) == (384, 16)
    assert SplitOptions(split_size=10, max_size=99).largest == 99


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([], b""), ([5], b""), ([5, 5], b"1"), ([9, 1, 1], b"1"), ([1, 1, 9], b"2"), ([1, 1, 1, 1], b"2")],
)
def test_half_way(sizes: list[int], expected: bytes) -> None:
    assert half_way([(b"%d" % index, size) for index, size in enumerate(sizes)]) == expected

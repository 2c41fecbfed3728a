"""Counts of latencies: the same as the ``hdrhistogram`` package's, bucket for bucket, and exact beside them."""

from __future__ import annotations

import math
import random
import sys
from array import array
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy._native.recording import (
    COUNTS_LEN,
    HIGHEST_NS,
    LOWEST_NS,
    SIGNIFICANT_DIGITS,
    LatencyCounts,
    Recorder,
)

PERCENTILES = [0.0, 0.001, 1.0, 10.0, 50.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999, 100.0]
values_ns = st.one_of(
    st.integers(0, HIGHEST_NS),
    st.integers(0, 41).flatmap(lambda power: st.integers(max(0, 2**power - 2), min(HIGHEST_NS, 2**power + 2))),
    st.floats(0, math.log(HIGHEST_NS)).map(lambda x: int(math.exp(x))),
)


def counted(values: list[int]) -> LatencyCounts:
    counts = LatencyCounts()
    for value in values:
        counts.record(value)
    return counts


def hdr() -> Any:
    return HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS)


def facts(counts: LatencyCounts) -> tuple[Any, ...]:
    """Everything that a histogram knows."""
    numbers = (counts.total, counts.sum_ns, counts.min_ns, counts.max_ns, counts.saturated)
    return (*numbers, bytes(memoryview(counts)))


def used(counts: LatencyCounts) -> dict[int, int]:
    return {index: count for index, count in enumerate(memoryview(counts)) if count}


def test_the_packages_agree_on_the_shape() -> None:
    assert hdr().counts_len == COUNTS_LEN == 33792


@given(st.lists(values_ns, max_size=50))
def test_buckets_are_hdr_histograms(values: list[int]) -> None:
    reference = hdr()
    for value in values:
        assert reference.record_value(value)
    counts = counted(values)
    assert used(counts) == {index: count for index, count in enumerate(reference.counts) if count}
    assert counts.total == reference.total_count == len(values)
    assert counts.sum_ns == sum(values)
    assert (counts.min_ns, counts.max_ns) == (min(values, default=0), max(values, default=0))
    for percentile in PERCENTILES:
        expected = reference.get_value_at_percentile(percentile) if values else 0
        assert counts.value_at_percentile(percentile) == expected


def lognormal(size: int, seed: int) -> list[int]:
    generator = random.Random(seed)
    return [int(generator.lognormvariate(13, 2)) for _ in range(size)]


def test_an_encoded_histogram_is_the_same_to_the_byte() -> None:
    values = lognormal(20_000, 1)
    reference, filled = hdr(), hdr()
    for value in values:
        reference.record_value(value)
    counts = LatencyCounts()
    counts.record_all(array("Q", values))
    memoryview(filled.counts).cast("B").cast("Q")[:] = memoryview(counts)
    filled.total_count, filled.min_value, filled.max_value = counts.total, counts.min_ns, counts.max_ns
    assert filled.encode() == reference.encode()
    for percentile in PERCENTILES:
        assert counts.value_at_percentile(percentile) == reference.get_value_at_percentile(percentile)


def test_percentiles_of_raw_values() -> None:
    """Within the thousandth that three digits promise."""
    values = sorted(lognormal(50_000, 2))
    counts = LatencyCounts()
    counts.record_all(array("Q", values))
    for percentile in PERCENTILES[2:]:
        exact = values[max(0, round(percentile * len(values) / 100) - 1)]
        assert exact <= counts.value_at_percentile(percentile) <= exact * 1.001 + 1


@given(st.lists(st.lists(st.integers(0, 2**63 - 1), max_size=20), max_size=5))
def test_merging_is_concatenating(parts: list[list[int]]) -> None:
    merged = LatencyCounts()
    for part in parts:
        merged.add(counted(part))
    whole = counted([value for part in parts for value in part])
    assert facts(merged) == facts(whole)
    assert facts(whole.copy()) == facts(whole)
    twice = whole.copy()
    twice.add(twice)
    whole.add(whole.copy())
    assert facts(twice) == facts(whole)
    merged.reset()
    assert facts(merged) == facts(LatencyCounts())


@given(st.lists(st.tuples(values_ns, st.integers(0, 10)), max_size=20))
def test_counts_of_a_value_at_once(pairs: list[tuple[int, int]]) -> None:
    at_once = LatencyCounts()
    for value, count in pairs:
        at_once.record(value, count)
    assert facts(at_once) == facts(counted([value for value, count in pairs for _ in range(count)]))


@given(st.lists(values_ns, min_size=1, max_size=50))
def test_counters_of_the_package_are_merged(values: list[int]) -> None:
    reference = hdr()
    for value in values:
        reference.record_value(value)
    counts = counted([5])
    counts.add_counts(reference.counts, sum(values), min(values), max(values))
    assert facts(counts) == facts(counted([5, *values]))


def test_a_decoded_histogram_is_merged() -> None:
    values = lognormal(1000, 3)
    reference = hdr()
    for value in values:
        reference.record_value(value)
    decoded = HdrHistogram.decode(reference.encode())
    counters = array("Q", bytes(8 * COUNTS_LEN))
    for index in range(COUNTS_LEN):
        counters[index] = decoded.get_count_at_index(index)
    counts = LatencyCounts()
    counts.add_counts(counters, sum(values), decoded.get_min_value(), decoded.get_max_value())
    assert used(counts) == used(counted(values))
    assert counts.total == 1000


def test_values_past_the_end_are_kept_and_said() -> None:
    counts = counted([HIGHEST_NS, HIGHEST_NS + 1, 2**62])
    assert counts.total == 3
    assert counts.saturated == 2
    assert counts.max_ns == 2**62
    assert counts.sum_ns == 2 * HIGHEST_NS + 1 + 2**62
    assert list(used(counts).values()) == [3]
    reference = hdr()
    reference.record_value(HIGHEST_NS + 2**35)  # its last bucket goes on for a while
    merged = LatencyCounts()
    merged.add_counts(reference.counts, HIGHEST_NS + 2**35, HIGHEST_NS + 2**35, HIGHEST_NS + 2**35)
    assert facts(merged) == facts(counted([HIGHEST_NS + 2**35]))


def test_sums_past_64_bits() -> None:
    counts = LatencyCounts()
    counts.record(2**63 - 1, 2**40)
    assert counts.sum_ns == (2**63 - 1) * 2**40
    counts.add(counts)
    assert counts.sum_ns == (2**63 - 1) * 2**41


def test_the_buffer_is_read_only_and_live() -> None:
    counts = LatencyCounts()
    view = memoryview(counts)
    assert (view.format, view.shape, view.nbytes, view.readonly) == ("Q", (COUNTS_LEN,), 8 * COUNTS_LEN, True)
    counts.record(3)
    assert view[3] == 1
    with pytest.raises(TypeError):
        view[3] = 5
    references = sys.getrefcount(counts)
    view.release()
    assert sys.getrefcount(counts) == references - 1


def test_what_is_no_latency() -> None:
    counts = LatencyCounts()
    with pytest.raises(ValueError, match="negative: -1 ns"):
        counts.record(-1)
    with pytest.raises(OverflowError):
        counts.record(1, -1)
    for percentile in (-0.1, 100.1, math.nan):
        with pytest.raises(ValueError, match="percentile"):
            counts.value_at_percentile(percentile)
    with pytest.raises(ValueError, match="not 33792"):
        counts.add_counts(array("Q", [1]), 1, 1, 1)
    with pytest.raises(ValueError, match="sum_ns"):
        counts.add_counts(memoryview(counted([1])), -1, 1, 1)
    for low, high in ((1, 3), (2, 2), (3, 2)):
        with pytest.raises(ValueError, match="min_ns and max_ns"):
            counts.add_counts(memoryview(counted([1, 2])), 3, low, high)
    with pytest.raises((ValueError, TypeError)):
        counts.add_counts(array("I", [0] * COUNTS_LEN), 0, 0, 0)
    assert facts(counts) == facts(LatencyCounts())


# -- the recorder --

operations = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 3), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**10)
    ),
    max_size=40,
)


@given(operations, st.booleans(), st.integers(0, 40))
def test_recorder(records: list[tuple[int, int, int, int, int]], response: bool, taken_after: int) -> None:
    """Cells are those of kind and outcome; what is handed over in parts is what there was."""
    recorder = Recorder(6, 4, response=response)
    expected: dict[tuple[int, int, bool], list[int]] = {}
    first: dict[tuple[int, int, bool], LatencyCounts] = {}
    for place, (kind, outcome, intended, wait, service) in enumerate(records):
        if place == taken_after:
            first = recorder.take()
        recorder.record(kind, outcome, intended, intended + wait, intended + wait + service)
        expected.setdefault((kind, outcome, False), []).append(service)
        if response:
            expected.setdefault((kind, outcome, True), []).append(wait + service)
    both = recorder.take()
    assert recorder.take() == {}
    for cell, counts in first.items():
        both.setdefault(cell, LatencyCounts()).add(counts)
    assert {cell: facts(counts) for cell, counts in both.items()} == {
        cell: facts(counted(values)) for cell, values in expected.items()
    }
    assert recorder.recorded == len(records)


def test_what_a_recorder_refuses() -> None:
    recorder = Recorder(6, 4, response=True)
    for kind, outcome in ((6, 0), (0, 4), (-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="there is no kind"):
            recorder.record(kind, outcome, 0, 0, 0)
    for intended, start in ((5, 0), (0, 5)):
        with pytest.raises(ValueError, match="ended at 4 ns, before"):
            recorder.record(0, 0, intended, start, 4)
    assert recorder.recorded == 0
    assert recorder.take() == {}
    Recorder(6, 4, response=False).record(0, 0, 5, 0, 4)  # nobody asks when it was meant to start
    for kinds, outcomes in ((0, 1), (1, 0), (-1, 4), (10**6, 4)):
        with pytest.raises(ValueError, match="kinds, outcomes"):
            Recorder(kinds, outcomes, response=False)

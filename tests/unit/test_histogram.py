from __future__ import annotations

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st
from strategies import counted, latencies

from ycsbpy._native.recording import HIGHEST_NS, LatencyCounts
from ycsbpy.measure.histogram import decode, encode, percentiles, to_hdr

RANKS = (0.0, 50.0, 90.0, 99.0, 99.99, 100.0)


@given(st.lists(latencies, min_size=1, max_size=30))
def test_the_package_recording_the_same_values_is_the_same(values: list[int]) -> None:
    counts, package = LatencyCounts(), HdrHistogram(1, HIGHEST_NS, 3)
    for value in values:
        counts.record(value)
        assert package.record_value(value)
    assert to_hdr(counts).encode() == package.encode()
    assert percentiles(counts, RANKS) == {
        rank: min(package.get_value_at_percentile(rank), max(values)) for rank in RANKS
    }


@given(counted())
def test_encoding_and_back(counts: LatencyCounts) -> None:
    back = decode(encode(counts), sum_ns=counts.sum_ns, min_ns=counts.min_ns, max_ns=counts.max_ns)
    assert bytes(memoryview(back)) == bytes(memoryview(counts))
    assert (back.total, back.sum_ns, back.min_ns, back.max_ns) == (
        counts.total,
        counts.sum_ns,
        counts.min_ns,
        counts.max_ns,
    )


def test_without_the_exact_figures_they_are_as_good_as_a_bucket() -> None:
    counts = LatencyCounts()
    for value in (123_456, 7_654_321):
        counts.record(value)
    back = decode(encode(counts))
    assert back.sum_ns == pytest.approx(counts.sum_ns, rel=1e-3)
    assert back.min_ns == pytest.approx(counts.min_ns, rel=1e-3)
    assert back.max_ns == pytest.approx(counts.max_ns, rel=1e-3)


@pytest.mark.parametrize("text", ["", "nonsense", "HISTFAAAAB542pNpmSzMwMDAxQABzFCaEUzOm97MYP8BIgIAT3QHDQ"])
def test_what_is_not_an_encoding_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HdrHistogram"):
        decode(text)


def test_another_layout_is_refused() -> None:
    other = HdrHistogram(1, 1000, 2)
    other.record_value(5)
    with pytest.raises(ValueError, match="layout"):
        decode(other.encode().decode())

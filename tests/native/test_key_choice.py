"""Which records are asked for: each request distribution against its exact probabilities, and against a wrong law."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from chisquare import assert_follows, follows, histogram, rank_edges, uniform_law, zipf_law
from op_sources import DISTRIBUTIONS, INSERT, READ, grow, records, source
from oracle import permuted

from ycsbpy._native.generators import DOMAIN_RUN, OperationSource, fnv64

SIZES = [2, 3, 10, 1000, 1_000_000]
HUGE = [2**31 - 1, 2**31, 2**31 + 1, 2**40]
READ_AND_INSERT = (0.5, 0.0, 0.5, 0.0, 0.0, 0.0)


def binned(sample: list[int], edges: list[int]) -> list[int]:
    """Counts per bin [edge, next edge)."""
    counts = Counter(sample)
    result, place = [0] * (len(edges) - 1), 0
    for value in sorted(counts):
        while value >= edges[place + 1]:
            place += 1
        assert value >= edges[place]
        result[place] += counts[value]
    return result


def reads_only(drawn: OperationSource, count: int, number: int) -> list[int]:
    """Positions of the next `count` reads; inserts among them stay unacknowledged, so the limit stands still."""
    found: list[int] = []
    while len(found) < count:
        operation = drawn.draw(DOMAIN_RUN, number)
        number += 1
        if operation.kind == READ:
            found.append(operation.key_number)
    return found


# -- uniform, hotspot, sequential --


@pytest.mark.parametrize("n", SIZES)
def test_uniform(n: int) -> None:
    bins = min(n, 1000)
    sample = [record * bins // n for record in records(source(n), 300_000)]
    tilted = [(1 + 0.05 * (2 * i - bins + 1) / bins) / bins for i in range(bins)]
    assert_follows(histogram(sample, bins), uniform_law(bins), tilted)


@pytest.mark.parametrize("n", HUGE)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_counts_past_32_bits(distribution: str, n: int) -> None:
    """Positions past 2^31 are drawn and named, and none outside the table."""
    sample = records(source(n, requestdistribution=distribution), 20_000)
    assert all(0 <= record < n for record in sample)
    if distribution == "uniform":
        assert_follows(histogram((record * 64 // n for record in sample), 64), uniform_law(64))
    if distribution == "latest":
        edges = rank_edges(n)
        control = zipf_law(n, 0.95, edges)
        assert_follows(binned([n - record for record in sample], edges), zipf_law(n, 0.99, edges), control)


@pytest.mark.parametrize("start", [0, 2**31 - 5, 2**40])
def test_positions_start_at_insertstart(start: int) -> None:
    drawn = source(start + 10, insertstart=start, insertcount=10)
    assert set(records(drawn, 1000)) == set(range(start, start + 10))


@pytest.mark.parametrize("data", [0.0, 0.0001, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("operations", [0.0, 0.8, 1.0])
def test_hotspot(data: float, operations: float) -> None:
    """With nothing hot or nothing cold, all records are the same."""
    n = 1000
    hot = int(n * data)
    law = uniform_law(n)
    if 0 < hot < n:
        law = [operations / hot] * hot + [(1 - operations) / (n - hot)] * (n - hot)
    drawn = source(n, requestdistribution="hotspot", hotspotdatafraction=data, hotspotopnfraction=operations)
    counts = histogram(records(drawn, 150_000), n)
    if operations == 1.0 and 0 < hot < n:
        assert not any(counts[hot:])
        counts, law = counts[:hot], law[:hot]
    if operations == 0.0 and 0 < hot < n:
        assert not any(counts[:hot])
        counts, law = counts[hot:], law[hot:]
    half = len(law) // 2
    tilted = [p * (1.1 if i < half else 0.9) for i, p in enumerate(law)]
    assert_follows(counts, law, [p / sum(tilted) for p in tilted])


@pytest.mark.parametrize("factor", [1, 2, 10, 100])
@pytest.mark.parametrize("distribution", ["uniform", "hotspot"])
def test_even_laws_over_growing_records(distribution: str, factor: int) -> None:
    """What was inserted is drawn as soon as it is acknowledged; the hot records stay those that they were."""
    n = 200
    drawn = source(n, requestdistribution=distribution, proportions=READ_AND_INSERT)
    number = grow(drawn, n * factor)
    live, hot = drawn.limit, n // 5
    bins = live // hot  # the first one holds the hot records
    sample = [record * bins // live for record in reads_only(drawn, 100_000, number)]
    law, before = uniform_law(bins), [1 / bins * (1.1 if i < bins // 2 else 0.9) for i in range(bins)]
    if distribution == "hotspot":
        law = [0.8] + [0.2 / (bins - 1)] * (bins - 1)
        before = [0.76] + [0.24 / (bins - 1)] * (bins - 1)
    assert_follows(histogram(sample, bins), law, [p / sum(before) for p in before])


def test_sequential() -> None:
    assert records(source(7, requestdistribution="sequential"), 20) == [i % 7 for i in range(20)]


# -- YCSB's zipfian --

ITEMS = 10_000_000_001
ZETA = 26.46902820178302
HEAD = 100_000
"""Ranks whose probability is counted one by one; those behind are so many and so unlikely that hashing spreads them
evenly."""


def ycsb_ranks(theta: float, zeta: float) -> list[float]:
    """Probabilities of ranks 0 … HEAD - 1 under Gray's formula with its constants for ten thousand million items."""
    second = math.pow(0.5, theta)
    eta = (1 - math.pow(2 / ITEMS, 1 - theta)) / (1 - (1 + second) / zeta)

    def below(rank: int) -> float:
        """Of the uniform number: where the formula reaches the rank."""
        return (math.exp((1 - theta) * math.log(rank / ITEMS)) - 1 + eta) / eta

    third = (1 + second) / zeta
    starts = [third, *(max(third, below(rank)) for rank in range(3, HEAD + 1))]
    return [1 / zeta, second / zeta, *(end - start for start, end in pairwise(starts))]


def scrambled_law(space: int, live: int, bins: int, ranks: list[float]) -> list[float]:
    """Probability of each bin of positions (position modulo `bins`): ranks are hashed onto `space`; what falls past
    `live` is drawn again, and after a hundred times the last rank is hashed onto `live` itself."""
    inside, outside = [0.0] * bins, [0.0] * bins
    for rank, probability in enumerate(ranks):
        code = fnv64(rank)
        if code % space < live:
            inside[code % space % bins] += probability
        else:
            outside[code % live % bins] += probability
    behind = 1 - sum(ranks)
    for i in range(bins):
        share = behind * len(range(i, live, bins)) / live
        inside[i] += share * live / space
        outside[i] += share * (space - live) / space
    return redrawn(inside, outside)


def redrawn(inside: list[float], outside: list[float]) -> list[float]:
    """A law over bins, where what falls outside is drawn again and counts only the hundredth time."""
    hit = sum(inside)
    once_in_a_hundred = (1 - (1 - hit) ** 100) / hit
    return [a * once_in_a_hundred + b * (1 - hit) ** 99 for a, b in zip(inside, outside, strict=True)]


YCSB_RANKS = ycsb_ranks(0.99, ZETA)
OTHER_RANKS = ycsb_ranks(0.95, 62.5)  # the sum for 0.95, to the digits that matter here


@pytest.mark.parametrize("n", SIZES)
def test_zipfian(n: int) -> None:
    bins = min(n, 1000)
    drawn = source(n, requestdistribution="zipfian")
    sample = [record % bins for record in records(drawn, 400_000)]
    law = scrambled_law(n, n, bins, YCSB_RANKS)
    assert_follows(histogram(sample, bins), law, scrambled_law(n, n, bins, OTHER_RANKS))


def test_zipfian_ranks_before_hashing() -> None:
    """In a table so large that no two popular ranks meet, each popular record has the probability of its rank."""
    n, shown = 2**40, 300
    rank_of = {fnv64(rank) % n: rank for rank in range(shown)}
    drawn = source(n, requestdistribution="zipfian")
    sample = [rank_of.get(record, shown) for record in records(drawn, 400_000)]
    counts = histogram(sample, shown + 1)

    def law(ranks: list[float]) -> list[float]:
        return [*ranks[:shown], 1 - sum(ranks[:shown])]

    assert_follows(counts, law(YCSB_RANKS), law(OTHER_RANKS))


@pytest.mark.parametrize("factor", [1, 2, 10, 100])
def test_zipfian_over_growing_records(factor: int) -> None:
    """Inserts neither move the popular records nor leave a record out."""
    n = 100
    drawn = source(n, requestdistribution="zipfian", proportions=READ_AND_INSERT, operationcount=40_000)
    number = grow(drawn, n * factor)
    live, space = drawn.limit, n + 40_000
    bins = min(live, 1000)
    sample = [record % bins for record in reads_only(drawn, 100_000, number)]
    law = scrambled_law(space, live, bins, YCSB_RANKS)
    assert_follows(histogram(sample, bins), law, uniform_law(bins))


# -- exact Zipf: one rank for each record --


def place_of(n: int) -> list[int]:
    """Where each rank's record is, from the page's own words."""
    return [permuted(rank, n) for rank in range(n)]


@pytest.mark.parametrize("n", [*range(1, 70), 255, 256, 257, 1000, 4096, 4097])
def test_each_rank_has_a_record_and_each_record_a_rank(n: int) -> None:
    assert sorted(place_of(n)) == list(range(n))


def test_popular_records_are_scattered() -> None:
    """Ranks that follow each other are no neighbours, and the first thousand are spread over the table."""
    n = 100_000
    first = [permuted(rank, n) for rank in range(1000)]
    assert min(abs(a - b) for a, b in pairwise(first)) > 1
    assert follows(histogram((place * 10 // n for place in first), 10), uniform_law(10))


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 100_000])
def test_zipfian_exact(n: int) -> None:
    edges = rank_edges(n)
    rank_of = {place: rank for rank, place in enumerate(place_of(n), start=1)}
    sample = [rank_of[record] for record in records(source(n, requestdistribution="zipfian-exact"), 400_000)]
    assert_follows(binned(sample, edges), zipf_law(n, 0.99, edges), zipf_law(n, 0.95, edges))


def test_zipfian_exact_is_not_ycsbs_law() -> None:
    """In a table of a thousand YCSB's ten thousand million ranks flatten the law: the most popular record gets 3.8 % of
    the reads and some, where the exact law gives 13 %."""
    n = 1000
    shares = {
        law: max(Counter(records(source(n, requestdistribution=law), 100_000)).values()) / 100_000
        for law in ("zipfian", "zipfian-exact")
    }
    exact = zipf_law(n, 0.99, [1, 2, n + 1])[0]
    assert abs(shares["zipfian-exact"] - exact) < 0.005
    assert shares["zipfian"] < exact / 2


@pytest.mark.parametrize("factor", [1, 2, 10, 100])
def test_zipfian_exact_over_growing_records(factor: int) -> None:
    """Inserts do not move the popular records: ranks whose record is not there yet are passed over."""
    n = 100
    drawn = source(n, requestdistribution="zipfian-exact", proportions=READ_AND_INSERT, operationcount=20_000)
    number = grow(drawn, n * factor)
    live, space = drawn.limit, n + 20_000
    bins = min(live, 500)
    weights = [rank**-0.99 for rank in range(1, space + 1)]
    whole = sum(weights)
    inside, outside = [0.0] * bins, [0.0] * bins
    for rank, weight in enumerate(weights):
        place = permuted(rank, space)
        (inside if place < live else outside)[place % live % bins] += weight / whole
    sample = [record % bins for record in reads_only(drawn, 100_000, number)]
    assert_follows(histogram(sample, bins), redrawn(inside, outside), uniform_law(bins))


# -- exact Zipf: latest --


@pytest.mark.parametrize("n", SIZES)
def test_latest(n: int) -> None:
    edges = rank_edges(n)
    sample = [n - record for record in records(source(n, requestdistribution="latest"), 400_000)]
    assert_follows(binned(sample, edges), zipf_law(n, 0.99, edges), zipf_law(n, 0.95, edges))


@pytest.mark.parametrize("factor", [1, 2, 10, 100])
def test_latest_over_growing_records(factor: int) -> None:
    n = 500
    drawn = source(n, requestdistribution="latest", proportions=READ_AND_INSERT)
    number = grow(drawn, n * factor)
    live = drawn.limit
    assert live == n * factor
    edges = rank_edges(live)
    sample = [live - record for record in reads_only(drawn, 200_000, number)]
    stale = [*zipf_law(n, 0.99, rank_edges(n)), *([0.0] * (len(edges) - len(rank_edges(n))))]
    controls = [zipf_law(live, 0.95, edges)] + ([stale] if factor > 1 else [])
    assert follows(binned(sample, edges), zipf_law(live, 0.99, edges))
    for control in controls:
        small = [max(p, 1e-9) for p in control]
        assert not follows(binned(sample, edges), [p / sum(small) for p in small])


# -- exponential --


def exponential_rate(share: float, frac: float) -> float:
    low, high = 1e-9, 1e4
    for _ in range(200):
        middle = (low + high) / 2
        within = math.expm1(-middle * frac) / math.expm1(-middle)
        low, high = (middle, high) if within < share else (low, middle)
    return high


def exponential_law(n: int, share: float, frac: float, edges: list[int]) -> list[float]:
    rate = exponential_rate(share, frac)
    mass = -math.expm1(-rate)
    return [(math.exp(-rate * a / n) - math.exp(-rate * b / n)) / mass for a, b in pairwise(edges)]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("percentile", "frac"), [(95.0, 0.8571428571), (99.0, 0.1), (60.0, 0.5)])
def test_exponential(n: int, percentile: float, frac: float) -> None:
    drawn = source(n, requestdistribution="exponential", exponential_percentile=percentile, exponential_frac=frac)
    sample = [n - 1 - record for record in records(drawn, 200_000)]
    bins = min(n, 1000)
    edges = [n * i // bins for i in range(bins + 1)]
    counts = binned(sample, edges)
    law = exponential_law(n, percentile / 100, frac, edges)
    if law[0] > 0.9995:
        assert counts[0] > 199_800
        return
    assert_follows(counts, law, exponential_law(n, percentile / 100 - 0.02, frac, edges))


@pytest.mark.parametrize("factor", [1, 2, 10, 100])
def test_exponential_share_is_what_was_asked_for(factor: int) -> None:
    """95 % of the requests to the newest 6/7, whatever has been inserted; YCSB's own rejection makes it 98 %."""
    n = 700
    drawn = source(n, requestdistribution="exponential", proportions=READ_AND_INSERT, exponential_frac=6 / 7)
    number = grow(drawn, n * factor)
    live = drawn.limit
    newest = [record >= live - live * 6 // 7 for record in reads_only(drawn, 200_000, number)]
    counts = [sum(newest), len(newest) - sum(newest)]
    assert_follows(counts, [0.95, 0.05], [0.98, 0.02], [0.947, 0.053])


# -- what is true of all --


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_every_record_of_a_small_table_is_drawn_and_no_other(distribution: str, n: int) -> None:
    drawn = source(n, requestdistribution=distribution, proportions=READ_AND_INSERT, operationcount=1000)
    assert set(reads_only(drawn, 3000, 0)) == set(range(n))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_an_empty_table_gives_the_first_record_that_will_be(distribution: str) -> None:
    drawn = source(0, requestdistribution=distribution, proportions=READ_AND_INSERT)
    assert set(reads_only(drawn, 100, 0)) == {0}
    first = next(op for op in (drawn.draw(DOMAIN_RUN, i) for i in range(100)) if op.kind == INSERT)
    drawn.acknowledge(first.key_number - drawn.inserted + 1, ok=True)
    assert drawn.limit == 1


def test_the_start_does_not_grow_with_the_table() -> None:
    """A sum over 2^60 records would take years."""
    for distribution in ("zipfian", "zipfian-exact", "latest", "exponential", "hotspot"):
        drawn = source(2**60, requestdistribution=distribution)
        assert max(records(drawn, 1000)) < 2**60

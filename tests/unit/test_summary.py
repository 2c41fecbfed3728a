from __future__ import annotations

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st
from strategies import accountings, attempts, errors, summaries

from ycsbpy._native.recording import LatencyCounts
from ycsbpy.measure.summary import (
    Accounting,
    Attempts,
    ClientLoad,
    ErrorCount,
    LatencyStats,
    Summary,
    merge_errors,
    series_name,
)
from ycsbpy.ops import OpKind, Outcome


def test_names_of_series() -> None:
    assert series_name(OpKind.READ, Outcome.OK) == "READ"
    assert series_name(OpKind.READ_MODIFY_WRITE, Outcome.UNKNOWN) == "READ_MODIFY_WRITE-UNKNOWN"


@given(accountings(), accountings())
def test_accountings_add_up_field_by_field(one: Accounting, other: Accounting) -> None:
    both = one + other
    assert both.adds_up
    for field in fields(Accounting):
        assert getattr(both, field.name) == getattr(one, field.name) + getattr(other, field.name)


@given(attempts, attempts)
def test_attempts_are_added_by_name(one: Attempts, other: Attempts) -> None:
    both = one + other
    assert both.requests == one.requests + other.requests
    assert set(both.failed) == {*one.failed, *other.failed}
    for name, count in both.failed.items():
        assert count == one.failed.get(name, 0) + other.failed.get(name, 0)


def test_the_busiest_thread_decides() -> None:
    load = ClientLoad.of([(100, 20, 10), (200, 120, 70), (0, 0, 0)])
    assert load == ClientLoad(2, 0.6, 0.35)
    assert load.is_limit
    idle = ClientLoad(3, 0.8, 0.0999)
    assert not idle.is_limit
    assert idle.merged(load) == load.merged(idle) == ClientLoad(5, 0.6, 0.35)
    assert ClientLoad.of([(0, 0, 0)]) is None


def test_an_accounting_that_does_not_add_up_says_so() -> None:
    assert not Accounting(planned=3, ok=2).adds_up


def buckets(counts: LatencyCounts | None) -> bytes | None:
    return None if counts is None else bytes(memoryview(counts))


@given(summaries(paced=True), summaries(paced=True))
def test_merging_loses_nothing(one: Summary, other: Summary) -> None:
    both = one.merged(other)
    assert both.accounting == one.accounting + other.accounting
    assert both.elapsed_ns == max(one.elapsed_ns, other.elapsed_ns)
    assert (both.cpu_ns, both.clients) == (one.cpu_ns + other.cpu_ns, one.clients + other.clients)
    assert both.integrity_violations == one.integrity_violations + other.integrity_violations
    for kind in {*one.by_kind, *other.by_kind}:
        assert both.by_kind[kind] == one.by_kind.get(kind, Accounting()) + other.by_kind.get(kind, Accounting())
    for name in {*one.series, *other.series}:
        parts = [summary.series[name] for summary in (one, other) if name in summary.series]
        service, response = LatencyCounts(), LatencyCounts()
        for part in parts:
            service.add(part.service)
            assert part.response is not None
            response.add(part.response)
        merged = both.series[name]
        assert buckets(merged.service) == buckets(service)
        assert buckets(merged.response) == buckets(response)
        assert (merged.service.sum_ns, merged.service.min_ns, merged.service.max_ns) == (
            service.sum_ns,
            service.min_ns,
            service.max_ns,
        )
    assert sum(error.count for error in both.errors) == sum(
        error.count for part in (one, other) for error in part.errors
    )


@given(summaries(), summaries())
def test_merging_changes_neither_part(one: Summary, other: Summary) -> None:
    before = [(name, buckets(series.service)) for part in (one, other) for name, series in part.series.items()]
    one.merged(other)
    assert before == [(name, buckets(series.service)) for part in (one, other) for name, series in part.series.items()]


@given(st.lists(errors), st.lists(errors))
def test_errors_are_added_by_name(one: list[ErrorCount], other: list[ErrorCount]) -> None:
    merged = merge_errors(one, other)
    assert sum(error.count for error in merged) == sum(error.count for error in one + other)
    assert len({(error.kind, error.outcome, error.error) for error in merged}) == len(merged)
    assert [error.count for error in merged] == sorted((error.count for error in merged), reverse=True)


@given(st.lists(st.integers(1, 10**10), min_size=1, max_size=50))
def test_quick_figures_are_those_of_the_package(values: list[int]) -> None:
    counts = LatencyCounts()
    for value in values:
        counts.record(value)
    assert LatencyStats.quick(counts) == LatencyStats.of(counts)


def test_nothing_recorded_is_all_zero() -> None:
    stats = LatencyStats.of(LatencyCounts())
    assert (stats.count, stats.mean_ns, stats.min_ns, stats.max_ns) == (0, 0, 0, 0)
    assert set(stats.percentiles_ns.values()) == {0}
    assert LatencyStats.quick(LatencyCounts()) == stats

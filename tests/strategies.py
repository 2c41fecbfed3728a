"""Hypothesis strategies that several tests share."""

from __future__ import annotations

from hypothesis import strategies as st

from ycsbpy._native.recording import HIGHEST_NS, LatencyCounts
from ycsbpy.measure.summary import Accounting, Attempts, ClientLoad, ErrorCount, Series, Summary

latencies = st.integers(1, HIGHEST_NS)


@st.composite
def counted(draw: st.DrawFn, min_size: int = 0) -> LatencyCounts:
    counts = LatencyCounts()
    for value in draw(st.lists(latencies, min_size=min_size, max_size=8)):
        counts.record(value, draw(st.integers(1, 5)))
    return counts


@st.composite
def accountings(draw: st.DrawFn) -> Accounting:
    parts = draw(st.lists(st.integers(0, 2**40), min_size=6, max_size=6))
    return Accounting(sum(parts), *parts)


errors = st.builds(
    ErrorCount,
    kind=st.sampled_from(["READ", "UPDATE"]),
    outcome=st.sampled_from(["FAILED", "UNKNOWN"]),
    error=st.sampled_from(["timeout", "server_is_busy"]),
    count=st.integers(1, 100),
    example=st.sampled_from(["", "first", "second"]),
)


attempts = st.builds(
    Attempts,
    requests=st.integers(0, 2**40),
    failed=st.dictionaries(st.sampled_from(["not_leader", "timeout"]), st.integers(1, 100)),
)


loads = st.builds(ClientLoad, st.integers(1, 64), st.floats(0, 1), st.floats(0, 1))


@st.composite
def summaries(draw: st.DrawFn, *, paced: bool | None = None) -> Summary:
    if paced is None:
        paced = draw(st.booleans())
    names = draw(st.sets(st.sampled_from(["READ", "UPDATE", "UPDATE-FAILED", "TOTAL"])))
    series = {name: Series(name, draw(counted(1)), draw(counted(1)) if paced else None) for name in sorted(names)}
    return Summary(
        phase="run",
        started_wall_ns=draw(st.integers(0, 2**62)),
        elapsed_ns=draw(st.integers(1, 2**50)),
        cpu_ns=draw(st.integers(0, 2**50)),
        clients=draw(st.integers(1, 1000)),
        target=draw(st.integers(1, 10**6)) / 1 if paced else None,
        accounting=draw(accountings()),
        by_kind={kind: draw(accountings()) for kind in draw(st.sets(st.sampled_from(["READ", "UPDATE"])))},
        series=series,
        errors=tuple({(one.kind, one.outcome, one.error): one for one in draw(st.lists(errors))}.values()),
        stopped_by=draw(st.sampled_from(["", "time limit", "interrupt"])),
        integrity_violations=draw(st.integers(0, 10)),
        integrity_example=draw(st.sampled_from(["", "user1"])),
        attempts=draw(st.none() | attempts),
        client_load=draw(st.none() | loads),
    )

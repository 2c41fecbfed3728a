"""The report of a walk that failed says where and why, and has the pictures up to there."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from unit_pictures import GOOD

from ycsbpy.cluster.timeline import Sample, Timeline
from ycsbpy.errors import ClusterError
from ycsbpy.measure.summary import TOTAL, Accounting, LatencyStats, Summary, WindowStats
from ycsbpy.walk import Plan, Proof, Step, during_facts
from ycsbpy.walkreport import walk_report


def failed() -> Proof:
    timeline = Timeline(now=iter(range(100)).__next__, wall=lambda: 1000.0)
    timeline.add(Sample.of(GOOD))
    good = Step("start", "3 stores are Up", "3 stores, 1 Region", good=True, seconds=1.25, ended_at_s=1.0)
    good.facts = {"backend": "minicluster", "why": "<the embedded one>"}
    bad = Step("replication", "all is well", "Region 10: 2 of 3 voters", ended_at_s=2.0)
    return Proof(Plan(), [good, bad], ClusterError("Region 10: 2 of 3 voters"), timeline)


def test_the_step_that_failed_and_why() -> None:
    html = walk_report(failed())
    assert 'Failed at the step "replication": Region 10: 2 of 3 voters' in html
    assert '<td class="bad">failed</td>' in html
    assert html.count('<td class="good">as expected</td>') == 1
    assert "After the first load" in html
    assert "After the big load" not in html
    assert "3 stores; 1,000 records, then 1,000,000 with" in html
    assert "Backend minicluster: &lt;the embedded one&gt;." in html


def test_before_anything_was_done() -> None:
    assert "Failed at the step" in walk_report(Proof(Plan(), error=ClusterError("no room")))


def during(windows: tuple[WindowStats, ...] = (), **counts: Any) -> dict[str, Any]:
    phase = Summary(
        phase="RUN", started_wall_ns=1_005_000_000_000, elapsed_ns=10**9, cpu_ns=0, clients=1, target=None,
        accounting=Accounting(**counts), by_kind={}, series={}, windows=windows,
    )  # fmt: skip
    return during_facts(phase, 1000.0, 7.0)


def test_a_workload_of_which_nothing_succeeded_has_no_latency() -> None:
    facts = during(planned=3, failed=3)
    assert (facts["ok"], facts["failed"], facts["service_us"], facts["seconds"]) == (0, 3, {}, [])
    assert facts["p99_us_before"] is None
    proof = failed()
    proof.steps[0].facts["during"] = facts
    assert "0 operations of workload A ended well, 3 failed" in walk_report(proof)


def test_the_part_of_a_second_at_the_end_stands_beside_no_whole_second() -> None:
    stats = {TOTAL: LatencyStats(10, 1e6, 1, 10**7, {50.0: 10**6, 99.0: 10**7})}
    ends = (0, 1_000_000_000, 2_000_000_000, 2_100_000_000)
    windows = tuple(WindowStats(start, end, stats) for start, end in pairwise(ends))
    facts = during(windows, planned=30, ok=30)
    assert [(one["at_s"], one["per_second"]) for one in facts["seconds"]] == [(6.0, 10.0), (7.0, 10.0)]

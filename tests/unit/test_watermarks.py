"""Timestamps that PD keeps for others."""

from __future__ import annotations

from typing import Any

from ycsbpy.minicluster.pd.watermarks import UNKNOWN_TS, Watermarks


def test_the_clusters_is_the_lowest_of_the_stores_that_lead_and_only_grows() -> None:
    kept: list[dict[str, Any]] = []
    marks = Watermarks(None, kept.append)
    marks.report(1, 100, {1, 4})
    assert marks.min_resolved == 0  # store 4 has said nothing
    marks.report(4, 70, {1, 4})
    marks.report(5, 10, {1, 4})  # it leads nothing
    assert marks.min_resolved == 70
    marks.report(4, 60, {1, 4})
    assert marks.min_resolved == 70
    assert [marks.of_store(each, {1, 4}) for each in (1, 4, 5, 9)] == [100, 60, UNKNOWN_TS, UNKNOWN_TS]
    assert Watermarks(kept[-1], kept.append).min_resolved == 70


def test_the_external_one_grows_and_is_never_in_the_future() -> None:
    kept: list[dict[str, Any]] = []
    marks = Watermarks(None, kept.append)
    assert "larger than global" in marks.set_external(11, 10)
    assert marks.set_external(10, 10) == ""
    assert "larger than current" in marks.set_external(10, 20)
    assert Watermarks(kept[-1], kept.append).external == marks.external == 10

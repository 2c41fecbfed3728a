"""The panel's numbers are the last sample's; whatever PD says is text and never markup."""

from __future__ import annotations

import re
from io import StringIO

import pytest

from ycsbpy.cli.board import SPARK_WIDTH, board, sparkline
from ycsbpy.cluster.picture import StoreFacts
from ycsbpy.cluster.regionpanel import page, region_panel, style
from ycsbpy.cluster.timeline import Sample, Timeline


def timeline(*counts: tuple[int, ...], address: str = "h:1", state: str = "Up") -> Timeline:
    told = Timeline(now=iter(range(1000)).__next__, wall=lambda: 0.0)
    for each in counts:
        stores = tuple(StoreFacts(n, address, state, count, count // 2) for n, count in enumerate(each, 1))
        told.add(Sample(0.0, stores, sum(each) // 3, 2))
    return told


def test_without_a_sample_it_says_so() -> None:
    assert "not answered yet" in region_panel(timeline())


def test_the_numbers_are_the_last_samples() -> None:
    html = region_panel(timeline((3, 3, 3), (9, 8, 7)))
    rows = re.findall(r'<tr data-store="(\d+)">.*?"number regions">(\d+)</td><td class="number leaders">(\d+)', html)
    assert rows == [("1", "9", "4"), ("2", "8", "4"), ("3", "7", "3")]
    assert dict(re.findall(r'<b class="(\w+)">(\w+)</b>', html)) == {
        "regions": "8", "replicas": "24", "up": "3", "operators": "2",
    }  # fmt: skip
    assert "3 Regions split into 8" in html


def test_each_chart_is_there_for_wide_and_for_narrow_pages() -> None:
    html = region_panel(timeline((1, 2), (2, 2)))
    assert html.count('<svg class="chart"') == html.count('<svg class="chart narrow"') == 2
    narrow = style().partition("@media (max-width: 40rem)")[2]
    assert "svg.chart { display: none; }" in narrow
    assert "svg.chart.narrow { display: block; }" in narrow


def test_a_store_that_is_gone_is_no_line_any_more() -> None:
    html = region_panel(timeline((3,), state="Tombstone"))
    assert "<path" not in html


def test_what_pd_says_is_no_markup() -> None:
    html = region_panel(timeline((1,), (2,), address="<script>x</script>", state='"><b>'))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<title>a &amp; b</title>" in page("a & b", "")


def test_nothing_is_fetched_from_elsewhere() -> None:
    whole = page("t", region_panel(timeline((1, 2), (2, 2))), head=f"<style>{style()}</style>")
    assert not re.search(r"https?://|url\(|@import|src=", whole)


def test_sparklines_are_as_wide_as_asked_and_as_high_as_the_highest() -> None:
    assert sparkline([(0, 0), (5, 10)], 10, end_s=10, width=10) == " " * 4 + "█" * 6
    assert sparkline([(0, 1)], 100, end_s=10, width=4) == "▁▁▁▁"
    assert sparkline([], 0, end_s=0, width=3) == "   "


@pytest.mark.parametrize(("width", "sparks"), [(200, SPARK_WIDTH), (80, 80 - 61), (68, 0), (61, 0)])
def test_the_board_is_as_wide_as_the_terminal_and_cuts_no_number(width: int, sparks: int) -> None:
    from rich.console import Console

    console = Console(width=width, record=True, file=StringIO())
    console.print(board(timeline((30, 30, 30), (90, 80, 70), address="127.0.0.1:20160")))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    assert lines[1].rstrip().endswith("Score")
    assert sum(mark in "▁▂▃▄▅▆▇█" for mark in lines[2]) <= sparks
    assert ("over time" in lines[1]) == bool(sparks)


def test_the_board_on_a_terminal() -> None:
    from rich.console import Console

    console = Console(width=120, record=True, file=StringIO())
    console.print(board(timeline((3, 3, 3), (9, 8, 7)), "PD does not answer"))
    lines = console.export_text().splitlines()
    assert lines[0].startswith("8 Regions  24 replicas  3 stores Up  2 operators")
    assert lines[2].split()[:4] == ["1", "h:1", "Up", "9"]
    assert lines[-2:] == ["     2 s  3 Regions split into 8", "PD does not answer"]

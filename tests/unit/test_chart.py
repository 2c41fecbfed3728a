"""Charts: round ticks, names that do not cover each other, text that is escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.chart import LABEL_GAP, NARROW, WIDTH, Line, Mark, chart, spaced, time_label, time_ticks, value_ticks


@given(st.floats(1e-6, 1e9), st.booleans())
def test_value_ticks_are_round_and_reach_the_top(top: float, whole: bool) -> None:
    ticks = value_ticks(top, whole=whole)
    assert ticks[0] == 0
    assert ticks[-1] >= top * (1 - 1e-9)
    assert 2 <= len(ticks) <= 7
    if whole:
        assert all(tick == int(tick) for tick in ticks)


@given(st.floats(0.0, 1e7))
def test_time_ticks_are_few_and_within(end_s: float) -> None:
    ticks = time_ticks(end_s)
    assert ticks[0] == 0
    assert 1 <= len(ticks) <= 10
    assert ticks[-1] <= end_s


@given(st.lists(st.floats(-1e4, 1e4), max_size=20).map(sorted))
def test_names_keep_their_distance_and_their_order(wanted: list[float]) -> None:
    places = spaced(wanted, LABEL_GAP)
    assert len(places) == len(wanted)
    assert all(after - before >= LABEL_GAP - 1e-6 for before, after in pairwise(places))


def test_a_name_alone_stands_where_its_line_ends() -> None:
    assert spaced([10.0, 100.0], 15) == [10.0, 100.0]
    assert spaced([10.0, 10.0], 15) == [2.5, 17.5]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (150, "2:30"), (3900, "1:05:00")]
)
def test_time_labels(seconds: float, text: str) -> None:
    assert time_label(seconds) == text


SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@pytest.mark.parametrize("width", [WIDTH, NARROW])
def test_time_begins_where_it_is_to_and_all_is_within_the_picture(width: int) -> None:
    marks = [Mark(0.0, 1, "before"), Mark(15.0, 2, "at first"), Mark(40.0, 3, "last")]
    tree = parsed(chart([Line("a", [(15, 1), (40, 12_000)], 0)], marks, title="", begin_s=15, end_s=40, width=width))
    xs = [float(line.get("x1", "")) for line in tree.iter(f"{SVG}line")]
    assert min(xs) > 0
    assert max(xs) < width
    assert [text.text for text in tree.iter(f"{SVG}text") if text.text in ("1", "2", "3")] == ["2", "3"]
    labels = [text.text or "" for text in tree.iter(f"{SVG}text") if (text.text or "").endswith(" s")]
    assert labels[0] in ("15 s", "20 s")
    assert len(labels) <= (8 if width == WIDTH else 4)


def test_a_chart_has_its_lines_names_and_marks() -> None:
    lines = [Line("a<b", [(0, 1), (5, 4)], 0), Line("c & d", [(5, 2)], 1), Line("none", [], 2)]
    tree = parsed(chart(lines, [Mark(5.0, 1, 'a "store"')], title="T & S", end_s=10))
    assert [path.get("class") for path in tree.iter(f"{SVG}path")] == ["line c0", "line c1"]
    texts = [text.text for text in tree.iter(f"{SVG}text")]
    assert {"T & S", "a<b: 4", "c & d: 2", "1", "10 s"} <= set(texts)
    assert [title.text for group in tree.iter(f"{SVG}g") for title in group.iter(f"{SVG}title")] == ['1. a "store"']


def test_a_stepped_line_holds_its_value() -> None:
    (path,) = parsed(chart([Line("a", [(0, 0), (10, 1)], 0)], title="", end_s=10)).iter(f"{SVG}path")
    assert (path.get("d") or "").count("H") == 1
    (path,) = parsed(chart([Line("a", [(0, 0), (10, 1)], 0)], title="", end_s=10, stepped=False)).iter(f"{SVG}path")
    assert "L" in (path.get("d") or "")


def test_an_empty_chart_is_one_too() -> None:
    assert not list(parsed(chart([], title="", end_s=0)).iter(f"{SVG}path"))

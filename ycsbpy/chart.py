"""A line chart as SVG text: steps or lines over time, named at their ends, with numbered marks for what happened.

Made here and not by a plotting library, since a page that updates each second, works without a network and follows
the reader's light or dark needs two kilobytes of SVG and no script. Colours are the page's: a line has the class of
its number (``c0`` … ``c7``), from a palette that colour-blind readers can tell apart, and its name beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Line", "Mark", "chart", "figure", "time_label"]

COLOURS = 8
HEIGHT, WIDTH, NARROW = 260, 960, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 130, 38, 34
LEFT_NARROW, RIGHT_NARROW = 44, 84
LABEL_GAP = 15
TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: (seconds, value) in order of time. ``colour`` stays the same for the same thing in every chart."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, with the number that it has in the list beside the chart."""

    at_s: float
    number: int
    text: str


def figure(lines: Sequence[Line], marks: Sequence[Mark] = (), **how: Any) -> str:
    """The chart as a figure of HTML, drawn for a wide page and for a narrow one: the page's style shows one of them.

    A wide chart that is made smaller has words that nobody can read.
    """
    return f'<figure class="wide">{chart(lines, marks, **how)}{chart(lines, marks, **how, width=NARROW)}</figure>'


def chart(
    lines: Sequence[Line],
    marks: Sequence[Mark] = (),
    *,
    title: str,
    end_s: float,
    begin_s: float = 0.0,
    stepped: bool = True,
    whole: bool = True,
    width: int = WIDTH,
) -> str:
    """The SVG element. ``stepped`` holds a value until the next one (counts), ``whole`` has whole numbers only on the
    axis. Time is shown from ``begin_s`` to ``end_s``; marks before it are left out."""
    lines = [line for line in lines if line.points]
    top = max((value for line in lines for _, value in line.points), default=0.0)
    ticks = value_ticks(top, whole=whole)
    narrow = width < WIDTH
    left, right = (LEFT_NARROW, RIGHT_NARROW) if narrow else (LEFT, RIGHT)
    plane = _Plane(begin_s, max(end_s, begin_s + 1.0), ticks[-1] or 1.0, left, width - right)
    marks = [mark for mark in marks if mark.at_s >= begin_s]
    kind = "chart narrow" if narrow else "chart"
    parts = [
        f'<svg class="{kind}" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f'<text class="title" x="0" y="13">{escape(title)}</text>',
        *_grid(plane, ticks),
        *_marks(plane, marks),
        *(_path(plane, line, stepped=stepped) for line in lines),
        *_names(plane, lines),
        "</svg>",
    ]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Plane:
    begin_s: float
    end_s: float
    top: float
    left: int
    right: int

    def x(self, at_s: float) -> float:
        return self.left + (self.right - self.left) * (at_s - self.begin_s) / (self.end_s - self.begin_s)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top


def value_ticks(top: float, *, whole: bool, about: int = 4) -> list[float]:
    """Round numbers from 0 to at least ``top``."""
    if top <= 0:
        return [0.0, 1.0]
    raw = top / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
    if whole:
        step = max(1.0, math.ceil(step))
    return [step * index for index in range(math.ceil(top / step) + 1)]


def time_ticks(end_s: float, begin_s: float = 0.0, about: int = 8) -> list[float]:
    """Round times from ``begin_s`` to at most ``end_s``."""
    span = end_s - begin_s
    step = next((each for each in TIME_STEPS_S if span / each <= about), 86400 * math.ceil(span / 86400 / about))
    return [float(step * index) for index in range(math.ceil(begin_s / step), int(end_s / step) + 1)]


def time_label(seconds: float) -> str:
    """``45 s``, ``2:30``, ``1:05:00``"""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _grid(plane: _Plane, ticks: Sequence[float]) -> list[str]:
    parts = []
    for tick in ticks:
        y = plane.y(tick)
        parts.append(f'<line class="grid" x1="{plane.left}" x2="{plane.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{plane.left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    base = HEIGHT - BOTTOM
    about = 8 if plane.right - plane.left > NARROW else 4
    for at_s in time_ticks(plane.end_s, plane.begin_s, about):
        x = plane.x(at_s)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{base + 18}" text-anchor="middle">{time_label(at_s)}</text>')
    return parts


def _marks(plane: _Plane, marks: Sequence[Mark]) -> list[str]:
    parts = []
    free_from = 0.0
    for mark in sorted(marks, key=lambda one: one.at_s):
        x = plane.x(mark.at_s)
        parts.append(
            f'<g class="mark"><title>{escape(f"{mark.number}. {mark.text}")}</title>'
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>'
        )
        if x >= free_from:  # a number that would cover the one before is in the list below all the same
            parts.append(f'<text x="{x:.1f}" y="{TOP - 6}" text-anchor="middle">{mark.number}</text>')
            free_from = x + 9 + 7 * len(str(mark.number))
        parts.append("</g>")
    return parts


def _path(plane: _Plane, line: Line, *, stepped: bool) -> str:
    steps = []
    before: float | None = None
    for at_s, value in line.points:
        x, y = plane.x(at_s), plane.y(value)
        if before is None:
            steps.append(f"M{x:.1f} {y:.1f}")
        elif stepped:
            steps.append(f"H{x:.1f}" + (f"V{y:.1f}" if value != before else ""))
        else:
            steps.append(f"L{x:.1f} {y:.1f}")
        before = value
    name = escape(line.name)
    return f'<path class="line c{line.colour % COLOURS}" d="{"".join(steps)}"><title>{name}</title></path>'


def _names(plane: _Plane, lines: Sequence[Line]) -> list[str]:
    """Each line's name and last value at its end, pushed apart where they would cover each other."""
    lines = sorted(lines, key=lambda line: plane.y(line.points[-1][1]))
    parts = []
    for line, y in zip(lines, spaced([plane.y(line.points[-1][1]) for line in lines], LABEL_GAP), strict=True):
        text = escape(f"{line.name}: {line.points[-1][1]:,.4g}")
        x = plane.x(line.points[-1][0]) + 8
        parts.append(f'<text class="name c{line.colour % COLOURS}" x="{x:.1f}" y="{y + 4:.1f}">{text}</text>')
    return parts


def spaced(wanted: Sequence[float], gap: float) -> list[float]:
    """Places at least ``gap`` apart for things that want to be at ``wanted``, which is sorted: those that are too near
    each other stand around the middle of where they want to be."""
    groups: list[list[float]] = []
    for each in wanted:
        groups.append([each])
        while len(groups) > 1 and _first(groups[-1], gap) < _first(groups[-2], gap) + gap * len(groups[-2]):
            groups[-2:] = [[*groups[-2], *groups[-1]]]
    return [_first(group, gap) + gap * index for group in groups for index in range(len(group))]


def _first(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) - gap * (len(group) - 1) / 2

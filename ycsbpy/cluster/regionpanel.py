"""The Region panel as HTML: two charts, a table of the stores, what happened. For the live page and for reports.

Every number is of the timeline's last sample, as PD said it, so the table and the charts cannot differ.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from ycsbpy.chart import Line, Mark, figure, time_label

if TYPE_CHECKING:
    from ycsbpy.cluster.picture import StoreFacts
    from ycsbpy.cluster.timeline import Timeline

__all__ = ["page", "region_charts", "region_panel", "style"]

QUIET_STATES = {"Up", "Tombstone"}


def style() -> str:
    """The style sheet of page and report."""
    return files("ycsbpy.cluster").joinpath("page/style.css").read_text(encoding="utf-8")


def page(title: str, body: str, *, head: str = "") -> str:
    """A whole HTML document."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{head}\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def region_panel(timeline: Timeline, *, events: bool = True) -> str:
    """Tiles, charts, stores, and events if asked for. A sentence where there is no sample yet."""
    samples = timeline.samples
    if not samples:
        return '<p class="soft">PD has not answered yet.</p>'
    last = samples[-1]
    here = [store for store in last.stores if store.state != "Tombstone"]
    up = sum(store.up for store in here)
    tiles = [
        ("Regions", "regions", last.regions),
        ("Replicas", "replicas", sum(store.regions for store in here)),
        ("Stores Up", "up", f"{up} of {len(here)}" if up != len(here) else up),
        ("Operators", "operators", last.operators),
    ]
    listed = "".join(f'<li>{label} <b class="{name}">{value}</b></li>' for label, name, value in tiles)
    parts = [f'<ul class="tiles">{listed}</ul>', region_charts(timeline), _stores(timeline)]
    return "\n".join([*parts, _events(timeline)] if events else parts)


def region_charts(timeline: Timeline) -> str:
    """Regions and leaders per store over time, as two figures."""
    samples = timeline.samples
    begin_s = samples[0].at_s if samples else 0.0  # before it, PD was not there to be asked
    end_s = max([samples[-1].at_s if samples else 0.0, *(event.at_s for event in timeline.events)])
    marks = [Mark(event.at_s, number, event.text) for number, event in enumerate(timeline.events, 1)]
    colours = _colours(timeline)
    figures = []
    for title, value in (("Region replicas per store", "regions"), ("Leaders per store", "leaders")):
        points: dict[int, list[tuple[float, float]]] = {store: [] for store in colours}
        for sample in samples:
            for store in sample.stores:
                if store.state != "Tombstone":
                    points[store.id].append((sample.at_s, getattr(store, value)))
        for past in points.values():
            if samples and past[-1:] and past[-1][0] == samples[-1].at_s:  # it is still so
                past.append((end_s, past[-1][1]))
        lines = [Line(f"store {store}", points[store], colour) for store, colour in colours.items()]
        figures.append(figure(lines, marks, title=title, begin_s=begin_s, end_s=end_s))
    return "\n".join(figures)


def _colours(timeline: Timeline) -> dict[int, int]:
    """Store → its colour, in order of their ids, the same in all charts of a timeline."""
    ids = {store.id for sample in timeline.samples for store in sample.stores}
    return {store: index for index, store in enumerate(sorted(ids))}


def _stores(timeline: Timeline) -> str:
    head = "".join(f'<th class="{kind}">{name}</th>' for name, kind in (
        ("Store", ""), ("Address", ""), ("State", ""), ("Regions", "number"), ("Leaders", "number"),
        ("Size, MiB", "number"), ("PD's score", "number"),
    ))  # fmt: skip
    colours = _colours(timeline)
    rows = "\n".join(_store(store, colours[store.id]) for store in timeline.samples[-1].stores)
    return f'<div class="wide"><table class="stores"><tr>{head}</tr>\n{rows}\n</table></div>'


def _store(store: StoreFacts, colour: int) -> str:
    state = "" if store.state in QUIET_STATES else ' class="bad"'
    numbers = (("regions", store.regions), ("leaders", store.leaders), ("size", store.size_mib))
    cells = "".join(f'<td class="number {name}">{value:,}</td>' for name, value in numbers)
    return (
        f'<tr data-store="{store.id}"><td><span class="swatch c{colour % 8}"></span>{store.id}</td>'
        f"<td>{escape(store.address).replace(':', '<wbr>:')}</td><td{state}>{escape(store.state)}</td>{cells}"
        f'<td class="number">{store.score:,.1f}</td></tr>'
    )


def _events(timeline: Timeline) -> str:
    events = timeline.events
    if not events:
        return '<h3>What happened</h3>\n<p class="soft">Nothing yet: no split, no store joined, nothing moved.</p>'
    rows = "\n".join(f"<li><time>{time_label(event.at_s)}</time> {escape(event.text)}</li>" for event in events)
    return f'<h3>What happened</h3>\n<ol class="events">\n{rows}\n</ol>'

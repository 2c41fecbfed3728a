"""Java YCSB's exporters: its own output rendered again to the letter, and the same figures in the same order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ycsbpy._native.recording import LatencyCounts
from ycsbpy.config.values import Latency
from ycsbpy.measure.summary import TOTAL, Accounting, Series, Summary
from ycsbpy.report.exporters import Figure, exported, ordinal, rendered

SAMPLES = Path(__file__).parents[1] / "samples"
RANKS = (50.0, 95.0, 99.0)
JAVAS_OWN = re.compile(r"TOTAL_GC|CLEANUP")


def json_samples() -> tuple[str, str]:
    """What the JSON exporter printed, and the JSON array's file."""
    text = (SAMPLES / "java-ycsb-json-exporters.txt").read_text()
    objects = re.search(r"^\{$.*?^\}(?=\[exit)", text, re.MULTILINE | re.DOTALL)
    array = re.search(r"^\[ \{$.*\]$", text, re.MULTILINE | re.DOTALL)
    assert objects
    assert array
    return objects[0], array[0]


def text_sample() -> list[str]:
    return [
        line
        for line in (SAMPLES / "java-ycsb-status-hdr-default.txt").read_text().splitlines()
        if line[:2] > "[A" and "], " in line
    ]


def figures(objects: list[dict[str, Any]]) -> list[Figure]:
    return [(one["metric"], one["measurement"], one["value"]) for one in objects]


def parsed(text: str) -> list[dict[str, Any]]:
    """JSON objects one after another, as the exporter writes them."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text.rstrip()):
        one, at = decoder.raw_decode(text, at)
        found.append(one)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def test_json_to_the_letter() -> None:
    objects, array = json_samples()
    assert rendered("json", figures(parsed(objects))).rstrip("\n") == objects
    assert rendered("jsonarray", figures(json.loads(array))).rstrip("\n") == array


def test_text_to_the_letter() -> None:
    lines = text_sample()
    assert len(lines) > 20
    found: list[Figure] = []
    for line in lines:
        metric, measurement, value = line.split(", ")
        found.append((metric.strip("[]"), measurement, float(value) if "." in value else int(value)))
    assert rendered("text", found).splitlines() == lines


def counted(*values_us: int) -> LatencyCounts:
    counts = LatencyCounts()
    for value in values_us:
        counts.record(value * 1000)
    return counts


def summary(**changes: Any) -> Summary:
    values: dict[str, Any] = {
        "phase": "run",
        "started_wall_ns": 0,
        "elapsed_ns": 2_000_000_000,
        "cpu_ns": 0,
        "clients": 1,
        "target": None,
        "accounting": Accounting(4, 4),
        "by_kind": {"READ": Accounting(3, 3), "UPDATE": Accounting(1, 1)},
        "series": {
            "READ": Series("READ", counted(100, 200, 300)),
            "UPDATE": Series("UPDATE", counted(1000)),
            TOTAL: Series(TOTAL, counted(100, 200, 300, 1000)),
        },
    }
    return Summary(**{**values, **changes})


def test_the_figures_are_javas_in_javas_order() -> None:
    """Names, order and kinds of numbers; only what is Java's own is not there."""
    theirs = [one for one in figures(parsed(json_samples()[0])) if not JAVAS_OWN.match(one[0])]
    ours = figures(parsed(exported("json", summary(), Latency.OP, RANKS)))
    assert [one[:2] for one in ours] == [one[:2] for one in theirs]
    assert [type(one[2]) for one in ours] == [type(one[2]) for one in theirs]
    values = {one[:2]: one[2] for one in ours}
    assert values["OVERALL", "RunTime(ms)"] == 2000
    assert values["OVERALL", "Throughput(ops/sec)"] == 2.0
    assert values["READ", "AverageLatency(us)"] == 200.0
    assert values["READ", "MaxLatency(us)"] == 300
    assert values["READ", "50thPercentileLatency(us)"] == 200
    assert values["READ", "Return=OK"] == 3
    assert figures(json.loads(exported("jsonarray", summary(), Latency.OP, RANKS))) == ours


def test_what_went_wrong_is_under_the_name_of_its_kind() -> None:
    text = exported(
        "text",
        summary(
            by_kind={"READ": Accounting(9, 3, 1, 5, 0), "UPDATE": Accounting(2, 0, 0, 1, 1)},
            series={"READ": Series("READ", counted(1)), "UPDATE-FAILED": Series("UPDATE-FAILED", counted(1))},
        ),
        Latency.OP,
        RANKS,
    ).splitlines()
    assert [line for line in text if "Return" in line] == [
        "[READ], Return=OK, 3",
        "[READ], Return=NOT_FOUND, 1",
        "[READ], Return=ERROR, 5",
        "[UPDATE], Return=ERROR, 1",
        "[UPDATE], Return=UNKNOWN, 1",
    ]
    assert "[UPDATE-FAILED], Operations, 1" in text


def test_both_latencies_of_a_paced_run() -> None:
    series = {"READ": Series("READ", counted(1), counted(5))}
    text = exported("text", summary(series=series, by_kind={"READ": Accounting(1, 1)}), Latency.BOTH, (99.9,))
    assert "[Intended-READ], MaxLatency(us), 5" in text
    assert "[READ], MaxLatency(us), 1" in text
    assert "[READ], 99.9PercentileLatency(us), 1" in text


@pytest.mark.parametrize(
    ("rank", "written"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"),
     (50, "50th"), (99.9, "99.9"), (99.999, "99.999"), (100, "100th")],
)  # fmt: skip
def test_ordinals(rank: float, written: str) -> None:
    assert ordinal(rank) == written

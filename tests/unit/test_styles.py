"""Tables in go-ycsb's styles: to the letter what go-ycsb prints, and ours parsed back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ycsbpy._native.recording import LatencyCounts
from ycsbpy.config.values import Latency
from ycsbpy.measure.summary import LatencyStats, Series
from ycsbpy.report.styles import Row, as_go_ycsb_names, rows, styled

SAMPLES = Path(__file__).parents[1] / "samples"
RANKS = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
US = 1000


def sample(name: str) -> list[str]:
    return (SAMPLES / f"{name}.txt").read_text().splitlines()


def row(fields: dict[str, str]) -> Row:
    """The row that go-ycsb printed so; the seconds are those that give its rate."""
    count, rate = int(fields["Count"]), float(fields["OPS"])
    mean, lowest, highest = (int(fields[name]) * US for name in ("Avg(us)", "Min(us)", "Max(us)"))
    ranks = {rank: int(fields[f"{rank:g}th(us)"]) * US for rank in RANKS}
    return Row(fields["Operation"], count / rate, LatencyStats(count, mean, lowest, highest, ranks))


def json_samples() -> list[str]:
    return [line for line in sample("go-ycsb-run-json") if line.startswith("[")]


def test_json_is_go_ycsbs_to_the_letter() -> None:
    texts = json_samples()
    assert len(texts) == 2
    for text in texts:
        found = [row(fields) for fields in json.loads(text)]
        assert styled("json", found, RANKS, as_go_ycsb=True) == [text]


def test_a_table_is_go_ycsbs_to_the_letter() -> None:
    lines = [line for line in sample("go-ycsb-run-table") if line.startswith(("|", "+"))]
    table = lines[: len(lines) // 2]
    headings = [cell.strip() for cell in table[1].strip("|").split("|")]
    titles = {title.upper(): title for title in json.loads(json_samples()[0])[0]}
    found = [
        row(
            dict(
                zip(
                    (titles[one] for one in headings),
                    (cell.strip() for cell in line.strip("|").split("|")),
                    strict=True,
                )
            )
        )
        for line in table[3:-1]
    ]
    assert styled("table", found, RANKS) == table


def test_lines_are_go_ycsbs_to_the_letter() -> None:
    lines = [line for line in sample("go-ycsb-run-plain-interval1") if " - Takes(s)" in line]
    assert len(lines) == 6
    for line in lines:
        name, _, rest = line.partition(" - ")
        fields = {"Operation": name.strip(), **dict(pair.split(": ") for pair in rest.split(", "))}
        assert styled("plain", [row(fields)], RANKS, as_go_ycsb=True) == [line]


def test_our_json_has_go_ycsbs_columns_and_numbers() -> None:
    theirs = json.loads(json_samples()[0])
    [text] = styled("json", [row(fields) for fields in theirs], RANKS)
    ours = json.loads(text)
    assert [set(one) for one in ours] == [set(one) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for name, value in one.items():
            assert value == other[name] if name == "Operation" else isinstance(value, int | float)
        assert one["Count"] == int(other["Count"])
        assert one["99.9th(us)"] == float(other["99.9th(us)"])
        assert one["OPS"] == pytest.approx(float(other["OPS"]), abs=0.001)


def counted(*values: int) -> LatencyCounts:
    counts = LatencyCounts()
    for value in values:
        counts.record(value)
    return counts


def test_json_keeps_nanoseconds() -> None:
    [text] = styled(
        "json", rows({"READ": Series("READ", counted(1234))}, 2.0, Latency.OP, LatencyStats.of, (50.0,)), (50.0,)
    )
    assert json.loads(text) == [
        {
            "Operation": "READ", "Takes(s)": 2.0, "Count": 1, "OPS": 0.5, "Avg(us)": 1.234, "Min(us)": 1.234,
            "Max(us)": 1.234, "50th(us)": 1.234,
        }
    ]  # fmt: skip


def test_what_went_wrong_is_one_series_to_go_ycsb() -> None:
    series = {
        name: Series(name, counted(*values))
        for name, values in {
            "READ": (1, 2),
            "UPDATE-FAILED": (3,),
            "UPDATE-UNKNOWN": (4, 5),
            "READ-NOT_FOUND": (6,),
        }.items()
    }
    found = as_go_ycsb_names(series)
    assert {name: one.count for name, one in found.items()} == {"READ": 2, "UPDATE_ERROR": 3, "READ_NOT_FOUND": 1}
    assert all(name == one.name for name, one in found.items())


@pytest.mark.parametrize("style", ["plain", "table", "json"])
def test_each_percentile_that_is_asked_for_is_shown(style: str) -> None:
    ranks = (1.0, 99.999, 100.0)
    found = rows({"READ": Series("READ", counted(*range(1000, 9000)))}, 1.0, Latency.OP, LatencyStats.of, ranks)
    text = "\n".join(styled(style, found, ranks))
    assert re.findall(r"[\d.]+th(?=\(us\))", text, re.IGNORECASE)[0].lower() == "1th"
    for title in ("99.999th(us)", "100th(us)"):
        assert title in text.lower()
    assert not re.search(r"50th", text, re.IGNORECASE)


def test_a_table_without_rows() -> None:
    assert styled("plain", [], RANKS) == []
    assert styled("json", [], RANKS) == ["[]"]
    assert len(styled("table", [], RANKS)) == 4

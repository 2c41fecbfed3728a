from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from strategies import summaries

from ycsbpy.errors import UsageError
from ycsbpy.measure.summary import LatencyStats, Summary, WindowStats
from ycsbpy.report.document import Document, environment, from_json, read_document, to_json, write_document

if TYPE_CHECKING:
    from pathlib import Path


def document(*phases: Summary) -> Document:
    return Document(
        command="run",
        database="memory",
        profile="ycsb",
        seed=2**62 + 1,
        config={"recordcount": "1000"},
        everything={"recordcount": "1000", "table": "usertable"},
        cluster={"kind": "none"},
        driver={"name": "memory"},
        phases=phases,
        warnings=("one",),
        environment=environment(),
        written_at="2026-01-01T00:00:00+00:00",
    )


def shape(summary: Summary) -> object:
    series = {
        name: [
            (bytes(memoryview(counts)), counts.sum_ns, counts.min_ns, counts.max_ns)
            for counts in (one.service, one.response)
            if counts is not None
        ]
        for name, one in summary.series.items()
    }
    return replace(summary, series={}), series


@given(summaries())
def test_json_and_back(summary: Summary) -> None:
    stats = LatencyStats(3, 1.5, 1, 2, {50.0: 1, 99.99: 2})
    summary = replace(summary, windows=(WindowStats(0, 10, {"READ": stats}), WindowStats(10, 20, {})))
    made = document(summary)
    back = from_json(json.loads(json.dumps(to_json(made))))
    assert replace(back, phases=()) == replace(made, phases=())
    assert [shape(phase) for phase in back.phases] == [shape(phase) for phase in made.phases]


def test_the_file_is_written_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_document(document(), str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]
    assert read_document(str(path)) == document()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be written: No such file"):
        write_document(document(), str(tmp_path / "no" / "report.json"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"tool": "ycsbpy", "schema": 99}', '{"tool": "ycsbpy", "schema": 1}']
)
def test_what_is_not_a_report_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_document(str(path))
    assert "\n" not in str(caught.value)
    assert "other.json" in str(caught.value)


def test_a_report_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_document(str(tmp_path / "none.json"))

"""Percentile files: the numbers are HdrHistogram's, the shape is the tools' that read them."""

from __future__ import annotations

import io
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ycsbpy._native.recording import LatencyCounts
from ycsbpy.errors import RunError
from ycsbpy.measure.histogram import to_hdr
from ycsbpy.measure.summary import Series
from ycsbpy.report.spectrum import go_ycsb_spectrum, hgrm, write_spectra

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = Path(__file__).parents[1] / "samples" / "go-ycsb-percentiles-export.txt"


def counted(values: Sequence[int]) -> LatencyCounts:
    counts = LatencyCounts()
    for value in values:
        counts.record(value)
    return counts


def lognormal(size: int = 5000) -> LatencyCounts:
    generator = random.Random(3)
    return counted([int(generator.lognormvariate(13, 1)) for _ in range(size)])


def table(text: str) -> list[list[float]]:
    """The numbers of the lines between the heading and the foot."""
    return [[float(one) for one in line.split()] for line in text.splitlines() if re.match(r" +[\d.]+ ", line)]


def samples() -> dict[str, str]:
    """Operation → the file that go-ycsb wrote."""
    parts = re.split(r"^--- file out/pfx-(\w+)-percentiles\.txt.*\n", SAMPLE.read_text(), flags=re.MULTILINE)
    return {name: text.split("\n...")[0] for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_hgrm_is_what_the_package_writes() -> None:
    """But for what it gets wrong: its standard deviation is not in the unit of the rest, and its largest value is not
    the largest but the end of a bucket."""
    counts = lognormal()
    theirs = io.BytesIO()
    to_hdr(counts).output_percentile_distribution(theirs, 1_000_000)
    other = theirs.getvalue().decode().splitlines()
    ours = hgrm(counts).splitlines()
    assert len(ours) == len(other)
    assert ours[:2] == other[:2]
    assert ours[-1] == other[-1]
    highest = counts.max_ns / 1e6
    for mine, line in zip(ours[2:-3], other[2:-3], strict=True):
        assert mine == line or (float(line.split()[0]) > highest and mine[12:] == line[12:])


def test_percentiles_of_hgrm_are_those_of_the_histogram() -> None:
    counts = lognormal()
    lines = table(hgrm(counts))
    assert lines[-1][1] == 1
    assert len(lines) > 50
    for value, share, total, *_ in lines:
        rank = 100 * total / counts.total  # of the last sample that has this value
        assert value == pytest.approx(min(counts.value_at_percentile(rank), counts.max_ns) / 1e6, abs=0.0005)
        assert total >= share * counts.total - 1e-6


@pytest.mark.parametrize("operation", ["READ", "UPDATE", "TOTAL"])
def test_go_ycsbs_file_field_by_field(operation: str) -> None:
    """From the values that its file tells of we write the same file, but for what nanoseconds add to a value."""
    sample = samples()[operation]
    values: list[int] = []
    for value, _, total, _ in table(sample):
        values += [int(value) * 1000] * (int(total) - len(values))
    ours = go_ycsb_spectrum(counted(values))
    assert ours.splitlines()[:2] == sample.splitlines()[:2]
    mine, theirs = table(ours), table(sample)
    assert [line[1:] for line in mine] == [line[1:] for line in theirs]
    assert [line[0] for line in mine] == pytest.approx([line[0] for line in theirs], rel=1e-3)
    pattern = re.compile(r"-?[\d.]+")
    shapes = [[pattern.sub("0", line) for line in text.splitlines() if line[:1] == "#"] for text in (ours, sample)]
    assert [re.sub(" +", " ", line) for line in shapes[0]] == [re.sub(" +", " ", line) for line in shapes[1]]
    widths = [{len(line) for line in text.splitlines() if re.match(r" +[\d.]+ ", line)} for text in (ours, sample)]
    assert widths[0] == widths[1]


def test_a_file_for_each_series(tmp_path: Path) -> None:
    series = {"READ": Series("READ", counted([1]), counted([2])), "TOTAL": Series("TOTAL", counted([1]))}
    written = write_spectra(series, f"{tmp_path}/x-", ".hgrm", hgrm)
    assert [name for name, _ in written] == ["READ", "Intended-READ", "TOTAL"]
    assert {Path(path).name for _, path in written} == {"x-READ.hgrm", "x-Intended-READ.hgrm", "x-TOTAL.hgrm"}
    assert (tmp_path / "x-TOTAL.hgrm").read_text() == hgrm(counted([1]))


def test_one_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="could not be written: No such file"):
        write_spectra({"READ": Series("READ", counted([1]))}, f"{tmp_path}/none/", ".hgrm", hgrm)


def test_nothing_at_all() -> None:
    assert table(hgrm(LatencyCounts())) == []
    assert "Total count    =            0" in go_ycsb_spectrum(LatencyCounts())

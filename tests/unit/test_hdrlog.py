"""Interval logs, as the ``hdrhistogram`` package reads them."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from ycsbpy._native.recording import HIGHEST_NS, LOWEST_NS, SIGNIFICANT_DIGITS, LatencyCounts
from ycsbpy.errors import RunError, UsageError
from ycsbpy.measure.histogram import percentiles
from ycsbpy.measure.summary import TOTAL, Series
from ycsbpy.report.hdrlog import IntervalLog, SeriesLogs

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURE = Path(__file__).parents[1] / "samples" / "interval.hlog"
JAR = os.environ.get("YCSBPY_HDRHISTOGRAM_JAR", "/usr/share/java/hdrhistogram.jar")
"""Debian: libhdrhistogram-java."""
SECOND = 1_000_000_000
STARTED = 1_795_427_577_123_000_000
RANKS = (0.001, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0)


def counted(*values: int) -> LatencyCounts:
    counts = LatencyCounts()
    for value in values:
        counts.record(value)
    return counts


def windows() -> Iterator[tuple[int, int, dict[str, Series]]]:
    """Three seconds of reads and updates; the values are a rule, so that the fixture can be made again."""
    for second in range(3):
        reads = [100_000 + 997 * number * (second + 1) for number in range(500)]
        waited = [value + 1_000_000 for value in reads]
        updates = [5_000_000 + 7919 * number for number in range(100 * second)]
        series = {"READ": Series("READ", counted(*reads), counted(*waited))}
        if updates:
            series["UPDATE-FAILED"] = Series("UPDATE-FAILED", counted(*updates))
        series[TOTAL] = Series(TOTAL, counted(*reads))
        yield second * SECOND, (second + 1) * SECOND, series


def expected() -> dict[str, list[LatencyCounts]]:
    """Tag → its histograms in order."""
    found: dict[str, list[LatencyCounts]] = {}
    for _, _, series in windows():
        for name, one in series.items():
            if name != TOTAL:
                found.setdefault(name, []).append(one.service)
                if one.response is not None:
                    found.setdefault(f"Intended-{name}", []).append(one.response)
    return found


def written(path: Path) -> Path:
    log = IntervalLog(str(path))
    log.begin(STARTED)
    for window in windows():
        log.window(*window)
    log.close()
    return path


def read(path: Path) -> list[HdrHistogram]:
    """Every interval, by the package's reader, which looks away from tags."""
    reader = HistogramLogReader(str(path), HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS))
    found = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.append(histogram)
    reader.close()
    return found


def by_tag(path: Path) -> dict[str, list[tuple[float, float, float, HdrHistogram]]]:
    """Start, length, maximum and histogram of each line, by its tag."""
    found: dict[str, list[tuple[float, float, float, HdrHistogram]]] = {}
    for line in path.read_text().splitlines():
        if parts := re.fullmatch(r"Tag=([^,]+),([\d.]+),([\d.]+),([\d.]+),(\S+)", line):
            tag, *numbers, payload = parts.groups()
            found.setdefault(tag, []).append((*map(float, numbers), HdrHistogram.decode(payload)))
    return found


def same(histogram: HdrHistogram, counts: LatencyCounts) -> bool:
    assert histogram.get_total_count() == counts.total
    ours = percentiles(counts, RANKS)
    return all(min(histogram.get_value_at_percentile(rank), counts.max_ns) == ours[rank] for rank in RANKS)


@pytest.mark.parametrize("made", [False, True], ids=["fixture", "written"])
def test_tags_and_percentiles_are_those_that_were_logged(made: bool, tmp_path: Path) -> None:
    """Of a log that is written now, and of one that was written when this test was."""
    path = written(tmp_path / "run.hlog") if made else FIXTURE
    found, wanted = by_tag(path), expected()
    assert set(found) == set(wanted) == {"READ", "Intended-READ", "UPDATE-FAILED"}
    for tag, lines in found.items():
        for (start, length, highest, histogram), counts in zip(lines, wanted[tag], strict=True):
            assert start in (0.0, 1.0, 2.0)
            assert length == 1.0
            assert highest == pytest.approx(counts.max_ns / 1e6, abs=0.001)
            assert same(histogram, counts)


def test_the_packages_reader_reads_all_of_it(tmp_path: Path) -> None:
    path = written(tmp_path / "run.hlog")
    histograms = read(path)
    assert len(histograms) == sum(map(len, expected().values()))
    assert sum(one.get_total_count() for one in histograms) == sum(
        counts.total for many in expected().values() for counts in many
    )


def test_the_head_says_what_javas_reader_asks_for(tmp_path: Path) -> None:
    lines = written(tmp_path / "run.hlog").read_text().splitlines()
    head = [line for line in lines if line.startswith("#")]
    assert "#[Histogram log format version 1.3]" in head
    assert any(re.match(r"#\[StartTime: 1795427577\.123 \(seconds since epoch\), 2026-11-", line) for line in head)
    assert "#[BaseTime: 1795427577.123 (seconds since epoch)]" in head
    assert lines[len(head)] == '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def test_a_log_for_each_operation(tmp_path: Path) -> None:
    logs = SeriesLogs(f"{tmp_path}/x-")
    logs.begin(STARTED)
    for window in windows():
        logs.window(*window)
    logs.close()
    wanted = expected()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"x-{tag}.hdr" for tag in wanted)
    for tag, many in wanted.items():
        found = read(tmp_path / f"x-{tag}.hdr")
        assert all(same(histogram, counts) for histogram, counts in zip(found, many, strict=True))


def test_files_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        IntervalLog(f"{tmp_path}/none/run.hlog")
    with pytest.raises(UsageError, match="there is no folder"):
        SeriesLogs(f"{tmp_path}/none/x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_told_at_the_end() -> None:
    log = IntervalLog("/dev/full")
    with pytest.raises(RunError, match="/dev/full: could not be written: No space left"):
        _feed(log)


def _feed(log: IntervalLog) -> None:
    log.begin(STARTED)
    for window in windows():
        log.window(*window)
    log.close()


def javas_percentiles(path: Path, tag: str) -> list[tuple[int, float]]:
    """Nanoseconds and share of values, by the log processor of HdrHistogram's Java library."""
    command = ["java", "-cp", JAR, "org.HdrHistogram.HistogramLogProcessor", "-i", str(path), "-tag", tag]
    done = subprocess.run([*command, "-outputValueUnitRatio", "1"], capture_output=True, text=True, check=True)
    lines = re.findall(r"^ *([\d.]+) ([\d.]+) +\d+ +[\d.]+$", done.stdout, re.MULTILINE)
    return [(int(float(value)), float(share)) for value, share in lines]


@pytest.mark.skipif(
    not (Path(JAR).exists() and shutil.which("java")), reason="YCSBPY_HDRHISTOGRAM_JAR is not HdrHistogram's jar"
)
@pytest.mark.parametrize("tag", ["READ", "Intended-READ", "UPDATE-FAILED"])
def test_javas_tool_reads_the_same(tag: str, tmp_path: Path) -> None:
    found = javas_percentiles(written(tmp_path / "run.hlog"), tag)
    merged = LatencyCounts()
    for counts in expected()[tag]:
        merged.add(counts)
    assert len(found) > 30
    for value, share in found:
        place = max(1, math.ceil(share * merged.total - 1e-6))  # of the sample that the step is at
        assert value == merged.value_at_percentile(100 * place / merged.total)

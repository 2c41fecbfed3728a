"""What is to be written, and where: taken out of a configuration, or refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from ycsbpy.config import OutputSettings, make_config
from ycsbpy.errors import PropertyError


def settings(**properties: Any) -> OutputSettings:
    return OutputSettings.from_config(make_config({name.replace("__", "."): one for name, one in properties.items()}))


def test_nothing_was_asked_for() -> None:
    assert settings() == OutputSettings()


@pytest.mark.parametrize("kind", ["raw", "csv", "hdrhistogram+raw"])
def test_raw_lines_go_where_either_peer_says(kind: str) -> None:
    go = settings(measurementtype=kind, measurement__output_file="raw.csv")
    java = settings(measurementtype=kind, measurement__raw__output_file="raw.csv")
    assert go == java
    assert (go.raw, go.raw_file, go.tables_file, go.summary) == (True, "raw.csv", "", True)
    assert not go.stdout_is_data


def test_raw_lines_on_stdout_leave_no_table_there() -> None:
    found = settings(measurementtype="raw")
    assert found.raw_on_stdout
    assert found.stdout_is_data
    assert not found.summary
    assert settings(measurementtype="raw", exportfile="figures.txt").summary
    assert not settings(measurementtype="raw", exportfile="f.txt", measurement__raw__no_summary=True).summary


def test_tables_go_where_either_peer_says() -> None:
    assert settings(measurement__output_file="t.txt").tables_file == "t.txt"
    assert settings(exportfile="t.txt").tables_file == "t.txt"
    assert settings(exportfile="t.txt", measurement__output_file="t.txt").tables_file == "t.txt"
    both = settings(measurementtype="csv", measurement__output_file="raw.csv", exportfile="t.txt")
    assert (both.raw_file, both.tables_file) == ("raw.csv", "t.txt")


@pytest.mark.parametrize(
    ("properties", "for_a_machine"),
    [
        ({}, False),
        ({"outputstyle": "table"}, False),
        ({"outputstyle": "json"}, True),
        ({"outputstyle": "json", "exportfile": "x"}, False),
        ({"exporter": "text"}, True),
        ({"exporter": "site.ycsb.measurements.exporter.JSONArrayMeasurementsExporter"}, True),
        ({"outputstyle": "json", "profile": "go-ycsb"}, False),
    ],
)
def test_when_stdout_is_for_a_machine(properties: dict[str, str], for_a_machine: bool) -> None:
    assert settings(**properties).stdout_is_data == for_a_machine


def test_percentiles() -> None:
    assert settings(hdrhistogram__percentiles="50, 99.999,100").percentiles == (50.0, 99.999, 100.0)
    assert settings(exporter="text").percentiles == (50.0, 95.0, 99.0)
    assert settings(exporter="text", hdrhistogram__percentiles="1").percentiles == (1.0,)


def test_files_of_spectra_and_logs() -> None:
    assert settings(histogram__percentiles__export__filepath="x-").percentile_files is None
    assert settings(histogram__percentiles__export=True).percentile_files == "./"
    assert settings(hdrhistogram__fileoutput=True).logs == ""
    assert settings(hdrhistogram__fileoutput=True, hdrhistogram__output__path="logs/").logs == "logs/"
    assert settings(measurement__hgrm="out/x-").hgrm == "out/x-"


@pytest.mark.parametrize(
    ("properties", "line"),
    [
        ({"hdrhistogram__percentiles": "50,many"}, 'hdrhistogram.percentiles: "many" is not a number'),
        ({"hdrhistogram__percentiles": "0"}, "hdrhistogram.percentiles: 0 is not above 0 and at most 100"),
        ({"hdrhistogram__percentiles": "100.1"}, "hdrhistogram.percentiles: 100.1 is not above 0 and at most 100"),
        ({"hdrhistogram__percentiles": "nan"}, "hdrhistogram.percentiles: nan is not above 0 and at most 100"),
        ({"hdrhistogram__percentiles": "50,50.0"}, "hdrhistogram.percentiles: names one percentile twice"),
        ({"hdrhistogram__percentiles": ","}, "hdrhistogram.percentiles: is empty"),
        (
            {"measurementtype": "raw", "measurement__output_file": "a", "measurement__raw__output_file": "b"},
            (
                "measurement.raw.output_file: the two say different files: "
                "measurement.raw.output_file=b (argument), measurement.output_file=a (argument)"
            ),
        ),
        (
            {"exportfile": "a", "measurement__output_file": "b"},
            "exportfile: the two say different files: exportfile=a (argument), measurement.output_file=b (argument)",
        ),
        (
            {"measurementtype": "raw", "measurement__output_file": "a", "exportfile": "a"},
            (
                "exportfile: lines and figures cannot go to the same file: "
                "exportfile=a (argument), measurement.output_file=a (argument)"
            ),
        ),
        (
            {"exporter": "text", "outputstyle": "json"},
            "exporter: one of the two says how the figures look: exporter=text (argument), outputstyle=json (argument)",
        ),
    ],
)
def test_what_is_refused(properties: dict[str, str], line: str) -> None:
    with pytest.raises(PropertyError) as caught:
        settings(**properties)
    assert str(caught.value).removeprefix("argument: ") == line
    assert caught.value.exit_code == 2

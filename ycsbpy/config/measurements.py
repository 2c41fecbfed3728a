"""The part of the table of properties that is about measuring and what is written down of it."""

from __future__ import annotations

from ycsbpy.config.schema import Property, Refusal, Section, Tool
from ycsbpy.config.values import Kind

__all__ = ["MEASUREMENT_PROPERTIES"]

_GO, _JAVA, _BOTH = (Tool.GO,), (Tool.JAVA,), (Tool.GO, Tool.JAVA)
_MEASURE = Section.MEASUREMENT
_EXPORTERS = {"text": "Text", "json": "JSON", "jsonarray": "JSONArray"}


def _switch(name: str, default: str, meaning: str, tools: tuple[Tool, ...]) -> Property:
    return Property(name, Kind.BOOL, default, meaning, _MEASURE, tools)


def _file(name: str, meaning: str, tools: tuple[Tool, ...] = (), *, flag: str = "", example: str = "") -> Property:
    return Property(name, Kind.PATH, "", meaning, _MEASURE, tools, flag=flag, example=example)


MEASUREMENT_PROPERTIES = (
    Property(
        "measurement.interval",
        Kind.INTERVAL,
        "both",
        "Which latency tables show: op is from sending, intended from when the schedule wanted it sent, both is both. "
        "A number sets status.interval instead, as in go-ycsb.",
        _MEASURE,
        _BOTH,
        minimum=0,
        maximum=1e9,
        differs="with a target both are always recorded, and showing only op hides waiting time",
    ),
    _switch("status", "true", "Print a line of figures every status.interval seconds.", _JAVA),
    Property(
        "status.interval",
        Kind.FLOAT,
        "10",
        "Seconds between those lines; 0 means none.",
        _MEASURE,
        _JAVA,
        minimum=0,
        maximum=1e9,
        flag="--interval",
    ),
    Property("label", Kind.TEXT, "", "Name of this run in its report.", _MEASURE, _JAVA, example="before the upgrade"),
    Property(
        "measurementtype",
        Kind.CHOICE,
        "hdrhistogram",
        "What is written down: histograms are always kept (1 ns to 1 h, 3 digits); raw, csv and hdrhistogram+raw, "
        "which are the same, write a line for every operation as well, while the run goes on.",
        _MEASURE,
        _BOTH,
        choices=("hdrhistogram", "histogram", "hdrhistogram+histogram", "hdrhistogram+raw", "timeseries", "raw", "csv"),
        refused=(
            Refusal(
                "this type of measurement is not in this version; hdrhistogram is",
                ("hdrhistogram+histogram", "timeseries"),
            ),
        ),
    ),
    _file(
        "measurement.output_file",
        "File for the measurements instead of stdout: the tables or, with measurementtype=raw, the lines. It is "
        "overwritten.",
        _GO,
    ),
    _file("measurement.raw.output_file", "File for the lines of measurementtype=raw. It is overwritten.", _JAVA),
    _switch("measurement.raw.no_summary", "false", "measurementtype=raw: print no table at the end.", _JAVA),
    Property(
        "outputstyle",
        Kind.CHOICE,
        "plain",
        "Style of the tables on stdout: lines, a table, or JSON. With json nothing else is on stdout; each interval "
        "and the end is an array on a line of its own.",
        _MEASURE,
        _GO,
        choices=("plain", "table", "json"),
    ),
    Property(
        "exporter",
        Kind.CHOICE,
        "none",
        "Print the final figures as Java YCSB does: as its lines of text, its JSON objects or its JSON array; none is "
        "outputstyle. Everything else goes to stderr then.",
        _MEASURE,
        _JAVA,
        choices=("none", *_EXPORTERS),
        aliases=tuple(
            (f"{package}.measurements.exporter.{java}MeasurementsExporter", ours)
            for package in ("site.ycsb", "com.yahoo.ycsb")
            for ours, java in _EXPORTERS.items()
        ),
        flag="--exporter",
        differs="YCSB's text lacks most of what the tables say",
    ),
    _file("exportfile", "File for the final figures instead of stdout. It is overwritten.", _JAVA),
    Property(
        "hdrhistogram.percentiles",
        Kind.LIST,
        None,
        "Percentiles that tables and exporters show.",
        _MEASURE,
        _JAVA,
        minimum=1,
        maximum=100,
        example="50,99,99.999",
        unset="50,90,95,99,99.9,99.99; 50,95,99 with an exporter",
    ),
    _switch(
        "histogram.percentiles.export",
        "false",
        "Write the whole latency spectrum of each operation, in microseconds, to OPERATION-percentiles.txt.",
        _GO,
    ),
    Property(
        "histogram.percentiles.export.filepath",
        Kind.PATH,
        "./",
        "What the names of those files begin with.",
        _MEASURE,
        _GO,
    ),
    _file(
        "measurement.hgrm",
        "Write the whole latency spectrum of each operation, in milliseconds, to a file OPERATION.hgrm for "
        "HdrHistogram's plotter; this is what the names begin with.",
        flag="--hgrm",
        example="results/",
    ),
    _file(
        "measurement.hlog",
        "Write an HdrHistogram interval log (V2, nanoseconds, each line tagged with its operation), a line a second.",
        flag="--hlog",
        example="run.hlog",
    ),
    _switch(
        "hdrhistogram.fileoutput",
        "false",
        "Write an interval log for each operation, OPERATION.hdr, in nanoseconds (YCSB's are in microseconds).",
        _JAVA,
    ),
    _file("hdrhistogram.output.path", "What the names of those logs begin with.", _JAVA),
)

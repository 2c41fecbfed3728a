"""The table of properties: complete against the other tools' names, consistent in itself."""

from __future__ import annotations

import re

import pytest

from ycsbpy.config.properties import PROPERTIES, PROPERTY_TABLE, find_property
from ycsbpy.config.schema import Property, Refusal, Section, Tool
from ycsbpy.config.values import Kind

GO_YCSB = {
    # pkg/prop/prop.go and db/tikv of go-ycsb: name → default, None where it has none or ours differs on purpose
    "insertstart": "0", "insertcount": None, "operationcount": "0", "recordcount": "0", "workload": "core", "db": None,
    "exporter": None, "exportfile": "", "threadcount": "1", "target": "0", "maxexecutiontime": "0", "warmuptime": "0",
    "dotransactions": None, "status": None, "label": "", "batch.size": "1", "table": "usertable", "fieldcount": "10",
    "fieldlengthdistribution": "constant", "fieldlength": "100", "fieldlengthhistogram": "hist.txt",
    "readallfields": "true", "writeallfields": "false", "dataintegrity": "false", "readproportion": "0.95",
    "updateproportion": "0.05", "insertproportion": "0", "scanproportion": "0", "readmodifywriteproportion": "0",
    "requestdistribution": "uniform", "zeropadding": "1", "minscanlength": "1", "maxscanlength": "1000",
    "scanlengthdistribution": "uniform", "insertorder": "hashed", "hotspotdatafraction": "0.2",
    "hotspotopnfraction": "0.8", "core_workload_insertion_retry_limit": "0",
    "core_workload_insertion_retry_interval": "3", "exponential.percentile": "95", "exponential.frac": "0.8571428571",
    "debug.pprof": None, "verbose": "false", "dropdata": "false", "silence": "true", "keyprefix": "user",
    "measurement.interval": None, "measurementtype": None, "measurement.output_file": "", "command": None,
    "outputstyle": "plain", "histogram.percentiles.export": "false", "histogram.percentiles.export.filepath": "./",
    "tikv.pd": None, "tikv.type": "raw", "tikv.conncount": None, "tikv.batchsize": "128", "tikv.apiversion": "V1",
    "tikv.async_commit": "true", "tikv.one_pc": "true",
}  # fmt: skip
YCSB = {
    "workload": "core", "db": None, "recordcount": "0", "operationcount": "0", "insertstart": "0", "insertcount": None,
    "threadcount": "1", "target": "0", "maxexecutiontime": "0", "minfieldlength": "1", "fieldnameprefix": "field",
    "readallfieldsbyname": "false", "core_workload_insertion_keep_going_on_error": None, "exporter": None,
    "exportfile": "", "status": None, "status.interval": "10", "label": "", "spin.sleep": "false",
    "measurementtype": "hdrhistogram", "measurement.interval": None, "hdrhistogram.percentiles": None,
    "hdrhistogram.fileoutput": "false", "hdrhistogram.output.path": None, "measurement.histogram.verbose": "false",
    "histogram.buckets": "1000", "timeseries.granularity": "1000", "measurement.raw.output_file": None,
    "measurement.raw.no_summary": "false", "measurement.trackjvm": "false", "reportlatencyforeacherror": "false",
    "latencytrackederrors": None, "htrace.sampler.classes": None, "basicdb.verbose": None,
}  # fmt: skip


@pytest.mark.parametrize(("tool", "name", "default"), [
    *[(Tool.GO, name, default) for name, default in GO_YCSB.items()],
    *[(Tool.JAVA, name, default) for name, default in YCSB.items()],
])  # fmt: skip
def test_every_property_of_the_peers_is_known(tool: Tool, name: str, default: str | None) -> None:
    entry = find_property(name)
    assert entry is not None
    if default is not None:
        assert entry.default == default
    declared_only = {"exporter", "exportfile", "status", "label"}  # go-ycsb declares these and never reads them
    assert tool in entry.tools or (tool is Tool.GO and name in declared_only)


def test_names_are_unique() -> None:
    assert len(PROPERTY_TABLE) == len(PROPERTIES)


@pytest.mark.parametrize("entry", PROPERTIES, ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry: Property) -> None:
    if entry.ignored:
        assert entry.section is Section.PEERS
        assert entry.tools
    else:
        assert entry.section is not Section.PEERS
        assert entry.meaning.endswith(".")
    assert entry.default is not None or entry.unset or entry.ignored
    assert not entry.differs.endswith(".")
    if entry.example:
        assert entry.refusal(entry.parse(entry.example)) == ""
    if entry.default is not None:
        assert entry.refusal(entry.parse(entry.default)) == ""
    for refusal in entry.refused:
        for value in refusal.values:
            assert entry.parse(value) == value
            assert entry.refusal(value) == refusal.sentence


def test_flags_are_unique() -> None:
    flags = [entry.flag for entry in PROPERTIES if entry.flag]
    assert sorted(flags) == sorted(set(flags))
    assert set(flags) == {
        "--threads", "--target", "--table", "--interval", "--seed", "--allow-errors", "--exporter", "--hlog", "--hgrm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("table", "table"),
        ("htrace.sampler.classes", "htrace.*"),
        ("htrace.x", "htrace.*"),
        ("htrace", None),
        ("basicdb.simulatedelay", "basicdb.*"),
        ("tikv.nothing", None),
        ("", None),
    ],
)
def test_find_property(name: str, found: str | None) -> None:
    entry = find_property(name)
    assert (entry.name if entry else None) == found


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("a b", Kind.TEXT, "x", "m"), '"a b" cannot be the name of a property'),
        (("a=b", Kind.TEXT, "x", "m"), '"a=b" cannot be the name of a property'),
        (("", Kind.TEXT, "x", "m"), '"" cannot be the name of a property'),
        (("mydb.port", Kind.INT, "many", "m"), 'mydb.port: its default "many" is not a whole number'),
        (("mydb.mode", Kind.CHOICE, "a", "m"), "mydb.mode: a choice needs choices"),
    ],
)
def test_a_property_that_cannot_work_is_refused(arguments: tuple[str, Kind, str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        Property(*arguments)


def test_a_refusal_without_values_is_of_all_but_the_default() -> None:
    entry = Property("batch", Kind.INT, "1", "m", refused=(Refusal("no"),))
    assert [entry.refusal(value) for value in (1, 2)] == ["", "no"]


def test_aliases() -> None:
    entry = PROPERTY_TABLE["workload"]
    assert (
        entry.parse("site.ycsb.workloads.CoreWorkload")
        == entry.parse(" com.yahoo.ycsb.workloads.CoreWorkload")
        == "core"
    )
    assert entry.parse("my.module:Workload") == "my.module:Workload"

"""Settings made from a configuration: what is taken over, what contradicts what, what only warns."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN, OperationSource
from ycsbpy.config import AllowedErrors, Config, Latency, load_config, make_config
from ycsbpy.config.settings import PROPORTIONS, RunSettings, SourceArguments, TikvSettings, WorkloadSettings
from ycsbpy.errors import PropertyError, UsageError
from ycsbpy.ops import OpKind

ENOUGH = ("recordcount=1000", "operationcount=1000")
"""What both commands work with."""


def config_of(*written: str) -> Config:
    return load_config(overrides=[*ENOUGH, *written])


def make_all(config: Config) -> None:
    """All that a run over TiKV makes of a configuration."""
    WorkloadSettings.from_config(config)
    RunSettings.from_config(config, "run")
    TikvSettings.from_config(config)


def refused_by_load(config: Config) -> PropertyError:
    with pytest.raises(PropertyError) as caught:
        RunSettings.from_config(config, "load")
    return caught.value


BAD = [
    # what was written, the property that is blamed, the rest of the line
    ("insertstart=600 insertcount=500", "insertcount",
     ("insertstart and insertcount together are more than recordcount: "
     "insertcount=500 (-p), insertstart=600 (-p), recordcount=1000 (-p)")),
    ("insertcount=1001", "insertcount",
     ("insertstart and insertcount together are more than recordcount: "
     "insertcount=1001 (-p), insertstart=0 (default), recordcount=1000 (-p)")),
    ("insertstart=1001", "insertstart",
     "the first record is after the last: insertstart=1001 (-p), recordcount=1000 (-p)"),
    ("insertstart=1000", "insertstart",
     "no record is left to ask for: insertcount=unset (default), insertstart=1000 (-p), recordcount=1000 (-p)"),
    ("insertcount=0", "insertcount",
     "no record is left to ask for: insertcount=0 (-p), insertstart=0 (default), recordcount=1000 (-p)"),
    ("recordcount=0", "recordcount",
     ("is 0; a run has to know how many records were loaded (YCSB and go-ycsb would ask for 2147483647); "
     "write recordcount=N")),
    ("recordcount=0 insertcount=50 insertstart=100", "recordcount",
     "is 0, and insertcount=50 (-p) needs it; write recordcount=150"),
    ("recordcount=0 insertstart=100", "recordcount", "is 0, and insertstart=100 (-p) needs it; write recordcount=N"),
    ("operationcount=0", "operationcount",
     "is 0 and there is no time limit; write operationcount=N or maxexecutiontime=SECONDS"),
    ("target=0.0001", "target", "0.0001 is too small; the least is 0.001 per second"),
    ("minscanlength=11 maxscanlength=10", "minscanlength",
     "the shortest scan is longer than the longest: minscanlength=11 (-p), maxscanlength=10 (-p)"),
    ("minscanlength=1001", "minscanlength",
     "the shortest scan is longer than the longest: minscanlength=1001 (-p), maxscanlength=1000 (default)"),
    ("fieldlengthdistribution=uniform minfieldlength=101", "minfieldlength",
     "the shortest value is longer than the longest: minfieldlength=101 (-p), fieldlength=100 (default)"),
    ("fieldlengthdistribution=zipfian fieldlength=0", "fieldlength",
     "the shortest value is longer than the longest: minfieldlength=1 (default), fieldlength=0 (-p)"),
    ("dataintegrity=true fieldlengthdistribution=uniform", "dataintegrity",
     ("values can be checked only if all are of the same length: "
     "dataintegrity=true (-p), fieldlengthdistribution=uniform (-p)")),
    ("dataintegrity=true keyprefix=schlüssel", "dataintegrity",
     "values can be checked only if keys and names are ASCII: dataintegrity=true (-p), keyprefix=schlüssel (-p)"),
    ("dataintegrity=true fieldnameprefix=ü", "dataintegrity",
     "values can be checked only if keys and names are ASCII: dataintegrity=true (-p), fieldnameprefix=ü (-p)"),
    ("requestdistribution=exponential exponential.percentile=50", "exponential.percentile",
     ("no exponential law puts 50 % of its mass into 0.8571428571 of the range; it takes more: "
     "exponential.percentile=50 (-p), exponential.frac=0.8571428571 (default)")),
    ("requestdistribution=exponential exponential.frac=0.95", "exponential.frac",
     ("no exponential law puts 95 % of its mass into 0.95 of the range; it takes more: "
     "exponential.percentile=95 (default), exponential.frac=0.95 (-p)")),
    ("requestdistribution=exponential exponential.percentile=100", "exponential.percentile",
     ("percentile has to be between 0 and 100, frac between 0 and 1, and the bounds are not allowed: "
     "exponential.percentile=100 (-p), exponential.frac=0.8571428571 (default)")),
    ("requestdistribution=exponential exponential.frac=0", "exponential.frac",
     ("percentile has to be between 0 and 100, frac between 0 and 1, and the bounds are not allowed: "
     "exponential.percentile=95 (default), exponential.frac=0 (-p)")),
    ("readproportion=0 updateproportion=0", "readproportion",
     ("all proportions are 0, so there is nothing to do: readproportion=0 (-p), updateproportion=0 (-p), "
     "insertproportion=0 (default), scanproportion=0 (default), readmodifywriteproportion=0 (default), "
     "deleteproportion=0 (default)")),
    (f"table={'t' * 9000}", "table",
     "keys would have 9024 bytes, and TiKV takes 8192: the table's name, keyprefix and zeropadding together"),
    (f"table={'t' * 4000} zeropadding=4096 keyprefix={'k' * 100}", "zeropadding",
     "keys would have 8197 bytes, and TiKV takes 8192: the table's name, keyprefix and zeropadding together"),
    (f"keyprefix={'ü' * 5000}", "keyprefix",
     "keys would have 10029 bytes, and TiKV takes 8192: the table's name, keyprefix and zeropadding together"),
    ("fieldcount=10 fieldlength=1000000000", "fieldlength",
     ("a record would have up to 10000000000 bytes, and no message carries more than 2147483647: "
     "fieldlength=1000000000 (-p), fieldcount=10 (-p)")),
    ("fieldlengthdistribution=histogram", "fieldlengthhistogram", "hist.txt: No such file or directory"),
    ("fieldlengthdistribution=histogram fieldlengthhistogram=.", "fieldlengthhistogram", ".: Is a directory"),
    ("fieldlengthdistribution=histogram fieldlengthhistogram=~nobody-here/x", "fieldlengthhistogram",
     "Could not determine home directory."),
    ("measurement.interval=5 status.interval=6", "measurement.interval",
     "the two say different seconds: measurement.interval=5 (-p), status.interval=6 (-p)"),
    ("tikv.pd=localhost", "tikv.pd", '"localhost" is not HOST:PORT; write localhost:2379'),
    ("tikv.pd=a:1,b:99999", "tikv.pd", '"b:99999" is not HOST:PORT'),
    ("tikv.pd=a:0", "tikv.pd", '"a:0" is not HOST:PORT'),
    ("tikv.pd=:2379", "tikv.pd", '":2379" is not HOST:PORT'),
    ("tikv.pd=2379", "tikv.pd", '"2379" is not HOST:PORT'),
    ("tikv.pd=https://a:2379", "tikv.pd", '"https://a:2379": write HOST:PORT, and tikv.ca for TLS'),
    ("tikv.ca=no-such.pem", "tikv.ca", "no-such.pem: No such file or directory"),
    ("tikv.ca=.", "tikv.ca", ".: Is a directory"),
    ("tikv.cert=some.pem", "tikv.cert",
     "a certificate needs its key, and a key its certificate: tikv.cert=some.pem (-p), tikv.key=unset (default)"),
    ("tikv.key=some.pem", "tikv.key",
     "a certificate needs its key, and a key its certificate: tikv.cert=unset (default), tikv.key=some.pem (-p)"),
    ("tikv.cert=some.pem tikv.key=some.pem", "tikv.cert",
     "a client's certificate needs TLS, which tikv.ca turns on: tikv.cert=some.pem (-p), tikv.ca=unset (default)"),
    ("tikv.ca=some.pem", "tikv.ca", "some.pem: it holds no certificate in PEM"),
    ("tikv.ca=line\nbreak", "tikv.ca", "line�break: it holds no certificate in PEM"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("some.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    Path("line\nbreak").write_text("")


@pytest.mark.parametrize(("written", "name", "reason"), BAD, ids=[ascii(one[0][:60]) for one in BAD])
def test_contradictions(written: str, name: str, reason: str) -> None:
    """The class is exact, the exit code 2; the one line names all that take part and where each was written."""
    with pytest.raises(UsageError) as caught:
        make_all(config_of(*written.split(" ")))
    error = caught.value
    assert type(error) is PropertyError
    assert error.exit_code == 2
    assert error.name == name
    where = "-p: " if f"{name}=" in written else ""
    assert str(error) == f"{where}{name}: {reason}"
    assert str(error).isprintable()


def test_places_are_those_of_files_and_flags() -> None:
    Path("mine").write_text("recordcount=1000\n\ninsertstart=600\n")
    config = load_config(["mine"], flags={"insertcount": "500"})
    with pytest.raises(PropertyError) as caught:
        WorkloadSettings.from_config(config)
    assert str(caught.value) == (
        "--insertcount: insertcount: insertstart and insertcount together are more than recordcount: "
        "insertcount=500 (--insertcount), insertstart=600 (mine:3), recordcount=1000 (mine:1)"
    )


# Load and run


def test_a_load_needs_records() -> None:
    assert str(refused_by_load(load_config())) == (
        "recordcount: is not set, so there is nothing to load; write recordcount=N"
    )
    assert str(refused_by_load(load_config(overrides=["recordcount=0"]))) == (
        "-p: recordcount: is 0, so there is nothing to load; write recordcount=N"
    )
    assert str(refused_by_load(load_config(overrides=["insertcount=10"]))) == (
        "recordcount: is not set, and insertcount=10 (-p) needs it; write recordcount=10"
    )
    assert str(refused_by_load(config_of("insertcount=0"))) == (
        "-p: insertcount: no record is left to load: insertcount=0 (-p), insertstart=0 (default), recordcount=1000 (-p)"
    )


def test_a_load_needs_no_operations_and_has_no_warm_up() -> None:
    settings = RunSettings.from_config(make_config({"recordcount": 10, "insertstart": 3, "warmuptime": 5}), "load")
    assert settings.operations == 7
    assert settings.warmup_seconds == 0


def test_a_run_that_only_inserts_needs_no_records() -> None:
    config = make_config({"operationcount": 5, "readproportion": 0, "updateproportion": 0, "insertproportion": 1})
    assert RunSettings.from_config(config, "run").operations == 5
    assert WorkloadSettings.from_config(config).insertcount == 0


def test_a_run_may_be_limited_by_time_alone() -> None:
    settings = RunSettings.from_config(make_config({"recordcount": 1, "maxexecutiontime": 1.5}), "run")
    assert settings.operations is None
    assert settings.max_seconds == 1.5


@pytest.mark.parametrize("count", [1, 2**31 - 1, 2**31, 2**31 + 1, 2**40, 2**60])
def test_counts_have_64_bits(count: int) -> None:
    config = make_config(
        {"recordcount": count, "operationcount": count, "insertproportion": 0.5, "insertorder": "ordered"}
    )
    settings = WorkloadSettings.from_config(config)
    assert (settings.recordcount, settings.insertcount, settings.operationcount) == (count, count, count)
    assert RunSettings.from_config(config, "run").operations == count
    source = OperationSource(seed=1, **settings.source_arguments())
    assert source.draw(DOMAIN_LOAD, count - 1).key == f"user{count - 1}".encode()


def test_all_of_a_run() -> None:
    config = make_config(
        {
            "recordcount": 100, "operationcount": 50, "threadcount": 8, "target": 500, "maxexecutiontime": 60,
            "warmuptime": 2.5, "allowerrors": "1%", "status.interval": 3, "measurement.interval": "intended",
            "seed": 9, "label": "mine",
        }
    )  # fmt: skip
    assert RunSettings.from_config(config, "run") == RunSettings(
        command="run", threadcount=8, operations=50, target=500, max_seconds=60, warmup_seconds=2.5,
        allowed_errors=AllowedErrors(percent=1), interval_seconds=3, shown_latency=Latency.INTENDED,
        seed=9, label="mine",
    )  # fmt: skip


def test_defaults_of_a_run() -> None:
    assert RunSettings.from_config(config_of(), "run") == RunSettings(
        command="run", threadcount=1, operations=1000, target=None, max_seconds=None, warmup_seconds=0,
        allowed_errors=AllowedErrors(), interval_seconds=10, shown_latency=Latency.OP, seed=None, label="",
    )  # fmt: skip


# Status lines and latencies


@pytest.mark.parametrize(
    ("file", "options", "flags", "seconds"),
    [
        ("", "", "", 10),
        ("status.interval=3", "", "", 3),
        ("measurement.interval=4", "", "", 4),
        ("measurement.interval=4\nstatus.interval=4", "", "", 4),
        ("measurement.interval=4", "status.interval=5", "", 5),
        ("status.interval=5", "measurement.interval=4", "", 4),
        ("measurement.interval=4", "", "status.interval=6", 6),
        ("measurement.interval=both", "status.interval=5", "", 5),
        ("status.interval=0", "", "", 0),
        ("status=false", "", "", 0),
        ("status=false\nmeasurement.interval=4", "", "", 0),
    ],
)
def test_seconds_between_status_lines(file: str, options: str, flags: str, seconds: float) -> None:
    Path("file").write_text(file)
    flag = dict([flags.split("=")]) if flags else {}
    config = load_config(["file"], [*ENOUGH, *options.split()], flag)
    assert RunSettings.from_config(config, "run").interval_seconds == seconds


@pytest.mark.parametrize(
    ("interval", "target", "shown", "warnings"),
    [
        ("both", 100, Latency.BOTH, ()),
        ("op", 100, Latency.OP, ()),
        ("intended", 100, Latency.INTENDED, ()),
        ("7", 100, Latency.BOTH, ()),
        ("both", 0, Latency.OP, ()),
        ("op", 0, Latency.OP, ()),
        ("intended", 0, Latency.OP,
         ("-p: measurement.interval: without a target there is no schedule, so service time is shown",)),
    ],
)  # fmt: skip
def test_which_latency_is_shown(interval: str, target: float, shown: Latency, warnings: tuple[str, ...]) -> None:
    settings = RunSettings.from_config(config_of(f"measurement.interval={interval}", f"target={target}"), "run")
    assert settings.shown_latency is shown
    assert settings.shown_latency == shown.value
    assert settings.warnings == warnings


# Warnings


@pytest.mark.parametrize(
    ("written", "warnings"),
    [
        ("", ()),
        ("readproportion=0.7 updateproportion=0.2 insertproportion=0.1", ()),
        ("readproportion=0.5 updateproportion=0.25", (
            "proportions sum to 0.75 and are scaled to 1: read 66.7%, update 33.3%",)),
        ("readproportion=0.5 insertproportion=0.5", (
            ("proportions sum to 1.05 (updateproportion=0.05 (default)) and are scaled to 1: "
            "read 47.6%, update 4.8%, insert 47.6%"),)),
        ("readproportion=0 updateproportion=0 readmodifywriteproportion=0.5", (
            "proportions sum to 0.5 and are scaled to 1: readmodifywrite 100.0%",)),
    ],
)  # fmt: skip
def test_proportions_that_do_not_sum_to_1(written: str, warnings: tuple[str, ...]) -> None:
    config = config_of(*written.split())
    assert RunSettings.from_config(config, "run").warnings == warnings
    assert RunSettings.from_config(config, "load").warnings == ()


def test_rows_that_tikv_refuses_as_it_comes() -> None:
    assert WorkloadSettings.from_config(config_of("fieldlength=1000000")).warnings == (
        "records have up to 9.5 MiB; TiKV refuses those above 8 MiB unless raft-entry-max-size is raised",
    )
    assert WorkloadSettings.from_config(config_of("fieldlength=800000")).warnings == ()


@pytest.mark.parametrize(
    ("profile", "law", "drawn"),
    [
        ("ycsb", "zipfian", "zipfian"),
        ("go-ycsb", "zipfian", "zipfian"),
        ("exact", "zipfian", "zipfian-exact"),
        ("exact", "latest", "latest"),
        ("ycsb", "zipfian-exact", "zipfian-exact"),
    ],
)
def test_which_zipf_law_is_meant(profile: str, law: str, drawn: str) -> None:
    config = make_config({"profile": profile, "requestdistribution": law, "recordcount": 1, "readproportion": 1})
    assert WorkloadSettings.from_config(config).source_arguments()["requestdistribution"] == drawn


# What is drawn


def test_all_of_a_workload() -> None:
    Path("lengths").write_text("BlockSize\t10\n0\t5\n2\t1\n")
    config = make_config(
        {
            "table": "t", "recordcount": 100, "insertstart": 10, "insertcount": 50, "operationcount": 7,
            "readproportion": 0.1, "updateproportion": 0.2, "insertproportion": 0.3, "scanproportion": 0.15,
            "readmodifywriteproportion": 0.05, "deleteproportion": 0.2, "requestdistribution": "hotspot",
            "hotspotdatafraction": 0.3, "hotspotopnfraction": 0.6, "exponential.percentile": 90,
            "exponential.frac": 0.5, "minscanlength": 2, "maxscanlength": 9, "scanlengthdistribution": "zipfian",
            "fieldcount": 3, "fieldnameprefix": "f",
            "minfieldlength": 4, "fieldlength": 40, "fieldlengthdistribution": "histogram",
            "fieldlengthhistogram": "lengths", "readallfields": False, "readallfieldsbyname": True,
            "writeallfields": True, "keyprefix": "k", "zeropadding": 12, "insertorder": "ordered",
        }
    )  # fmt: skip
    settings = WorkloadSettings.from_config(config)
    assert settings.table == "t"
    assert settings.source_arguments() == SourceArguments(
        recordcount=100, insertstart=10, insertcount=50, operationcount=7,
        proportions=(0.1, 0.2, 0.3, 0.15, 0.05, 0.2), requestdistribution="hotspot", hotspotdatafraction=0.3,
        hotspotopnfraction=0.6, exponential_percentile=90, exponential_frac=0.5, minscanlength=2, maxscanlength=9,
        scanlengthdistribution="zipfian", fieldnames=("f0", "f1", "f2"), minfieldlength=4, fieldlength=40,
        fieldlengthdistribution="histogram", fieldlengthhistogram=(5, 0, 1), fieldlengthblocksize=10,
        readallfields=False, readallfieldsbyname=True, writeallfields=True, dataintegrity=False, keyprefix="k",
        zeropadding=12, insertorder="ordered",
    )  # fmt: skip
    assert OperationSource(seed=1, **settings.source_arguments()).draw(DOMAIN_LOAD, 0).key == b"k000000000010"


@pytest.mark.parametrize(
    ("name", "proportions", "distribution", "longest_scan"),
    [
        ("workloada", (0.5, 0.5, 0, 0, 0, 0), "zipfian", 1000),
        ("workloadb", (0.95, 0.05, 0, 0, 0, 0), "zipfian", 1000),
        ("workloadc", (1, 0, 0, 0, 0, 0), "zipfian", 1000),
        ("workloadd", (0.95, 0, 0.05, 0, 0, 0), "latest", 1000),
        ("workloade", (0, 0, 0.05, 0.95, 0, 0), "zipfian", 100),
        ("workloadf", (0.5, 0, 0, 0, 0.5, 0), "zipfian", 1000),
    ],
)
def test_the_shipped_workloads_are_as_published(
    name: str, proportions: tuple[float, ...], distribution: str, longest_scan: int
) -> None:
    """Of Cooper et al., SoCC 2010, table 2; scans as in YCSB's file."""
    config = load_config([name])
    settings = WorkloadSettings.from_config(config)
    assert settings.proportions == proportions
    assert settings.requestdistribution == distribution
    assert (settings.minscanlength, settings.maxscanlength) == (1, longest_scan)
    assert (settings.recordcount, settings.operationcount) == (1000, 1000)
    assert (len(settings.fieldnames), settings.fieldlength, settings.fieldlengthdistribution) == (10, 100, "constant")
    assert config.warnings == settings.warnings == RunSettings.from_config(config, "run").warnings == ()


def test_proportions_are_in_the_order_of_the_kinds() -> None:
    names = [name.removesuffix("proportion") for name in PROPORTIONS]
    assert names == [kind.name.lower().replace("_", "") for kind in OpKind if not kind.name.startswith("BATCH_")]


NUMBERS = st.sampled_from(["0", "1", "2", "10", "100", "1000", str(2**31), str(2**60)])
SHARES = st.sampled_from(["0", "0.2", "0.5", "1", "1e-300"])
WRITTEN: dict[str, st.SearchStrategy[str]] = {
    **dict.fromkeys(("recordcount", "insertstart", "insertcount", "operationcount"), NUMBERS),
    **dict.fromkeys(("fieldcount", "fieldlength", "minfieldlength"), st.sampled_from(["0", "1", "5", "100"])),
    **dict.fromkeys(("minscanlength", "maxscanlength"), NUMBERS),
    **dict.fromkeys((*PROPORTIONS, "hotspotdatafraction", "hotspotopnfraction", "exponential.frac"), SHARES),
    "exponential.percentile": st.sampled_from(["0", "20", "50.5", "99", "100"]),
    "requestdistribution": st.sampled_from(
        ["uniform", "zipfian", "zipfian-exact", "latest", "hotspot", "exponential", "sequential"]
    ),
    "scanlengthdistribution": st.sampled_from(["uniform", "zipfian"]),
    "fieldlengthdistribution": st.sampled_from(["constant", "uniform", "zipfian"]),
    **dict.fromkeys(("dataintegrity", "readallfields", "writeallfields"), st.sampled_from(["true", "false"])),
    "keyprefix": st.sampled_from(["", "user", "ü"]),
    "zeropadding": st.sampled_from(["0", "1", "20", "4096"]),
    "insertorder": st.sampled_from(["hashed", "ordered"]),
}


@given(st.fixed_dictionaries({}, optional=WRITTEN))
def test_whatever_passes_can_be_drawn(written: dict[str, str]) -> None:
    """The native source never has anything to object to that was not said in one line before."""
    try:
        settings = WorkloadSettings.from_config(make_config(written))
    except PropertyError:
        return
    source = OperationSource(seed=1, **settings.source_arguments())
    for number in range(5):
        source.draw(DOMAIN_RUN, number)


# TiKV


def test_all_of_tikv(certificates: Path) -> None:
    ca, cert, key = (certificates / f"{name}.pem" for name in ("ca", "client", "client-key"))
    config = make_config(
        {
            "tikv.pd": "http://a:2379/, [::1]:2380,pd-2.example:2381", "tikv.driver": "tikv-python",
            "tikv.conncount": 4, "tikv.timeout": 2.5, "tikv.ca": ca, "tikv.cert": cert, "tikv.key": key,
        }
    )  # fmt: skip
    assert TikvSettings.from_config(config) == TikvSettings(
        pd=("a:2379", "[::1]:2380", "pd-2.example:2381"), driver="tikv-python", type="raw", apiversion="V1",
        conncount=4, timeout_seconds=2.5, ca=ca, cert=cert, key=key,
    )  # fmt: skip


def test_tikv_without_an_address() -> None:
    settings = TikvSettings.from_config(make_config())
    assert settings.pd == ()
    assert settings.driver == "auto"
    assert (settings.ca, settings.cert, settings.key) == (None, None, None)


def test_settings_are_immutable() -> None:
    settings = TikvSettings.from_config(make_config())
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.driver = "x"  # type: ignore[misc]


def test_the_histogram_file_is_blamed_on_its_property() -> None:
    Path("lengths").write_text("BlockSize\t10\n0\tmany\n")
    written = ("fieldlengthdistribution=histogram", "fieldlengthhistogram=lengths")
    message = '-p: fieldlengthhistogram: lengths:2: the count "many" is not a whole number'
    with pytest.raises(PropertyError, match=f"^{re.escape(message)}$"):
        WorkloadSettings.from_config(config_of(*written))

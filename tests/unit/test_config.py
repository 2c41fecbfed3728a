"""Files, options and flags to one configuration: what wins, what is refused and where it was, what only warns."""

from __future__ import annotations

import dataclasses
import os
import pickle
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ycsbpy.config import (
    PROPERTIES,
    PROPERTY_TABLE,
    AllowedErrors,
    Kind,
    Latency,
    MeasurementInterval,
    Property,
    Rank,
    load_config,
    make_config,
    written_value,
)
from ycsbpy.config import config as config_module
from ycsbpy.errors import DriverError, NotSupportedError, PropertyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture(autouse=True)
def shipped(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two shipped workloads of the test's own, and an empty current folder."""
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "workloada").write_text("recordcount=1000\n\nreadproportion=0.5\nupdateproportion=0.5\n")
    (folder / "workloadb").write_text("recordcount=1000\n")

    def shipped_workload(name: str) -> Path | None:
        return folder / name if (folder / name).is_file() else None

    monkeypatch.setattr(config_module, "shipped_workload", shipped_workload)
    monkeypatch.setattr(config_module, "shipped_workloads", lambda: ["workloada", "workloadb"])
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    return folder


def refused(
    files: Sequence[str] = (), overrides: Sequence[str] = (), flags: dict[str, str] | None = None
) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_config(files, overrides, flags)
    return caught.value


# What wins


def test_later_files_win_then_options_then_flags() -> None:
    Path("one").write_text("table=one\nthreadcount=1\ntarget=1\nkeyprefix=one\n")
    Path("two").write_text("threadcount=2\ntarget=2\nkeyprefix=two\n")
    config = load_config(["one", "two"], ["target=3", "keyprefix=a", "keyprefix=b"], {"threadcount": "4"})
    assert config.text("table") == "one"
    assert config.integer("threadcount") == 4
    assert config.number("target") == 3
    assert config.text("keyprefix") == "b"
    assert {name: config.origin(name) for name in ("table", "threadcount", "target", "keyprefix", "seed")} == {
        "table": "one:1",
        "threadcount": "--threads",
        "target": "-p",
        "keyprefix": "-p",
        "seed": "default",
    }
    assert [config.rank(name) for name in ("table", "threadcount", "target", "seed")] == [
        Rank.FILE,
        Rank.FLAG,
        Rank.OPTION,
        Rank.DEFAULT,
    ]


def test_the_last_of_a_file_wins_and_that_is_said() -> None:
    Path("file").write_text("# head\nrecordcount=1\n\nrecordcount=2\n")
    config = load_config(["file"])
    assert config.integer("recordcount") == 2
    assert config.origin("recordcount") == "file:4"
    assert config.warnings == ("file:4: recordcount: already in line 2; the last one counts",)


def test_a_value_that_is_overridden_is_not_looked_at() -> None:
    Path("file").write_text("recordcount=1e3\n")
    assert load_config(["file"], ["recordcount=1000"]).integer("recordcount") == 1000


def test_nothing_given_is_all_defaults() -> None:
    config = load_config()
    assert config.non_default() == {}
    assert config.warnings == ()
    assert not any(config.was_set(name) for name in config.settings)
    assert all(config.is_default(name) for name in config.settings)


# Files


def test_a_file_here_comes_before_a_shipped_one() -> None:
    assert load_config(["workloada"]).origin("readproportion") == "shipped workloada:3"
    Path("workloada").write_text("readproportion=0.25\n")
    config = load_config(["workloada"])
    assert config.number("readproportion") == 0.25
    assert config.origin("readproportion") == "workloada:1"


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("recordcount=7\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (str(tmp_path / "file"), "~/file"):
        config = load_config([name])
        assert config.integer("recordcount") == 7
        assert config.origin("recordcount") == f"{name}:1"


def test_the_folder_that_ycsb_keeps_its_workloads_in_need_not_be_there() -> None:
    assert load_config(["workloads/workloada"]).number("readproportion") == 0.5
    Path("workloads").mkdir()
    Path("workloads/workloada").write_text("readproportion=0.125\n")
    assert load_config(["workloads/workloada"]).number("readproportion") == 0.125
    assert "no such file" in str(refused(["elsewhere/workloada"]))


def test_a_pipe_is_a_file_too() -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text("recordcount=9\n"))
    writer.start()
    config = load_config(["pipe"])
    writer.join()
    assert config.integer("recordcount") == 9


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("worklaoda", '-P worklaoda: no such file, and no shipped workload of that name; did you mean "workloada"?'),
        ("x", "-P x: no such file, and no shipped workload of that name; shipped are workloada, workloadb"),
        (".", "-P .: is a folder, not a file"),
        ("", "-P : is a folder, not a file"),
        ("n" * 300, f"-P {'n' * 197}…: File name too long"),
        ("~nobody-of-that-name/x", "-P ~nobody-of-that-name/x: Could not determine home directory."),
    ],
)
def test_files_that_are_not_there(name: str, message: str) -> None:
    error = refused([name])
    assert type(error) is UsageError
    assert str(error) == message


def test_a_name_that_no_file_can_have() -> None:
    assert str(refused(["nul\0"])).startswith("-P nul\N{REPLACEMENT CHARACTER}: ")


# What is refused

BAD = [
    ("recordcount=1e3", PropertyError, 'recordcount: "1e3" is not a whole number; write 1000'),
    ("recordcount=", PropertyError, "recordcount: is empty; write a whole number"),
    ("recordcount=-1", PropertyError, "recordcount: -1 is too small; the least is 0"),
    (f"recordcount={2**60 + 1}", PropertyError, f"recordcount: {2**60 + 1} is too large; the most is {2**60}"),
    ("operationcount=many", PropertyError, 'operationcount: "many" is not a whole number'),
    ("threadcount=0", PropertyError, "threadcount: 0 is too small; the least is 1"),
    ("threadcount=1.5", PropertyError, 'threadcount: "1.5" is not a whole number'),
    ("target=-1", PropertyError, "target: -1 is too small; the least is 0"),
    ("target=fast", PropertyError, 'target: "fast" is not a number'),
    ("maxexecutiontime=60s", PropertyError, 'maxexecutiontime: "60s" is not a number'),
    ("warmuptime=-5", PropertyError, "warmuptime: -5 is too small; the least is 0"),
    ("readproportion=95", PropertyError, "readproportion: 95 is too large; the most is 1; write 0.95 for 95 %"),
    ("readproportion=-0.1", PropertyError, "readproportion: -0.1 is too small; the least is 0"),
    ("readproportion=95%", PropertyError, 'readproportion: "95%" is not a number; write 0.95'),
    ("readproportion=nan", PropertyError, 'readproportion: "nan" is not a number'),
    ("hotspotdatafraction=1.5", PropertyError,
     "hotspotdatafraction: 1.5 is too large; the most is 1; write 0.015 for 1.5 %"),
    ("requestdistribution=zipf", PropertyError,
     'requestdistribution: "zipf" is not one of its choices; did you mean "zipfian"?'),
    ("insertorder=random", PropertyError,
     'insertorder: "random" is not one of its choices; choose from hashed, ordered'),
    ("scanlengthdistribution=latest", PropertyError,
     'scanlengthdistribution: "latest" is not one of its choices; choose from uniform, zipfian'),
    ("dataintegrity=maybe", PropertyError, 'dataintegrity: "maybe" is neither true nor false'),
    ("fieldcount=0", PropertyError, "fieldcount: 0 is too small; the least is 1"),
    ("fieldlength=-1", PropertyError, "fieldlength: -1 is too small; the least is 0"),
    ("zeropadding=5000", PropertyError, "zeropadding: 5000 is too large; the most is 4096"),
    ("minscanlength=0", PropertyError, "minscanlength: 0 is too small; the least is 1"),
    ("table=", PropertyError, "table: is empty"),
    ("table=\udcff", PropertyError, "table: is not UTF-8"),
    ("seed=-1", PropertyError, "seed: -1 is too small; the least is 0"),
    ("seed=0x10", PropertyError, 'seed: "0x10" is not a whole number'),
    ("allowerrors=200%", PropertyError, 'allowerrors: "200%" is not between 0% and 100%'),
    ("measurement.interval=service", PropertyError,
     'measurement.interval: "service" is neither seconds nor op, intended or both'),
    ("tikv.pd=,", PropertyError, "tikv.pd: is empty"),
    ("tikv.conncount=0", PropertyError, "tikv.conncount: 0 is too small; the least is 1"),
    ("tikv.timeout=0", PropertyError, "tikv.timeout: 0 is too small; the least is 0.001"),
    ("tikv.apiversion=V3", PropertyError, 'tikv.apiversion: "V3" is not one of its choices; choose from V1, V1TTL, V2'),
    ("requestdistributon=zipfian", PropertyError,
     'requestdistributon: unknown property; did you mean "requestdistribution"?'),
    ("tikv.conCount=2", PropertyError, 'tikv.conCount: unknown property; did you mean "tikv.conncount"?'),
    ("something.else=1", PropertyError, "something.else: unknown property"),
    ("tikv.type=txn", NotSupportedError, "tikv.type=txn: transactions are not in this version; write raw"),
    ("tikv.type=coprocessor", NotSupportedError,
     "tikv.type=coprocessor: the coprocessor interface is not in this version; write raw"),
    ("tikv.ttl=1m", PropertyError, 'tikv.ttl: "1m" is not a whole number; write 1000000'),
    ("tikv.cf=raft", PropertyError, 'tikv.cf: "raft" is not one of its choices; choose from default, lock, write'),
    ("batch.size=0", PropertyError, "batch.size: 0 is too small; the least is 1"),
    ("batch.size=many", PropertyError, 'batch.size: "many" is not a whole number'),
    ("insertfrom=end", PropertyError, 'insertfrom: "end" is not one of its choices; choose from found, recordcount'),
    ("measurementtype=timeseries", NotSupportedError,
     "measurementtype=timeseries: this type of measurement is not in this version; hdrhistogram is"),
    ("outputstyle=xml", PropertyError,
     'outputstyle: "xml" is not one of its choices; choose from plain, table, json'),
    ("exporter=jsonarry", PropertyError, 'exporter: "jsonarry" is not one of its choices; did you mean "jsonarray"?'),
    ("workload=site.ycsb.workloads.RestWorkload", NotSupportedError,
     "workload=site.ycsb.workloads.RestWorkload: this workload of YCSB's is not in this version; core is"),
    ("core_workload_insertion_retry_limit=-1", PropertyError,
     "core_workload_insertion_retry_limit: -1 is too small; the least is 0"),
    ("core_workload_insertion_retry_interval=soon", PropertyError,
     'core_workload_insertion_retry_interval: "soon" is not a number'),
]  # fmt: skip


@pytest.mark.parametrize(("written", "kind", "message"), BAD, ids=[ascii(one[0]) for one in BAD])
def test_bad_values(written: str, kind: type[UsageError], message: str) -> None:
    """As an option, with the place; the class is exact, the exit code 2, the message one line."""
    error = refused(overrides=[written])
    assert type(error) is kind
    assert error.exit_code == 2
    assert str(error) == f"-p: {message}"
    assert "\n" not in str(error)
    if isinstance(error, PropertyError):
        assert error.name == written.partition("=")[0]
        assert error.where == "-p"


def test_errors_say_where() -> None:
    Path("file").write_text("table=t\ntarget=-1\n")
    assert str(refused(["file"])) == "file:2: target: -1 is too small; the least is 0"
    assert str(refused(flags={"target": "x"})) == '--target: target: "x" is not a number'
    assert str(refused(flags={"keyprefx": "x"})) == '--keyprefx: keyprefx: unknown property; did you mean "keyprefix"?'
    Path("file").write_text("\n\\u00e\n")
    assert str(refused(["file"])).startswith("file:2: malformed")


@pytest.mark.parametrize("override", ["recordcount", "=5", "", " = 5", "recordcount:5"])
def test_options_without_a_name_or_a_value(override: str) -> None:
    error = refused(overrides=[override])
    assert str(error) == f'-p "{override}": write name=value'


@pytest.mark.parametrize(
    "written", ["a\nb=1", "outputstyle=\n\x1b[31m", "table\n", "tikv.type=t\nx", "recordcount=\n\n1 2"]
)
def test_no_error_has_more_than_one_line(written: str) -> None:
    assert str(refused(overrides=[written])).isprintable()
    assert str(refused(["no\nfile" + written])).isprintable()


def test_an_option_may_hold_equals_signs_and_spaces() -> None:
    config = load_config(overrides=[" label =a = b "])
    assert config.text("label") == "a = b "


# What only warns


def test_lenient_makes_unknown_properties_a_warning() -> None:
    config = load_config(overrides=["recordcont=5", "table=t"], lenient=True)
    assert config.warnings == ('-p: recordcont: unknown property; did you mean "recordcount"?',)
    assert config.unknown == {"recordcont": "5"}
    assert config.non_default() == {"table": "t"}
    with pytest.raises(PropertyError):
        load_config(overrides=["recordcount=x"], lenient=True)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("debug.pprof=:6060", "no profiler listens"),
        ("silence=false", "errors are always counted, and shown by name"),
        ("dropdata=true", "nothing is ever dropped before a load"),
        ("htrace.sampler.classes=AlwaysSampler", "there is no HTrace"),
        ("measurement.trackjvm=true", "there is no JVM"),
        ("db=site.ycsb.BasicDB", "the database is the argument of load and run"),
        ("basicdb.verbose=false", "the memory driver stands in for BasicDB and has nothing to set"),
    ],
)
def test_known_properties_of_other_tools_warn(written: str, why: str) -> None:
    config = load_config(overrides=[written])
    assert config.warnings == (f"-p: {written.partition('=')[0]}: has no effect: {why}",)
    assert config.non_default() == {}


@pytest.mark.parametrize("written", ["silence=true", "dropdata=false", "measurement.trackjvm=no"])
def test_asking_for_what_is_so_anyway_does_not_warn(written: str) -> None:
    assert load_config(overrides=[written]).warnings == ()


def test_texts_that_are_probably_not_meant_so() -> None:
    assert load_config(overrides=["table=t "]).warnings == (
        "-p: table: begins or ends with white space, which is part of it",
    )
    assert load_config(overrides=["table=${name}"]).warnings == (
        "-p: table: ${…} is taken as it stands; go-ycsb would replace it",
    )


# The value


def test_typed_getters() -> None:
    config = make_config(
        {"insertcount": 5, "tikv.pd": ["a:1", "b:2"], "allowerrors": "1%", "measurement.interval": "op"}
    )
    assert config.integer("fieldcount") == 10
    assert config.optional_integer("insertcount") == 5
    assert config.optional_integer("seed") is None
    assert config.number("readproportion") == 0.95
    assert config.number("fieldcount") == 10.0
    assert config.boolean("readallfields") is True
    assert config.text("insertorder") == "hashed"
    assert config.items("tikv.pd") == ("a:1", "b:2")
    assert make_config().items("tikv.pd") == ()
    assert config.allowed_errors() == AllowedErrors(percent=1)
    assert config.interval() == MeasurementInterval(latency=Latency.OP)
    assert config.value("seed") is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda config: config.integer("table"),
        lambda config: config.integer("readallfields"),
        lambda config: config.integer("target"),
        lambda config: config.integer("seed"),
        lambda config: config.number("readallfields"),
        lambda config: config.boolean("threadcount"),
        lambda config: config.text("threadcount"),
        lambda config: config.items("table"),
        lambda config: config.items("seed"),
        lambda config: config.interval("table"),
        lambda config: config.allowed_errors("table"),
    ],
)
def test_a_getter_of_another_kind_is_a_mistake_in_the_program(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(TypeError):
        wrong(make_config())


def test_a_property_that_does_not_exist_is_a_mistake_in_the_program() -> None:
    with pytest.raises(KeyError):
        make_config().integer("nothing")


def test_a_config_is_immutable_and_can_be_sent_to_another_process() -> None:
    config = make_config({"table": "t"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.settings = {}  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(config)) == config


def test_python_values_are_written_as_a_user_would() -> None:
    config = make_config(
        {"readallfields": False, "target": 1.5, "recordcount": 10**12, "fieldlengthhistogram": Path("h.txt")}
    )
    assert config.non_default() == {
        "recordcount": "1000000000000",
        "fieldlengthhistogram": "h.txt",
        "readallfields": "false",
        "target": "1.5",
    }
    assert config.origin("target") == "argument"
    with pytest.raises(PropertyError, match=r'^argument: recordcount: "1000\.0" is not a whole number; write 1000$'):
        make_config({"recordcount": "1000.0"})


def test_default_means_the_value_not_the_writing() -> None:
    config = load_config(overrides=["threadcount=1", "target=0.0", "insertorder=HASHED"])
    assert config.was_set("threadcount")
    assert config.is_default("threadcount")
    assert config.non_default() == {}


def test_everything_is_every_property_that_has_an_effect_and_is_read_back() -> None:
    config = make_config({"seed": 7, "tikv.pd": "a:1"})
    everything = config.everything()
    assert list(everything) == [entry.name for entry in PROPERTIES if not entry.ignored]
    assert everything["insertcount"] == ""
    again = make_config({name: text for name, text in everything.items() if text})
    assert again.everything() == everything
    assert make_config(config.non_default()).everything() == everything


def test_with_value() -> None:
    before = make_config()
    config = before.with_value("tikv.pd", "127.0.0.1:2379", "embedded mini-cluster")
    assert config.items("tikv.pd") == ("127.0.0.1:2379",)
    assert config.origin("tikv.pd") == "embedded mini-cluster"
    assert before.items("tikv.pd") == ()
    with pytest.raises(PropertyError, match=r"^found: target: "):
        before.with_value("target", "x", "found")


def test_error_names_the_place_if_there_is_one() -> None:
    config = load_config(overrides=["tikv.ca=x"])
    assert str(config.error("tikv.ca", "no such file")) == "-p: tikv.ca: no such file"
    assert str(config.error("tikv.cert", "is missing")) == "tikv.cert: is missing"


# Drivers' own properties

PORT = Property("mydb.port", Kind.INT, "1234", "Port.", minimum=1, maximum=65535)


def test_a_driver_adds_properties() -> None:
    config = load_config(overrides=["mydb.port=99"], extra=[PORT])
    assert config.integer("mydb.port") == 99
    assert config.non_default() == {"mydb.port": "99"}
    with pytest.raises(PropertyError, match=r"^-p: mydb\.port: 0 is too small; the least is 1$"):
        load_config(overrides=["mydb.port=0"], extra=[PORT])
    with pytest.raises(PropertyError, match=r'^-p: mydb\.prt: unknown property; did you mean "mydb\.port"\?$'):
        load_config(overrides=["mydb.prt=1"], extra=[PORT])
    with pytest.raises(PropertyError, match=r"^-p: mydb\.port: unknown property"):
        load_config(overrides=["mydb.port=1"])


def test_a_driver_may_not_change_what_a_property_means() -> None:
    with pytest.raises(DriverError, match=r"^a driver declares the property table, which exists already$"):
        load_config(extra=[Property("table", Kind.INT, "1", "Mine.")])
    assert load_config(extra=[PORT, PORT]).integer("mydb.port") == 1234


def test_choices_of_the_driver_grow() -> None:
    known = PROPERTY_TABLE["tikv.driver"].choices
    grown = Property("tikv.driver", Kind.CHOICE, "auto", "m", choices=(*known, "mine"))
    assert load_config(overrides=["tikv.driver=mine"], extra=[grown]).text("tikv.driver") == "mine"
    with pytest.raises(PropertyError, match="is not one of its choices"):
        load_config(overrides=["tikv.driver=mine"])
    shrunk = Property("tikv.driver", Kind.CHOICE, "mine", "m", choices=("mine",))
    with pytest.raises(DriverError):
        load_config(extra=[shrunk])


def test_what_is_written_can_be_asked_before_it_is_checked() -> None:
    Path("file").write_text("tikv.driver=mine\nwhat=ever\n")
    assert written_value("tikv.driver", ["file"]) == "mine"
    assert written_value("tikv.driver", ["file"], ["tikv.driver=other"]) == "other"
    assert written_value("tikv.driver", ["file"], ["tikv.driver=other"], {"tikv.driver": "flag"}) == "flag"
    assert written_value("table", ["file"]) is None

"""Sixty ways to get a command wrong: each gives its exit code and one line that says what and where, never a
traceback, and leaves nothing behind."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from processes import until

from ycsbpy.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ycsbpy.minicluster import MiniCluster

FILES = {
    "empty": "",
    "unknown.properties": "recordcount=10\nrecordcont=20\n",
    "words.properties": "recordcount = ten\n",
    "binary": "\x00\x01\x02=\n",
    "histogram.txt": "BlockSize\tten\n",
    "escape.properties": "recordcount=10\nlabel=\\u12\n",
    "clash.properties": "recordcount=10\ninsertstart=20\n",
    "cert.pem": "not a certificate",
}

CASES = {
    # name: (arguments, exit code, a pattern that the line matches)
    "missing file": (["load", "-P", "workloadz"], 2, "-P workloadz: no such file.*did you mean"),
    "missing path": (["load", "-P", "{tmp}/none"], 2, "{tmp}/none: no such file"),
    "folder for a file": (["load", "-P", "{tmp}"], 2, "{tmp}: is a folder"),
    "unknown property": (["load", "-p", "recordcont=10"], 2, 'recordcont.*did you mean "recordcount"'),
    "unknown in a file": (["load", "-P", "{tmp}/unknown.properties"], 2, "unknown.properties:2: recordcont"),
    "not a pair": (["load", "-p", "recordcount"], 2, "write name=value"),
    "1e3": (["load", "-p", "recordcount=1e3"], 2, "-p: recordcount: .*write 1000"),
    "words": (["load", "-P", "{tmp}/words.properties"], 2, "words.properties:1: recordcount"),
    "negative target": (["run", "-P", "workloada", "--target", "-1"], 2, "--target: target"),
    "no threads": (["run", "-P", "workloada", "--threads", "0"], 2, "--threads: threadcount"),
    "words for threads": (["run", "-P", "workloada", "--threads", "many"], 2, "--threads: threadcount"),
    "fraction above one": (["run", "-P", "workloada", "-p", "readproportion=1.5"], 2, "readproportion"),
    "all zero": (
        ["run", "-p", "recordcount=1", "-p", "operationcount=1", "-p", "readproportion=0", "-p", "updateproportion=0"],
        2,
        "proportions are 0",
    ),
    "wrong choice": (["run", "-P", "workloada", "-p", "requestdistribution=zipf"], 2, 'did you mean "zipfian"'),
    "clash": (["load", "-P", "{tmp}/clash.properties"], 2, "insertstart.*recordcount"),
    "nothing to load": (["load"], 2, "recordcount"),
    "nothing to run": (["run", "-p", "recordcount=10"], 2, "operationcount"),
    "histogram missing": (
        ["load", "-P", "workloada", "-p", "fieldlengthdistribution=histogram", "-p", "fieldlengthhistogram={tmp}/no"],
        2,
        "{tmp}/no",
    ),
    "histogram malformed": (
        ["load", "-P", "workloada", "-p", "fieldlengthdistribution=histogram",
         "-p", "fieldlengthhistogram={tmp}/histogram.txt"],
        2,
        "histogram.txt:1",
    ),
    "transactions": (["load", "-P", "workloada", "-p", "tikv.type=txn"], 2, "tikv.type=txn"),
    "api v2": (
        ["load", "-P", "workloada", "-p", "tikv.apiversion=V2", "-p", "tikv.driver=tikv-python"], 2, "tikv.apiversion",
    ),
    "no batches of scans": (["run", "-P", "workloade", "-p", "batch.size=10"], 2, "batch.size=10.*scanproportion"),
    "time to live of the Rust client": (
        ["load", "-P", "workloada", "-p", "tikv.ttl=10", "-p", "tikv.driver=tikv-client"], 2, "tikv.ttl",
    ),
    "column family of the Python client": (
        ["load", "-P", "workloada", "-p", "tikv.cf=lock", "-p", "tikv.driver=tikv-python"], 2, "tikv.cf",
    ),
    "retries without a number": (
        ["load", "-P", "workloada", "-p", "core_workload_insertion_retry_limit=often"], 2, "retry_limit",
    ),
    "api v2 without a cluster": (["load", "-P", "workloada", "-p", "tikv.apiversion=V2"], 2, "has no keyspaces"),
    "unknown driver": (["load", "-P", "workloada", "-p", "tikv.driver=rust"], 2, "tikv.driver"),
    "unknown database": (["load", "tivk", "-P", "workloada"], 2, 'did you mean "tikv"'),
    "unknown command": (["laod", "-P", "workloada"], 2, 'did you mean "load"'),
    "unknown flag": (["load", "--thread", "3"], 2, "--thread"),
    "allowed errors": (["load", "-P", "workloada", "--allow-errors", "some"], 2, "--allow-errors"),
    "seed": (["load", "-P", "workloada", "--seed", "-3"], 2, "--seed"),
    "address without port": (["load", "-P", "workloada", "-p", "tikv.pd=10.0.0.1"], 2, "10.0.0.1:2379"),
    "report in no folder": (["load", "-P", "workloada", "--json", "{tmp}/no/r.json"], 2, "{tmp}/no/r.json: cannot"),
    "report is a folder": (["load", "-P", "workloada", "--json", "{tmp}"], 2, "{tmp}: cannot be written"),
    "dead PD": (["load", "-P", "workloada", "-p", "tikv.pd={dead}"], 4, "{dead}"),
    "silent PD": (["load", "-P", "workloada", "-p", "tikv.pd={silent}"], 4, "{silent}"),
    "PD that is none": (["load", "-P", "workloada", "-p", "tikv.pd={chatty}"], 4, "{chatty}"),
    "a store, not PD": (["load", "-P", "workloada", "-p", "tikv.pd={store}"], 4, "{store}"),
    "certificate missing": (["load", "-P", "workloada", "-p", "tikv.ca={tmp}/none.pem"], 2, "none.pem"),
    "certificate malformed": (
        ["load", "-P", "workloada", "-p", "tikv.pd={dead}", "-p", "tikv.ca={tmp}/cert.pem"],
        2,
        "{tmp}/cert.pem: it holds no certificate",
    ),
    "integrity of lengths that vary": (
        ["load", "-P", "workloada", "-p", "dataintegrity=true", "-p", "fieldlengthdistribution=uniform"],
        2,
        "dataintegrity.*fieldlengthdistribution",
    ),
    "workload of nobody": (["load", "-p", "recordcount=1", "-p", "workload=nobody.knows:It"], 2, "nobody.knows:It"),
    "style of nobody": (["run", "-P", "workloada", "-p", "outputstyle=xml"], 2, "outputstyle.*choose from plain"),
    "exporter of nobody": (["run", "-P", "workloada", "--exporter", "xml"], 2, "--exporter: exporter"),
    "two looks": (["run", "-P", "workloada", "--exporter", "json", "-p", "outputstyle=table"], 2, "outputstyle=table"),
    "percentile of 101": (["run", "-P", "workloada", "-p", "hdrhistogram.percentiles=50,101"], 2, "101 is not above 0"),
    "log in no folder": (["run", "-P", "workloada", "--hlog", "{tmp}/no/x.hlog"], 2, "{tmp}/no/x.hlog: cannot"),
    "spectra in no folder": (["run", "-P", "workloada", "--hgrm", "{tmp}/no/x"], 2, "no folder {tmp}/no"),
    "raw lines in a folder": (
        ["run", "-P", "workloada", "-p", "measurementtype=raw", "-p", "measurement.output_file={tmp}"],
        2,
        "{tmp}: cannot be written: Is a directory",
    ),
    "figures in no folder": (["run", "-P", "workloada", "-p", "exportfile={tmp}/no/x"], 2, "{tmp}/no/x: cannot"),
    "raw lines in two files": (
        ["run", "-P", "workloada", "-p", "measurementtype=raw", "-p", "measurement.output_file=a",
         "-p", "measurement.raw.output_file=b"],
        2,
        "different files",
    ),
    "same file twice is fine, a third is not": (["load", "-P", "workloada", "-P", "workloada", "-P", "workloada "], 2,
                                                "-P workloada : no such file"),
    "empty property name": (["load", "-p", "=5"], 2, 'write name=value'),
    "a NUL": (["load", "-P", "workload\0a"], 2, "-P workload.*a:"),
    "home of nobody": (["load", "-P", "~nobody-of-that-name/x"], 2, "-P ~nobody-of-that-name/x"),
    "malformed escape": (["load", "-P", "{tmp}/escape.properties"], 2, "escape.properties:2: malformed"),
    "two fields missing": (["load", "-P", "workloada", "-p", "fieldcount=0"], 2, "-p: fieldcount"),
    "negative count": (["load", "-p", "recordcount=-5"], 2, "-p: recordcount"),
    "too large a count": (["load", "-p", "recordcount=99999999999999999999"], 2, "-p: recordcount"),
    "not a number": (["run", "-P", "workloada", "--target", "nan"], 2, "--target: target"),
    "neither true nor false": (["run", "-P", "workloada", "-p", "readallfields=maybe"], 2, "-p: readallfields"),
    "scan lengths crossed": (["run", "-P", "workloade", "-p", "minscanlength=50", "-p", "maxscanlength=5"], 2,
                             "minscanlength.*maxscanlength|maxscanlength.*minscanlength"),
    "colon in the table": (["load", "-P", "workloada", "-p", "tikv.pd={pd}", "--table", "a:b"], 2,
                           "--table: table.*colon"),
    "PD without a port in a list": (["load", "-P", "workloada", "-p", "tikv.pd=10.0.0.1:2379,10.0.0.2"], 2, "10.0.0.2"),
    "interval of nothing": (["run", "-P", "workloada", "--interval", "soon"], 2, "--interval: status.interval"),
    "dry run of nothing": (["run", "--dry-run", "-p", "recordcount=10"], 2, "operationcount"),
    "dry run of no driver": (["load", "-P", "workloada", "-p", "tikv.driver=rust", "--dry-run"], 2, "tikv.driver"),
    "own file missing": (["--config", "{tmp}/nowhere", "load", "-P", "workloada"], 2, "--config {tmp}/nowhere: no"),
    "own file wrong": (["--config", "{tmp}/unknown.properties", "load", "memory", "-P", "workloada"], 2,
                       'unknown.properties:2: recordcont: .*did you mean "recordcount"'),
    "own file a folder": (["--config", "{tmp}", "explain", "-P", "workloada"], 2, "{tmp}: cannot be read"),
    "shell on no database": (["shell", "memroy", "-c", "read a"], 2, 'did you mean "memory"'),
    "shell on a dead PD": (["shell", "-p", "tikv.pd={dead}", "-c", "read a"], 4, "{dead}"),
    "shell command unknown": (["shell", "memory", "-c", "raed a"], 2, '-c: there is no command "raed".*"read"'),
    "shell field unknown": (["shell", "memory", "-c", "insert a feld0=x"], 2, '"feld0".*did you mean "field0"'),
    "shell record missing": (["shell", "memory", "-c", "update a field0=x"], 1, "there is no such record"),
    "shell table with a colon": (["shell", "memory", "-c", "table a:b"], 2, "colon"),
    "doctor of a dead PD": (["doctor", "--pd", "{dead}"], 4, "doctor: pd: .*{dead}"),
    "doctor of no address": (["doctor", "--pd", "here"], 2, '--pd: "here" is not HOST:PORT'),
    "doctor of what is no PD": (["doctor", "--pd", "{chatty}"], 4, "{chatty}"),
    "completion of no shell": (["completion", "bsh"], 2, 'did you mean "bash"'),
    "property unknown": (["properties", "recordcont"], 2, 'did you mean "recordcount"'),
    "nothing found": (["properties", "--search", "zzzz"], 2, "zzzz"),
    "no such playground": (["clean", "nobody-has-this-one"], 4, "no playground nobody-has-this-one"),
    "playground's tag": (["playground", "-T", "a/b", "--backend", "minicluster"], 2, "a tag is 1 to 64 letters"),
    "no such backend": (["playground", "--backend", "minicluser"], 2, 'did you mean "minicluster"'),
    "split size": (["playground", "--region-split-size", "big"], 2, "big"),
    "top of no address": (["top", "--pd", "10.0.0.1"], 2, '--pd: "10.0.0.1" is not HOST:PORT'),
    "walk with no stores": (["walk", "--kv", "0"], 2, "--kv"),
    "ceiling of no workload": (["ceiling", "-P", "workloadz"], 2, "-P workloadz: no such file"),
    "data of nothing": (["verify", "data"], 2, "recordcount: is not set"),
    "no temporary folder": (["load", "-P", "workloada", "TMPDIR=/proc"], 4, "/proc|temporary"),
}  # fmt: skip


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """A server that says ``reply`` to everybody, or nothing; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_ones: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                open_ones.append(one)
                if reply:
                    one.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield "{}:{}".format(*server.getsockname())
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in open_ones:
            one.close()


@pytest.fixture(scope="module")
def places(cluster: MiniCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("bad")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        dead = "{}:{}".format(*gone.getsockname())
    with answering(b"") as silent, answering(b"SSH-2.0-OpenSSH_9.2\r\n") as chatty:
        store = cluster.stores[0].address
        yield {
            "tmp": str(folder),
            "dead": dead,
            "silent": silent,
            "chatty": chatty,
            "store": store,
            "pd": cluster.pd_address,
        }


def filled(text: str, places: dict[str, str], *, pattern: bool = False) -> str:
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", re.escape(place) if pattern else place)
    return text


@pytest.mark.parametrize("name", CASES)
def test_bad_arguments(name: str, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, code, pattern = CASES[name]
    if "tikv.driver=tikv-client" in arguments:
        pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    folders = [one.removeprefix("TMPDIR=") for one in arguments if one.startswith("TMPDIR=")]
    monkeypatch.setattr("tempfile.tempdir", folders[0] if folders else str(tmp_path))
    given = [filled(one, places) for one in arguments if not one.startswith("TMPDIR=")]
    result = CliRunner().invoke(app, given, prog_name="ycsbpy")
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    complaints = [
        line
        for line in result.stderr.splitlines()
        if not line.startswith(("Usage:", "Try ", "driver ", "warning: ")) and line.strip()
    ]
    assert len(complaints) == 1, result.stderr
    assert re.search(filled(pattern, places, pattern=True), complaints[0]), complaints[0]
    assert until(lambda: not any(tmp_path.iterdir()))


def test_there_are_sixty_of_them() -> None:
    assert len(CASES) >= 60


def test_lenient_turns_an_unknown_property_into_a_warning() -> None:
    result = CliRunner().invoke(app, ["load", "memory", "-P", "workloada", "-p", "recordcont=10", "--lenient"])
    assert result.exit_code == 0
    assert result.stderr.count("\n") == 1
    assert "warning: -p: recordcont" in result.stderr


def test_known_properties_of_peers_warn_by_themselves() -> None:
    result = CliRunner().invoke(app, ["load", "memory", "-P", "workloada", "-p", "debug.pprof=:6060"])
    assert result.exit_code == 0
    assert "warning: -p: debug.pprof: has no effect" in result.stderr

"""The command line on the memory driver: what is printed where, and exit codes."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hdrh.histogram import HdrHistogram

from ycsbpy.cli.app import app
from ycsbpy.report.document import read_document

SAMPLES = Path(__file__).parents[1] / "samples"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], prog_name="ycsbpy")


def test_load_prints_properties_then_the_table() -> None:
    result = invoke("load", "memory", "-P", "workloada", "-p", "recordcount=50")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "***************** properties *****************"
    assert '"recordcount"="50"' in lines
    assert any(line.startswith("INSERT - Takes(s): ") and "Count: 50," in line for line in lines)
    assert "Operations: 50 planned = 50 ok" in lines
    assert result.stderr == ""


def test_run_loads_what_would_be_gone_first() -> None:
    result = invoke("run", "memory", "-P", "workloadc", "-p", "recordcount=50", "-p", "operationcount=200")
    assert result.exit_code == 0
    assert "Operations: 200 planned = 200 ok" in result.stdout
    assert result.stderr == "loading 50 records first, unmeasured\n"


@pytest.mark.parametrize("workload", ["workloada", "workloadb", "workloadc", "workloadd", "workloade", "workloadf"])
def test_every_workload_finds_all_its_keys(workload: str) -> None:
    result = invoke("run", "memory", "-P", workload, "-p", "operationcount=5000", "--threads", "16")
    assert result.exit_code == 0
    assert "Operations: 5000 planned = 5000 ok" in result.stdout


def test_only_what_differs_is_shown_unless_all_is_asked_for() -> None:
    short = invoke("load", "memory", "-p", "recordcount=5")
    assert '"fieldcount"' not in short.stdout
    assert '"seed"' in short.stdout
    full = invoke("load", "memory", "-p", "recordcount=5", "-v")
    assert '"fieldcount"="10"' in full.stdout


def test_the_seed_repeats_a_run(tmp_path: Path) -> None:
    counts = []
    for name in ("one", "two"):
        file = tmp_path / f"{name}.json"
        run = invoke("run", "memory", "-P", "workloada", "--seed", "42", "--json", str(file), "--threads", "4")
        assert run.exit_code == 0
        counts.append(read_document(str(file)).phases[0].by_kind)
    assert counts[0] == counts[1]


def test_the_report_says_what_was_done(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    result = invoke(
        "run", "memory", "-P", "workloadb", "--target", "100000", "-p", "operationcount=2000", "--json", str(file)
    )
    assert result.exit_code == 0
    found = json.loads(file.read_text())
    assert found["schema"] == 1
    assert found["config"]["target"] == "100000"
    assert found["cluster"] == {"kind": "none"}
    assert found["driver"]["name"] == "memory"
    phase = read_document(str(file)).phases[0]
    assert phase.accounting.ok == 2000
    response = phase.series["READ"].response
    assert response is not None
    assert response.total == phase.series["READ"].service.total == phase.by_kind["READ"].ok
    assert "Intended-READ" in result.stdout


def test_flags_are_stronger_than_properties_and_those_than_files() -> None:
    result = invoke(
        "load", "memory", "-P", "workloada", "-p", "recordcount=7", "-p", "table=one", "--table", "two", "-v"
    )
    assert '"table"="two"' in result.stdout
    assert '"recordcount"="7"' in result.stdout


def test_intervals_are_printed_as_they_end() -> None:
    result = invoke(
        "run", "memory", "-P", "workloadc", "--interval", "0.2", "--target", "1000", "-p", "operationcount=500"
    )
    assert result.exit_code == 0
    assert result.stdout.count(" | last 0.2 s: ") >= 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["lod"], 2, 'there is no command "lod"; did you mean "load"?'),
        (["load", "memory", "-P", "workloadaa"], 2, 'did you mean "workloada"?'),
        (["load", "memory", "-p", "recordcont=5"], 2, 'did you mean "recordcount"?'),
        (["load", "memory", "-p", "recordcount=1e3"], 2, "write 1000"),
        (["run", "memory", "-P", "workloada", "--target", "-1"], 2, "target"),
        (["run", "memory", "-P", "workloada", "--threads", "0"], 2, "threadcount"),
        (["load", "memery", "-P", "workloada"], 2, 'did you mean "memory"?'),
        (["load", "memory", "-P", "workloada", "--json", "/no/such/folder/x.json"], 2, "/no/such/folder/x.json"),
        (["load", "memory", "-P", "workloada", "-p", "workload=no.such:Thing"], 2, "no.such"),
        (["load", "-P", "workloada", "-p", "tikv.type=txn"], 2, "tikv.type=txn"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_an_exit_code(arguments: list[str], code: int, message: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert len([line for line in result.stderr.splitlines() if line.startswith("ycsbpy: ") or "Error" in line]) == 1


def test_python_m_ycsbpy_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ycsbpy", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("ycsbpy ")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom ycsbpy.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'asyncio', 'grpc', 'rich', 'hdrh', 'uvloop', 'aiohttp', 'google', 'tikv'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


# What is written beside the tables, and instead of them


SMALL = ("-P", "workloada", "-p", "recordcount=50", "-p", "operationcount=300", "--seed", "7")


def test_json_on_stdout_is_all_there_is() -> None:
    result = invoke("run", "memory", *SMALL, "-p", "outputstyle=json")
    assert result.exit_code == 0
    [last] = [json.loads(line) for line in result.stdout.splitlines()]
    found = {row["Operation"]: row for row in last}
    assert found["READ"]["Count"] + found["UPDATE"]["Count"] == found["TOTAL"]["Count"] == 300
    assert "Operations: 300 planned = 300 ok" in result.stderr


def test_go_ycsbs_profile_prints_its_json_among_its_text() -> None:
    result = invoke("run", "memory", *SMALL, "-p", "outputstyle=json", "-p", "profile=go-ycsb")
    rows = json.loads(next(line for line in result.stdout.splitlines() if line.startswith("[")))
    assert [row["Operation"] for row in rows] == ["READ", "TOTAL", "UPDATE"]
    assert all(isinstance(value, str) for row in rows for value in row.values())
    assert result.stdout.splitlines()[0].startswith("*****")


def test_a_table_can_be_read_back() -> None:
    lines = invoke("run", "memory", *SMALL, "-p", "outputstyle=table").stdout.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    found = {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[1:]}
    assert found["TOTAL"]["COUNT"] == "300"


@pytest.mark.parametrize("exporter", ["json", "jsonarray"])
def test_javas_json_on_stdout_is_all_there_is(exporter: str) -> None:
    text = invoke("run", "memory", *SMALL, "--exporter", exporter, "-p", "hdrhistogram.percentiles=50,99.9").stdout
    objects = json.loads(text if exporter == "jsonarray" else f"[{text.replace('} {', '}, {')}]")
    values = {(one["metric"], one["measurement"]): one["value"] for one in objects}
    assert values["READ", "Operations"] + values["UPDATE", "Operations"] == 300
    assert ("READ", "99.9PercentileLatency(us)") in values


def test_figures_in_a_file_leave_the_rest_on_stdout(tmp_path: Path) -> None:
    file = tmp_path / "figures.txt"
    exporter = "site.ycsb.measurements.exporter.TextMeasurementsExporter"
    result = invoke("run", "memory", *SMALL, "-p", f"exporter={exporter}", "-p", f"exportfile={file}")
    assert "[OVERALL], Throughput(ops/sec), " in file.read_text()
    assert "[OVERALL]" not in result.stdout
    assert "Operations: 300 planned = 300 ok" in result.stdout


@pytest.mark.parametrize("kind", ["raw", "csv", "hdrhistogram+raw"])
def test_raw_lines_are_the_operations(kind: str, tmp_path: Path) -> None:
    raw, report = tmp_path / "raw.csv", tmp_path / "report.json"
    result = invoke(
        "run", "memory", *SMALL, "-p", f"measurementtype={kind}", "-p", f"measurement.output_file={raw}",
        "--target", "100000", "--json", str(report),
    )  # fmt: skip
    assert result.exit_code == 0
    assert "READ " in result.stdout
    with raw.open(newline="") as file:
        lines = list(csv.DictReader(file))
    phase = read_document(str(report)).phases[0]
    for operation in ("READ", "UPDATE"):
        service = [int(line["latency_us"]) for line in lines if line["operation"] == operation]
        series = phase.series[operation]
        assert len(service) == series.count
        assert max(service) == series.service.max_ns // 1000
        assert series.response is not None
        response = [int(line["response_us"]) for line in lines if line["operation"] == operation]
        assert max(response) == series.response.max_ns // 1000
    assert {line["outcome"] for line in lines} == {"OK"}
    begun = phase.started_wall_ns // 1000
    assert all(0 <= int(line["timestamp_us"]) - begun <= phase.elapsed_ns / 1000 + 1 for line in lines)


def test_raw_lines_on_stdout_are_all_there_is() -> None:
    result = invoke("run", "memory", *SMALL, "-p", "measurementtype=raw")
    lines = list(csv.DictReader(result.stdout.splitlines()))
    assert len(lines) == 300
    assert {line["operation"] for line in lines} == {"READ", "UPDATE"}


def test_go_ycsbs_profile_writes_its_columns_and_its_total(tmp_path: Path) -> None:
    """The sample's heading and the shape of its lines; each operation once under its name and once in the total."""
    raw = tmp_path / "raw.csv"
    invoke("run", "memory", *SMALL, "-p", "profile=go-ycsb", "-p", "measurementtype=raw",
           "-p", f"measurement.output_file={raw}")  # fmt: skip
    sample = (SAMPLES / "go-ycsb-raw-csv.txt").read_text()
    header, *lines = raw.read_text().splitlines()
    assert header in sample.splitlines()
    shape = re.compile(r"(READ|UPDATE|SCAN|TOTAL),\d{16},\d+")
    theirs = [line for line in sample.splitlines() if line.startswith(("READ,", "UPDATE,", "SCAN,", "TOTAL,"))]
    assert all(shape.fullmatch(line) for line in (*lines, *theirs))
    assert sum(line.startswith("TOTAL,") for line in lines) == 300
    assert len(lines) == 600


def test_logs_and_spectra(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    result = invoke(
        "run", "memory", *SMALL, "--hlog", f"{tmp_path}/run.hlog", "--hgrm", f"{tmp_path}/x-", "--json", str(report),
        "-p", "histogram.percentiles.export=true", "-p", f"histogram.percentiles.export.filepath={tmp_path}/",
        "-p", "hdrhistogram.fileoutput=true", "-p", f"hdrhistogram.output.path={tmp_path}/",
    )  # fmt: skip
    assert result.exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.json", "run.hlog", "READ.hdr", "UPDATE.hdr", "x-READ.hgrm", "x-UPDATE.hgrm", "x-TOTAL.hgrm",
        "READ-percentiles.txt", "UPDATE-percentiles.txt", "TOTAL-percentiles.txt",
    }  # fmt: skip
    logged = [line.split(",") for line in (tmp_path / "run.hlog").read_text().splitlines() if line.startswith("Tag=")]
    phase = read_document(str(report)).phases[0]
    for name in ("READ", "UPDATE"):
        counts = sum(HdrHistogram.decode(line[-1]).get_total_count() for line in logged if line[0] == f"Tag={name}")
        assert counts == phase.series[name].count


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "where",
    [
        ("-p", "measurementtype=raw", "-p", "measurement.output_file=/dev/full"),
        ("--hlog", "/dev/full"),
        ("--exporter", "text", "-p", "exportfile=/dev/full"),
    ],
    ids=["raw", "hlog", "figures"],
)
def test_a_full_disk_costs_the_file_and_not_the_result(where: tuple[str, ...], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    result = invoke("run", "memory", *SMALL, *where, "--json", str(report))
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr.splitlines()[-1]
    assert "Operations: 300 planned = 300 ok" in result.output
    document = read_document(str(report))
    assert document.phases[0].accounting.ok == 300
    assert "No space left" in document.problems[0]

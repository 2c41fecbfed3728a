"""The command line on the memory driver: what is printed where, and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from ycsbpy.cli.app import app
from ycsbpy.report.document import read_document

if TYPE_CHECKING:
    from pathlib import Path


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

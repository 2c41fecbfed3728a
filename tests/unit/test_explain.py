"""What a workload would do is what its own operations say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ycsbpy.cli.app import app
from ycsbpy.config import load_config
from ycsbpy.explain import explain
from ycsbpy.ops import Operation, OpKind
from ycsbpy.workload.base import Phase, Workload
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from pathlib import Path

    from ycsbpy.config import Config
    from ycsbpy.explain import Explanation


class Own(Workload):
    """A workload of one's own."""

    @classmethod
    def from_config(cls, config: Config, seed: int) -> Own:
        return cls()

    def draw(self, phase: Phase, number: int) -> Operation:
        return Operation(number, OpKind.READ, b"key")


def explained(*properties: str, file: str = "workloada", drawn: int = 5_000) -> Explanation:
    return explain(CoreWorkload.from_config(load_config((file,), properties), 7), drawn=drawn)


def test_records_and_sizes() -> None:
    found = explained("recordcount=1000000", "fieldcount=2", "fieldlength=50")
    assert found.records == 1_000_000
    assert found.key_example.startswith("usertable:user")
    assert 100 < found.row_bytes < 130
    assert found.total_bytes == round(1_000_000 * (found.key_bytes + found.row_bytes))
    assert found.regions(1) > found.regions(96) >= found.regions(256) == 1


def test_insertcount_is_what_is_loaded() -> None:
    assert explained("recordcount=1000", "insertstart=900", "insertcount=100").records == 100


def test_the_mix_is_as_drawn() -> None:
    found = explained("readproportion=0.8", "updateproportion=0.2")
    assert found.mix["READ"] == pytest.approx(0.8, abs=0.03)
    assert sum(found.mix.values()) == pytest.approx(1.0)
    assert explained(file="workloade").mix.keys() == {"SCAN", "INSERT"}
    assert 1 <= explained("maxscanlength=10", file="workloade").scan_length <= 10


def test_zipfian_is_skewed_and_uniform_is_not() -> None:
    skewed, flat = (explained(f"requestdistribution={name}") for name in ("zipfian", "uniform"))
    assert skewed.hottest_keys_share > 3 * flat.hottest_keys_share
    assert flat.hottest_key_share < 0.01


def test_nothing_there_is_nothing_drawn() -> None:
    found = explained("recordcount=0")
    assert (found.records, found.drawn, found.mix, found.key_example) == (0, 0, {}, "")


def command(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments])
    return done.exit_code, done.output


def test_explain_says_it(tmp_path: Path) -> None:
    report = tmp_path / "explained.json"
    code, output = command("explain", "-P", "workloada", "--threads", "8", "--target", "5000", "--json", str(report))
    assert code == 0, output
    assert "records  1,000, the first is usertable:user" in output
    assert "run      1,000 operations by 8 clients, 5,000 a second" in output
    shape: dict[str, Any] = json.loads(report.read_text())
    assert shape["records"] == 1000
    assert shape["regions"] == {"96": 1, "256": 1}
    assert command("explain", "-P", "workloada", "-p", "seed=5") == command("explain", "-P", "workloada", "--seed", "5")


def test_explain_without_a_run_says_why() -> None:
    code, output = command("explain", "-P", "workloada", "-p", "operationcount=0")
    assert code == 0
    assert "run      nothing: " in output
    assert "operationcount" in output


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("explain", "-P", "workloada", "-p", "recordcount=0"), "recordcount: is 0"),
        (("explain", "-P", "nowhere"), "nowhere"),
        (("explain", "-P", "workloada", "--json", "/nowhere/x.json"), "/nowhere/x.json: cannot be written"),
        (("properties", "fieldlenght"), 'did you mean "fieldlength"?'),
        (("properties", "--search", "zzz"), 'no property has "zzz"'),
        (("properties", "table", "--search", "x"), "not both"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], line: str) -> None:
    code, output = command(*arguments)
    assert code == 2, output
    assert line in output
    assert "Traceback" not in output


def test_properties_are_all_there() -> None:
    code, output = command("properties")
    assert code == 0
    from ycsbpy.config.properties import PROPERTIES

    assert [line.split()[0] for line in output.splitlines()[2:]] == [entry.name for entry in PROPERTIES]
    assert [one["name"] for one in json.loads(command("properties", "--json")[1])] == [one.name for one in PROPERTIES]


def test_one_property_in_full() -> None:
    _, output = command("properties", "requestdistribution")
    assert output.splitlines()[0] == "requestdistribution"
    assert "zipfian" in output
    assert "go-ycsb, YCSB" in output
    assert json.loads(command("properties", "threadcount", "--json")[1])["flag"] == "--threads"


def test_a_search_finds_names_and_meanings() -> None:
    names = [line.split()[0] for line in command("properties", "--search", "SCAN")[1].splitlines()[2:]]
    assert "maxscanlength" in names
    assert "fieldlength" not in names


@pytest.mark.parametrize("command", ["load", "run"])
def test_a_dry_run_prints_what_explain_prints_of_it_and_touches_nothing(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_arguments: object) -> None:
        raise AssertionError("a dry run looked for a cluster")

    monkeypatch.setattr("ycsbpy.cluster.locate.locate", forbidden)
    monkeypatch.setattr("ycsbpy.session.perform_async", forbidden)
    flags = ["-P", "workloadb", "-p", "recordcount=5000", "-p", "tikv.pd=10.0.1.5:2379", "--threads", "8"]
    whole = CliRunner().invoke(app, ["explain", *flags]).stdout.splitlines()
    result = CliRunner().invoke(app, [command, *flags, "--dry-run"])
    assert result.exit_code == 0
    *lines, driver, closing = result.stdout.splitlines()
    left_out = {"load": ("run", "mix", "keys"), "run": ("load",)}[command]
    assert lines == [line for line in whole if not line.startswith(left_out)]
    assert any(line.startswith(f"{command} ") and "8 clients" in line for line in lines)
    assert driver.startswith("driver   ")
    assert driver.endswith(", PD at 10.0.1.5:2379")
    assert closing == "Nothing was sent: this is a dry run."


def test_a_dry_run_fails_as_the_command_would(tmp_path: Path) -> None:
    for flags, message in (
        (["tivk", "-P", "workloada"], 'did you mean "tikv"'),
        (["-P", "workloada", "-p", "tikv.driver=native", "-p", "tikv.ca=/none"], "tikv.ca"),
        (["-p", "recordcount=10"], "operationcount"),
        (["-P", "workloada", "--json", str(tmp_path / "no" / "x")], "cannot be written"),
    ):
        result = CliRunner().invoke(app, ["run", *flags, "--dry-run"])
        assert result.exit_code == 2
        assert message in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_dry_run_of_a_workload_of_ones_own_says_what_it_can() -> None:
    flags = [
        "memory",
        "-p",
        "recordcount=10",
        "-p",
        "operationcount=20",
        "-p",
        f"workload={__name__}:Own",
        "--dry-run",
    ]
    result = CliRunner().invoke(app, ["run", *flags])
    assert result.stdout.splitlines() == [
        "run      20 operations by 1 client, as fast as it goes",
        "workload Own draws operations of its own",
        "driver   memory",
        "Nothing was sent: this is a dry run.",
    ]
    assert CliRunner().invoke(app, ["run", *flags, "--json", "x.json"]).exit_code == 2

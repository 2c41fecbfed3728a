"""Flags from the environment and properties from the user's own file: what wins, and what mistakes look like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from ycsbpy.cli.app import COMMANDS, app
from ycsbpy.cli.variables import variables

if TYPE_CHECKING:
    from pathlib import Path


def invoke(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(app, [*arguments], prog_name="ycsbpy")


def own_file(folder: Path, text: str) -> Path:
    path = folder / "ycsbpy" / "ycsbpy.properties"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def table_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    found = re.search(r'^"table"="(.*)"$', result.stdout, re.MULTILINE)
    return found[1] if found else ""


def test_the_order_of_strength(tmp_path: Path) -> None:
    """Flag, variable, -p, -P, own file, default: each is stronger than all after it."""
    given = tmp_path / "given.properties"
    given.write_text("table=from-P\n")
    own_file(tmp_path, "table=from-own-file\n")
    config = {"XDG_CONFIG_HOME": str(tmp_path)}
    base = ["load", "memory", "-p", "recordcount=1", "-v"]
    steps: list[tuple[list[str], dict[str, str]]] = [
        ([], {}),
        (["-P", str(given)], {}),
        (["-p", "table=from-p"], {}),
        ([], {"YCSBPY_TABLE": "from-variable"}),
        (["--table", "from-flag"], {}),
    ]
    expected = ["from-own-file", "from-P", "from-p", "from-variable", "from-flag"]
    assert table_of(invoke(*base)) == "usertable"
    for last in range(len(steps)):
        arguments = [word for words, _ in steps[: last + 1] for word in words]
        environment = {name: text for _, more in steps[: last + 1] for name, text in more.items()}
        assert table_of(invoke(*base, *arguments, **config, **environment)) == expected[last]


def test_words_of_a_variable_come_before_those_of_the_line() -> None:
    environment = {"YCSBPY_PROP": "recordcount=1 'table=two words' fieldcount=3", "YCSBPY_PROPERTY_FILE": "workloada"}
    result = invoke("load", "memory", "-p", "recordcount=2", "-v", **environment)
    assert table_of(result) == "two words"
    assert '"recordcount"="2"' in result.stdout
    assert '"fieldcount"="3"' in result.stdout
    assert '"updateproportion"="0.5"' in result.stdout


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"YCSBPY_THREADS": "many"}, 'YCSBPY_THREADS: threadcount: "many" is not a whole number'),
        ({"YCSBPY_PROP": "recordcont=5"}, 'YCSBPY_PROP: recordcont: unknown property; did you mean "recordcount"?'),
        ({"YCSBPY_PROP": "recordcount"}, 'YCSBPY_PROP "recordcount": write name=value'),
        ({"YCSBPY_PROP": "table='a"}, "YCSBPY_PROP: no closing quotation"),
        ({"YCSBPY_PROPERTY_FILE": "workloadz"}, "YCSBPY_PROPERTY_FILE workloadz: no such file"),
        ({"YCSBPY_CONFIG": "/no/such/file"}, "/no/such/file: no such file"),
    ],
)  # fmt: skip
def test_mistakes_name_the_variable(environment: dict[str, str], message: str) -> None:
    result = invoke("load", "memory", "-P", "workloada", **environment)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("ycsbpy: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# mine\nrecordcont=5\n", ':2: recordcont: unknown property; did you mean "recordcount"?'),
        ("threadcount=1e3\n", ":1: threadcount: "),
        ("tikv.type=txn\n", ":1: tikv.type=txn"),
        ("table=\\u12\n", ":1: malformed"),
    ],
)
def test_mistakes_name_the_line_of_the_file(text: str, message: str, tmp_path: Path) -> None:
    path = own_file(tmp_path, text)
    for command in ("load", "explain", "shell"):
        result = invoke(command, "memory", "-p", "recordcount=1", XDG_CONFIG_HOME=str(tmp_path))
        assert result.exit_code == 2
        assert f"{path}{message}" in result.stderr
        assert result.stderr.count("\n") == 1


def test_another_file_or_none(tmp_path: Path) -> None:
    own_file(tmp_path, "table=usual\n")
    other = tmp_path / "other"
    other.write_text("table=other\n")
    config = {"XDG_CONFIG_HOME": str(tmp_path)}
    run = ["run", "memory", "-P", "workloada", "-v"]
    assert table_of(invoke(*run, **config)) == "usual"
    assert table_of(invoke("--config", str(other), *run, **config)) == "other"
    assert table_of(invoke("--config", "", *run, **config)) == "usertable"
    assert table_of(invoke(*run, **config, YCSBPY_CONFIG=str(other))) == "other"
    folder = invoke("--config", str(tmp_path), *run)
    assert folder.exit_code == 2
    assert f"{tmp_path}: cannot be read" in folder.stderr


def test_commands_on_a_cluster_take_its_address_from_the_file(tmp_path: Path) -> None:
    path = own_file(tmp_path, "tikv.pd=127.0.0.1:1\n")
    config = {"XDG_CONFIG_HOME": str(tmp_path)}
    for command in (["top"], ["verify", "replication"], ["run", "-P", "workloada"]):
        result = invoke(*command, **config)
        assert result.exit_code == 4
        assert "127.0.0.1:1: connection refused" in result.stderr
    assert "127.0.0.1:2: connection refused" in invoke("top", **config, YCSBPY_PD="127.0.0.1:2").stderr
    path.write_text("tikv.pd=here\n")
    assert f'{path}: tikv.pd: "here" is not HOST:PORT' in invoke("top", **config).stderr


def test_each_flag_says_its_variable() -> None:
    """Of every command, and no two flags of one command share one."""
    ctx = click.Context(app, info_name="ycsbpy")
    for name in COMMANDS:
        command = app.get_command(ctx, name)
        assert command is not None
        below = list(command.commands.items()) if isinstance(command, click.Group) else []
        for path, one in [([name], command), *(([name, sub], found) for sub, found in below)]:
            shown = one.get_help(click.Context(one, info_name=" ".join(path)))
            shown = re.sub(r"\s+", " ", shown)
            own = variables(click.Command("", params=one.params))
            assert len(set(own)) == len(own)
            for variable in own:
                assert f"[env var: {variable}" in shown, (path, variable)
            flags = [one for one in one.params if isinstance(one, click.Option) and not one.hidden]
            assert len(flags) == len(own)


@pytest.mark.parametrize("variable", ["YCSBPY_LOAD_DRY_RUN", "YCSBPY_VERBOSE"])
def test_a_switch_is_set_by_a_variable(variable: str) -> None:
    plain = invoke("load", "memory", "-P", "workloada")
    assert invoke("load", "memory", "-P", "workloada", **{variable: "1"}).stdout != plain.stdout
    assert '"seed"' in invoke("load", "memory", "-P", "workloada", **{variable: "0"}).stdout

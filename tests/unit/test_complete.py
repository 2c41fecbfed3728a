"""What is offered at Tab, without a shell: values by kind, and bash's cut words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ycsbpy.cli.app import COMMANDS, app
from ycsbpy.cli.completion import SHELLS, Bash
from ycsbpy.config import PROPERTY_TABLE

if TYPE_CHECKING:
    from pathlib import Path

BREAKS = " \t\n\"'><=;|&(:"


def offered(line: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As bash is told: without the types."""
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORDBREAKS", BREAKS)
    answer = Bash(app, {}, "ycsbpy", "_YCSBPY_COMPLETE").complete()
    return [one.partition(",")[2] for one in answer.splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ycsbpy r", ["run"]),
        ("ycsbpy ", list(COMMANDS)),
        ("ycsbpy --vers", ["--version"]),
        ("ycsbpy run --thr", ["--threads"]),
        ("ycsbpy run -p requestd", ["requestdistribution="]),
        ("ycsbpy run -p requestdistribution=", list(PROPERTY_TABLE["requestdistribution"].choices)),
        ("ycsbpy run --prop=requestdistribution=z", ["zipfian", "zipfian-exact"]),
        ("ycsbpy run --prop requestdistribution=z", ["zipfian", "zipfian-exact"]),
        ("sudo A=b /x/ycsbpy run -p dataintegrity=", ["true", "false"]),
        ("ycsbpy run -p recordcount=", [PROPERTY_TABLE["recordcount"].default or ""]),
        ("ycsbpy run -p recordcount=1", []),
        ("ycsbpy run -p nonsense=", []),
        ("ycsbpy run -p tikv.pd=127.0.0.1:", ["2379"]),
        ("ycsbpy run -p tikv.driver=tikv", ["tikv-client", "tikv-python"]),
        ("ycsbpy run -p workload=", ["core"]),
        ("ycsbpy run -P workloadb", ["workloadb"]),
        ("ycsbpy run mem", ["memory"]),
        ("ycsbpy run memory ", []),
        ("ycsbpy run -p table=first --table ", ["first", "usertable"]),
        ("ycsbpy top --pd ", ["127.0.0.1:2379"]),
        ("ycsbpy walk --backend b", ["binaries"]),
        ("ycsbpy properties scanl", ["scanlengthdistribution"]),
        ("ycsbpy completion z", ["zsh"]),
        ("ycsbpy verify da", ["data"]),
        ("ycsbpy nonsense --", ["--config", "--version", "--help"]),
        ("ycsbpy run -p 'two words", []),
        ("ycsbpy clean ", []),
    ],
)  # fmt: skip
def test_words(line: str, words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert offered(line, monkeypatch) == words


def test_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "ca (new).pem").write_text("")
    (tmp_path / ".hidden").write_text("")
    monkeypatch.chdir(tmp_path)
    assert offered("ycsbpy run -P c", monkeypatch) == ["certs/"]
    assert offered("ycsbpy run -p tikv.ca=certs/", monkeypatch) == [r"certs/ca\ \(new\).pem"]
    assert ".hidden" not in offered("ycsbpy run -P ", monkeypatch)
    assert offered("ycsbpy run -P .h", monkeypatch) == [".hidden"]
    assert offered("ycsbpy run -P none/", monkeypatch) == []


def test_tables_of_files_and_of_the_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "ycsbpy").mkdir()
    (tmp_path / "ycsbpy" / "shell_history").write_text("table mine\nread user1\n")
    (tmp_path / "own.properties").write_text("table=ours\n")
    assert offered(f"ycsbpy run -P {tmp_path}/own.properties --table ", monkeypatch) == ["ours", "usertable", "mine"]
    assert offered("ycsbpy run -P nowhere --table u", monkeypatch) == ["usertable"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_name_the_program(shell: str) -> None:
    result = CliRunner().invoke(app, ["completion", shell], prog_name="ycsbpy")
    assert result.exit_code == 0
    assert f"_YCSBPY_COMPLETE={shell}_complete" in result.stdout


def test_the_shell_is_that_of_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert CliRunner().invoke(app, ["completion"], prog_name="ycsbpy").stdout.startswith("#compdef ycsbpy")
    monkeypatch.setenv("SHELL", "/bin/csh")
    result = CliRunner().invoke(app, ["completion"], prog_name="ycsbpy")
    assert result.exit_code == 2
    assert 'there is none for "csh", only for bash, zsh, fish' in result.stderr

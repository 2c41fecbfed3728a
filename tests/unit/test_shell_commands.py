"""Commands of the shell, in memory and on a driver that fails: what is printed, what is an error, what Tab offers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ycsbpy.cli.shell.prompt import History, candidates, tables_in_history
from ycsbpy.cli.shell.shell import Shell
from ycsbpy.drivers.memory import MemoryTables
from ycsbpy.errors import DriverError, PropertyError, RunError, UsageError
from ycsbpy.ops import Outcome, Result

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = [f"field{number}" for number in range(4)]


class Memory:
    """Records in memory, called as the shell calls."""

    def __init__(self) -> None:
        self.tables = MemoryTables(FIELDS)

    def call(self, method: str, *arguments: object) -> Result:
        result: Result = getattr(self.tables, method)(*arguments)
        return result


class Answering:
    """Always the same answer, or exception."""

    def __init__(self, answer: Result | type[BaseException]) -> None:
        self.answer = answer

    def call(self, method: str, *arguments: object) -> Result:
        if isinstance(self.answer, Result):
            return self.answer
        raise self.answer


def shell(*lines: str, as_json: bool = False, width: int | None = None) -> Shell:
    made = Shell(Memory(), "usertable", FIELDS, as_json=as_json, width=width)
    for line in lines:
        assert made.do(line)
    return made


def test_a_record_is_written_changed_read_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    shell(
        'insert user1 field0=a field3="b c"',
        r"update user1 field1=\xff\x0a",
        "read user1",
        "read user1 field3",
        "delete user1",
        "read user1",
    )
    assert capsys.readouterr().out.splitlines() == [
        "insert user1: ok",
        "update user1: ok",
        "Field   Value",
        "-----   -----",
        "field0  a",
        r"field1  \xff\n",
        "field3  b c",
        "1 record",
        "Field   Value",
        "-----   -----",
        "field3  b c",
        "1 record",
        "delete user1: ok",
        "no record user1 in usertable",
    ]


def test_records_are_a_table_with_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    shell("insert user2 field0=c field1=dd", "insert user1 field0=a", "scan user 5", "scan user2 5 field1", "scan x 1")
    assert capsys.readouterr().out.splitlines()[2:] == [
        "Key    field0  field1",
        "---    ------  ------",
        "user1  a",
        "user2  c       dd",
        "2 records",
        "Key    field1",
        "---    ------",
        "user2  dd",
        "1 record",
        "0 records",
    ]


def test_records_that_are_too_wide_are_one_field_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shell("insert user1 field0=aaaaaaaaaaaaaaaaaaaa field1=b", "scan user 5", width=30)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert lines[:3] == ["Key user1", "  field0  aaaaaaaaaaaaaaaaaaaa", "  field1  b"]
    assert lines[3].startswith("1 record (")


def test_json_is_a_line_for_each_answer(capsys: pytest.CaptureFixture[str]) -> None:
    shell(r"insert user1 field0=ä field1=\xff", "read user1", "scan '' 9", "read none", "help", as_json=True)
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()[:4]]
    row = {"field0": "ä", "field1": {"base64": "/w=="}}
    common = {"table": "usertable", "outcome": "ok"}
    assert answers == [
        {"command": "insert", "key": "user1", **common},
        {"command": "read", "key": "user1", "row": row, **common},
        {"command": "scan", "key": "", "records": [{"key": "user1", "row": row}], **common},
        {"command": "read", "key": "none", "table": "usertable", "outcome": "not_found"},
    ]


def test_tables_are_kept_apart(capsys: pytest.CaptureFixture[str]) -> None:
    made = shell("insert user1 field0=a", "table other", "read user1", "table usertable", "read user1 field0", "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == ["table other", "no record user1 in other", "table usertable"]
    assert lines[-1] == "table usertable"
    with pytest.raises(PropertyError, match="colon"):
        made.do("table a:b")
    assert made.table == "usertable"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("read user1 field9", 'no field is called "field9"; there are field0 to field3; did you mean "field3"?'),
        ("insert user1 feld0=a", 'did you mean "field0"?'),
        ("update user1 x=a", 'no field is called "x"'),
        ("scan user1 5 x", 'no field is called "x"'),
    ],
)  # fmt: skip
def test_fields_have_to_be_known(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        shell().do(line)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "answer", "message"),
    [
        ("read a", Result(Outcome.FAILED, error="timeout", detail="5 s"), "read a: failed: timeout: 5 s"),
        ("insert a field0=b", Result(Outcome.UNKNOWN, error="timeout"),
         "insert a: whether it was done is not known: timeout"),
        ("update a field0=b", Result(Outcome.NOT_FOUND), "update a: there is no such record in usertable"),
        ("read a", KeyboardInterrupt, "read a: given up"),
        ("delete a", KeyboardInterrupt, "delete a: given up; whether it was done is not known"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_json", [False, True])
def test_failures_are_one_line(
    line: str, answer: Result | type[BaseException], message: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Shell(Answering(answer), "usertable", FIELDS, as_json=as_json)
    with pytest.raises(RunError) as caught:
        made.do(line)
    assert str(caught.value) == message
    printed = capsys.readouterr().out
    assert bool(printed) == (as_json and isinstance(answer, Result))
    if printed:
        assert json.loads(printed)["outcome"] in {"failed", "unknown", "not_found"}


def test_a_driver_that_answers_nonsense_is_said() -> None:
    with pytest.raises(DriverError, match="answered 9"):
        Shell(Answering(Result(9)), "usertable", FIELDS).do("read a")  # type: ignore[arg-type]


def test_a_driver_that_says_no_keys_gets_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"field0": b"a"}, {"field0": b"b"}]
    Shell(Answering(Result(Outcome.OK, rows=rows)), "usertable", FIELDS).do("scan a 2")
    assert capsys.readouterr().out.splitlines()[2:] == ["1       a", "2       b", "2 records"]


def test_quit_is_the_last_line() -> None:
    made = shell()
    assert not made.do("quit")
    assert not made.do("EXIT")


@pytest.mark.parametrize(
    ("before", "text", "offered"),
    [
        ("", "re", ["read "]),
        ("", "", ["read ", "scan ", "insert ", "update ", "delete ", "table ", "help ", "quit "]),
        ("help ", "q", ["quit "]),
        ("table ", "o", ["other "]),
        ("read ", "user", ["user1 ", "user2 "]),
        ("read ", '"', ['"a b" ']),
        ("read user1 ", "field0", ["field0 "]),
        ("read user1 field0 ", "field0", []),
        ("insert user1 ", "field2", ["field2="]),
        ("update user1 field2=x ", "field2", []),
        ("scan user1 ", "", []),
        ("scan user1 5 ", "field3", ["field3 "]),
        ("delete ", "user2", ["user2 "]),
        ("nonsense ", "", []),
        ("insert 'a b", "", []),
        ("quit ", "", []),
    ],
)  # fmt: skip
def test_completion(before: str, text: str, offered: list[str]) -> None:
    made = shell("insert user1 field0=a", "insert 'a b' field0=a", "insert user2 field0=b", "table other")
    assert candidates(made, before, text) == offered


def test_keys_of_a_scan_are_offered_too() -> None:
    made = shell("insert user1 field0=a", "insert user2 field0=b")
    made.keys.clear()
    made.do("scan user 1")
    assert candidates(made, "read ", "") == ["user1 "]


def test_history_goes_on_where_the_last_shell_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readline = pytest.importorskip("readline")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "ycsbpy" / "shell_history"
    first = History(readline, file)
    first.load()
    for line in ("read user1", "read user1", "", "  ", "table second", "table first", "table too many words"):
        first.add(line)
    second = History(readline, file)
    second.load()
    assert readline.get_history_item(1) == "read user1"
    second.add("scan user1 5")
    assert file.read_text().splitlines() == [
        "read user1", "table second", "table first", "table too many words", "scan user1 5"
    ]  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o600
    assert tables_in_history() == ["first", "second"]
    readline.clear_history()


def test_a_history_that_cannot_be_kept_is_no_reason_to_fail(tmp_path: Path) -> None:
    readline = pytest.importorskip("readline")
    (tmp_path / "file").write_text("")
    history = History(readline, tmp_path / "file" / "history")
    history.load()
    history.add("read user1")
    assert readline.get_history_item(1) == "read user1"
    readline.clear_history()
    without = History(None, tmp_path / "history")
    without.load()
    without.add("read user1")
    assert not (tmp_path / "history").exists()

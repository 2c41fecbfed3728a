"""Commands on a database: what each asks of the driver, and what is said of the answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import click

from ycsbpy.cli.shell.language import Delete, Help, Insert, Quit, Read, Scan, Table, Update, parse, quoted
from ycsbpy.cli.shell.output import answer_json, help_lines, record_lines, records_lines
from ycsbpy.drivers.rowcodec import table_prefix
from ycsbpy.errors import DriverError, RunError, UsageError, did_you_mean
from ycsbpy.ops import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.cli.shell.language import Command
    from ycsbpy.ops import Result

__all__ = ["Calls", "Shell"]

_MS = 1e6  # nanoseconds


class Calls(Protocol):
    """What the shell needs of a database."""

    def call(self, method: str, *arguments: object) -> Result: ...


class Shell:
    """``do`` is one line; ``tables`` and ``keys`` are those that were seen, for completion.

    ``width`` is the terminal's, in columns, and with it the time each call took is said; None in a pipe.
    """

    def __init__(
        self, database: Calls, table: str, fields: Sequence[str], *, as_json: bool = False, width: int | None = None
    ) -> None:
        self.table = table
        self.fields = list(fields)
        self.tables: dict[str, None] = {table: None}
        self.keys: dict[bytes, None] = {}
        self.width = width
        self._database = database
        self._as_json = as_json

    def do(self, line: str) -> bool:
        """Carry a line out; False if it was the last one.

        Raises ``UsageError`` for a line that means nothing and ``RunError`` for a command that failed, after which
        the next one may work.
        """
        command = parse(line)
        match command:
            case Quit():
                return False
            case Help(name):
                _print(help_lines(name))
            case Table(name):
                self._use_table(name)
            case None:
                pass
            case _:
                self._call(command)
        return True

    def _use_table(self, name: str) -> None:
        if name:
            table_prefix(name)  # raises for a name that TiKV's keys cannot hold
            self.table = name
            self.tables[name] = None
        _print([f"table {self.table}"])

    def _call(self, command: Command) -> None:
        method, key, arguments = self._as_call(command)
        started = time.perf_counter_ns()
        try:
            result = self._database.call(method, self.table, key, *arguments)
        except KeyboardInterrupt:
            wrote = method in ("insert", "update", "delete")
            doubt = "; whether it was done is not known" if wrote else ""
            raise RunError(f"{method} {quoted(key)}: given up{doubt}") from None
        taken = f" ({(time.perf_counter_ns() - started) / _MS:.1f} ms)" if self.width is not None else ""
        self._remember(key, result)
        if self._as_json:
            _print([answer_json(method, self.table, key, result)])
        elif result.outcome is Outcome.OK or (result.outcome is Outcome.NOT_FOUND and method != "update"):
            lines = self._lines(method, key, result)
            _print([*lines[:-1], lines[-1] + taken])
        self._check(method, key, result)

    def _as_call(self, command: Command) -> tuple[str, bytes, tuple[object, ...]]:
        match command:
            case Read(key, fields):
                return "read", key, (self._known(fields) or None,)
            case Scan(key, count, fields):
                return "scan", key, (count, self._known(fields) or None)
            case Insert(key, values):
                self._known(list(values))
                return "insert", key, (values,)
            case Update(key, values):
                self._known(list(values))
                return "update", key, (values,)
            case Delete(key):
                return "delete", key, ()
        raise AssertionError(command)

    def _known(self, fields: Sequence[str]) -> Sequence[str]:
        for name in fields:
            if name not in self.fields:
                near = did_you_mean(name, self.fields)
                raise UsageError(f'no field is called "{name}"; there are {_range(self.fields)}{near}')
        return fields

    def _remember(self, key: bytes, result: Result) -> None:
        if result.outcome is Outcome.OK:
            self.keys |= dict.fromkeys([key] if result.rows is None else result.keys or ())

    def _lines(self, method: str, key: bytes, result: Result) -> list[str]:
        if result.outcome is Outcome.NOT_FOUND:
            return [f"no record {quoted(key)} in {self.table}"]
        if result.rows is not None:
            return records_lines(result.rows, result.keys, self.width)
        if result.row is not None:
            return [*record_lines(result.row), "1 record"]
        return [f"{method} {quoted(key)}: ok"]

    def _check(self, method: str, key: bytes, result: Result) -> None:
        what = f"{method} {quoted(key)}"
        why = ": ".join(part for part in (result.error, " ".join(result.detail.split())) if part)
        match result.outcome:
            case Outcome.FAILED:
                raise RunError(f"{what}: failed: {why}")
            case Outcome.UNKNOWN:
                raise RunError(f"{what}: whether it was done is not known: {why}")
            case Outcome.NOT_FOUND if method == "update":
                raise RunError(f"{what}: there is no such record in {self.table}")
            case Outcome.OK | Outcome.NOT_FOUND:
                return
        raise DriverError(f"{what}: the driver answered {result.outcome!r}")


def _range(fields: Sequence[str]) -> str:
    return fields[0] if len(fields) == 1 else f"{fields[0]} to {fields[-1]}"


def _print(lines: Sequence[str]) -> None:
    click.echo("\n".join(lines))

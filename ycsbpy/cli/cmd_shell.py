"""``ycsbpy shell``: flags in, an open database, lines from a terminal, a pipe or the command line."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING

import click

from ycsbpy.cli.options import Given, record_options
from ycsbpy.cli.shell.database import Database
from ycsbpy.cli.shell.prompt import prompt_lines
from ycsbpy.cli.shell.shell import Shell
from ycsbpy.drivers.rowcodec import field_names
from ycsbpy.errors import Interrupted, YcsbpyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["shell"]


@click.command()
@record_options
@click.option("-c", "--command", "commands", multiple=True, metavar="LINE", help="Do this and end. May be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print each answer as a line of JSON.")
def shell(given: Given, commands: tuple[str, ...], as_json: bool) -> None:
    """Read, scan, insert, update and delete single records of the database DB (tikv if none is named).

    \b
    ycsbpy shell -p tikv.pd=10.0.1.5:2379
    ycsbpy shell memory -c 'insert user1 field0=hello' -c 'read user1'
    echo 'scan user 3 field0' | ycsbpy shell --json -P workloada

    At a terminal, lines are edited, completed (Tab) and remembered; "help" says what there is. In a pipe there is one
    command a line, all are carried out, and the exit code is that of the first that failed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal of another encoding cannot show
    config = given.config()
    for warning in config.warnings:
        _say(f"warning: {warning}")
    terminal = not commands and sys.stdin.isatty()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    with Database(given.database, config, _say) as database:
        session = Shell(database, config.text("table"), field_names(config), as_json=as_json, width=width)
        if terminal:
            _say(f"{given.database} by {database.driver_name}; help says what there is, Ctrl-D leaves")
            _converse(session, prompt_lines(session))
            return
        code = _work_off(session, _numbered(commands))
    if code:
        click.get_current_context().exit(code)


def _converse(session: Shell, lines: Iterable[str]) -> None:
    """What goes wrong is said, and the next line may be better."""
    for line in lines:
        try:
            if not session.do(line):
                return
        except YcsbpyError as error:
            _say(f"ycsbpy: {error}")


def _numbered(commands: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Lines, each with the place that messages name."""
    if commands:
        yield from (("-c", line) for line in commands)
        return
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    for number, line in enumerate(sys.stdin, 1):
        yield f"line {number}", line


def _work_off(session: Shell, lines: Iterable[tuple[str, str]]) -> int:
    """Carry all lines out, say what went wrong, and return the exit code of the first problem."""
    code = 0
    try:
        for where, line in lines:
            try:
                if not session.do(line):
                    break
            except YcsbpyError as error:
                _say(f"ycsbpy: {where}: {error}")
                code = code or error.exit_code
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    return code


def _say(line: str) -> None:
    click.echo(line, err=True)

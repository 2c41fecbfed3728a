"""The terminal of the shell: lines are edited (readline), words completed, and lines remembered from one time to the
next.

The history is ``shell_history`` in the user's state folder, readable by its owner only; what is typed is added line by
line, so that several shells at once, or one that is killed, lose nothing. Where readline is missing lines are still
read.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ycsbpy.cli.shell.language import COMMANDS, canonical_name, quoted, words
from ycsbpy.errors import UsageError
from ycsbpy.userdirs import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from ycsbpy.cli.shell.shell import Shell

__all__ = ["History", "candidates", "history_file", "prompt_lines", "tables_in_history"]

REMEMBERED = 2_000
"""Lines of history."""
_OFFERED = 1_000
"""Keys that completion offers, the last ones seen."""


def history_file() -> Path:
    """Where the lines are kept."""
    return state_folder() / "shell_history"


def prompt_lines(shell: Shell) -> Iterator[str]:
    """Lines that are typed, until Ctrl-D; Ctrl-C drops the line that is being typed."""
    history = History(_readline(), history_file())
    history.load()
    _set_up(history.readline, shell)
    try:
        while True:
            try:
                line = input(f"{shell.table}> ")
            except KeyboardInterrupt:
                print("^C")
                continue
            except EOFError:
                print()  # whoever prompts next begins a line of their own
                return
            history.add(line)
            yield line
    finally:
        if history.readline is not None:
            history.readline.set_completer(None)


class History:
    """The lines of this and of earlier shells; without a file that can be used, of this one only."""

    def __init__(self, readline: ModuleType | None, path: Path) -> None:
        self.readline = readline
        self._path = path

    def load(self) -> None:
        """Read what earlier shells have left, and cut it to ``REMEMBERED`` lines."""
        if self.readline is None:
            return
        self.readline.set_auto_history(False)
        self.readline.clear_history()
        self.readline.set_history_length(REMEMBERED)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            self.readline.read_history_file(str(self._path))
            if self.readline.get_current_history_length() >= REMEMBERED:
                self.readline.write_history_file(str(self._path))

    def add(self, line: str) -> None:
        """Remember a line, unless it is empty or the one before."""
        if self.readline is None or not line.strip():
            return
        length = self.readline.get_current_history_length()
        if length and self.readline.get_history_item(length) == line:
            return
        self.readline.add_history(line)
        with contextlib.suppress(OSError):
            self.readline.append_history_file(1, str(self._path))


def tables_in_history() -> list[str]:
    """Names of tables that shells of this user have used."""
    try:
        lines = history_file().read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    used = (line.split() for line in lines)
    return sorted({each[1] for each in used if len(each) == 2 and each[0].lower() == "table"})


def candidates(shell: Shell, before: str, text: str) -> list[str]:
    """What may stand where ``text`` has been begun, after ``before`` on the line."""
    try:
        earlier = [word.decode(errors="replace") for word in words(before)]
    except UsageError:  # inside quotes
        return []
    if not earlier:
        return [f"{name} " for name in COMMANDS if name.startswith(text.lower())]
    return [one for one in _arguments(shell, canonical_name(earlier[0]), earlier[1:]) if one.startswith(text)]


def _arguments(shell: Shell, command: str, earlier: list[str]) -> list[str]:
    place = len(earlier)
    if command == "help" and place == 0:
        return [f"{name} " for name in COMMANDS]
    if command == "table" and place == 0:
        return [f"{name} " for name in shell.tables]
    if command in ("read", "scan", "insert", "update", "delete") and place == 0:
        return [f"{quoted(key)} " for key in list(shell.keys)[-_OFFERED:]]
    if command in ("insert", "update"):
        given = {word.partition("=")[0] for word in earlier[1:]}
        return [f"{name}=" for name in shell.fields if name not in given]
    if command == "read" or (command == "scan" and place > 1):
        return [f"{name} " for name in shell.fields if name not in earlier[1:]]
    return []


def _readline() -> ModuleType | None:
    try:
        import readline
    except ImportError:
        return None
    return readline


def _set_up(readline: ModuleType | None, shell: Shell) -> None:
    if readline is None:
        return
    found: list[str] = []

    def complete(text: str, state: int) -> str | None:
        if state == 0:
            found[:] = candidates(shell, readline.get_line_buffer()[: readline.get_begidx()], text)
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t")
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")

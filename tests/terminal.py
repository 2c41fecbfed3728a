"""A program on a pseudo-terminal: what a person would see and type."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CTRL_C", "CTRL_D", "UP", "Terminal"]

CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"

_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the one whose Ctrl-C reaches the program: only a process of the new session can."""

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07")


class Terminal:
    """A program with a terminal of its own, as a context manager; leaving it ends the program if it still runs."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, width: int = 100, cwd: str | None = None
    ) -> None:
        self._screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, *command],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env={**environment, "TERM": "xterm"},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(inside)
        self.seen = ""
        """All that was written, without control sequences."""
        self._looked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._screen)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._screen, text.encode())

    def wait_for(self, pattern: str, within_s: float = 60.0) -> str:
        """Read on until something matches after what was waited for before; return what was read till its end."""
        deadline = time.monotonic() + within_s
        while (found := re.compile(pattern).search(self.seen, self._looked)) is None:
            assert self._read(deadline), f"no {pattern!r} in {self.seen[self._looked :]!r} (before: {self.seen!r})"
        text = self.seen[self._looked : found.end()]
        self._looked = found.end()
        return text

    def interrupt(self, pattern: str) -> None:
        """Press Ctrl-C until ``pattern`` is there: one that comes while readline handles a key is lost in CPython,
        which looks for signals only while it waits for the next key."""
        for _ in range(30):
            self.type(CTRL_C)
            deadline = time.monotonic() + 2.0
            while re.compile(pattern).search(self.seen, self._looked) is None and self._read(deadline):
                pass
            if re.compile(pattern).search(self.seen, self._looked) is not None:
                break
        self.wait_for(pattern)

    def end(self, within_s: float = 60.0) -> int:
        """Wait for the program to end; return its status."""
        deadline = time.monotonic() + within_s
        while self._read(deadline):
            pass
        return self.process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        """Read what there is; False at the end of the program or of patience."""
        ready, _, _ = select.select([self._screen], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._screen, 65536)
        except OSError:  # the last one that had it open is gone
            return False
        self.seen += _CONTROL.sub("", data.decode(errors="replace"))
        return bool(data)

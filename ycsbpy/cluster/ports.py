"""Ports for the processes of playgrounds: the usual ones where they are free, as TiUP does, and never one given twice.

A port that is looked for is only bound later, by another process, so two playgrounds that start together could find the
same one. A small file, shared by all playgrounds of a user and locked while it is read and written, says which ports
were given out and to whom; what belonged to a process that is gone counts for nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from typing import TYPE_CHECKING

from ycsbpy.cluster import reaper
from ycsbpy.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PortBook", "is_free"]

TRIES = 200
"""How many numbers above the usual one are looked at before the system is asked for any."""


def is_free(host: str, port: int) -> bool:
    """Whether this process could listen there now."""
    try:
        socket.create_server((host, port)).close()
    except (OSError, OverflowError):
        return False
    return True


class PortBook:
    """Gives out ports to one owner, this process; ``file`` is what all owners of a user share."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._owner = os.getpid()
        self._start = reaper.start_time(self._owner)

    def take(self, what: str, host: str, usual: int, *, asked: int | None = None, before: int = 0) -> int:
        """Return a port for ``what``, which is for messages.

        A port that was ``asked`` for, or that ``what`` had ``before``, is given or refused; else it is the first free
        one from ``usual`` on. Raises ``ClusterError`` when the port is taken.
        """
        fixed = asked or before
        with self._locked() as book:
            if fixed:
                if fixed in book or not is_free(host, fixed):
                    why = "" if asked else ", which it had before"
                    raise ClusterError(f"{what} cannot listen on {host}:{fixed}{why}: the port is taken")
                port = fixed
            else:
                port = self._find(host, usual, book)
            book[port] = (self._owner, self._start)
            return port

    def release(self) -> None:
        """Give back everything that this owner took."""
        with contextlib.suppress(ClusterError), self._locked() as book:
            for port in [port for port, owner in book.items() if owner == (self._owner, self._start)]:
                del book[port]

    @staticmethod
    def _find(host: str, usual: int, book: dict[int, tuple[int, str]]) -> int:
        for port in range(usual, min(usual + TRIES, 65536)):
            if port not in book and is_free(host, port):
                return port
        with contextlib.suppress(OSError), socket.create_server((host, 0)) as found:
            return int(found.getsockname()[1])
        raise ClusterError(f"there is no free port on {host}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[dict[int, tuple[int, str]]]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ClusterError(f"cannot write {self._file}: {error.strerror}") from None
        with os.fdopen(handle, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # held for milliseconds only
            book = _owned(file.read())
            yield book
            file.seek(0)
            file.truncate()
            json.dump({str(port): owner for port, owner in book.items()}, file)


def _owned(text: str) -> dict[int, tuple[int, str]]:
    """The entries of processes that are still there; a file that is none is empty."""
    book: dict[int, tuple[int, str]] = {}
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        for port, (pid, start) in json.loads(text or "{}").items():
            if start and reaper.start_time(pid) == start:
                book[int(port)] = (pid, start)
    return book

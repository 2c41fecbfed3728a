"""Cleans up after an owner that could not: a small process in a session of its own. Standard library only.

    python -I -S reaper.py --owner PID --owner-start TIME --mark TEXT

It reads lines of JSON on standard input, which is a pipe from its owner::

    {"child": pid, "start": "…"}              a process to end when the owner is gone; with "signal": n it is asked
                                              to by that signal, with "group": true its whole group is, and what
                                              else there is in its session is ended too
    {"gone": pid}                             the owner has seen it end
    {"folder": path, "id": [device, inode]}   a folder, or a socket, to remove
    {"keep": path}                            a folder that is not to be removed after all
    {"done": true}                            the owner has cleaned up; there is nothing left to do

When the pipe ends without "done", or the owner's process ends while something it forked still holds the pipe, the
children have a moment to see the same and stop by themselves. What is left then is killed, and the folders are
removed. A process is killed only while its start time is the one that was told, through a handle that cannot come to
mean another process where the system has one; a folder is removed only while it is the one that was told.

The owner may be killed after it has started a child and before it could tell. So every child, and what it starts, has
``MARK`` in its environment with a text that this owner alone has, and where the system shows environments, processes
that have it are ended too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["MARK", "Reaper", "end", "main", "marked", "session", "start_time"]

MARK = "YCSBPY_ESTATE"
GRACE_S = 3.0
POLL_S = 0.02


def start_time(pid: int) -> str:
    """When a process started, in whatever form the system tells it; empty if there is no such process (or a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self").is_dir():
            return ""
        asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, check=False)
        return asked.stdout.decode().strip()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def session(leader: int) -> list[tuple[int, str]]:
    """The processes of a session, each with its start time; none where the system has no ``/proc``.

    It is the session that is meant only while one of its processes is known to live: the number is free after that.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == leader and fields[0] not in (b"Z", b"X"):
                found.append((int(entry.parent.name), fields[19].decode()))
    return found


def marked(mark: str) -> list[tuple[int, str]]:
    """The processes with this mark in their environment, each with its start time; none without ``/proc``."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in entry.read_bytes().split(b"\0"):
                pid = int(entry.parent.name)
                start = start_time(pid)
                if start and pid != os.getpid():
                    found.append((pid, start))
    return found


def end(pid: int, start: str, number: int = signal.SIGKILL, *, group: bool = False) -> None:
    """Signal the process that has this pid and started then, or its group; nothing if that one is gone."""
    try:
        handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    except OSError:
        return
    try:
        if start_time(pid) != start:
            return
        if group:
            os.killpg(pid, number)
        elif handle is not None:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
    except OSError:
        pass
    finally:
        if handle is not None:
            os.close(handle)


class Reaper:
    """What is to be ended and removed."""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark
        self.children: dict[int, str] = {}
        self.signals: dict[int, tuple[int, bool]] = {}
        self.folders: dict[str, list[int]] = {}
        self.done = False

    def take(self, line: bytes) -> None:
        """Take one line from the owner; what is no such line is not heeded."""
        try:
            message: Any = json.loads(line)
        except ValueError:
            return
        if "child" in message:
            self.children[message["child"]] = message["start"]
            if message.get("signal"):
                self.signals[message["child"]] = (message["signal"], bool(message.get("group")))
        elif "gone" in message:
            self.children.pop(message["gone"], None)
        elif "folder" in message:
            self.folders[message["folder"]] = message["id"]
        elif "keep" in message:
            self.folders.pop(message["keep"], None)
        elif "done" in message:
            self.done = True

    def clean_up(self, grace_s: float = GRACE_S) -> None:
        """End the children and remove the folders."""
        self._ask()
        deadline = time.monotonic() + grace_s
        while self._alive() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for pid, start in self._alive():
            end(pid, start)
        for pid, start in marked(self.mark) if self.mark else ():
            end(pid, start)
            self.children[pid] = start
        deadline = time.monotonic() + grace_s
        while self._alive() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for path, identity in self.folders.items():
            try:
                found = os.lstat(path)
            except OSError:
                continue
            if [found.st_dev, found.st_ino] != identity:
                continue
            if stat.S_ISDIR(found.st_mode):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    Path(path).unlink()

    def _ask(self) -> None:
        """Signal those that want it, and note who else is in a session while its leader is there to prove it."""
        for pid, start in self._alive():
            number, group = self.signals.get(pid, (0, False))
            if group:
                self.children |= dict(session(pid))
            if number:
                end(pid, start, number, group=group)

    def _alive(self) -> list[tuple[int, str]]:
        return [(pid, start) for pid, start in self.children.items() if start_time(pid) == start]


def wait_for_owner(reaper: Reaper, owner: int, owner_start: str) -> None:
    """Take lines until the owner is done or gone; what it wrote before it went is taken too."""
    watched = [sys.stdin.fileno()]
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            watched.append(os.pidfd_open(owner))
    gone = start_time(owner) != owner_start
    rest = b""
    while not reaper.done:
        ready, _, _ = select.select(watched, [], [], 0.0 if gone else None)
        if watched[0] not in ready:
            return
        data = os.read(watched[0], 65536)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            reaper.take(line)


def main() -> int:
    """Wait, then clean up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--owner", type=int, required=True)
    parser.add_argument("--owner-start", required=True)
    parser.add_argument("--grace", type=float, default=GRACE_S)
    parser.add_argument("--mark", default="")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whoever ends a whole group or session means the owner
    reaper = Reaper(arguments.mark)
    wait_for_owner(reaper, arguments.owner, arguments.owner_start)
    if not reaper.done:
        reaper.clean_up(arguments.grace)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Child processes that cannot be left behind: started, awaited, stopped, and cleaned up after whatever happens.

A child is exec'd, in a session of its own, so that a terminal's Ctrl-C reaches the owner only and the owner decides. It
holds the read end of a pipe on which nothing is ever written: when the owner ends, by whatever means, the pipe ends and
the child goes. What would be left even so, a child that hangs, the temporary folder, is the reaper's
(``ycsbpy.cluster.reaper``), which outlives an owner killed by SIGKILL.

Waiting is done by threads and file descriptors, not by an event loop, so it works in any program; an asyncio program
calls it by ``asyncio.to_thread``.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ycsbpy.cluster import reaper
from ycsbpy.errors import ClusterError, of_exit_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Child", "Estate", "log_tail", "python_environment"]

LOG_TAIL_LINES = 10
OWNER_FD = "{owner_fd}"
READY_FD = "{ready_fd}"
KEEP = b"k"
"""What an owner writes on the owner's pipe to let a child live on after it."""


def python_environment() -> dict[str, str]:
    """The environment for a child that is this Python with this ycsbpy, wherever it was imported from."""
    environment = dict(os.environ)
    root = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH", "")]))
    environment["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    environment["GRPC_VERBOSITY"] = "ERROR"  # its standard error is a log file
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    return environment


def log_tail(path: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log file; empty if there is none."""
    try:
        data = path.read_bytes()[-65536:]
    except OSError:
        return ""
    return "\n".join(data.decode(errors="replace").rstrip().splitlines()[-lines:])


class Estate:
    """What an owner has to leave behind in order: children and folders, known to a reaper.

    Use it as a context manager; at its end the children are stopped, the folders removed, and the reaper let go.
    Children may be added at any time before, from any thread. After the owner's sudden end the reaper gives the
    children ``reaper_grace_s`` to go by themselves.
    """

    def __init__(self, *, reaper_grace_s: float = reaper.GRACE_S) -> None:
        self._grace_s = reaper_grace_s
        self._mark = secrets.token_hex(16)
        self._closed = False
        self._children: list[Child] = []
        self._folders: list[Path] = []
        self._lock = threading.Lock()
        self._reaper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def folder(self, prefix: str = "ycsbpy-") -> Path:
        """Make a temporary folder that is removed in the end. Raises ``ClusterError`` if there is no room for one."""
        try:
            path = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        except OSError as error:
            raise ClusterError(f"cannot make a temporary folder: {error}") from None
        self.own(path)
        return path

    def own(self, folder: Path) -> None:
        """Remove this folder, or file, which exists, in the end."""
        found = folder.lstat()
        self._folders.append(folder)
        self._tell({"folder": str(folder), "id": [found.st_dev, found.st_ino]})

    def disown(self) -> None:
        """Leave the folders owned so far where they are."""
        folders, self._folders = self._folders, []
        for folder in folders:
            self._tell({"keep": str(folder)})

    def start(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        stop_signal: int = 0,
        group: bool = False,
    ) -> Child:
        """Start a child; see ``Child``. It is stopped in the end. Raises ``ClusterError`` also when that has come."""
        with self._lock:  # a child is in the list, or not started: ``close`` may come at any moment from elsewhere
            if self._closed:
                raise ClusterError(f"{name} is not started: everything is being stopped")
            marked = {**(environment if environment is not None else python_environment()), reaper.MARK: self._mark}
            child = Child(
                name, command, log, environment=marked, pass_fds=pass_fds, stop_signal=stop_signal, group=group
            )
            self._children.append(child)
        self.watch(child.pid, stop_signal=stop_signal, group=group)
        return child

    def watch(self, pid: int, *, stop_signal: int = 0, group: bool = False) -> None:
        """Have the reaper end this process too if the owner is killed: one that a child has started."""
        start = reaper.start_time(pid)
        if start:
            self._tell({"child": pid, "start": start, "signal": stop_signal, "group": group})

    def ended(self, child: Child) -> None:
        """A child is gone and waited for: forget it."""
        with self._lock:
            if child in self._children:
                self._children.remove(child)
        self._tell({"gone": child.pid})

    def kill(self) -> None:
        """End all children by force, now; ``close`` is still to come."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in children:
            child.stop(0.0)

    def close(self, grace_s: float = 5.0) -> None:
        """Stop all children at once, remove the folders, let the reaper go. May be called more than once."""
        with self._lock:
            self._closed = True
            children, self._children = self._children[::-1], []
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + grace_s
        for child in children:
            child.stop(max(0.0, deadline - time.monotonic()))
        for path in self._folders:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()
        self._folders.clear()
        self._tell({"done": True})
        process, self._reaper = self._reaper, None
        if process is not None:
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()

    def _tell(self, message: dict[str, Any]) -> None:
        with self._lock:
            if self._reaper is None:
                if "done" in message or self._closed:
                    return
                self._reaper = self._start_reaper()
            assert self._reaper.stdin is not None
            with contextlib.suppress(OSError):  # a reaper that somebody killed
                self._reaper.stdin.write(json.dumps(message).encode() + b"\n")
                self._reaper.stdin.flush()

    def _start_reaper(self) -> subprocess.Popen[bytes]:
        owner = os.getpid()
        identity = ["--owner", str(owner), "--owner-start", reaper.start_time(owner), "--grace", str(self._grace_s)]
        identity += ["--mark", self._mark]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, *identity],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )


class Child:
    """One child process.

    In ``command``, ``{owner_fd}`` and ``{ready_fd}`` become the numbers of the two pipes' ends that the child gets:
    it ends when the first one does, and writes lines on the second, ``{"ready": {…}}`` or ``{"error": "…"}``, and
    ``{"said": "…"}`` before. A program that knows nothing of this gets no pipes but ``stop_signal`` when it is to
    stop; with ``group`` its whole process group does, as by a terminal's Ctrl-C, and what is left of its session is
    killed in the end. All output goes to the file ``log``.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        stop_signal: int = 0,
        group: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._lock = threading.Lock()
        self._heard = b""
        self._stop_signal = stop_signal
        self._group = group
        self._asked = False
        self._owner = self._ready = -1
        pipes: list[int] = []
        if not stop_signal:
            owner_read, self._owner = os.pipe()
            self._ready, ready_write = os.pipe()
            pipes = [owner_read, ready_write]
            numbers = {OWNER_FD: str(owner_read), READY_FD: str(ready_write)}
            command = [numbers.get(word, word) for word in command]
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(environment) if environment is not None else python_environment(),
                    pass_fds=(*pipes, *pass_fds),
                    start_new_session=True,
                )
        except OSError as error:
            for fd in filter(lambda fd: fd >= 0, (self._owner, self._ready)):
                os.close(fd)
            raise ClusterError(f"{name} cannot be started: {error}") from None
        finally:
            for fd in pipes:
                os.close(fd)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; ``None`` while it runs."""
        with self._lock:
            return self._process.poll()

    def wait_ready(self, timeout_s: float, said: Callable[[str], None] | None = None) -> dict[str, Any]:
        """Wait for the child's ready line and return what it says; what it says before goes to ``said``.

        Raises ``ClusterError`` with the child's reason, or with the end of its log, when it fails, ends or takes too
        long.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            while b"\n" in self._heard:
                text, _, self._heard = self._heard.partition(b"\n")
                line = json.loads(text)
                if "error" in line:
                    raise of_exit_code(line.get("exit_code"), f"{self.name}: {line['error']}")
                if "ready" in line:
                    ready: dict[str, Any] = line["ready"]
                    self._heard = text + b"\n"  # so that it can be asked for again
                    return ready
                if said is not None:
                    said(line["said"])
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._ready], [], [], left)[0]:
                raise ClusterError(f"{self.name} was not ready within {timeout_s:g} s{self._last_words()}")
            data = os.read(self._ready, 65536)
            if not data:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(1.0)
                raise ClusterError(f"{self.name} ended before it was ready{self._status()}{self._last_words()}")
            self._heard += data

    def ask_to_stop(self) -> None:
        """Send the stop signal, or end the owner's pipe, which the child takes for a request to stop; does not wait."""
        with self._lock:
            if self._owner >= 0:
                os.close(self._owner)
                self._owner = -1
            if self._stop_signal and not self._asked and self._process.poll() is None:
                self._asked = True
                self._signal(self._stop_signal)

    def let_go(self) -> None:
        """Tell a child that waits for the end of its owner to stay when that comes; it is nobody's then."""
        with self._lock:
            if self._owner >= 0:
                with contextlib.suppress(OSError):
                    os.write(self._owner, KEEP)
                os.close(self._owner)
                self._owner = -1
            self._process.returncode = self._process.poll() or 0  # or Popen warns that it still runs
        self._close_ready()

    def stop(self, grace_s: float = 5.0) -> int:
        """Stop the child, by force after ``grace_s``; wait for it and return its exit status."""
        others = reaper.session(self.pid) if self._group and self.returncode is None else []
        self.ask_to_stop()
        try:
            status = self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            status = self.kill()
        for pid, start in others:
            reaper.end(pid, start)
        self._close_ready()
        return status

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal, SIGKILL if none is given, and wait for the end; return the exit status."""
        with self._lock:
            if self._process.poll() is None:
                self._process.send_signal(number)
        status = self._process.wait()
        self.ask_to_stop()
        self._close_ready()
        return status

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):  # it may be gone by now
            if self._group:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def _close_ready(self) -> None:
        with self._lock:
            if self._ready >= 0:
                os.close(self._ready)
                self._ready = -1

    def _status(self) -> str:
        status = self._process.returncode
        if status is None:
            return ""
        return f" (signal {-status})" if status < 0 else f" (exit status {status})"

    def _last_words(self) -> str:
        tail = log_tail(self.log)
        return f"; its log ends: {' | '.join(tail.splitlines())}" if tail else ""

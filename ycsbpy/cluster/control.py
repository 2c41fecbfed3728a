"""How a playground's owner is spoken to: lines of JSON on a unix socket that only its user can open.

A connection is one call. The caller sends ``{"do": "scale-out", "kv": 2}``; the owner answers with any number of
``{"say": "…"}``, lines for the user while the work is going on, and at last ``{"ok": value}`` or
``{"error": "…", "exit_code": 4}``. A caller that goes away does not end the work that it asked for.

The path of a unix socket may be about a hundred bytes long and a state folder's may be longer; then the socket is
reached by the folder's file descriptor, where the system has ``/proc``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from ycsbpy.cluster import reaper
from ycsbpy.errors import ClusterError, UsageError, YcsbpyError, of_exit_code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from ycsbpy.cluster.statedir import Home

__all__ = ["Answerer", "Handler", "call", "dumps", "stop"]

LONGEST_PATH = 100
LONGEST_LINE = 1 << 24
CONNECT_S = 5.0
POLL_S = 0.05

Handler = "Callable[[str, Mapping[str, Any], Callable[[str], None]], Awaitable[Any]]"
"""What is to be done, with what arguments, and where lines for the user go; returns something that is JSON."""


def dumps(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, separators=(",", ":"))


def call(
    home: Home,
    do: str,
    arguments: Mapping[str, Any],
    *,
    say: Callable[[str], None] | None = None,
    timeout_s: float = 600.0,
) -> Any:
    """Have a playground's owner do something and return its answer.

    Raises what the owner answers, ``ClusterError`` or ``UsageError``; ``ClusterError`` also when it does not answer.
    """
    try:
        with _connected(home) as line, line.makefile("rb") as answers:
            line.settimeout(timeout_s)
            line.sendall(dumps({"do": do, **arguments}).encode() + b"\n")
            for text in iter(lambda: answers.readline(LONGEST_LINE), b""):
                answer = json.loads(text)
                if "say" in answer:
                    if say is not None:
                        say(answer["say"])
                elif "error" in answer:
                    raise of_exit_code(answer.get("exit_code"), answer["error"])
                else:
                    return answer["ok"]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ClusterError(f"the playground {home.tag} does not answer: {reason.lower()}") from None
    raise ClusterError(f"the playground {home.tag} ended before it had answered")


def stop(home: Home, wait_s: float) -> bool:
    """Have a playground stop and wait until it has; return whether it ran. Raises ``ClusterError`` if it goes on."""
    if not home.alive():
        return False
    owner = home.read()
    with contextlib.suppress(ClusterError):  # it may end while we ask
        call(home, "stop", {}, timeout_s=wait_s)
    deadline = time.monotonic() + wait_s
    while home.alive() or (owner is not None and owner.start and reaper.start_time(owner.pid) == owner.start):
        if time.monotonic() > deadline:
            raise ClusterError(f"the playground {home.tag} has not stopped within {wait_s:g} s")
        time.sleep(POLL_S)
    return True


@contextlib.contextmanager
def _connected(home: Home) -> Iterator[socket.socket]:
    with _short(home) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(CONNECT_S)
        deadline = time.monotonic() + CONNECT_S
        while True:
            try:
                line.connect(path)
                break
            except OSError:  # an owner that has only just got its lock
                if time.monotonic() > deadline or not home.alive():
                    raise
                time.sleep(POLL_S)
        yield line


@contextlib.contextmanager
def _short(home: Home) -> Iterator[str]:
    """A path of the socket that is short enough."""
    path = str(home.socket)
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    folder = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{home.socket.name}"
    finally:
        os.close(folder)


class Answerer:
    """The owner's end; an asynchronous context manager while whose body calls are answered."""

    def __init__(self, home: Home, handler: Callable[..., Awaitable[Any]]) -> None:
        self._home = home
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> None:
        self._home.socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short(self._home) as path:
                listener.bind(path)
            self._home.socket.chmod(0o600)  # the folder is 0700 from the start
            listener.listen(16)
        except OSError as error:
            listener.close()
            raise ClusterError(f"cannot listen on {self._home.socket}: {error.strerror}") from None
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=LONGEST_LINE)

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self._home.socket.unlink(missing_ok=True)
        if self._calls:  # the last answer, to whoever asked to stop
            await asyncio.wait(self._calls, timeout=1.0)
        for one in self._calls:
            one.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            await self._answer(reader, writer)
        except OSError:  # the caller is gone; what it asked for has been done
            pass
        finally:
            self._calls.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def send(value: Mapping[str, Any]) -> None:
            if not writer.is_closing():
                writer.write(dumps(value).encode() + b"\n")

        text = await reader.readline()
        try:
            asked = json.loads(text)
            do = asked.pop("do")
        except (ValueError, KeyError, AttributeError, TypeError):
            send({"error": "that is no call", "exit_code": UsageError.exit_code})
            return
        try:
            send({"ok": await self._handler(do, asked, lambda line: send({"say": line}))})
        except YcsbpyError as error:
            send({"error": str(error), "exit_code": error.exit_code})
        await writer.drain()

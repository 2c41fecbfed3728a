"""What a child process of a mini-cluster owes its owner: a ready line, and to go when the owner goes.

The owner starts a child with two pipes. The child writes one line of JSON on the first: what the owner has to know to
use it, or why it could not start. The second is never written to: its end-of-file says that the owner is gone,
however it went, and the child stops. On Linux the owner's process itself is watched too, since a process that the
owner forked may hold the pipe open for ever. A child that was started by hand has neither pipe and ends by SIGINT or
SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from ycsbpy.errors import ClusterError

__all__ = ["Lifeline", "Server", "run"]

log = logging.getLogger(__name__)

Server = Callable[[], AbstractAsyncContextManager[dict[str, Any]]]
"""Starts what the process is for; the context's value is the ready line, its end stops the server."""

WANTED_FILES = 16384
LET_END_S = 1.0


@dataclass(frozen=True)
class Lifeline:
    """File descriptors of the two pipes; ``None`` for a process that nobody owns."""

    owner_fd: int | None = None
    ready_fd: int | None = None

    def tell(self, line: dict[str, Any]) -> None:
        """Write the ready line; to standard output when there is no owner."""
        text = json.dumps(line)
        if self.ready_fd is None:
            print(text, flush=True)
            return
        with contextlib.suppress(OSError):  # an owner that is gone need not know
            os.write(self.ready_fd, text.encode() + b"\n")
        os.close(self.ready_fd)


def run(server: Server, lifeline: Lifeline) -> int:
    """Run ``server`` until its owner is gone or a signal comes; return the process's exit status."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    _raise_file_limit()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(server, lifeline))
    except ClusterError as error:
        log.error("%s", error)
        lifeline.tell({"error": str(error)})
        return error.exit_code
    return 0


async def _serve(server: Server, lifeline: Lifeline) -> None:
    stop = asyncio.Event()
    with _told_to_stop(stop, lifeline):
        async with _unless(stop, server) as ready:
            if ready is not None:
                lifeline.tell({"ready": ready})
                await stop.wait()
            log.info("stopping")
    await _let_end()


async def _let_end() -> None:
    """Wait, a little, for tasks that are about to end: the loop cancels what is left of them when it closes.

    A gRPC server's ``stop`` returns when its calls are over, a few turns of the loop before grpcio's own tasks for them
    end; cancelled in between, each would write a traceback for a stop at which nothing went wrong.
    """
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    if rest:
        await asyncio.wait(rest, timeout=LET_END_S)


@contextlib.asynccontextmanager
async def _unless(stop: asyncio.Event, server: Server) -> AsyncIterator[dict[str, Any] | None]:
    """Start ``server``, but give up, with ``None``, when ``stop`` is set before it is ready."""
    manager = server()
    starting = asyncio.ensure_future(manager.__aenter__())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            yield None
            return
        ready = starting.result()
        try:
            yield ready
        finally:
            await manager.__aexit__(None, None, None)
    finally:
        stopping.cancel()


@contextlib.contextmanager
def _told_to_stop(stop: asyncio.Event, lifeline: Lifeline) -> Any:
    loop = asyncio.get_running_loop()
    watched: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        if lifeline.owner_fd is not None:
            watched.append(lifeline.owner_fd)
            owner = os.getppid()
            if hasattr(os, "pidfd_open") and owner > 1:
                with contextlib.suppress(OSError):
                    watched.append(os.pidfd_open(owner))
        for fd in watched:
            loop.add_reader(fd, stop.set)
        yield
    finally:
        for fd in watched:
            loop.remove_reader(fd)
            os.close(fd)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # the standard loop does it too, more slowly
        return None
    return uvloop.new_event_loop


def _raise_file_limit() -> None:
    """Many half-open connections must not leave the server without a file descriptor for an honest one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

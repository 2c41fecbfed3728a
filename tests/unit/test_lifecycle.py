"""How a server's process ends: what is about to end is let end."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ycsbpy.minicluster import lifecycle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def served(ended: list[str], turns: int) -> None:
    """Run a server one of whose tasks needs that many turns of the loop more than the server itself to end."""

    async def last_words() -> None:
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        ended.append("done")

    tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def server() -> AsyncIterator[dict[str, Any]]:
        os.kill(os.getpid(), signal.SIGTERM)
        yield {}
        tasks.append(asyncio.get_running_loop().create_task(last_words()))

    reading, writing = os.pipe()
    try:
        assert lifecycle.run(server, lifecycle.Lifeline(ready_fd=writing)) == 0
    finally:
        os.close(reading)


def test_tasks_that_end_a_few_turns_after_the_server_are_not_cancelled() -> None:
    ended: list[str] = []
    served(ended, turns=20)
    assert ended == ["done"]


def test_a_task_that_does_not_end_holds_the_stop_only_so_long(monkeypatch: Any) -> None:
    monkeypatch.setattr(lifecycle, "LET_END_S", 0.0)
    ended: list[str] = []
    served(ended, turns=1 << 30)
    assert ended == ["cancelled"]

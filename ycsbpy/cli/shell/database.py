"""An open driver for somebody who waits for one call after the other and may lose patience.

The driver lives on an event loop in a thread of its own, so the main thread is free to hear Ctrl-C while it waits; a
call that is given up is cancelled there. A driver whose calls block gets one more thread: such a call cannot be
cancelled, only left alone.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from ycsbpy.drivers.base import SyncDriver
from ycsbpy.session import connected, new_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from ycsbpy.config import Config
    from ycsbpy.drivers.base import Driver
    from ycsbpy.ops import Result
    from ycsbpy.session import Say

__all__ = ["Database"]


class Database:
    """A database as a context manager; entering it raises ``YcsbpyError`` where it cannot be reached."""

    def __init__(self, name: str, config: Config, say: Say) -> None:
        self._name = name
        self._config = config
        self._say = say
        self._opened: Future[tuple[Driver | SyncDriver, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="database")
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="blocking driver")

    def __enter__(self) -> Self:
        self._loop_task: asyncio.Task[None] | None = None
        self._thread.start()
        try:
            self._driver, self._loop, self._closing = self._opened.result()
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._calls.shutdown(wait=False, cancel_futures=True)
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    @property
    def driver_name(self) -> str:
        """The driver that was chosen."""
        return self._driver.name

    def call(self, method: str, *arguments: object) -> Result:
        """Call a method of the driver and wait; an interrupt (``KeyboardInterrupt``) gives the call up."""
        function: Callable[..., Any] = getattr(self._driver, method)
        waiting: Future[Result]
        if isinstance(self._driver, SyncDriver):
            waiting = self._calls.submit(function, *arguments)
        else:
            waiting = asyncio.run_coroutine_threadsafe(_awaited(function(*arguments)), self._loop)
        try:
            return waiting.result()
        except BaseException:
            waiting.cancel()
            raise

    def _give_up(self) -> None:
        """Stop opening: what has been started for it is put back, and that is waited for."""
        task = self._loop_task
        if task is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                task.get_loop().call_soon_threadsafe(task.cancel)
        self._thread.join()
        self._calls.shutdown(wait=False)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            try:
                runner.run(self._serve())
            except asyncio.CancelledError:
                pass
            except Exception as error:
                if self._opened.done():
                    raise
                self._opened.set_exception(error)

    async def _serve(self) -> None:
        self._loop_task = asyncio.current_task()
        closing = asyncio.Event()
        async with connected(self._name, self._config, self._say) as driver:
            self._opened.set_result((driver, asyncio.get_running_loop(), closing))
            await closing.wait()


async def _awaited(call: Awaitable[Result] | Coroutine[Any, Any, Result]) -> Result:
    return await call

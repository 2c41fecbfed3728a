"""A driver behind the shell: calls that block, calls that are given up, databases that cannot be opened."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from ycsbpy.cli.shell import database as module
from ycsbpy.cli.shell.database import Database
from ycsbpy.config import make_config
from ycsbpy.drivers.base import SyncDriver
from ycsbpy.drivers.memory import MemoryDriver, MemoryTables
from ycsbpy.errors import ClusterError, UsageError
from ycsbpy.ops import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from ycsbpy.config import Config
    from ycsbpy.drivers.base import Driver
    from ycsbpy.session import Say


class Hanging(MemoryDriver):
    """Never answers a read, and says when one was cancelled."""

    def __init__(self) -> None:
        super().__init__(MemoryTables(["field0"]))
        self.asked = threading.Event()
        self.cancelled = threading.Event()

    async def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError


class Blocking(SyncDriver):
    """Blocks for as long as it is told to."""

    name = "blocking"

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked = threading.Event()
        self.threads: set[str] = set()

    @classmethod
    def from_config(cls, config: Config) -> Blocking:
        return cls()

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        self.threads.add(threading.current_thread().name)
        self.asked.set()
        assert self.go_on.wait(60)
        return Result(Outcome.OK, row={"field0": key})

    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        raise NotImplementedError

    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        raise NotImplementedError

    update = insert

    def delete(self, table: str, key: bytes) -> Result:
        raise NotImplementedError


def opened(driver: Driver | SyncDriver, monkeypatch: pytest.MonkeyPatch) -> Database:
    @asynccontextmanager
    async def connected(name: str, config: Config, say: Say) -> AsyncIterator[Driver | SyncDriver]:
        yield driver

    monkeypatch.setattr(module, "connected", connected)
    return Database("any", make_config(), print)


def interrupt_once(asked: threading.Event) -> threading.Thread:
    """As Ctrl-C does, once the call is under way."""

    def wait_and_interrupt() -> None:
        assert asked.wait(60)
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=wait_and_interrupt)
    thread.start()
    return thread


def test_memory() -> None:
    with Database("memory", make_config(), print) as database:
        assert database.driver_name == "memory"
        assert database.call("insert", "t", b"k", {"field0": b"v"}).outcome is Outcome.OK
        assert database.call("read", "t", b"k", None).row == {"field0": b"v"}
        assert database.call("scan", "t", b"", 5, None).keys == [b"k"]


def test_a_call_that_is_given_up_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Hanging()
    with opened(driver, monkeypatch) as database:
        thread = interrupt_once(driver.asked)
        with pytest.raises(KeyboardInterrupt):
            database.call("read", "t", b"k", None)
        thread.join()
        assert driver.cancelled.wait(60)
        assert database.call("insert", "t", b"k", {"field0": b"v"}).outcome is Outcome.OK


def test_a_driver_that_blocks_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Blocking()
    with opened(driver, monkeypatch) as database:
        thread = interrupt_once(driver.asked)
        with pytest.raises(KeyboardInterrupt):
            database.call("read", "t", b"first", None)
        thread.join()
        driver.go_on.set()
        assert database.call("read", "t", b"second", None).row == {"field0": b"second"}
        assert len(driver.threads) == 1
        assert threading.current_thread().name not in driver.threads


def test_errors_of_opening_are_raised_where_it_was_opened() -> None:
    with pytest.raises(UsageError, match="unknown database"), Database("none", make_config(), print):
        raise AssertionError
    config = make_config({"tikv.pd": "127.0.0.1:1"})
    with pytest.raises(ClusterError, match="refused"), Database("tikv", config, print):
        raise AssertionError

"""The reference driver: the contract in both forms, sorted keys against a model, rows that do not change once given
out."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.config import make_config
from ycsbpy.drivers.base import SyncDriver
from ycsbpy.drivers.memory import MemoryDriver, MemoryTables, SortedKeys
from ycsbpy.ops import Outcome, Result
from ycsbpy.testing.driver_contract import DriverContract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from ycsbpy.config import Config


class BlockingMemoryDriver(SyncDriver):
    """The other form of the contract, over the same store."""

    name = "blocking-memory"

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self._lock = threading.Lock()

    @classmethod
    def from_config(cls, config: Config) -> Self:
        raise NotImplementedError

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        with self._lock:
            return self._tables.read(table, key, fields)

    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        with self._lock:
            return self._tables.scan(table, start_key, count, fields)

    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        with self._lock:
            return self._tables.insert(table, key, values)

    def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        with self._lock:
            return self._tables.update(table, key, values)

    def delete(self, table: str, key: bytes) -> Result:
        with self._lock:
            return self._tables.delete(table, key)


class TestMemoryDriver(DriverContract):
    @pytest.fixture
    def driver(self) -> MemoryDriver:
        return MemoryDriver(MemoryTables(self.fields))


class TestMemoryDriverFromProperties(DriverContract):
    @pytest.fixture
    def driver(self) -> MemoryDriver:
        return MemoryDriver.from_config(make_config({"fieldcount": len(self.fields)}))


class TestBlockingDriver(DriverContract):
    @pytest.fixture
    def driver(self) -> BlockingMemoryDriver:
        return BlockingMemoryDriver(MemoryTables(self.fields))


small_keys = st.binary(max_size=2)


@given(st.sets(small_keys), st.lists(st.tuples(st.booleans(), small_keys)), small_keys)
def test_sorted_keys_stay_sorted(first: set[bytes], changes: list[tuple[bool, bytes]], start: bytes) -> None:
    keys, model = SortedKeys(sorted(first)), set(first)
    for add, key in changes:
        if add and key not in model:
            keys.add(key)
            model.add(key)
        elif not add and key in model:
            keys.remove(key)
            model.remove(key)
    assert list(keys.starting_at(start)) == sorted(key for key in model if key >= start)


@pytest.mark.parametrize("step", [1, -1, 7919], ids=["ascending", "descending", "scattered"])
def test_sorted_keys_in_many_blocks(step: int) -> None:
    keys = SortedKeys()
    numbers = [(number * step) % 10_000 for number in range(10_000)]
    for number in numbers:
        keys.add(b"%04d" % number)
    assert list(keys.starting_at(b"")) == [b"%04d" % number for number in range(10_000)]
    for number in numbers[:9_000]:
        keys.remove(b"%04d" % number)
    assert list(keys.starting_at(b"2")) == sorted(b"%04d" % number for number in numbers[9_000:] if number >= 2_000)


def test_a_row_given_out_does_not_change() -> None:
    tables = MemoryTables(["a", "b"])
    tables.insert("t", b"k", {"a": b"1", "b": b"2"})
    row = tables.read("t", b"k", None).row
    tables.update("t", b"k", {"a": b"changed"})
    assert row == {"a": b"1", "b": b"2"}


def test_a_record_does_not_share_the_values_it_was_made_of() -> None:
    tables = MemoryTables(["a"])
    values = {"a": b"1"}
    tables.insert("t", b"k", values)
    values["a"] = b"changed"
    assert tables.read("t", b"k", None).row == {"a": b"1"}


def test_fields_that_are_not_configured_come_last() -> None:
    tables = MemoryTables(["a", "b"])
    tables.insert("t", b"k", {"z": b"1", "b": b"2", "y": b"3", "a": b"4"})
    assert list(tables.read("t", b"k", None).row or {}) == ["a", "b", "z", "y"]


def test_what_closing_forgets() -> None:
    async def kept(driver: MemoryDriver, reader: MemoryTables) -> Any:
        await driver.open()
        await driver.insert("t", b"k", {})
        await driver.close()
        return reader.read("t", b"k", None).outcome

    shared = MemoryTables()
    assert asyncio.run(kept(MemoryDriver(shared), shared)) is Outcome.OK
    own = MemoryDriver()
    assert asyncio.run(kept(own, own.tables)) is Outcome.NOT_FOUND
    assert not MemoryDriver.keeps_data

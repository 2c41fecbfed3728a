"""The scripted driver: delays on the virtual clock, outcomes by number, and what is in the database after."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ycsbpy.errors import DriverError
from ycsbpy.ops import OpKind, Outcome, Result
from ycsbpy.testing import VirtualClock
from ycsbpy.testing.driver_contract import DriverContract
from ycsbpy.testing.faulty import ScriptedDriver, Step

MS = 1_000_000


class TestScriptedDriver(DriverContract):
    """Without a script it keeps the contract."""

    @pytest.fixture
    def driver(self) -> ScriptedDriver:
        from ycsbpy.drivers.memory import MemoryTables

        return ScriptedDriver(VirtualClock(), tables=MemoryTables(self.fields))


def test_steps_are_taken_by_number() -> None:
    clock = VirtualClock()
    driver = ScriptedDriver(
        clock,
        {
            1: Step(delay_ns=5 * MS, outcome=Outcome.FAILED, error="busy"),
            2: Step(outcome=Outcome.UNKNOWN, error="lost"),
            3: Step(outcome=Outcome.UNKNOWN, error="lost", applied=True),
            4: Step(outcome=Outcome.NOT_FOUND),
        },
        delay_ns=1 * MS,
    )

    async def calls() -> list[Result]:
        inserts = [await driver.insert("t", b"%d" % number, {}) for number in range(4)]
        return [*inserts, await driver.read("t", b"0", None), await driver.read("t", b"0", None)]

    start = clock.now_ns()
    results = clock.run(calls())
    assert [(result.outcome, result.error) for result in results] == [
        (Outcome.OK, ""),
        (Outcome.FAILED, "busy"),
        (Outcome.UNKNOWN, "lost"),
        (Outcome.UNKNOWN, "lost"),
        (Outcome.NOT_FOUND, ""),
        (Outcome.OK, ""),
    ]
    assert [driver.tables.read("t", b"%d" % number, None).outcome.name for number in range(4)] == [
        "OK",
        "NOT_FOUND",
        "NOT_FOUND",
        "OK",
    ]
    times = [(call.started_ns - start, (call.ended_ns or 0) - start) for call in driver.calls]
    assert times[:3] == [(0, 1 * MS), (1 * MS, 6 * MS), (6 * MS, 6 * MS)]
    assert [call.kind for call in driver.calls] == [OpKind.INSERT] * 4 + [OpKind.READ] * 2


def test_a_script_may_be_a_function() -> None:
    driver = ScriptedDriver(
        VirtualClock(), lambda number, kind: Step(outcome=Outcome.FAILED) if kind is OpKind.SCAN and number else None
    )

    async def calls() -> list[Outcome]:
        return [(await driver.scan("t", b"", 1, None)).outcome for _ in range(2)]

    assert asyncio.run(calls()) == [Outcome.OK, Outcome.FAILED]


def test_calls_overlap_and_keep_their_numbers() -> None:
    clock = VirtualClock()
    driver = ScriptedDriver(clock, {0: Step(delay_ns=9 * MS), 1: Step(delay_ns=2 * MS)})

    async def calls() -> None:
        await asyncio.gather(driver.delete("t", b"a"), driver.delete("t", b"b"))

    clock.run(calls())
    assert [call.key for call in driver.calls] == [b"a", b"b"]
    assert (driver.calls[0].ended_ns or 0) - (driver.calls[1].ended_ns or 0) == 7 * MS


def test_it_breaks_the_contract_when_told_to() -> None:
    error = RuntimeError("a bug")
    driver = ScriptedDriver(VirtualClock(), {0: Step(raises=error)}, open_error=DriverError("no"))

    async def call() -> Any:
        await driver.read("t", b"k", None)

    with pytest.raises(RuntimeError, match="a bug"):
        asyncio.run(call())
    assert driver.calls[0].result is None
    with pytest.raises(DriverError, match="no"):
        asyncio.run(driver.open())
    assert (driver.opened, driver.closed) == (1, 0)


def test_a_scripted_read_modify_write_is_one_call() -> None:
    driver = ScriptedDriver(VirtualClock(), {1: Step(outcome=Outcome.UNKNOWN, error="lost", applied=True)})

    async def calls() -> Result:
        await driver.insert("t", b"k", {"a": b"1"})
        return await driver.read_modify_write("t", b"k", None, {"a": b"2"})

    assert asyncio.run(calls()) == Result(Outcome.UNKNOWN, error="lost")
    assert driver.tables.read("t", b"k", None).row == {"a": b"2"}
    assert len(driver.calls) == 2

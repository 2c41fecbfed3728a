"""A run's inserts begin behind the records that are there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import ycsbpy
from ycsbpy.config import make_config
from ycsbpy.drivers.memory import MemoryDriver, MemoryTables
from ycsbpy.errors import ClusterError
from ycsbpy.ops import Outcome, Result
from ycsbpy.runner.found import GAP, first_free
from ycsbpy.workload.core import CoreWorkload

VALUES: dict[str, Any] = {"recordcount": 100, "fieldcount": 1, "fieldlength": 3}


def workload(**properties: Any) -> CoreWorkload:
    return CoreWorkload.from_config(make_config({**VALUES, **properties}), 1)


class Counting(MemoryDriver):
    def __init__(self) -> None:
        super().__init__(MemoryTables())
        self.reads = 0

    async def read(self, *arguments: Any) -> Result:
        self.reads += 1
        return await super().read(*arguments)


def with_records(*numbers: int) -> Counting:
    driver = Counting()
    for number in numbers:
        driver.tables.insert("usertable", workload().key(number), {"field0": b"abc"})
    return driver


@pytest.mark.parametrize("there", [0, 1, 2, 3, 64, 65, 1000, 4095, 4096])
@pytest.mark.parametrize("start", [0, 100])
def test_the_first_free_number(there: int, start: int) -> None:
    driver = with_records(*range(start, start + there))
    assert asyncio.run(first_free(driver, workload(), start)) == start + there
    assert driver.reads <= GAP + 2 * max(1, there).bit_length() + 3


def test_gaps_of_inserts_that_failed_are_looked_over() -> None:
    driver = with_records(*(number for number in range(100, 400) if number % 7))
    assert asyncio.run(first_free(driver, workload(), 100)) == 399
    driver = with_records(*range(100, 110), *range(110 + GAP - 1, 300))
    assert asyncio.run(first_free(driver, workload(), 100)) == 300


def test_a_database_that_has_everything_is_not_searched() -> None:
    class Endless(Counting):
        async def read(self, *_arguments: Any) -> Result:
            self.reads += 1
            return Result(Outcome.OK, row={"field0": b"abc"})

    driver = Endless()
    assert asyncio.run(first_free(driver, workload(), 100)) == 100
    assert driver.reads == 1


def test_reads_that_fail_are_told() -> None:
    class Failing(Counting):
        async def read(self, *_arguments: Any) -> Result:
            return Result(Outcome.FAILED, error="server_is_busy", detail="later")

    with pytest.raises(ClusterError, match="cannot tell which records are there: server_is_busy: later"):
        asyncio.run(first_free(Failing(), workload(), 0))


def test_a_second_run_inserts_behind_the_first() -> None:
    """And asks for what the first one inserted."""
    driver = MemoryDriver(MemoryTables(["field0"]))
    mix: dict[str, Any] = {
        "readproportion": 0.5,
        "updateproportion": 0,
        "insertproportion": 0.5,
        "requestdistribution": "latest",
    }
    ycsbpy.load(driver=driver, **VALUES)
    rows = driver.tables._table("usertable").rows
    inserted = []
    for seed in range(3):
        before = len(rows)
        summary = ycsbpy.run(driver=driver, seed=seed, operationcount=200, **VALUES, **mix)
        inserted.append(len(rows) - before)
        assert inserted[-1] == summary.by_kind["INSERT"].ok
        assert summary.accounting.not_found == 0
    again = ycsbpy.run(driver=driver, seed=0, operationcount=200, insertfrom="recordcount", **VALUES, **mix)
    assert again.by_kind["INSERT"].ok == inserted[0]
    assert len(rows) == 100 + sum(inserted)  # YCSB's way: it wrote over the first run's


def test_one_who_asks_for_a_part_goes_on_asking_for_it() -> None:
    part = workload(insertstart=10, insertcount=20).with_inserts_from(150).settings
    assert (part.recordcount, part.insertstart, part.insertcount) == (150, 10, 20)
    all_of_it = workload().with_inserts_from(150).settings
    assert (all_of_it.recordcount, all_of_it.insertcount) == (150, 150)

"""Which records are in the table already, so that a run's inserts begin behind them.

YCSB begins every run's inserts at ``recordcount``; a second run writes over what the first one inserted, counts it as
inserted, and never makes the table larger. Here the database is asked: records are inserted in the order of their
numbers, so the first number that is not there is found by doubling and halving, in some tens of reads also among
millions. Inserts that failed leave gaps; a number counts as the first free one only if none of the next ones is there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ycsbpy.config.properties import MAX_COUNT
from ycsbpy.drivers.base import Driver
from ycsbpy.errors import ClusterError
from ycsbpy.ops import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ycsbpy.drivers.base import SyncDriver
    from ycsbpy.ops import Result
    from ycsbpy.workload.core import CoreWorkload

__all__ = ["GAP", "first_free"]

GAP = 64
"""So many numbers in a row have to be free."""


async def first_free(driver: Driver | SyncDriver, workload: CoreWorkload, start: int) -> int:
    """The number of the first record from ``start`` on that is not there; ``start`` itself in a database that has every
    record one can ask for, as a null store does. Raises ``ClusterError`` where reads fail."""
    if (await _there(driver, workload, [MAX_COUNT]))[0]:  # nobody has inserted that one
        return start
    free = start
    while True:
        free = await _behind(driver, workload, free)
        there = await _there(driver, workload, range(free, free + GAP))
        if not any(there):
            return free
        free += max(place for place, one in enumerate(there) if one) + 1


async def _behind(driver: Driver | SyncDriver, workload: CoreWorkload, start: int) -> int:
    """The end of the records that are there from ``start`` on, if they have no gap."""
    step = 1
    while start + step < MAX_COUNT and (await _there(driver, workload, [start + step - 1]))[0]:
        step *= 2
    low, high = start + step // 2, start + step - 1  # all below low are there, as far as is known; high is not
    while low < high:
        middle = (low + high) // 2
        if (await _there(driver, workload, [middle]))[0]:
            low = middle + 1
        else:
            high = middle
    return low


async def _there(driver: Driver | SyncDriver, workload: CoreWorkload, numbers: Iterable[int]) -> list[bool]:
    keys = [workload.key(number) for number in numbers]
    fields = [workload.settings.fieldnames[0]]
    if isinstance(driver, Driver):
        results = await asyncio.gather(*(driver.read(workload.table, key, fields) for key in keys))
    else:
        results = await asyncio.to_thread(lambda: [driver.read(workload.table, key, fields) for key in keys])
    return [_is_there(result) for result in results]


def _is_there(result: Result) -> bool:
    if result.outcome not in (Outcome.OK, Outcome.NOT_FOUND):
        raise ClusterError(f"cannot tell which records are there: {result.error}: {result.detail}")
    return result.outcome is Outcome.OK

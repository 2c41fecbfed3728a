"""Every raw call of unmodified clients, on rows in three Regions, on a cluster that may not be quiet.

A call that its client gives up is made again, which is right for all calls but a swap. A scan of ``tikv-client`` takes
a Region that has another leader now for an empty one (its 0.0.4 ignores region errors there), so its scans are asked
again too until all rows are there; a row that should not be there is an error at once.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import tikv

from ycsbpy.minicluster.store.crc64 import crc64

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["persist", "turn_of_tikv_client", "turn_of_tikv_python"]

PATIENCE_S = 60.0


async def persist(call: Callable[[], Awaitable[Any]], given_up: type[BaseException]) -> Any:
    """Make a call until its client does not give it up."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await call()
        except given_up:
            if time.monotonic() > deadline:
                raise


async def complete(
    scan: Callable[[], Awaitable[list[Any]]],
    expected: list[Any],
    given_up: type[BaseException],
    seek: Callable[[], Awaitable[Any]],
) -> None:
    """Scan until all is there; what should not be there must not be. ``seek`` is a call to the same Region, by which a
    client whose scans ignore region errors learns who leads it."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := await persist(scan, given_up)) != expected:
        assert set(found) <= set(expected)
        assert time.monotonic() < deadline, f"{len(found)} of {len(expected)} rows"
        await persist(seek, given_up)


def rows_of(turn: int) -> dict[bytes, bytes]:
    """Rows in all three Regions, other ones each time."""
    return {b"%c%06d-%02d" % (letter, turn, n): b"v%d-%d" % (turn, n) for letter in b"acz" for n in range(10)}


async def turn_of_tikv_client(client: Any, turn: int) -> None:
    """Every call of it."""
    rows = rows_of(turn)
    keys = sorted(rows)
    some, singles = dict(list(rows.items())[3:]), list(rows.items())[:3]

    async def do(call: Callable[[], Awaitable[Any]]) -> Any:
        return await persist(call, Exception)  # its errors have no class of their own

    for key, value in singles:
        await do(lambda key=key, value=value: client.put(key, value))  # type: ignore[misc]
    await do(lambda: client.batch_put(some))
    for key, value in singles:
        assert await do(lambda key=key: client.get(key)) == value  # type: ignore[misc]
    assert dict(await do(lambda: client.batch_get(keys))) == rows
    for letter in (b"a", b"c", b"z"):
        start, end = letter + b"%06d" % turn, letter + b"%06d" % (turn + 1)
        expected = sorted(row for row in rows.items() if row[0].startswith(letter))
        seek = partial(client.get, start)
        await complete(partial(client.scan, start, end, 100), expected, Exception, seek)
        only_keys = [key for key, _ in expected]
        await complete(partial(client.scan_keys, start, end, 100), only_keys, Exception, seek)
    await do(lambda: client.delete(keys[0]))
    assert await do(lambda: client.get(keys[0])) is None
    await do(lambda: client.batch_delete(keys[1:5]))
    assert dict(await do(lambda: client.batch_get(keys))) == {key: rows[key] for key in keys[5:]}
    for letter in (b"a", b"c", b"z"):
        start, end = letter + b"%06d" % turn, letter + b"%06d" % (turn + 1)
        await do(lambda start=start, end=end: client.delete_range(start, end))  # type: ignore[misc]
    assert await do(lambda: client.batch_get(keys)) == []


async def turn_of_tikv_python(client: tikv.AsyncRawClient, turn: int, *, ttl: int | None = 1000) -> None:
    """Every call of it but the swaps; ``ttl=None`` for stores that keep none."""
    rows = rows_of(turn)
    keys = sorted(rows)
    some, singles = dict(list(rows.items())[3:]), list(rows.items())[:3]

    async def do(call: Callable[[], Awaitable[Any]]) -> Any:
        return await persist(call, tikv.TiKVError)

    async def all_of(scan: Any) -> list[Any]:
        return [found async for found in scan]

    for key, value in singles:
        await do(lambda key=key, value=value: client.put(key, value, ttl=ttl))  # type: ignore[misc]
    await do(lambda: client.put_many(some))
    for key, value in singles:
        assert await do(lambda key=key: client.get(key)) == value  # type: ignore[misc]
        if ttl is not None:
            assert ttl - 100 < await do(lambda key=key: client.ttl(key)) <= ttl  # type: ignore[misc]
    assert await do(lambda: client.get_many(keys)) == rows
    for letter in (b"a", b"c", b"z"):
        prefix = letter + b"%06d" % turn
        expected = sorted(row for row in rows.items() if row[0].startswith(letter))
        assert await do(lambda prefix=prefix: all_of(client.scan(prefix=prefix))) == expected  # type: ignore[misc]
        backwards = await do(lambda prefix=prefix: all_of(client.scan(prefix=prefix, reverse=True)))  # type: ignore[misc]
        assert backwards == expected[::-1]
        only_keys = await do(lambda prefix=prefix: all_of(client.scan_keys(prefix=prefix)))  # type: ignore[misc]
        assert only_keys == [key for key, _ in expected]
        sums = await do(lambda prefix=prefix: client.checksum(prefix=prefix))  # type: ignore[misc]
        total = 0
        for key, value in expected:
            total ^= crc64(key + value)
        assert (sums.crc64_xor, sums.keys) == (total, len(expected))
    await do(lambda: client.delete(keys[0]))
    assert await do(lambda: client.get(keys[0])) is None
    await do(lambda: client.delete_many(keys[1:5]))
    assert await do(lambda: client.get_many(keys)) == {key: rows[key] for key in keys[5:]}
    for letter in (b"a", b"c", b"z"):
        await do(lambda letter=letter: client.delete_range(prefix=letter + b"%06d" % turn))  # type: ignore[misc]
    assert await do(lambda: client.get_many(keys)) == {}

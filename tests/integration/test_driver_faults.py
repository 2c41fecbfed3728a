"""Both TiKV drivers against a cluster that fails on command: outcomes, names, rows on the wire, connections, opening.

The libraries try again by themselves, so what an operation ends in is partly theirs; what must hold for both is that
no error of a write is called ``FAILED`` if the write may have been applied.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from scripted_cluster import ScriptedCluster

from ycsbpy.config import make_config
from ycsbpy.drivers import tikv_raw
from ycsbpy.drivers.registry import driver_class
from ycsbpy.drivers.tikv_raw import RawTikvDriver
from ycsbpy.errors import ClusterError
from ycsbpy.ops import Outcome, Result
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

OK, NOT_FOUND, FAILED, UNKNOWN = Outcome.OK, Outcome.NOT_FOUND, Outcome.FAILED, Outcome.UNKNOWN
TABLE = "usertable"
ROW = {"field0": b"zero", "field1": b"one"}
STORED = b"\x08\x00\x02\x08zero" + b"\x08\x02\x02\x06one"


@pytest.fixture(params=["tikv-client", "tikv-python"])
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "tikv-client":
        pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")
    return str(request.param)


def made(name: str, pd: str, **properties: object) -> RawTikvDriver:
    values = {"fieldcount": 3, "tikv.pd": pd, "tikv.timeout": 0.6}
    values.update({key.replace("_", "."): value for key, value in properties.items()})
    driver = driver_class(name).from_config(make_config(values))
    assert isinstance(driver, RawTikvDriver)
    return driver


@contextlib.asynccontextmanager
async def opened(name: str, cluster: ScriptedCluster, **properties: object) -> AsyncIterator[RawTikvDriver]:
    driver = made(name, cluster.pd, **properties)
    await driver.open()
    cluster.requests.clear()
    try:
        yield driver
    finally:
        await driver.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_rows_on_the_wire_are_those_of_go_ycsb(name: str) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster, opened(name, cluster) as driver:
            assert await driver.insert(TABLE, b"user1", dict(reversed(ROW.items()))) == Result(OK)
            assert cluster.data == {b"usertable:user1": STORED}
            assert await driver.update(TABLE, b"user1", {"field2": b"", "field0": b"null"}) == Result(OK)
            assert cluster.data == {b"usertable:user1": STORED.replace(b"zero", b"null") + b"\x08\x04\x02\x00"}
            assert [method for method, _ in cluster.requests] == ["RawPut", "RawGet", "RawPut"]
            assert await driver.update(TABLE, b"user2", {"field0": b""}) == Result(NOT_FOUND)
            assert await driver.delete(TABLE, b"user1") == Result(OK)
            assert cluster.data == {}

    run(test())


LOST = {"cut": True, "applied": True}
BUSY = {"region_error": "server_is_busy", "times": 99}
TOO_LARGE = {"region_error": "raft_entry_too_large"}
WRITE_FAULTS: dict[str, tuple[list[dict[str, Any]], Outcome, str]] = {
    # What the store does to the first requests, and how the write ends.
    "too large for raft": ([TOO_LARGE], FAILED, "raft_entry_too_large"),
    "key too large": ([{"error": "max key size exceeded, size: 9000, limit: 8192"}], FAILED, "key_too_large"),
    "applied, then an error": ([{"error": "stale command", "applied": True}], UNKNOWN, "store_error"),
    "stale, then served": ([{"region_error": "stale_command", "applied": True}], OK, ""),
    "not the leader, then served": ([{"region_error": "not_leader"}], OK, ""),
    "stale": ([{"region_error": "stale_command", "applied": True, "times": 99}], UNKNOWN, "stale_command"),
    "lost, then served": ([LOST], OK, ""),
    "lost, then too large": ([LOST, TOO_LARGE], FAILED, "raft_entry_too_large"),
    "lost, then busy": ([LOST, BUSY], UNKNOWN, "server_is_busy"),
    "no answer": ([{"silence": True, "applied": True, "times": 99}], UNKNOWN, "timeout"),
    "unavailable": (
        [{"status": grpc.StatusCode.UNAVAILABLE, "applied": True, "times": 99}],
        UNKNOWN,
        "connection_lost",
    ),
}


@pytest.mark.parametrize("case", WRITE_FAULTS)
def test_inserts(name: str, case: str) -> None:
    run(write_meets(name, "insert", case))


@pytest.mark.parametrize("case", ["key too large", "applied, then an error", "lost, then busy"])
@pytest.mark.parametrize("kind", ["update", "delete"])
def test_other_writes(name: str, kind: str, case: str) -> None:
    run(write_meets(name, kind, case))


async def write_meets(name: str, kind: str, case: str) -> None:
    faults, outcome, error = WRITE_FAULTS[case]
    async with ScriptedCluster() as cluster, opened(name, cluster, tikv_timeout=1) as driver:
        cluster.data[b"usertable:user1"] = STORED
        for fault in faults:
            cluster.inject("RawDelete" if kind == "delete" else "RawPut", **fault)
        values = () if kind == "delete" else ({"field0": b"new"},)
        result = await getattr(driver, kind)(TABLE, b"user1", *values)
        assert result.outcome is outcome, result
        # The libraries' patience and ours end at about the same time; either may end an operation.
        assert result.error in ({error, "timeout"} if outcome is UNKNOWN else {error}), result


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
def test_an_error_that_came_at_once_speaks_for_the_write(name: str, outcome: Outcome) -> None:
    """The Rust client's second attempt comes 2 ms after a lost answer at the soonest; the Python client logs each."""
    if name == "tikv-python" and outcome is UNKNOWN:
        pytest.skip("this client says which attempts it made")

    async def test() -> None:
        async with ScriptedCluster() as cluster, opened(name, cluster) as driver:
            clock = VirtualClock()
            driver._clock = clock
            cluster.inject("RawPut", region_error="server_is_busy", times=9)
            if outcome is UNKNOWN:
                cluster.on_request = lambda: clock.advance(2_000_000)
            result = await driver.insert(TABLE, b"user1", ROW)
            assert (result.outcome, result.error) == (outcome, "server_is_busy")

    run(test())


READ_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"region_error": "raft_entry_too_large"}, "raft_entry_too_large"),
    ({"error": "wrong"}, "store_error"),
    ({"region_error": "stale_command", "times": 99}, "stale_command"),
    ({"silence": True, "times": 99}, "timeout"),
    ({"status": grpc.StatusCode.UNAVAILABLE, "times": 99}, "connection_lost"),
]


@pytest.mark.parametrize(("fault", "error"), READ_FAULTS, ids=[row[1] for row in READ_FAULTS])
def test_reads(name: str, fault: dict[str, Any], error: str) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster, opened(name, cluster, tikv_timeout=1) as driver:
            cluster.data[b"usertable:user1"] = STORED
            cluster.inject("RawGet", **fault)
            reads = [driver.read(TABLE, b"user1", None), driver.update(TABLE, b"user1", {"field0": b""})]
            if fault.get("times", 1) == 1:
                reads.pop().close()
            for result in await asyncio.gather(*reads):
                assert result.outcome is FAILED
                assert result.error in {error, "timeout"}
            assert cluster.count("RawPut") == 0

    run(test())


def test_a_store_that_is_gone(name: str) -> None:
    """Nothing was ever sent to it. The Rust client does not say so; both may be sure of reads.

    A write that ran out of time before gRPC said why it cannot connect may have been on its way, and is ``UNKNOWN``
    with either library; on a busy machine that comes first, so the one that met a closed port is waited for.
    """

    async def test() -> None:
        async with ScriptedCluster() as cluster, opened(name, cluster, tikv_timeout=1) as driver:
            await cluster.relays[1].stop()
            read = await driver.read(TABLE, b"user1", None)  # notices that the connection is gone
            assert (read.outcome, read.error in {"store_unreachable", "timeout"}) == (FAILED, True)
            async with asyncio.timeout(30):
                while (write := await driver.insert(TABLE, b"user1", ROW)).error != "store_unreachable":
                    assert (write.outcome, write.error) == (UNKNOWN, "timeout")
                    if name == "tikv-client":
                        break
            assert write.outcome is (FAILED if name == "tikv-python" else UNKNOWN)
            assert cluster.count("RawPut") == 0
            await cluster.relays[1].start(cluster.relays[1].port)
            async with asyncio.timeout(10):
                while (await driver.insert(TABLE, b"user1", ROW)).outcome is not OK:
                    pass

    run(test())


def test_writes_at_once_are_judged_each_by_its_own_attempts() -> None:
    """The retries of one must not be put down to another."""

    async def test() -> None:
        async with ScriptedCluster() as cluster, opened("tikv-python", cluster) as driver:
            cluster.inject("RawPut", region_error="stale_command", times=99)
            cluster.inject("RawDelete", region_error="server_is_busy", times=99)
            writes = [driver.insert(TABLE, b"user%d" % number, ROW) for number in range(8)]
            deletes = [driver.delete(TABLE, b"user%d" % number) for number in range(8)]
            results = await asyncio.gather(*writes, *deletes)
            assert {(result.outcome, result.error) for result in results[:8]} == {(UNKNOWN, "stale_command")}
            assert {(result.outcome, result.error) for result in results[8:]} == {(FAILED, "server_is_busy")}

    run(test())


def test_the_log_of_retries_is_not_seen_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tikv")

    async def test(records: int) -> None:
        before = (logger.level, list(logger.filters))
        async with ScriptedCluster() as cluster, opened("tikv-python", cluster) as driver:
            cluster.inject("RawPut", region_error="not_leader")
            assert (await driver.insert(TABLE, b"user1", ROW)).outcome is OK
            assert cluster.count("RawPut") == 2
        assert (logger.level, list(logger.filters)) == before
        assert sum("retrying" in record.message for record in caplog.records) == records

    run(test(0))
    caplog.set_level(logging.DEBUG, "tikv")
    run(test(1))


def test_conncount_is_the_number_of_connections_to_a_store(name: str) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster, opened(name, cluster, tikv_conncount=4) as driver:
            for number in range(8):
                await driver.insert(TABLE, b"user%d" % number, ROW)
            async with asyncio.timeout(5):  # the connection of the client that probed goes in its own time
                while cluster.relays[1].connections != 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    run(test())


# -- scans


def filled(cluster: ScriptedCluster) -> list[bytes]:
    keys = [b"user%02d" % number for number in range(30)]
    cluster.data.update({b"usertable:" + key: b"\x08\x00\x02" + bytes([len(key) * 2]) + key for key in keys})
    cluster.data[b"usertable;next table"] = b"no row"
    return keys


async def scanned(driver: RawTikvDriver, start: bytes, count: int) -> list[bytes]:
    result = await driver.scan(TABLE, start, count, None)
    assert result.outcome is OK, result
    return [row["field0"] for row in result.rows or ()]


SPLITS = (b"usertable:user10", b"usertable:user20")


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_scan_finds_all_rows_after_a_leader_has_moved(name: str, moved: int) -> None:
    """The Rust client takes the error of the old leader for an empty Region. Scans that begin or end in it are
    seen."""

    async def test() -> None:
        async with ScriptedCluster(stores=2, splits=SPLITS) as cluster, opened(name, cluster) as driver:
            keys = filled(cluster)
            assert await scanned(driver, b"user00", 99) == keys  # all routes are known
            cluster.move_leader(moved, 2)
            first = b"user%d5" % moved
            assert await scanned(driver, first, 5) == keys[keys.index(first) :][:5]
            assert await scanned(driver, b"user00", 99) == keys
            cluster.requests.clear()
            assert await scanned(driver, first, 5) == keys[keys.index(first) :][:5]
            assert cluster.count("RawScan") == 1  # the route has been mended

    run(test())


def test_a_scan_finds_all_rows_after_a_split(name: str) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster, opened(name, cluster) as driver:
            keys = filled(cluster)
            assert await scanned(driver, b"user00", 99) == keys
            cluster.split(b"usertable:user15")
            assert await scanned(driver, b"user10", 10) == keys[10:20]
            assert await scanned(driver, b"user00", 99) == keys

    run(test())


@pytest.mark.parametrize("start", [b"user000", b"user15", b"user29", b"user3"])
def test_scans_at_the_edges(name: str, start: bytes) -> None:
    async def test() -> None:
        async with ScriptedCluster(splits=SPLITS) as cluster, opened(name, cluster) as driver:
            keys = filled(cluster)
            assert await scanned(driver, start, 10) == [key for key in keys if key >= start][:10]
            assert await scanned(driver, start, 20_000) == [key for key in keys if key >= start]

    run(test())


def test_a_scan_whose_request_failed_is_made_again(name: str) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster, opened(name, cluster, tikv_timeout=1) as driver:
            keys = filled(cluster)
            cluster.inject("RawScan", status=grpc.StatusCode.UNAVAILABLE)
            assert await scanned(driver, b"user00", 5) == keys[:5]
            cluster.inject("RawScan", silence=True, times=99)
            result = await driver.scan(TABLE, b"user00", 5, None)
            assert (result.outcome, result.error) == (FAILED, "timeout")

    run(test())


def test_the_rust_client_gives_up_by_itself_in_the_end() -> None:
    """Ten attempts: after about 1.5 s it says what the last one met."""
    pytest.importorskip("tikv_client", reason="its wheels are for CPython 3.11")

    async def test() -> None:
        async with ScriptedCluster() as cluster, opened("tikv-client", cluster, tikv_timeout=20) as driver:
            cluster.inject("RawPut", status=grpc.StatusCode.UNAVAILABLE, times=99)
            result = await driver.insert(TABLE, b"user1", ROW)
            assert (result.outcome, result.error, result.detail) == (UNKNOWN, "connection_lost", "scripted")

    run(test())


# -- opening


async def failure_to_open(driver: RawTikvDriver) -> str:
    with pytest.raises(ClusterError) as caught:
        await driver.open()
    await driver.close()
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    return line


def test_no_pd(name: str) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            pd = cluster.pd
        assert (await failure_to_open(made(name, pd))).startswith(f"no PD answers at {pd}")

    run(test())


def test_a_pd_that_says_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tikv_raw, "OPEN_SECONDS", 1.0)

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:  # the system accepts, nobody answers
            pd = f"127.0.0.1:{server.getsockname()[1]}"
            line = await failure_to_open(made(name, pd))
        assert line.startswith((f"the cluster of PD {pd} did not answer in time", f"no PD answers at {pd}"))

    run(test())


def test_a_cluster_that_is_not_bootstrapped(name: str) -> None:
    async def test() -> None:
        async with ScriptedCluster(bootstrapped=False) as cluster:
            line = await failure_to_open(made(name, cluster.pd))
            assert line == f"the cluster of PD {cluster.pd} is not bootstrapped: no TiKV store has joined it yet"

    run(test())


def test_a_cluster_whose_store_is_gone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tikv_raw, "OPEN_SECONDS", 3.0)

    async def test() -> None:
        async with ScriptedCluster() as cluster:
            await cluster.relays[1].stop()
            line = await failure_to_open(made(name, cluster.pd))
            assert line.startswith(f"PD at {cluster.pd} answers, but a TiKV store cannot be reached")
            await cluster.relays[1].start(cluster.relays[1].port)

    run(test())


def test_two_drivers_at_once_and_one_after_the_other(name: str) -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            async with opened(name, cluster) as one, opened(name, cluster) as other:
                assert (await one.insert(TABLE, b"user1", ROW)).outcome is OK
                assert (await other.read(TABLE, b"user1", None)).row == ROW
            async with opened(name, cluster) as again:
                assert (await again.read(TABLE, b"user1", ["field1"])).row == {"field1": b"one"}
            assert (await again.read(TABLE, b"user1", None)).error == "driver_error"

    run(test())

"""Single calls of the native driver to stores that fail on command: what a fault proves, and what is tried again."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from scripted_cluster import ScriptedCluster

from ycsbpy.config import make_config
from ycsbpy.ops import Outcome

if sys.platform != "linux":
    pytest.skip("the native driver is for Linux", allow_module_level=True)

from ycsbpy.drivers.tikv_native import TikvNativeDriver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN
ROW = {"field0": b"zero"}


def used(test: Callable[[ScriptedCluster, TikvNativeDriver], Awaitable[None]], **properties: Any) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), ScriptedCluster(stores=2) as cluster:
            config = make_config({"fieldcount": 1, "tikv.pd": cluster.pd, "tikv.timeout": 1, **properties})
            driver = TikvNativeDriver.from_config(config)
            await driver.open()
            cluster.requests.clear()
            try:
                await test(cluster, driver)
            finally:
                await driver.close()

    asyncio.run(run())


FAULTS: dict[str, tuple[dict[str, Any], Outcome, str, int]] = {
    # what the first request meets → how the write ends, and after how many requests
    "busy": ({"region_error": "server_is_busy"}, OK, "", 2),
    "not the leader": ({"region_error": "not_leader"}, OK, "", 2),
    "disk full": ({"region_error": "disk_full", "times": 2}, OK, "", 3),
    "too large": ({"region_error": "raft_entry_too_large"}, FAILED, "raft_entry_too_large", 1),
    "key too large": ({"error": "max key size exceeded, size: 9000, limit: 8192"}, FAILED, "key_too_large", 1),
    "an error after it was applied": ({"error": "oh", "applied": True}, UNKNOWN, "store_error", 1),
    "stale": ({"region_error": "stale_command", "applied": True}, UNKNOWN, "stale_command", 1),
    "words only": ({"region_error": "message_only", "applied": True}, UNKNOWN, "region_error", 1),
    "cut": ({"cut": True, "applied": True}, UNKNOWN, "connection_lost", 1),
    "unavailable": ({"status": grpc.StatusCode.UNAVAILABLE, "applied": True}, UNKNOWN, "connection_lost", 1),
    "silence": ({"silence": True, "applied": True}, UNKNOWN, "timeout", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["insert", "update", "delete"])
def test_a_write_meets_a_fault(fault: str, kind: str) -> None:
    scripted, outcome, error, requests = FAULTS[fault]
    method = "RawDelete" if kind == "delete" else "RawPut"

    async def test(cluster: ScriptedCluster, driver: TikvNativeDriver) -> None:
        await driver.insert("usertable", b"user1", ROW)
        cluster.requests.clear()
        cluster.inject(method, **scripted)
        values = () if kind == "delete" else (ROW,)
        result = await getattr(driver, kind)("usertable", b"user1", *values)
        assert (result.outcome, result.error) == (outcome, error), result
        assert cluster.count(method) == requests

    used(test)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_is_tried_again_and_never_unknown(fault: str) -> None:
    scripted, outcome, error, _ = FAULTS[fault]

    async def test(cluster: ScriptedCluster, driver: TikvNativeDriver) -> None:
        await driver.insert("usertable", b"user1", ROW)
        cluster.inject("RawGet", **scripted)
        result = await driver.read("usertable", b"user1", None)
        final = outcome is FAILED or error in {"store_error", "timeout"}
        assert (result.outcome, result.error) == ((FAILED, error) if final else (OK, ""))

    used(test)


def test_a_leader_that_moved_is_found() -> None:
    async def test(cluster: ScriptedCluster, driver: TikvNativeDriver) -> None:
        await driver.insert("usertable", b"user1", ROW)
        cluster.move_leader(0, 2)
        lookups = cluster.lookups
        assert (await driver.read("usertable", b"user1", None)).row == ROW
        assert cluster.requests == [("RawPut", 1), ("RawGet", 1), ("RawGet", 2)]
        assert cluster.lookups == lookups  # the store said who leads

    used(test)


def test_what_was_never_sent_has_failed() -> None:
    async def test(cluster: ScriptedCluster, driver: TikvNativeDriver) -> None:
        for relay in cluster.relays.values():
            await relay.stop()
        async with asyncio.timeout(30):
            while (write := await driver.insert("usertable", b"user1", ROW)).error != "store_unreachable":
                assert write.outcome is UNKNOWN  # its time was over before gRPC said why it cannot connect
        assert write.outcome is FAILED
        for relay in cluster.relays.values():
            await relay.start(relay.port)
        assert cluster.data == {}

    used(test)

"""API V2 and V1TTL with the native driver: keys in a keyspace, Regions by encoded keys, and the calls outside of the
engine."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from scripted_cluster import ScriptedCluster, run

from ycsbpy.clock import SystemClock
from ycsbpy.config import make_config
from ycsbpy.drivers.raw_calls import CallFailed
from ycsbpy.errors import ClusterError
from ycsbpy.measure.summary import Accounting
from ycsbpy.ops import Outcome
from ycsbpy.runner.phases import run_phase
from ycsbpy.runner.plan import PhasePlan
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if sys.platform != "linux":
    pytest.skip("the engine is for Linux", allow_module_level=True)

from ycsbpy.drivers.tikv_native import TikvNativeDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.measure.summary import Summary

KEYSPACES = {"DEFAULT": 0, "mine": 0x010203, "disabled": 9}
PREFIX = b"r\x01\x02\x03usertable:"
SPLITS = (b"r\x01\x02\x03", PREFIX + b"user3", PREFIX + b"user7", b"r\x01\x02\x04", b"x")
RECORDS = 60


def config_of(cluster: ScriptedCluster, **properties: Any) -> Any:
    values: dict[str, Any] = {"recordcount": RECORDS, "operationcount": 200, "fieldcount": 2, "fieldlength": 8}
    values |= {"requestdistribution": "uniform", "tikv.pd": cluster.pd, "tikv.timeout": 5}
    values |= {"tikv.apiversion": "V2", "tikv.keyspace": "mine"} if properties.get("v2", True) else {}
    properties.pop("v2", None)
    return make_config({**values, **properties})


async def used(cluster: ScriptedCluster, phase: Phase, during: Callable[[], None], **properties: Any) -> Summary:
    config = config_of(cluster, **properties)
    driver = TikvNativeDriver.from_config(config)
    await driver.open()
    during()
    clock = SystemClock()
    try:
        plan = PhasePlan(phase=phase, count=RECORDS, clients=4)
        return await run_phase(plan, CoreWorkload.from_config(config, 7), driver, clock)
    finally:
        clock.close()
        await driver.close()


def test_a_keyspace_is_loaded_and_read() -> None:
    async def test() -> None:
        async with ScriptedCluster(keyspaces=KEYSPACES, splits=SPLITS) as cluster:
            loaded = await used(cluster, Phase.LOAD, lambda: None, readproportion=1)
            assert loaded.accounting == Accounting(planned=RECORDS, ok=RECORDS)
            assert len(cluster.data) == RECORDS
            assert all(key.startswith(PREFIX) for key in cluster.data)
            contexts = [request.context for request in cluster.seen]
            assert {(context.api_version, context.keyspace_id) for context in contexts} == {(2, 0x010203)}
            for mix in ("readproportion", "updateproportion", "scanproportion"):
                summary = await used(cluster, Phase.RUN, lambda: None, **{mix: 1, "maxscanlength": 20})
                assert summary.accounting == Accounting(planned=RECORDS, ok=RECORDS)

    run(test())


def test_scans_end_with_the_keyspace() -> None:
    async def test() -> None:
        async with ScriptedCluster(keyspaces=KEYSPACES, splits=SPLITS) as cluster:
            await used(cluster, Phase.LOAD, lambda: None, readproportion=1)
            cluster.data[b"r\x01\x02\x04usertable:user1"] = b"no row"
            cluster.data[b"r\x01\x02\x03usertable;"] = b"no row"
            lengths = {"scanproportion": 1, "readproportion": 0, "minscanlength": 100, "maxscanlength": 100}
            summary = await used(cluster, Phase.RUN, lambda: None, **lengths)
            assert summary.accounting == Accounting(planned=RECORDS, ok=RECORDS)

    run(test())


def test_what_a_store_says_of_split_regions_is_understood() -> None:
    """The Regions in an EpochNotMatch come with encoded bounds; a second question to PD would be one too many."""

    async def test() -> None:
        async with ScriptedCluster(keyspaces=KEYSPACES, splits=SPLITS) as cluster:
            before = 0

            def split_later() -> None:
                nonlocal before
                before = cluster.lookups
                waiting = [PREFIX + b"user5", PREFIX + b"user2"]

                def split() -> None:
                    if waiting and len(cluster.seen) > 20:
                        cluster.split(waiting.pop())

                cluster.on_request = split

            summary = await used(cluster, Phase.LOAD, split_later, readproportion=1)
            assert summary.accounting == Accounting(planned=RECORDS, ok=RECORDS)
            assert summary.attempts is not None
            assert set(summary.attempts.failed) == {"epoch_not_match"}
            assert len(cluster.regions) == len(SPLITS) + 3
            assert cluster.lookups == before

    run(test())


@pytest.mark.parametrize(
    ("name", "words"),
    [("other", "keyspace other: PD answers LoadKeyspace with ENTRY_NOT_FOUND"), ("disabled", "keyspace disabled is")],
)
def test_a_keyspace_that_cannot_be_used_is_one_line(name: str, words: str) -> None:
    async def test() -> None:
        async with ScriptedCluster(keyspaces=KEYSPACES) as cluster:
            driver = TikvNativeDriver.from_config(config_of(cluster, **{"tikv.keyspace": name}))
            with pytest.raises(ClusterError) as caught:
                await driver.open()
            assert words in str(caught.value)
            assert len(str(caught.value).splitlines()) == 1
            await driver.close()

    run(test())


@pytest.mark.parametrize("apiversion", ["V1", "V1TTL"])
def test_a_cluster_of_another_version_is_one_line(apiversion: str) -> None:
    async def test() -> None:
        async with ScriptedCluster(keyspaces=KEYSPACES) as cluster:
            driver = TikvNativeDriver.from_config(config_of(cluster, v2=False, **{"tikv.apiversion": apiversion}))
            with pytest.raises(ClusterError):
                await driver.open()

    run(test())


def test_requests_to_a_cluster_of_v1ttl_say_v1() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            properties = {"tikv.apiversion": "V1TTL", "readproportion": 1}
            summary = await used(cluster, Phase.LOAD, lambda: None, v2=False, **properties)
            assert summary.accounting == Accounting(planned=RECORDS, ok=RECORDS)
            assert {request.context.api_version for request in cluster.seen} == {0}

    run(test())


def test_single_calls_in_a_keyspace() -> None:
    async def test() -> None:
        async with ScriptedCluster(keyspaces=KEYSPACES, splits=SPLITS, stores=2) as cluster:
            driver = TikvNativeDriver.from_config(config_of(cluster))
            await driver.open()
            for number in range(10):
                row = {"field0": b"%d" % number, "field1": b""}
                assert (await driver.insert("usertable", b"user%d" % number, row)).outcome is Outcome.OK
            assert sorted(cluster.data) == [PREFIX + b"user%d" % number for number in range(10)]
            cluster.move_leader(2, 2)
            cluster.split(PREFIX + b"user5")
            scanned = (await driver.scan("usertable", b"user1", 7, ["field0"])).rows
            assert scanned == [{"field0": b"%d" % number} for number in range(1, 8)]
            assert (await driver.update("usertable", b"user9", {"field1": b"new"})).outcome is Outcome.OK
            assert (await driver.read("usertable", b"user9", None)).row == {"field0": b"9", "field1": b"new"}
            assert (await driver.delete("usertable", b"user9")).outcome is Outcome.OK
            assert (await driver.read("usertable", b"user9", None)).outcome is Outcome.NOT_FOUND
            await driver.close()

    run(test())


def test_time_to_live_and_compare_and_swap() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            driver = TikvNativeDriver.from_config(config_of(cluster, v2=False))
            driver.ttl, driver.column_family = 300, "lock"
            await driver.open()
            calls, deadline = driver.calls, asyncio.get_running_loop().time() + 5
            assert await calls.ttl(b"k", deadline) is None
            assert await calls.compare_and_swap(b"k", None, b"one", deadline) == (True, None)
            assert await calls.ttl(b"k", deadline) == 300
            assert await calls.compare_and_swap(b"k", b"two", b"three", deadline) == (False, b"one")
            assert await calls.compare_and_swap(b"k", None, b"three", deadline) == (False, b"one")
            assert await calls.compare_and_swap(b"k", b"one", b"two", deadline) == (True, b"one")
            assert await calls.get(b"k", deadline) == b"two"
            await calls.put(b"k", b"three", deadline, for_cas=True)
            await calls.delete(b"k", deadline, for_cas=True)
            assert [request.for_cas for request in cluster.seen[-2:]] == [True, True]
            assert {request.cf for request in cluster.seen} == {"lock"}
            await driver.close()

    run(test())


def test_calls_for_many_keys_are_cut_by_region() -> None:
    async def test() -> None:
        async with ScriptedCluster(keyspaces=KEYSPACES, splits=SPLITS, stores=2) as cluster:
            driver = TikvNativeDriver.from_config(config_of(cluster))
            driver.ttl = 7
            await driver.open()
            deadline = asyncio.get_running_loop().time() + 10
            pairs = {b"usertable:user%d" % number: b"%d" % number for number in range(10)}
            await driver.calls.put_many(pairs, deadline)
            assert {tuple(request.ttls) for request in cluster.seen if hasattr(request, "ttls")} == {(7,)}
            assert cluster.count("RawBatchPut") == 3  # of user0 to 2, 3 to 6, and the others
            cluster.move_leader(2, 2)
            cluster.split(PREFIX + b"user5")
            cluster.inject("RawBatchGet", region_error="server_is_busy")
            assert await driver.calls.get_many([*pairs, b"usertable:other"], deadline) == pairs
            await driver.calls.delete_many([b"usertable:user1", b"usertable:user8"], deadline)
            assert len(cluster.data) == 8
            cluster.inject("RawBatchPut", region_error="stale_command")
            with pytest.raises(CallFailed) as caught:
                await driver.calls.put_many(pairs, deadline)
            assert [failure.name for failure in caught.value.failures] == ["stale_command"]
            await driver.close()

    run(test())


def test_a_swap_whose_answer_was_lost_is_not_tried_again() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            driver = TikvNativeDriver.from_config(config_of(cluster, v2=False))
            await driver.open()
            deadline = asyncio.get_running_loop().time() + 5
            cluster.inject("RawCompareAndSwap", region_error="not_leader")
            cluster.inject("RawCompareAndSwap", region_error="stale_command", applied=True)
            with pytest.raises(CallFailed) as caught:
                await driver.calls.compare_and_swap(b"k", None, b"one", deadline)
            assert [failure.name for failure in caught.value.failures] == ["not_leader", "stale_command"]
            assert cluster.data == {b"k": b"one"}
            assert cluster.count("RawCompareAndSwap") == 2
            await driver.close()

    run(test())

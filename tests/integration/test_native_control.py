"""The native engine's way to the cluster while that changes: PD's leader, addresses of stores, stores that are gone."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest
from scripted_cluster import Relay, ScriptedCluster, run

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN
from ycsbpy.config import TikvSettings, make_config
from ycsbpy.drivers import pd_directory
from ycsbpy.drivers.pd_directory import PdDirectory
from ycsbpy.errors import ClusterError
from ycsbpy.ops import OpKind, Outcome

if sys.platform == "linux":
    from enginekit import run_engine, source_of
else:
    pytest.skip("the native engine is for Linux", allow_module_level=True)

if TYPE_CHECKING:
    from collections.abc import Callable

    from enginekit import Ended

COUNT = 300


async def load(cluster: ScriptedCluster, at: dict[int, Callable[[], None]], **arguments: Any) -> Ended:
    """Insert, and do something when so many requests have come."""

    def look() -> None:
        change = at.pop(len(cluster.requests), None)
        if change is not None:
            change()

    cluster.on_request = look
    given: dict[str, Any] = {"domain": DOMAIN_LOAD, "repeats_writes": True, "timeout_ns": 30_000_000_000}
    source = source_of(insertproportion=1, recordcount=COUNT)
    return await asyncio.to_thread(run_engine, cluster.pd, source, count=COUNT, **{**given, **arguments})


def inserted(ended: Ended) -> int:
    return ended.counts[OpKind.INSERT, Outcome.OK]


def test_pds_leader_moves_and_its_old_one_ends() -> None:
    """Only the first member was named; the others are learnt from it."""

    async def test() -> None:
        async with ScriptedCluster(stores=2, pds=3) as cluster:
            stopping: list[asyncio.Future[None]] = []

            def follow(leader: int, key: bytes, *, end: bool) -> None:
                if end:
                    stopping.append(asyncio.ensure_future(cluster.stop_pd(cluster.pd_leader)))
                cluster.pd_leader = leader
                cluster.split(key)
                cluster.faults["RawPut"].clear()
                cluster.inject("RawPut", region_error="region_not_found", times=4)  # so PD has to be asked

            ended = await load(
                cluster,
                {
                    50: lambda: follow(1, b"usertable:user3", end=False),
                    120: lambda: follow(2, b"usertable:user5", end=True),
                },
            )
            await asyncio.gather(*stopping)
            assert inserted(ended) == COUNT
            assert len(cluster.data) == COUNT
            assert set(cluster.asked) == {0, 1, 2}
            assert cluster.asked[-1] == 2

    run(test())


def test_a_store_comes_back_at_another_address() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            moving: list[asyncio.Future[None]] = []

            def move() -> None:
                old = cluster.relays[1]
                moving.append(asyncio.ensure_future(elsewhere(old)))

            async def elsewhere(old: Relay) -> None:
                new = Relay(old.to)
                await new.start()
                cluster.relays[1] = new
                await old.stop()

            ended = await load(cluster, {60: move}, timeout_ns=10_000_000_000)
            await asyncio.gather(*moving)
            assert inserted(ended) == COUNT
            assert len(cluster.data) == COUNT
            assert "store_unreachable" in ended.attempts or "connection_lost" in ended.attempts

    run(test())


def test_a_region_that_cannot_be_found_does_not_stop_others() -> None:
    """PD names a store that is gone as the leader of the upper half: the lower half is written all the same."""

    async def test() -> None:
        async with ScriptedCluster(stores=2, splits=(b"usertable:user5",)) as cluster:
            cluster.move_leader(1, 2)
            cluster.tombstones.add(2)
            ended = await load(cluster, {}, domain=DOMAIN_RUN, repeats_writes=False, clients=16, timeout_ns=500_000_000)
            below = sum(key < b"usertable:user5" for key in cluster.data)
            assert 0 < below == len(cluster.data) == inserted(ended)
            assert ended.counts[OpKind.INSERT, Outcome.FAILED] == COUNT - below > 0
            assert {error for _, _, error, _, _ in ended.errors} <= {"no_region", "timeout"}
            assert {store for _, store in cluster.requests} == {1}

    run(test())


def test_a_pd_of_another_cluster_is_not_followed() -> None:
    async def test() -> None:
        async with ScriptedCluster() as cluster:
            directory = PdDirectory(TikvSettings.from_config(make_config({"tikv.pd": cluster.pd})))
            try:
                assert await asyncio.to_thread(directory.region, b"k") is not None
                directory.cluster_id += 1
                directory._forget_leader()
                with pytest.raises(ClusterError, match="is of another cluster"):
                    await asyncio.to_thread(directory.region, b"k")
            finally:
                directory.close()

    run(test())


def test_a_member_that_does_not_answer_costs_its_time_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The member that answered is the first to be asked when the leader has to be found again."""
    asked: list[str] = []
    call = PdDirectory._unary

    def seen(self: PdDirectory, address: str, path: str, *rest: Any) -> Any:
        if path.endswith("/GetMembers"):
            asked.append(address)
        return call(self, address, path, *rest)

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            dead = f"127.0.0.1:{silent.getsockname()[1]}"
            async with ScriptedCluster() as cluster:
                given = make_config({"tikv.pd": f"{dead},{cluster.pd}"})
                directory = PdDirectory(TikvSettings.from_config(given))
                try:
                    for _ in range(2):
                        assert await asyncio.to_thread(directory.region, b"k") is not None
                        directory._forget_leader()
                finally:
                    directory.close()
                assert asked == [dead, cluster.pd, cluster.pd]

    monkeypatch.setattr(pd_directory, "_CALL_S", 0.5)
    monkeypatch.setattr(PdDirectory, "_unary", seen)
    run(test())

"""A store process under a PD that the test holds in its hands: joining, commands, and PD's absence."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from ycsbpy.cluster.process import OWNER_FD, READY_FD, Child, Estate, python_environment
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster.model import Peer, Region, Store
from ycsbpy.minicluster.pd.members import Members
from ycsbpy.minicluster.pd.pdservice import PdService
from ycsbpy.minicluster.pd.state import ClusterState
from ycsbpy.minicluster.pd.streams import HeartbeatStreams
from ycsbpy.minicluster.rpc import Router, server_options
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb
from ycsbpy.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


class HeldPd:
    """PD's state and service on the test's own loop; ``up`` and ``down`` start and stop its server on one port."""

    def __init__(self) -> None:
        self.state = ClusterState(77, VirtualClock())
        self.streams = HeartbeatStreams(77)
        self.port = 0
        self._server: Any = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def up(self) -> None:
        server = grpc.aio.server(options=server_options())
        self.port = server.add_insecure_port(self.address)
        members = Members("pd", 1, self.address, "/", "0", 0)
        service = PdService(self.state, members, self.streams)
        server.add_generic_rpc_handlers((Router(service.unary(), service.streams()),))
        await server.start()
        self._server = server

    async def down(self) -> None:
        await self._server.stop(0)

    def leaders(self) -> list[tuple[bytes, int]]:
        """Start key and leader's store of each Region, as PD knows them."""
        return [(info.region.start, info.leader.store_id if info.leader else 0) for info in self.state.regions]


@contextlib.asynccontextmanager
async def held_pd() -> AsyncIterator[HeldPd]:
    pd = HeldPd()
    await pd.up()
    try:
        yield pd
    finally:
        await pd.down()


def start_store(estate: Estate, pd: HeldPd, folder: Path, *more: str) -> Child:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "ycsbpy.minicluster", "store", "--dir", str(folder), "--pd", pd.address]
    command += ["--owner-fd", OWNER_FD, "--ready-fd", READY_FD, "--region-heartbeat", "0.1", *more]
    return estate.start("store", command, folder / "log", environment=python_environment())


async def ready(child: Child) -> dict[str, Any]:
    return await asyncio.to_thread(child.wait_ready, 20.0)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


def test_a_store_makes_the_cluster_as_tikv_does(tmp_path: Path) -> None:
    async def test() -> None:
        async with held_pd() as pd:
            with Estate() as estate:
                said = await ready(start_store(estate, pd, tmp_path))
                assert (said["store_id"], said["cluster_id"]) == (1, 77)
                (info,) = pd.state.regions
                assert info.region == Region(2, peers=(Peer(3, 1),))  # ids in TiKV's order: store, Region, peer
                await until(lambda: [each.term for each in pd.state.regions] == [6])  # by its first heartbeat
                meta = pd.state.store(1).meta
                assert (meta.address, meta.version) == (said["address"], "8.5.0")
                await until(lambda: pd.state.store(1).stats is not None)
                stats = pd.state.store(1).stats
                assert stats is not None
                assert stats.capacity > stats.available > 0
                assert stats.region_count == 1
                await asyncio.to_thread(estate.close)

    asyncio.run(test())


def test_a_store_joins_a_cluster_that_is_there(tmp_path: Path) -> None:
    async def test() -> None:
        async with held_pd() as pd:
            pd.state.alloc_ids(3)
            pd.state.bootstrap(Store(1, "127.0.0.1:1"), Region(2, peers=(Peer(3, 1),)))
            with Estate() as estate:
                said = await ready(start_store(estate, pd, tmp_path))
                assert said["store_id"] == 4
                assert pd.leaders() == [(b"", 1)]
                await asyncio.to_thread(estate.close)

    asyncio.run(test())


def test_a_store_comes_back_with_its_data_and_identity(tmp_path: Path) -> None:
    async def test() -> None:
        async with held_pd() as pd:
            with Estate() as estate:
                first = await ready(start_store(estate, pd, tmp_path, "--split-key=6d"))
                regions = [info.region for info in pd.state.regions]
                await asyncio.to_thread(estate.close)
            with Estate() as estate:
                again = await ready(start_store(estate, pd, tmp_path, "--split-key=6d"))
                assert again["store_id"] == first["store_id"]
                assert [info.region for info in pd.state.regions] == regions
                assert pd.state.store(1).meta.address == again["address"]
                await asyncio.to_thread(estate.close)

    asyncio.run(test())


def test_a_store_whose_address_is_registered_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with held_pd() as pd:
            with Estate() as estate:
                said = await ready(start_store(estate, pd, tmp_path / "one"))
                await asyncio.to_thread(estate.close)
            with Estate() as estate:
                child = start_store(estate, pd, tmp_path / "two", "--addr", said["address"])
                with pytest.raises(ClusterError, match=r"PD refused PutStore: duplicated store address"):
                    await ready(child)
                await asyncio.to_thread(estate.close)

    asyncio.run(test())


def test_pd_splits_a_region_as_a_real_one_does_at_keyspace_bounds(tmp_path: Path) -> None:
    async def test() -> None:
        async with held_pd() as pd:
            with Estate() as estate:
                await ready(start_store(estate, pd, tmp_path))
                command = pdpb.RegionHeartbeatResponse(
                    header=pdpb.ResponseHeader(cluster_id=77),
                    region_id=2,
                    region_epoch=metapb.RegionEpoch(conf_ver=1, version=9),
                    target_peer=metapb.Peer(id=3, store_id=1),
                    split_region=pdpb.SplitRegion(policy=pdpb.USEKEY, keys=[b"never"]),
                )
                await until(lambda: pd.streams.send(1, command))  # for an epoch that is not: ignored
                command.split_region.keys[:] = [
                    bytes.fromhex("7800000000000000fb"),
                    bytes.fromhex("7800000100000000fb"),
                ]
                command.region_epoch.version = 1
                assert pd.streams.send(1, command)
                await until(lambda: len(pd.state.regions) == 3)
                starts = [start.hex() for start, _ in pd.leaders()]
                assert starts == ["", "7800000000000000fb", "7800000100000000fb"]
                assert {info.region.epoch.version for info in pd.state.regions} == {3}
                other = pdpb.RegionHeartbeatResponse(
                    header=pdpb.ResponseHeader(cluster_id=77),
                    region_id=2,
                    region_epoch=metapb.RegionEpoch(conf_ver=1, version=3),
                    merge=pdpb.Merge(),
                )
                assert pd.streams.send(1, other)  # what the store cannot do is logged and left
                await until(lambda: "not one that this store can do" in (tmp_path / "log").read_text())
                await asyncio.to_thread(estate.close)

    asyncio.run(test())


def test_pd_may_go_away_and_come_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with held_pd() as pd:
            with Estate() as estate:
                child = start_store(estate, pd, tmp_path)
                await ready(child)
                await pd.down()
                await asyncio.sleep(0.5)
                assert child.returncode is None
                pd.streams = HeartbeatStreams(77)
                await pd.up()
                await until(lambda: pd.streams.send(1, pdpb.RegionHeartbeatResponse()))  # it reports again
                assert child.returncode is None
                await asyncio.to_thread(estate.close)
                assert "Traceback" not in (tmp_path / "log").read_text()

    asyncio.run(test())

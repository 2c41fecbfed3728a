"""A store's heartbeats against a PD that ends their stream again and again, each time in another way."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import grpc

from ycsbpy.clock import SystemClock
from ycsbpy.minicluster.rpc import Router, server_options
from ycsbpy.minicluster.store.pdlink import PdLink
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from ycsbpy.minicluster.rpc import Context

CLUSTER = 77
REGIONS = (2, 3, 4)
MANY = range(2, 50)
WITHIN_TURNS = 3000


class Teller:
    """The store's side: Regions to report, of which the due ones are told to whoever asks first."""

    def __init__(self, regions: Sequence[int] = REGIONS) -> None:
        self._regions = regions
        self.due: set[int] = set()
        self.anew = 0
        self.commands: list[int] = []
        self.senders = 0
        self.most_senders = 0

    def store_stats(self) -> pdpb.StoreStats:
        return pdpb.StoreStats(store_id=1)

    def region_reports(self, *, anew: bool = False) -> Iterator[pdpb.RegionHeartbeatRequest]:
        if anew:
            self.anew += 1
            self.due.update(self._regions)
        return self._reports()

    def _reports(self) -> Iterator[pdpb.RegionHeartbeatRequest]:
        self.senders += 1
        self.most_senders = max(self.most_senders, self.senders)
        try:
            for region_id in sorted(self.due):
                self.due.discard(region_id)
                request = pdpb.RegionHeartbeatRequest()
                request.region.id = region_id
                yield request
        finally:
            self.senders -= 1

    def command(self, command: pdpb.RegionHeartbeatResponse) -> None:
        self.commands.append(command.region_id)


class ScriptedPd:
    """PD's side: it notes the Regions that each stream tells of, and ends a stream when the test says how."""

    def __init__(self) -> None:
        self.told: list[list[int]] = []
        self.ends: asyncio.Queue[Callable[[Context], Awaitable[None]]] = asyncio.Queue()
        self.address = ""

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        server = grpc.aio.server(options=server_options())
        self.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        unary = {"/pdpb.PD/GetMembers": self._members, "/pdpb.PD/StoreHeartbeat": self._store}
        server.add_generic_rpc_handlers((Router(unary, {"/pdpb.PD/RegionHeartbeat": self._regions}),))
        await server.start()
        try:
            yield
        finally:
            await server.stop(0)

    async def _members(self, _data: bytes, _context: Context) -> bytes:
        leader = pdpb.Member(name="pd", member_id=1, client_urls=[f"http://{self.address}"])
        header = pdpb.ResponseHeader(cluster_id=CLUSTER)
        return pdpb.GetMembersResponse(header=header, members=[leader], leader=leader).SerializeToString()

    async def _store(self, _data: bytes, _context: Context) -> bytes:
        header = pdpb.ResponseHeader(cluster_id=CLUSTER)
        return pdpb.StoreHeartbeatResponse(header=header).SerializeToString()

    async def _regions(self, _requests: object, context: Context) -> None:
        told: list[int] = []
        self.told.append(told)
        command = pdpb.RegionHeartbeatResponse(header=pdpb.ResponseHeader(cluster_id=CLUSTER), region_id=len(self.told))
        await context.write(command.SerializeToString())
        ending = asyncio.ensure_future(self.ends.get())
        hearing = asyncio.ensure_future(self._hear(context, told))
        try:
            await asyncio.wait({ending, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                await ending.result()(context)
        finally:
            ending.cancel()
            hearing.cancel()

    async def _hear(self, context: Context, told: list[int]) -> None:
        data: Any = await context.read()
        while data is not grpc.aio.EOF:
            told.append(pdpb.RegionHeartbeatRequest.FromString(data).region.id)
            data = await context.read()


async def in_order(_context: Context) -> None:
    """PD says that it is done."""


async def unavailable(context: Context) -> None:
    """PD leads no more."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, "not leader")


async def with_an_error(context: Context) -> None:
    """PD does not take a heartbeat, says why, and closes."""
    header = pdpb.ResponseHeader(cluster_id=CLUSTER, error=pdpb.Error(type=pdpb.UNKNOWN, message="no"))
    await context.write(pdpb.RegionHeartbeatResponse(header=header).SerializeToString())
    await context.abort(grpc.StatusCode.UNKNOWN, "no")


ENDS: list[Any] = [in_order, unavailable, with_an_error, unavailable, in_order, in_order]


async def until(true: Callable[[], bool]) -> None:
    for _ in range(WITHIN_TURNS):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def test_each_stream_says_everything_anew_and_by_one_sender() -> None:
    async def test() -> None:
        pd, teller = ScriptedPd(), Teller()
        async with pd.up():
            link = PdLink([pd.address], SystemClock(), region_heartbeat_s=3600.0)
            link.start(teller)
            try:
                for number, end in enumerate(ENDS):
                    await until(lambda number=number: len(pd.told) == number + 1 and len(pd.told[-1]) >= 3)  # type: ignore[misc]
                    assert pd.told[number] == list(REGIONS)
                    teller.due.add(3)
                    link.changed()
                    await until(lambda number=number: len(pd.told[number]) >= 4)  # type: ignore[misc]
                    assert pd.told[number][3:] == [3]  # what changes is said on the stream that is open, once
                    pd.ends.put_nowait(end)
                    link.changed()  # while the stream ends: a sender that outlives it would take what is due
                    teller.due.add(4)
                await until(lambda: len(pd.told) == len(ENDS) + 1 and len(pd.told[-1]) >= 3)
            finally:
                await link.close()
        assert teller.anew == len(ENDS) + 1
        assert teller.most_senders == 1
        assert teller.senders == 0
        assert teller.commands == list(range(1, len(ENDS) + 2))  # one on each stream

    asyncio.run(test())


def test_a_sender_that_waits_for_pd_to_read_ends_with_its_stream() -> None:
    """PD reads nothing and the store has much to say: the sender is in the middle of it when the stream ends."""

    class Talkative(Teller):
        def _reports(self) -> Iterator[pdpb.RegionHeartbeatRequest]:
            for report in super()._reports():
                report.region.start_key = bytes(1 << 20)
                yield report

    class Deaf(ScriptedPd):
        async def _hear(self, context: Context, told: list[int]) -> None:
            if len(self.told) > 2:
                await super()._hear(context, told)
            else:
                await asyncio.Event().wait()

    async def test() -> None:
        pd, teller = Deaf(), Talkative(MANY)
        async with pd.up():
            link = PdLink([pd.address], SystemClock(), region_heartbeat_s=3600.0)
            link.start(teller)
            try:
                for number in (1, 2):
                    await until(lambda number=number: len(pd.told) == number and teller.senders == 1)  # type: ignore[misc]
                    pd.ends.put_nowait(in_order)
                await until(lambda: len(pd.told) == 3 and len(pd.told[-1]) >= len(MANY))
            finally:
                await link.close()
        assert pd.told == [[], [], list(MANY)]
        assert teller.most_senders == 1

    asyncio.run(test())

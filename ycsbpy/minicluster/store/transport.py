"""The way to the other stores: one ``BatchRaft`` stream to each, and a ``Snapshot`` stream for each snapshot.

What a pass posts for a store goes out as one message, and what is posted while that is being sent as the next. Nothing
waits for long: beyond ``MAX_POSTED`` bytes messages are dropped, as a network may, and the groups are told. A stream
that breaks is opened again, to the address that PD gives by then. Stores that have nothing to say to each other still
send an empty message once a second, so that the groups that sleep between them need no heartbeats: who is not heard of
is taken for lost, and its groups wake up.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.rpc import channel_options
from ycsbpy.minicluster.store.encoding import varint
from ycsbpy.minicluster.store.snapshots import BadSnapshotError, chunks
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ycsbpy.minicluster.rpc import Context, StreamHandler
    from ycsbpy.minicluster.store.multiraft import MultiRaft
    from ycsbpy.minicluster.store.peer import RaftPeer
    from ycsbpy.minicluster.store.snapshots import Spool

__all__ = ["RaftService", "Transport"]

log = logging.getLogger(__name__)

PEER_OPTIONS = [*channel_options(), ("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 3_000)]
MAX_POSTED = 64 << 20
MESSAGE_BYTES = 4 << 20
RETRY_S = 0.1
ALIVE_S = 1.0
SILENT_S = 2.5


class _WrongStoreError(Exception):
    """A message for another store: its sender has an old address, and should ask PD for the new one."""


class _Link:
    """The stream to one store."""

    def __init__(self, transport: Transport, store_id: int) -> None:
        self._transport = transport
        self.store_id = store_id
        self._frames: list[bytes] = []
        self._about: set[tuple[int, int]] = set()
        self._size = 0
        self._event = asyncio.Event()
        self.posted = False
        self.opened = False
        self.closed = False
        self.task = asyncio.get_running_loop().create_task(self._run())

    def post(self, frame: bytes, region_id: int, peer_id: int) -> None:
        if self._size > MAX_POSTED:
            self._transport.host.unreachable(region_id, peer_id)
            return
        self._frames.append(b"\x0a" + varint(len(frame)))
        self._frames.append(frame)
        self._about.add((region_id, peer_id))
        self._size += len(frame)
        self.posted = True

    def flush(self) -> None:
        self.posted = False
        self._event.set()

    async def _run(self) -> None:
        reason = ""
        while not self.closed:
            self.opened = False
            try:
                await self._stream()
            except (aio.AioRpcError, asyncio.InvalidStateError, aio.UsageError, OSError, LookupError) as error:
                if self.opened or _reason(error) != reason:
                    reason = _reason(error)
                    log.info("store %d is out of reach: %s", self.store_id, reason)
            self._lost()
            await asyncio.sleep(RETRY_S)
            if not self._frames and not self._transport.host.knows(self.store_id):
                self._transport.forget(self)
                return

    async def _stream(self) -> None:
        address = await self._transport.resolve(self.store_id)
        channel = aio.insecure_channel(address, PEER_OPTIONS)
        watch: asyncio.Task[None] | None = None
        try:
            multi: Any = channel.stream_unary("/tikvpb.Tikv/BatchRaft")
            call = multi()
            watch = asyncio.get_running_loop().create_task(self._watch(call))
            await call.write(self._transport.sign_of_life(self.store_id))
            self.opened = True
            while not call.done() and not self.closed:
                try:
                    await asyncio.wait_for(self._event.wait(), ALIVE_S)
                except TimeoutError:
                    self._frames = self._frames or [self._transport.sign_of_life(self.store_id)]
                self._event.clear()
                while self._frames:
                    await call.write(self._cut())
        finally:
            if watch is not None:
                watch.cancel()
            await channel.close()

    async def _watch(self, call: Any) -> None:
        """Wake the sender when the stream ends, so that it is noticed while there is nothing to send."""
        await call.code()
        self._event.set()

    def _cut(self) -> bytes:
        frames, self._frames = self._frames, []
        self._about.clear()
        self._size = 0
        return b"".join(frames)

    def _lost(self) -> None:
        about, self._about = self._about, set()
        self._frames = []
        self._size = 0
        for region_id, peer_id in about:
            self._transport.host.unreachable(region_id, peer_id)
        self._transport.host.lost_store(self.store_id)


def _reason(error: Exception) -> str:
    return str(error.details()) if isinstance(error, aio.AioRpcError) else str(error) or type(error).__name__


class Transport:
    """See the module; it is the ``Network`` of a ``MultiRaft``. ``resolve`` gives a store's address."""

    def __init__(self, host: MultiRaft, resolve: Callable[[int], Awaitable[str]]) -> None:
        self.host = host
        self.resolve = resolve
        self._links: dict[int, _Link] = {}
        self._posted: list[_Link] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.heard: dict[int, int] = {}

    def post(self, store_id: int, frame: bytes, region_id: int, peer_id: int) -> None:
        """See ``Network``."""
        link = self._links.get(store_id)
        if link is None:
            link = self._links[store_id] = _Link(self, store_id)
        if not link.posted:
            self._posted.append(link)
        link.post(frame, region_id, peer_id)

    def forget(self, link: _Link) -> None:
        """Nobody here has anything to say to a store that is out of reach."""
        self._links.pop(link.store_id, None)

    def sign_of_life(self, store_id: int) -> bytes:
        """A message that is about no Region."""
        message = raft_serverpb.RaftMessage()
        message.from_peer.store_id, message.to_peer.store_id = self.host.store_id, store_id
        return tikvpb.BatchRaftMessage(msgs=[message]).SerializeToString()

    def flush(self) -> None:
        """See ``Network``."""
        if self._posted:
            for link in self._posted:
                link.flush()
            self._posted.clear()

    def tick(self) -> None:
        """Look for stores that have fallen silent."""
        now_ns = self.host.clock.now_ns()
        for store_id, heard_ns in list(self.heard.items()):
            if now_ns - heard_ns > SILENT_S * NS_PER_SECOND:
                self.heard[store_id] = now_ns
                self.host.lost_store(store_id)
                if not self.host.knows(store_id):
                    del self.heard[store_id]

    def send_snapshot(self, store_id: int, first: bytes, peer: RaftPeer, to: int) -> None:
        """See ``Network``."""
        task = asyncio.get_running_loop().create_task(self._send_snapshot(store_id, first, peer, to))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_snapshot(self, store_id: int, first: bytes, peer: RaftPeer, to: int) -> None:
        snapshots = self.host.snapshots
        arrived = False
        snapshots.sending += 1
        try:
            arrived = await self._stream_snapshot(store_id, first, peer, to)
        except (aio.AioRpcError, asyncio.InvalidStateError, aio.UsageError, OSError, LookupError) as error:
            log.info(
                "region %d: the snapshot for store %d did not arrive: %s", peer.region.id, store_id, _reason(error)
            )
        finally:
            snapshots.sending -= 1
        if not peer.removed and to in peer.raw.raft.tracker.progress:
            peer.raw.report_snapshot(to, arrived=arrived)
            self.host.mark(peer)

    async def _stream_snapshot(self, store_id: int, first: bytes, peer: RaftPeer, to: int) -> bool:
        views = self.host.snapshots.take_views(peer.region.id, to)
        if views is None:
            return False
        address = await self.resolve(store_id)
        async with aio.insecure_channel(address, PEER_OPTIONS) as channel:
            multi: Any = channel.stream_unary("/tikvpb.Tikv/Snapshot")
            call = multi()
            await call.write(b"\x0a" + varint(len(first)) + first)
            for chunk in chunks(views):
                await call.write(b"\x12" + varint(len(chunk)) + chunk)
                await asyncio.sleep(0)
            await call.done_writing()
            await call
        return True

    async def close(self) -> None:
        """Close the streams."""
        for link in self._links.values():
            link.closed = True  # wait_for may swallow a cancellation that comes together with what it waits for
        tasks = [*self._tasks, *(link.task for link in self._links.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class RaftService:
    """The other end: the streams that other stores open here."""

    SNAPSHOT_SILENCE_S = 30.0

    def __init__(self, host: MultiRaft, heard: dict[int, int]) -> None:
        self._host = host
        self._heard = heard

    def streams(self) -> dict[str, StreamHandler]:
        """Path → handler."""
        return {
            "/tikvpb.Tikv/Raft": self._raft,
            "/tikvpb.Tikv/BatchRaft": self._batch_raft,
            "/tikvpb.Tikv/Snapshot": self._snapshot,
        }

    async def _raft(self, _requests: object, context: Context) -> None:
        await self._messages(context, lambda data: [raft_serverpb.RaftMessage.FromString(data)])

    async def _batch_raft(self, _requests: object, context: Context) -> None:
        await self._messages(context, lambda data: tikvpb.BatchRaftMessage.FromString(data).msgs)

    async def _messages(self, context: Context, parse: Callable[[bytes], Sequence[raft_serverpb.RaftMessage]]) -> None:
        try:
            while (data := await _read(context)) is not None:
                self._take(parse(data))
            await context.write(b"")
        except DecodeError:
            await context.abort(grpc.StatusCode.INTERNAL, "a message that cannot be decoded")
        except _WrongStoreError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def _take(self, messages: Sequence[raft_serverpb.RaftMessage]) -> None:
        host = self._host
        for message in messages:
            if message.to_peer.store_id != host.store_id:
                raise _WrongStoreError(f"to store {message.to_peer.store_id}, this is store {host.store_id}")
            host.receive(message)
        if messages:
            self._heard[messages[0].from_peer.store_id] = host.clock.now_ns()

    async def _next_chunk(self, context: Context) -> bytes | None:
        """The next message of a snapshot, which keeps others of its Region out: a sender that falls silent has lost."""
        try:
            return await asyncio.wait_for(_read(context), self.SNAPSHOT_SILENCE_S)
        except TimeoutError:
            raise BadSnapshotError(f"nothing came for {self.SNAPSHOT_SILENCE_S:g} s") from None

    async def _snapshot(self, _requests: object, context: Context) -> None:
        snapshots = self._host.snapshots
        spool: Spool | None = None
        try:
            while (data := await self._next_chunk(context)) is not None:
                chunk = raft_serverpb.SnapshotChunk.FromString(data)
                if spool is None:
                    spool = snapshots.receive(chunk.message)
                else:
                    spool.add(chunk.data)
            if spool is None:
                raise BadSnapshotError("a snapshot without a message")
            received, spool = spool, None
            snapshots.received(received)
            await context.write(b"")
        except (BadSnapshotError, DecodeError, OSError) as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the snapshot is refused: {error}")
        finally:
            if spool is not None:
                snapshots.failed(spool)


async def _read(context: Context) -> bytes | None:
    """The next message of a stream; ``None`` at its end."""
    data: Any = await context.read()
    return None if data is aio.EOF else data

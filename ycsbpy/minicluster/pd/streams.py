"""The heartbeat streams of the stores: the only way by which PD can tell a store to do something.

A store has one stream at a time, the one on which it last reported. What is sent to a store without one, or is still on
its way when the store opens another, is lost: whoever binds a new stream has to have the steps under way sent again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["HeartbeatStream", "HeartbeatStreams"]


class HeartbeatStream:
    """One stream's way out: a bounded queue, and a keep-alive message when nothing was sent for a minute."""

    KEEP_ALIVE_S = 60.0
    MAX_QUEUED = 1024

    def __init__(self, keep_alive: bytes) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(self.MAX_QUEUED)
        self._keep_alive = keep_alive
        self.bound: set[int] = set()

    def put(self, message: bytes) -> None:
        """Queue a message; drop it when the store does not take them."""
        if not self._queue.full():
            self._queue.put_nowait(message)

    async def send_to(self, write: Callable[[bytes], Awaitable[object]]) -> None:
        """Send what is queued until cancelled."""
        while True:
            try:
                message = await asyncio.wait_for(self._queue.get(), self.KEEP_ALIVE_S)
            except TimeoutError:
                message = self._keep_alive
            await write(message)


class HeartbeatStreams:
    """Store id → the stream on which it last reported."""

    def __init__(self, cluster_id: int) -> None:
        header = pdpb.ResponseHeader(cluster_id=cluster_id)
        self._keep_alive = pdpb.RegionHeartbeatResponse(header=header).SerializeToString()
        self._by_store: dict[int, HeartbeatStream] = {}

    def open(self) -> HeartbeatStream:
        """Return a stream that is not yet bound to a store."""
        return HeartbeatStream(self._keep_alive)

    def bind(self, store_id: int, stream: HeartbeatStream) -> bool:
        """Send what is for this store on this stream from now on; return whether it is the first time on this one."""
        anew = store_id not in stream.bound
        self._by_store[store_id] = stream
        stream.bound.add(store_id)
        return anew

    def close(self, stream: HeartbeatStream) -> None:
        """Forget a stream."""
        for store_id in stream.bound:
            if self._by_store.get(store_id) is stream:
                del self._by_store[store_id]

    def send(self, store_id: int, command: pdpb.RegionHeartbeatResponse) -> bool:
        """Send a command to a store; return whether it has a stream to send it on."""
        stream = self._by_store.get(store_id)
        if stream is None:
            return False
        stream.put(command.SerializeToString())
        return True

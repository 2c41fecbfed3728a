"""A store's line to PD: calls that are tried again while PD is away, and the heartbeats.

It is what TiKV does, message by message, so that a store can register with a real PD: find the leader, ask for ids,
make the cluster or join it, then report: itself every ten seconds, each Region that it leads every minute and
whenever one changes, on one stream by which PD's commands come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import grpc
from grpc import aio

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.errors import ClusterError
from ycsbpy.minicluster.rpc import channel_options
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["PdLink", "PdRefusedError", "Reporter"]

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 3.0
LINK_OPTIONS = [*channel_options(), ("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 3_000)]
RETRY_S = 0.2


class PdRefusedError(Exception):
    """PD's answer carries an error. ``kind`` is a ``pdpb.ErrorType``."""

    def __init__(self, method: str, error: pdpb.Error) -> None:
        super().__init__(f"PD refused {method}: {error.message}")
        self.kind = error.type


class Reporter(Protocol):
    """What the heartbeats need of a store."""

    def store_stats(self) -> pdpb.StoreStats:
        """The store's statistics since the last call."""
        ...

    def region_reports(self, *, anew: bool = False) -> Iterable[pdpb.RegionHeartbeatRequest]:
        """A report, without header, for each Region that the store leads and that is due for one; ``anew``: for all."""
        ...

    def command(self, command: pdpb.RegionHeartbeatResponse) -> None:
        """PD wants something done to a Region."""
        ...


class _Answer(Protocol):
    @property
    def header(self) -> pdpb.ResponseHeader: ...


Answer = TypeVar("Answer", bound=_Answer)


class PdLink:
    """The connection to PD's leader. ``endpoints`` are host:port, any of the PD cluster's members."""

    def __init__(
        self,
        endpoints: Sequence[str],
        clock: Clock,
        *,
        store_heartbeat_s: float = 10.0,
        region_heartbeat_s: float = 60.0,
    ) -> None:
        self._endpoints = [endpoint.removeprefix("http://") for endpoint in endpoints]
        self._clock = clock
        self._store_heartbeat_s = store_heartbeat_s
        self._region_heartbeat_s = region_heartbeat_s
        self._channel: aio.Channel | None = None
        self._leader = ""
        self._lost = False
        self._left: list[aio.Channel] = []
        self.cluster_id = 0
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # ---- calls ----

    async def find(self, timeout_s: float) -> None:
        """Find PD's leader and the cluster id. Raises ``ClusterError`` when none answers within ``timeout_s``."""
        deadline_ns = self._clock.now_ns() + int(timeout_s * NS_PER_SECOND)
        problem = "no endpoint given"
        while True:
            for endpoint in self._endpoints:
                try:
                    await self._try(endpoint)
                except (aio.AioRpcError, ClusterError) as error:
                    problem = error.details() or "" if isinstance(error, aio.AioRpcError) else str(error)
                else:
                    return
            if self._clock.now_ns() >= deadline_ns:
                raise ClusterError(f"no PD answers at {', '.join(self._endpoints)}: {problem}")
            await asyncio.sleep(RETRY_S)

    async def _try(self, endpoint: str) -> None:
        async with aio.insecure_channel(endpoint, channel_options()) as channel:
            members = await self._send(channel, "GetMembers", pdpb.GetMembersRequest(), pdpb.GetMembersResponse)
        cluster_id = members.header.cluster_id
        if self.cluster_id not in (0, cluster_id):
            raise ClusterError(f"{endpoint} is of cluster {cluster_id}, not {self.cluster_id}")
        if not members.leader.client_urls:
            raise ClusterError(f"PD at {endpoint} has no leader")
        self.cluster_id = cluster_id
        leader = members.leader.client_urls[0].removeprefix("http://")
        if leader != self._leader:
            # The old channel stays open: to close it would cancel what others are waiting for on it.
            self._left += [self._channel] if self._channel is not None else []
            self._channel, self._leader = aio.insecure_channel(leader, LINK_OPTIONS), leader
        self._lost = False

    async def _to_leader(self, timeout_s: float) -> aio.Channel:
        """The channel to PD's leader, who is looked for again after a call to it has failed."""
        if self._channel is None or self._lost:
            await self.find(timeout_s)
        assert self._channel is not None
        return self._channel

    async def call(self, method: str, request: Any, response_class: type[Answer], *, timeout_s: float = 60.0) -> Answer:
        """Call the leader, trying again while PD is away. Raises ``PdRefusedError`` and ``ClusterError``."""
        deadline_ns = self._clock.now_ns() + int(timeout_s * NS_PER_SECOND)
        while True:
            channel = await self._to_leader(max(0.0, (deadline_ns - self._clock.now_ns()) / NS_PER_SECOND))
            request.header.cluster_id = self.cluster_id
            try:
                return await self._send(channel, method, request, response_class)
            except aio.AioRpcError as error:
                log.warning("%s: %s %s", method, error.code().name, error.details())
                if self._clock.now_ns() >= deadline_ns or error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                    raise ClusterError(f"PD does not answer {method}: {error.details()}") from None
                self._lost = True
                await asyncio.sleep(RETRY_S)

    @staticmethod
    async def _send(channel: aio.Channel, method: str, request: Any, response_class: type[Answer]) -> Answer:
        multi: Any = channel.unary_unary(
            f"/pdpb.PD/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response_class.FromString,  # type: ignore[attr-defined]
        )
        response: Answer = await multi(request, timeout=CALL_TIMEOUT_S)
        if response.header.HasField("error") and response.header.error.type != pdpb.OK:
            raise PdRefusedError(method, response.header.error)
        return response

    # ---- heartbeats ----

    def changed(self) -> None:
        """A Region, or who leads it, has changed: report soon."""
        self._changed.set()

    def start(self, reporter: Reporter) -> None:
        """Begin to send heartbeats."""
        for beat in (self._store_heartbeats, self._region_heartbeats):
            self._tasks.append(asyncio.ensure_future(self._forever(beat, reporter)))

    async def close(self) -> None:
        """Stop the heartbeats and close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in [*self._left, *([self._channel] if self._channel is not None else [])]:
            await channel.close()

    async def _forever(self, beat: Callable[[Reporter], Any], reporter: Reporter) -> None:
        while True:
            try:
                await beat(reporter)
            except (PdRefusedError, ClusterError, aio.AioRpcError) as error:
                log.warning("%s: %s", beat.__name__.strip("_"), error)
            except Exception:
                log.exception("%s failed", beat.__name__.strip("_"))
            self._lost = True
            await asyncio.sleep(RETRY_S)

    async def _store_heartbeats(self, reporter: Reporter) -> None:
        while True:
            request = pdpb.StoreHeartbeatRequest(stats=reporter.store_stats())
            await self.call("StoreHeartbeat", request, pdpb.StoreHeartbeatResponse)
            await asyncio.sleep(self._store_heartbeat_s)

    async def _region_heartbeats(self, reporter: Reporter) -> None:
        channel = await self._to_leader(CALL_TIMEOUT_S)
        multi: Any = channel.stream_stream(
            "/pdpb.PD/RegionHeartbeat",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=pdpb.RegionHeartbeatResponse.FromString,
        )
        stream = multi()
        # Both end together: two that say reports would share them, and what one says the other does not say again.
        both = {asyncio.ensure_future(each) for each in (self._report(reporter, stream), self._hear(reporter, stream))}
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            stream.cancel()
        for task in done:
            task.result()

    @staticmethod
    async def _hear(reporter: Reporter, stream: Any) -> None:
        while (response := await stream.read()) is not aio.EOF:
            if response.header.HasField("error"):
                log.warning("PD refused a heartbeat: %s", response.header.error.message)
            elif response.region_id:
                reporter.command(response)

    async def _report(self, reporter: Reporter, stream: Any) -> None:
        anew = True
        while True:
            self._changed.clear()
            for report in reporter.region_reports(anew=anew):
                report.header.cluster_id = self.cluster_id
                await stream.write(report)
            anew = False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._region_heartbeat_s)

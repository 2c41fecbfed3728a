"""BatchCommands: one stream of many commands, which is how a busy TiKV client sends everything.

All commands of one message are taken together: reads are answered at once, writes are joined into one proposal for
each Region. Answers go out as they come, whatever is there in one message, up to a size. A client may have only so
much under way on a stream: beyond that no more is read from it, and gRPC's flow control stops the client.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from ycsbpy.minicluster.store import encoding
from ycsbpy.minicluster.store.admission import Admitted, BadRequestError, ForeignClusterError, ReadLaterError
from ycsbpy.minicluster.store.checks import RegionError, region_not_found
from ycsbpy.minicluster.store.rawkv import StorageError
from ycsbpy.minicluster.store.rawservice import DONE, Plan, RawCalls, refusal
from ycsbpy.minicluster.store.txn import BATCH_REFUSALS
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import storepb_pb2 as storepb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.rpc import Context
    from ycsbpy.minicluster.store.engine import Mutation
    from ycsbpy.minicluster.store.feedback import HealthReporter
    from ycsbpy.minicluster.store.regions import Replica

__all__ = ["BatchStream"]

TAGS = {
    field.name: encoding.tag(field.number)
    for field in storepb.BatchRequest.Command.DESCRIPTOR.oneofs_by_name["cmd"].fields
}
EMPTY_ANSWER = b""  # to a command that we do not know: a Response without a command, as TiKV answers
JOINED_BYTES = 1 << 20


class _Group:
    """The writes of one message to one replica."""

    __slots__ = ("admitted", "commands", "ids", "mutations", "size")

    def __init__(self, admitted: Admitted) -> None:
        self.admitted = admitted
        self.mutations: list[Mutation] = []
        self.size = 0
        self.ids: list[int] = []
        self.commands: list[str] = []


class BatchStream:
    """One stream, from its opening to its end."""

    MAX_UNDER_WAY = 16384
    MAX_HELD_BYTES = 32 << 20
    ANSWERS_A_MESSAGE = 256
    BYTES_A_MESSAGE = 1 << 20

    def __init__(self, calls: RawCalls, health: HealthReporter) -> None:
        self._calls = calls
        self._health = health
        self._answers: list[bytes] = []
        self._ids: list[int] = []
        self._under_way = 0
        self._held = 0
        self._something = asyncio.Event()
        self._room = asyncio.Event()

    async def run(self, context: Context) -> None:
        """Serve the stream until the client closes it; ends it with a status on a request that cannot be decoded."""
        sender = asyncio.ensure_future(self._send(context))
        try:
            while True:
                data: Any = await context.read()
                if data is aio.EOF:
                    break
                self.take(data)
                await self._below(sender, self.MAX_UNDER_WAY, self.MAX_HELD_BYTES)
            await self._below(sender, 0, 0)  # the client has no more to ask, but it has answers to get
        except ForeignClusterError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except (BadRequestError, DecodeError):
            await context.abort(grpc.StatusCode.INTERNAL, "a batch of commands cannot be decoded")
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _below(self, sender: asyncio.Future[None], under_way: int, held: int) -> None:
        while (self._under_way > under_way or self._held > held) and not sender.done():
            self._room.clear()
            await self._room.wait()

    def take(self, data: bytes) -> None:
        """Take one message of commands: answer the reads, propose the writes."""
        message = storepb.BatchRequest.FromString(data)
        reads, writes = self._calls.reads, self._calls.writes
        groups: dict[int, _Group] = {}
        for request_id, command in zip(message.request_ids, message.requests, strict=False):
            self._under_way += 1
            name = command.WhichOneof("cmd")
            try:
                if name in reads:
                    self._answer(request_id, name, reads[name](getattr(command, name)))
                elif name in writes:
                    self._join(groups, request_id, name, writes[name](getattr(command, name)))
                else:
                    self._other(request_id, name, command)
            except (RegionError, StorageError) as refused:
                self._answer(request_id, name or "", refusal(name or "", refused))
            except ReadLaterError as later:
                self._later(request_id, name or "", getattr(command, name or ""), later.replica)
        for group in groups.values():
            self._propose(group)
        if self._ids:
            self._something.set()

    def _answer(self, request_id: int, name: str, body: bytes) -> None:
        answer = TAGS[name] + encoding.varint(len(body)) + body
        self._answers.append(answer)
        self._ids.append(request_id)
        self._held += len(answer)

    def _later(self, request_id: int, name: str, request: Any, replica: Replica) -> None:
        """Answer a read once its replica has made sure that it leads."""

        def proven(future: asyncio.Future[None]) -> None:
            if future.cancelled():
                return
            try:
                future.result()
                body = self._calls.proven(replica, self._calls.reads[name], request)
            except (RegionError, StorageError) as refused:
                body = refusal(name, refused)
            except ReadLaterError:  # the context has come to mean another replica
                body = refusal(name, region_not_found(replica.region.id))
            self._answer(request_id, name, body)
            self._something.set()

        replica.group.read_barrier().add_done_callback(proven)

    def _join(self, groups: dict[int, _Group], request_id: int, name: str, plan: Plan) -> None:
        admitted, mutations, size = plan
        region_id = admitted.replica.region.id
        group = groups.get(region_id)
        if group is not None and group.size + size > JOINED_BYTES:
            self._propose(group)
            group = None
        if group is None:
            group = groups[region_id] = _Group(admitted)
        group.mutations += mutations
        group.size += size
        group.ids.append(request_id)
        group.commands.append(name)

    def _propose(self, group: _Group) -> None:
        try:
            future = self._calls.propose(Plan(group.admitted, group.mutations, group.size))
        except RegionError as refused:
            self._refuse(group, refused)
            return
        future.add_done_callback(partial(self._settled, group))

    def _settled(self, group: _Group, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if isinstance(error, RegionError | StorageError):
            self._refuse(group, error)
        else:
            for request_id, name in zip(group.ids, group.commands, strict=True):
                self._answer(request_id, name, DONE)
        self._something.set()

    def _refuse(self, group: _Group, error: RegionError | StorageError) -> None:
        for request_id, name in zip(group.ids, group.commands, strict=True):
            self._answer(request_id, name, refusal(name, error))

    def _other(self, request_id: int, name: str | None, command: storepb.BatchRequest.Command) -> None:
        if name == "Empty":
            body = tikvpb.BatchCommandsEmptyResponse(test_id=command.Empty.test_id).SerializeToString()
            self._answer(request_id, name, body)
        elif name == "GetHealthFeedback":
            feedback = kvrpcpb.HealthFeedback.FromString(self._health.now())
            body = kvrpcpb.GetHealthFeedbackResponse(health_feedback=feedback).SerializeToString()
            self._answer(request_id, name, body)
        elif name in BATCH_REFUSALS:
            self._answer(request_id, name, BATCH_REFUSALS[name])
        else:
            self._answers.append(EMPTY_ANSWER)
            self._ids.append(request_id)

    async def _send(self, context: Context) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while self._ids:
                    await self._send_one(context)
        finally:
            self._room.set()

    async def _send_one(self, context: Context) -> None:
        answers, ids = self._cut()
        message = storepb.BatchResponse(responses=answers, request_ids=ids)
        feedback = self._health.due()
        if feedback:
            message.health_feedback = feedback
        await context.write(message.SerializeToString())
        self._under_way -= len(ids)
        self._held -= sum(map(len, answers))
        self._room.set()

    def _cut(self) -> tuple[list[bytes], list[int]]:
        """Take as many of the waiting answers as one message should have."""
        count = min(len(self._ids), self.ANSWERS_A_MESSAGE)
        size = 0
        for index in range(count):
            size += len(self._answers[index])
            if size > self.BYTES_A_MESSAGE:
                count = index + 1
                break
        answers, ids = self._answers[:count], self._ids[:count]
        del self._answers[:count], self._ids[:count]
        return answers, ids

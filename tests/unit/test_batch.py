"""One stream of many commands, without gRPC: messages in, messages out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc import aio
from storekit import CLUSTER, StoreKit, run

from ycsbpy.minicluster.store.batch import BatchStream
from ycsbpy.minicluster.store.engine import EngineError
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import storepb_pb2 as storepb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.store.commands import Write
    from ycsbpy.minicluster.store.rawservice import Plan

Request = tikvpb.BatchCommandsRequest.Request
Response = tikvpb.BatchCommandsResponse.Response


class AbortedError(Exception):
    """The stream was ended with a status."""


class Wire:
    """Stands for gRPC's side of a stream: gives messages, takes messages, at the pace that the test sets."""

    def __init__(self, *messages: bytes) -> None:
        self.incoming = list(messages)
        self.sent: list[tikvpb.BatchCommandsResponse] = []
        self.read_count = 0
        self.may_write = asyncio.Event()
        self.may_write.set()

    async def read(self) -> Any:
        if not self.incoming:
            return aio.EOF
        self.read_count += 1
        return self.incoming.pop(0)

    async def write(self, message: bytes) -> None:
        await self.may_write.wait()
        self.sent.append(tikvpb.BatchCommandsResponse.FromString(message))

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise AbortedError(code, details)

    def answers(self) -> dict[int, Any]:
        found = [pair for sent in self.sent for pair in zip(sent.request_ids, sent.responses, strict=True)]
        assert len({request_id for request_id, _ in found}) == len(found)
        return dict(found)


@pytest.fixture
def kit() -> StoreKit:
    return StoreKit(b"m", ttl=False)


def message(*requests: Request, first: int = 0) -> bytes:
    ids = range(first, first + len(requests))
    return tikvpb.BatchCommandsRequest(requests=requests, request_ids=ids).SerializeToString()


def put(kit: StoreKit, key: bytes, value: bytes = b"v", region: int = 2) -> Request:
    return Request(raw_put=kvrpcpb.RawPutRequest(context=kit.context(region), key=key, value=value))


def get(kit: StoreKit, key: bytes, region: int = 2) -> Request:
    return Request(raw_get=kvrpcpb.RawGetRequest(context=kit.context(region), key=key))


def served(kit: StoreKit, *messages: bytes) -> Wire:
    async def serve() -> Wire:
        wire = Wire(*messages)
        await BatchStream(kit.calls, kit.health).run(wire)  # type: ignore[arg-type]
        return wire

    return run(serve())


def test_every_command_is_answered_under_its_id(kit: StoreKit) -> None:
    kit.engine.write([(0, 0, b"a", b"old")])
    context = kit.context(2)
    requests = [
        get(kit, b"a"),
        put(kit, b"b"),
        Request(raw_delete=kvrpcpb.RawDeleteRequest(context=context, key=b"x1")),
        Request(raw_batch_get=kvrpcpb.RawBatchGetRequest(context=context, keys=[b"a", b"gone"])),
        Request(
            raw_batch_put=kvrpcpb.RawBatchPutRequest(context=context, pairs=[kvrpcpb.KvPair(key=b"c", value=b"d")])
        ),
        Request(raw_batch_delete=kvrpcpb.RawBatchDeleteRequest(context=context, keys=[b"e"])),
        Request(raw_scan=kvrpcpb.RawScanRequest(context=context, limit=1)),
        Request(raw_delete_range=kvrpcpb.RawDeleteRangeRequest(context=context, start_key=b"f", end_key=b"g")),
        Request(raw_batch_scan=kvrpcpb.RawBatchScanRequest(context=context, each_limit=1)),
        Request(empty=tikvpb.BatchCommandsEmptyRequest(test_id=9)),
        Request(get_health_feedback=kvrpcpb.GetHealthFeedbackRequest(context=context)),
        Request(raw_coprocessor=kvrpcpb.RawCoprocessorRequest(context=context)),
    ]
    answers = served(kit, message(*requests, first=100)).answers()
    assert sorted(answers) == list(range(100, 112))
    for number, request in enumerate(requests):
        if number != 2:
            assert answers[100 + number].WhichOneof("cmd") == request.WhichOneof("cmd")
    assert answers[100].raw_get.value == b"old"
    assert answers[101].raw_put == kvrpcpb.RawPutResponse()
    assert answers[102].raw_delete.region_error.HasField("key_not_in_region")
    assert [pair.value for pair in answers[103].raw_batch_get.pairs] == [b"old"]
    assert answers[109].empty.test_id == 9
    assert answers[110].get_health_feedback.health_feedback.store_id == 1
    assert "no coprocessor" in answers[111].raw_coprocessor.error
    assert kit.rows() == {b"a": b"old", b"b": b"v", b"c": b"d"}


def test_the_writes_of_a_message_are_one_proposal_for_each_region(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed: list[tuple[int, int]] = []
    really_propose = kit.proposals.propose

    def propose(replica: Any, version: int, command: Write, deadline_ns: int = 0) -> Any:
        proposed.append((replica.region.id, len(command.mutations)))
        return really_propose(replica, version, command, deadline_ns)

    monkeypatch.setattr(kit.proposals, "propose", propose)
    requests = [put(kit, b"a%d" % index) for index in range(5)]
    requests += [put(kit, b"z%d" % index, region=3) for index in range(3)]
    answers = served(kit, message(*requests)).answers()
    assert proposed == [(2, 5), (3, 3)]
    assert len(answers) == len(kit.rows()) == 8


def test_proposals_do_not_grow_without_end(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ycsbpy.minicluster.store.batch.JOINED_BYTES", 100)
    sizes: list[int] = []
    really_propose = kit.calls.propose

    def propose(plan: Plan) -> Any:
        sizes.append(plan.size)
        return really_propose(plan)

    monkeypatch.setattr(kit.calls, "propose", propose)
    served(kit, message(*[put(kit, b"a%d" % index, bytes(40)) for index in range(5)]))
    assert sizes == [84, 84, 42]


def test_an_outdated_context_fails_its_own_requests_only(kit: StoreKit) -> None:
    stale = kit.context(2)
    stale.region_epoch.version = 1
    bad = [
        Request(raw_get=kvrpcpb.RawGetRequest(context=stale, key=b"a")),
        Request(raw_put=kvrpcpb.RawPutRequest(context=stale, key=b"a", value=b"no")),
    ]
    answers = served(kit, message(*bad, put(kit, b"a"))).answers()
    assert answers[0].raw_get.region_error.HasField("epoch_not_match")
    assert answers[1].raw_put.region_error.HasField("epoch_not_match")
    assert not answers[2].raw_put.HasField("region_error")
    assert kit.rows() == {b"a": b"v"}


def test_a_failed_engine_is_told_to_each(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_mutations: object) -> None:
        raise EngineError("No space left on device")

    monkeypatch.setattr(kit.engine, "write", write)
    answers = served(kit, message(put(kit, b"a"), put(kit, b"b"), get(kit, b"a"))).answers()
    assert answers[0].raw_put.region_error.HasField("disk_full")
    assert answers[1].raw_put.region_error.HasField("disk_full")
    assert answers[2].raw_get.not_found


def test_an_entry_too_large_is_told_to_each(kit: StoreKit) -> None:
    answers = served(kit, message(put(kit, b"a", bytes(9 << 20)), get(kit, b"a"))).answers()
    assert answers[0].raw_put.region_error.HasField("raft_entry_too_large")
    assert answers[1].raw_get.not_found


def test_commands_of_transactions_are_refused_by_name(kit: StoreKit) -> None:
    commands = [
        storepb.BatchRequest.Command(Get=storepb.AnyRequest()),
        storepb.BatchRequest.Command(Prewrite=storepb.AnyRequest()),
    ]
    data = storepb.BatchRequest(requests=commands, request_ids=[1, 2]).SerializeToString()
    wire = served(kit, data)
    (sent,) = wire.sent
    raw = storepb.BatchResponse.FromString(sent.SerializeToString())
    assert list(raw.request_ids) == [1, 2]
    assert [each[0] for each in raw.responses] == [0x0A, 0x1A]  # the same numbers as in the request
    assert all(b"no transactions" in each for each in raw.responses)


def test_a_command_from_the_future_gets_an_empty_answer(kit: StoreKit) -> None:
    unknown = Request.FromString(b"\xfa\x3e\x00")  # field 1007
    answers = served(kit, message(unknown, put(kit, b"a"))).answers()
    assert answers[0] == Response()
    assert answers[1].HasField("raw_put")


def test_ids_and_requests_that_do_not_match_in_number(kit: StoreKit) -> None:
    data = tikvpb.BatchCommandsRequest(requests=[put(kit, b"a"), put(kit, b"b")], request_ids=[7]).SerializeToString()
    assert list(served(kit, data).answers()) == [7]
    assert list(kit.rows()) == [b"a"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xff", grpc.StatusCode.INTERNAL),
        (b"\x0a\x06\x6a\x04\x0a\x02\xff\xff\x12\x01\x00", grpc.StatusCode.INTERNAL),  # a context that is none
    ],
)
def test_a_message_that_cannot_be_decoded_ends_the_stream(kit: StoreKit, data: bytes, code: grpc.StatusCode) -> None:
    with pytest.raises(AbortedError) as caught:
        served(kit, data)
    assert caught.value.args[0] is code


def test_a_foreign_cluster_ends_the_stream(kit: StoreKit) -> None:
    foreign = kit.context(2, cluster_id=CLUSTER + 1)
    request = Request(raw_get=kvrpcpb.RawGetRequest(context=foreign, key=b"a"))
    with pytest.raises(AbortedError) as caught:
        served(kit, message(request))
    assert caught.value.args[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_answers_are_cut_into_messages(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchStream, "ANSWERS_A_MESSAGE", 4)
    wire = served(kit, message(*[get(kit, b"a") for _ in range(10)]))
    assert [len(sent.request_ids) for sent in wire.sent] == [4, 4, 2]
    kit.engine.write([(0, 0, b"a", bytes(1000))])
    monkeypatch.setattr(BatchStream, "BYTES_A_MESSAGE", 1500)
    wire = served(kit, message(*[get(kit, b"a") for _ in range(3)]))
    assert [len(sent.request_ids) for sent in wire.sent] == [2, 1]


def test_health_rides_along_once_a_second(kit: StoreKit) -> None:
    wire = served(kit, message(get(kit, b"a")), message(get(kit, b"a"), first=1))
    assert sum(sent.HasField("health_feedback") for sent in wire.sent) == 1


@pytest.mark.parametrize("limit", ["MAX_UNDER_WAY", "MAX_HELD_BYTES"])
def test_a_client_that_does_not_read_is_not_read_from(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(BatchStream, limit, 10)

    async def test() -> None:
        wire = Wire(*[message(*[get(kit, b"a") for _ in range(8)], first=8 * index) for index in range(20)])
        wire.may_write.clear()
        stream = asyncio.ensure_future(BatchStream(kit.calls, kit.health).run(wire))  # type: ignore[arg-type]
        for _ in range(100):
            await asyncio.sleep(0)
        assert wire.read_count <= 3
        wire.may_write.set()
        await stream
        assert sorted(wire.answers()) == list(range(160))

    run(test())


def test_a_stream_that_breaks_ends_quietly(kit: StoreKit) -> None:
    async def test() -> None:
        wire = Wire(message(get(kit, b"a")), message(put(kit, b"b"), first=1))

        async def write(_message: bytes) -> None:
            raise aio.UsageError("the RPC is over")

        wire.write = write  # type: ignore[assignment, method-assign]
        await BatchStream(kit.calls, kit.health).run(wire)  # type: ignore[arg-type]

    run(test())

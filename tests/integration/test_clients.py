"""Unmodified TiKV clients, and requests made by hand, on a mini-cluster of three Regions."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import tikv
from rawclient import RawClient, channel, region_error

from ycsbpy.minicluster.store.crc64 import crc64
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import storepb_pb2 as storepb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from ycsbpy.minicluster import MiniCluster

Request = tikvpb.BatchCommandsRequest.Request
ROWS = {b"%c%03d" % (letter, number): b"v%d" % number for letter in b"acz" for number in range(40)}
"""Keys in all three Regions, which meet at b and m."""


@pytest.fixture
def pd(split_cluster: MiniCluster) -> str:
    wipe(split_cluster.pd_address)
    return split_cluster.pd_address


@pytest.fixture
def client(pd: str) -> Iterator[RawClient]:
    with RawClient(pd) as made:
        yield made


def wipe(address: str) -> None:
    with RawClient(address) as made:
        for start in (b"", b"b", b"m"):
            context = made.context(start)
            region, _ = made.region(start)
            for cf in ("default", "lock", "write"):
                answer = made.store(
                    "RawDeleteRange", context, start_key=region.start_key, end_key=region.end_key, cf=cf
                )
                assert answer == kvrpcpb.RawDeleteRangeResponse()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


# ---- tikv-client ----


@pytest.fixture
def tikv_client() -> Any:
    return pytest.importorskip("tikv_client.asynchronous", reason="its wheels are for CPython 3.11").RawClient


def test_every_call_of_tikv_client(tikv_client: Any, pd: str) -> None:
    async def test() -> None:
        client = await tikv_client.connect([pd])
        await client.put(b"k1", b"v1")
        assert await client.get(b"k1") == b"v1"
        assert await client.get(b"k2") is None
        await client.batch_put(ROWS)
        found = dict(await client.batch_get([*ROWS, b"a999"]))
        assert found == ROWS
        assert await client.scan(b"", b"zzz", 10240) == sorted({**ROWS, b"k1": b"v1"}.items())
        assert [key for key, _ in await client.scan(b"a038", b"c002", 100)] == [b"a038", b"a039", b"c000", b"c001"]
        assert await client.scan_keys(b"a000", b"a003", 100, include_start=False, include_end=True) == [
            b"a001",
            b"a002",
            b"a003",
        ]
        assert len(await client.scan(b"a", b"zz", 50)) == 50
        await client.delete(b"k1")
        assert await client.get(b"k1") is None
        await client.batch_delete([b"a000", b"c000", b"z000"])
        assert await client.batch_get([b"a000", b"a001", b"z000", b"z001"]) == [(b"a001", b"v1"), (b"z001", b"v1")]
        await client.delete_range(b"a020", b"z020")
        left = [key for key, _ in await client.scan(b"", b"zzz", 10240)]
        assert left == [b"a%03d" % n for n in range(1, 20)] + [b"z%03d" % n for n in range(20, 40)]

    run(test())


def test_column_families_of_tikv_client(tikv_client: Any, pd: str) -> None:
    async def test() -> None:
        client = await tikv_client.connect([pd])
        for cf in ("default", "lock", "write"):
            await client.put(b"k", cf.encode(), cf=cf)
        for cf in ("default", "lock", "write"):
            assert await client.get(b"k", cf=cf) == cf.encode()
            assert await client.scan(b"k", b"l", 9, cf=cf) == [(b"k", cf.encode())]

    run(test())


def test_errors_of_tikv_client(tikv_client: Any, pd: str) -> None:
    async def test() -> None:
        client = await tikv_client.connect([pd])
        with pytest.raises(Exception, match="max key size exceeded, size: 9000, limit: 8192"):
            await client.put(b"k" * 9000, b"v")
        with pytest.raises(Exception, match=r"(?i)too large|RaftEntryTooLarge"):
            await client.put(b"k", bytes(9 << 20))
        assert await client.get(b"k") is None

    run(test())


def test_tikv_client_with_many_calls_at_once(tikv_client: Any, pd: str) -> None:
    async def test() -> None:
        client = await tikv_client.connect([pd])
        await asyncio.gather(*(client.put(key, value) for key, value in ROWS.items()))
        assert await asyncio.gather(*(client.get(key) for key in ROWS)) == list(ROWS.values())

    run(test())


# ---- tikv-python ----


def test_every_call_of_tikv_python(pd: str) -> None:
    async def test() -> None:
        async with tikv.AsyncRawClient(pd) as client:
            await client.put(b"k1", b"v1")
            assert await client.get(b"k1") == b"v1"
            assert await client.get(b"k2") is None
            await client.put_many(ROWS)
            assert await client.get_many([*ROWS, b"a999"]) == ROWS
            rows = sorted({**ROWS, b"k1": b"v1"}.items())
            assert [row async for row in client.scan()] == rows
            assert [row async for row in client.scan(reverse=True)] == rows[::-1]
            assert [row async for row in client.scan(b"a038", b"c002", reverse=True)] == rows[41:37:-1]
            assert [key async for key in client.scan_keys(prefix=b"c00")] == [b"c%03d" % n for n in range(10)]
            assert [key async for key in client.scan_keys(limit=3, reverse=True)] == [b"z039", b"z038", b"z037"]
            await client.delete(b"k1")
            await client.delete_many([b"a000", b"c000", b"z000"])
            assert await client.get_many([b"a000", b"k1", b"z001"]) == {b"z001": b"v1"}
            await client.delete_range(b"a020", b"z020")
            assert len([key async for key in client.scan_keys()]) == 39
            await client.delete_range(prefix=b"z")
            await client.delete_range(b"")
            assert [key async for key in client.scan_keys()] == []

    run(test())


def test_checksums_of_tikv_python(pd: str) -> None:
    async def test() -> None:
        async with tikv.AsyncRawClient(pd) as client:
            await client.put_many(ROWS)
            found = await client.checksum(b"a010", b"z010")
            rows = [(key, value) for key, value in ROWS.items() if b"a010" <= key < b"z010"]
            expected = 0
            for key, value in rows:
                expected ^= crc64(key + value)
            assert (found.crc64_xor, found.keys) == (expected, len(rows))
            assert found.size == sum(len(key) + len(value) for key, value in rows)

    run(test())


def test_ttls_of_tikv_python(pd: str) -> None:
    async def test() -> None:
        async with tikv.AsyncRawClient(pd) as client:
            await client.put(b"short", b"v", ttl=1)
            await client.put(b"long", b"v", ttl=1000)
            await client.put(b"ever", b"v")
            await client.put_many({b"a": b"1", b"c": b"2"}, ttl=500)
            assert await client.ttl(b"ever") is None
            assert 990 < (await client.ttl(b"long") or 0) <= 1000
            assert 490 < (await client.ttl(b"c") or 0) <= 500
            await asyncio.sleep(2.0)
            assert await client.get(b"short") is None
            with pytest.raises(KeyError):
                await client.ttl(b"short")

    run(test())


def test_compare_and_swap_of_tikv_python(pd: str) -> None:
    async def test() -> None:
        async with tikv.AsyncRawClient(pd, atomic=True) as client:
            assert await client.compare_and_swap(b"k", None, b"1") == tikv.CasResult(True, None)
            assert await client.compare_and_swap(b"k", None, b"2") == tikv.CasResult(False, b"1")
            assert await client.compare_and_swap(b"k", b"1", b"2") == tikv.CasResult(True, b"1")
            await client.put(b"n", b"0")

            async def increment() -> None:
                value = await client.get(b"n") or b""
                while True:
                    result = await client.compare_and_swap(b"n", value, b"%d" % (int(value) + 1))
                    if result.swapped:
                        return
                    value = result.previous or b""

            await asyncio.gather(*(increment() for _ in range(30)))
            assert await client.get(b"n") == b"30"

    run(test())


def test_the_blocking_client_in_threads(pd: str) -> None:
    failures: list[Exception] = []
    with tikv.RawClient(pd) as client:

        def work(number: int) -> None:
            try:
                for index in range(20):
                    key = b"c%d-%d" % (number, index)
                    client.put(key, key)
                    assert client.get(key) == key
            except (tikv.TiKVError, AssertionError) as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(client.scan_keys(prefix=b"c"))) == 80
    assert failures == []


def test_errors_of_tikv_python(pd: str) -> None:
    async def test() -> None:
        async with tikv.AsyncRawClient(pd) as client:
            with pytest.raises(tikv.ServerError, match="max key size exceeded"):
                await client.put(b"k" * 9000, b"v")
            with pytest.raises(tikv.RegionError):
                await client.put(b"k", bytes(9 << 20))

    run(test())


# ---- region errors, one by one ----


CHANGES: dict[str, tuple[dict[str, int], str]] = {
    "another store": ({"store": 99}, "store_not_match"),
    "unknown Region": ({"region": 9999}, "region_not_found"),
    "another peer": ({"peer": 9999}, "mismatch_peer_id"),
    "an old epoch": ({"version": 1}, "epoch_not_match"),
    "an epoch from the future": ({"version": 99}, "epoch_not_match"),
    "an old term": ({"term": 1}, "stale_command"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("RawGet", {"key": b"c"}),
        ("RawPut", {"key": b"c", "value": b"v"}),
        ("RawScan", {"start_key": b"c", "limit": 1}),
        ("RawCompareAndSwap", {"key": b"c", "previous_not_exist": True}),
        ("RawChecksum", {"ranges": [kvrpcpb.KeyRange(start_key=b"c")]}),
    ],
)
def test_a_request_that_went_astray(client: RawClient, change: str, method: str, fields: dict[str, Any]) -> None:
    context = client.context(b"c")
    at, changes = context.peer.store_id, CHANGES[change][0]
    context.region_id = changes.get("region", context.region_id)
    context.peer.id = changes.get("peer", context.peer.id)
    context.peer.store_id = changes.get("store", context.peer.store_id)
    context.region_epoch.version = changes.get("version", context.region_epoch.version)
    context.term = changes.get("term", 0)
    name, error = region_error(client.store(method, context, at=at, **fields))
    assert name == CHANGES[change][1]
    if name == "epoch_not_match":
        region, _ = client.region(b"c")
        assert error.epoch_not_match.current_regions[0] == region


def test_the_wrong_range(client: RawClient) -> None:
    name, error = region_error(client.store("RawGet", client.context(b"c"), key=b"z"))
    assert name == "key_not_in_region"
    assert (error.key_not_in_region.start_key, error.key_not_in_region.end_key) == (b"b", b"m")


def test_conf_ver_is_not_compared(client: RawClient) -> None:
    context = client.context(b"c")
    context.region_epoch.conf_ver = 77
    assert client.store("RawGet", context, key=b"c").not_found


def test_a_region_that_was_split_sends_clients_to_its_neighbours(client: RawClient) -> None:
    context = client.context(b"z")
    context.region_epoch.version -= 2
    _, error = region_error(client.store("RawGet", context, key=b"a"))
    told = [(region.start_key, region.end_key) for region in error.epoch_not_match.current_regions]
    assert told == [(b"m", b""), (b"b", b"m"), (b"", b"b")]


def test_another_api_version(client: RawClient) -> None:
    answer = client.store("RawGet", client.context(b"c", api_version=kvrpcpb.V2), key=b"c")
    assert answer.error.startswith("Api version in request does not match with TiKV storage, cmd: raw_get")


def test_a_request_for_another_cluster(client: RawClient) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.store("RawGet", client.context(b"c", cluster_id=1), key=b"c")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert client.store("RawGet", client.context(b"c", cluster_id=client.cluster_id), key=b"c").not_found


# ---- other calls of a store ----


def test_health_of_a_store(client: RawClient) -> None:
    store = client.store_channel(client.context(b"c").peer.store_id)
    assert store.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"
    answer = client.store("GetHealthFeedback", client.context(b"c"))
    assert answer.health_feedback.slow_score == 1


@pytest.mark.parametrize(("method", "field"), [("KvGet", 2), ("KvPrewrite", 2), ("KvScan", 3), ("KvBatchGet", 5)])
def test_transactions_are_refused_in_words(client: RawClient, method: str, field: int) -> None:
    store = client.store_channel(client.context(b"c").peer.store_id)
    body = store.unary_unary(f"/tikvpb.Tikv/{method}")(b"", timeout=10)
    assert body[0] == field << 3 | 2
    assert b"no transactions" in body


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/tikvpb.Tikv/NoSuchCall", "unknown method NoSuchCall for service tikvpb.Tikv"),
        ("/no.such.Service/Call", "unknown service no.such.Service"),
    ],
)
def test_unknown_calls(client: RawClient, path: str, text: str) -> None:
    store = client.store_channel(client.context(b"c").peer.store_id)
    with pytest.raises(grpc.RpcError) as caught:
        store.unary_unary(path)(b"x", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == text
    with pytest.raises(grpc.RpcError) as caught:
        list(store.stream_stream(path)(iter([b"x"]), timeout=10))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


# ---- BatchCommands ----


class Batch:
    """A BatchCommands stream: messages out, answers by id."""

    def __init__(self, client: RawClient) -> None:
        self._context = {key: client.context(key) for key in (b"a", b"c", b"z")}
        self._messages: list[bytes] = []
        self._channel = client.store_channel(self._context[b"a"].peer.store_id)

    def context(self, key: bytes) -> kvrpcpb.Context:
        return self._context[b"a" if key < b"b" else b"c" if key < b"m" else b"z"]

    def put(self, key: bytes, value: bytes) -> Request:
        return Request(raw_put=kvrpcpb.RawPutRequest(context=self.context(key), key=key, value=value))

    def get(self, key: bytes) -> Request:
        return Request(raw_get=kvrpcpb.RawGetRequest(context=self.context(key), key=key))

    def send(self, *batches: list[Request]) -> tuple[dict[int, Any], int]:
        """Send messages; return the answers by id, and in how many messages they came."""
        numbers = iter(range(1_000_000))
        messages = [
            tikvpb.BatchCommandsRequest(requests=batch, request_ids=[next(numbers) for _ in batch]).SerializeToString()
            for batch in batches
        ]
        answers: dict[int, Any] = {}
        count = 0
        for data in self._channel.stream_stream("/tikvpb.Tikv/BatchCommands")(iter(messages), timeout=30):
            response = tikvpb.BatchCommandsResponse.FromString(data)
            assert not answers.keys() & set(response.request_ids)
            answers.update(zip(response.request_ids, response.responses, strict=True))
            count += 1
        return answers, count


def test_a_stream_of_batches(client: RawClient) -> None:
    batch = Batch(client)
    answers, count = batch.send([batch.put(key, value) for key, value in ROWS.items()])
    assert len(answers) == len(ROWS)
    assert all(answer.raw_put == kvrpcpb.RawPutResponse() for answer in answers.values())
    assert count < len(ROWS) / 10  # grouped
    answers, _ = batch.send(*[[batch.get(key)] for key in ROWS])
    assert [answers[number].raw_get.value for number in range(len(ROWS))] == list(ROWS.values())


def test_a_batch_of_values_larger_than_any_window(client: RawClient) -> None:
    batch = Batch(client)
    values = {b"c%d" % number: bytes([number]) * 300_000 for number in range(40)}
    batch.send([batch.put(key, value) for key, value in values.items()])
    answers, _ = batch.send([batch.get(key) for key in values] * 3)
    assert [answers[number].raw_get.value for number in range(120)] == list(values.values()) * 3


def test_a_batch_with_commands_of_every_kind(client: RawClient) -> None:
    batch = Batch(client)
    context = batch.context(b"c")
    stale = kvrpcpb.Context()
    stale.CopyFrom(context)
    stale.region_epoch.version = 1
    requests = [
        batch.put(b"c1", b"v"),
        Request(raw_get=kvrpcpb.RawGetRequest(context=stale, key=b"c1")),
        Request(raw_put=kvrpcpb.RawPutRequest(context=context, key=b"z", value=b"v")),
        Request(raw_scan=kvrpcpb.RawScanRequest(context=context, start_key=b"c9", limit=3)),
        Request(empty=tikvpb.BatchCommandsEmptyRequest(test_id=5)),
        Request.FromString(b"\xfa\x3e\x00"),
    ]
    answers, _ = batch.send(requests)
    assert not answers[0].raw_put.HasField("region_error")
    assert answers[1].raw_get.region_error.HasField("epoch_not_match")
    assert answers[2].raw_put.region_error.HasField("key_not_in_region")
    assert list(answers[3].raw_scan.kvs) == []
    assert answers[4].empty.test_id == 5
    assert answers[5].WhichOneof("cmd") is None


def test_a_prewrite_in_a_batch(client: RawClient) -> None:
    command = storepb.BatchRequest.Command(Prewrite=storepb.AnyRequest())
    data = storepb.BatchRequest(requests=[command], request_ids=[3]).SerializeToString()
    store = client.store_channel(client.context(b"c").peer.store_id)
    (answer,) = store.stream_stream("/tikvpb.Tikv/BatchCommands")(iter([data]), timeout=10)
    response = storepb.BatchResponse.FromString(answer)
    assert list(response.request_ids) == [3]
    assert response.responses[0][0] == 3 << 3 | 2
    assert b"no transactions" in response.responses[0]


@pytest.mark.parametrize(
    ("data", "code"), [(b"\xff\xff\xff", grpc.StatusCode.INTERNAL), (b"", None), (b"\x12\x01\x05", None)]
)
def test_batches_that_are_none(client: RawClient, data: bytes, code: grpc.StatusCode | None) -> None:
    store = client.store_channel(client.context(b"c").peer.store_id)
    stream = store.stream_stream("/tikvpb.Tikv/BatchCommands")(iter([data]), timeout=10)
    if code is None:
        assert list(stream) == []
        return
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert caught.value.code() is code


def test_a_batch_for_another_cluster_ends_its_stream(client: RawClient) -> None:
    context = client.context(b"c", cluster_id=1)
    requests = [Request(raw_get=kvrpcpb.RawGetRequest(context=context, key=b"c"))]
    data = tikvpb.BatchCommandsRequest(requests=requests, request_ids=[1]).SerializeToString()
    store = client.store_channel(context.peer.store_id)
    with pytest.raises(grpc.RpcError) as caught:
        list(store.stream_stream("/tikvpb.Tikv/BatchCommands")(iter([data]), timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_that_is_given_up_harms_no_other(client: RawClient) -> None:
    batch = Batch(client)
    address = client.pd("GetStore", store_id=batch.context(b"c").peer.store_id).store.address
    message = tikvpb.BatchCommandsRequest(
        requests=[batch.get(b"c1") for _ in range(100)], request_ids=range(100)
    ).SerializeToString()
    for _ in range(10):
        with channel(address) as other:
            stream = other.stream_stream("/tikvpb.Tikv/BatchCommands")(iter([message] * 20), timeout=10)
            next(stream)
            stream.cancel()
    answers, _ = batch.send([batch.put(b"c1", b"v")], [batch.get(b"c1")])
    assert len(answers) == 2

"""ext/kvproto says and understands the same as protobuf: random messages both ways, fields nobody knows, and damage."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native.http2_harness import build

from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
BYTES = st.one_of(st.binary(max_size=8), st.binary(min_size=126, max_size=130))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
LISTS = ("raw_scan", "raw_batch_get")
NAMES = [field.name for field in tikvpb.BatchCommandsResponse.Response.DESCRIPTOR.fields if "raw" in field.name]
NAMES.remove("raw_coprocessor")


class Program:
    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> str:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer.endswith("\n"), f"the program has ended over: {line}"
        return answer.strip()

    def end(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    running = Program(build(HERE / "kvproto_harness.cpp"))
    yield running
    running.end()


def shown(data: bytes) -> str:
    return data.hex() or "-"


# ---- what is sent


def command(name: str, keys: list[tuple[bytes, bytes]], value: bytes, limit: int) -> str:
    several = [str(len(keys)), *(part for key in keys for part in map(shown, key))]
    one = list(map(shown, keys[0]))
    more = {"put": [shown(value)], "scan": [str(limit), shown(value)]}
    return " ".join([name, *(several if name.endswith("s") else [*one, *more.get(name, [])])])


def said(
    request: Any, name: str, keys: list[tuple[bytes, bytes]], value: bytes, limit: int, raw: dict[str, Any]
) -> None:
    """The same by protobuf."""
    whole = [key + rest for key, rest in keys]
    cf: dict[str, Any] = {"cf": raw["cf"]}
    context: dict[str, Any] = {"context": raw["context"]}
    ttl: dict[str, Any] = {"ttl": raw["ttl"]}
    for_cas: dict[str, Any] = {"for_cas": bool(raw["cas"])}
    if name == "get":
        made: dict[str, Any] = {"raw_get": kvrpcpb.RawGetRequest(key=whole[0], **context, **cf)}
    elif name == "delete":
        made = {"raw_delete": kvrpcpb.RawDeleteRequest(key=whole[0], **context, **cf, **for_cas)}
    elif name == "put":
        made = {"raw_put": kvrpcpb.RawPutRequest(key=whole[0], value=value, **context, **cf, **ttl, **for_cas)}
    elif name == "scan":
        scan = kvrpcpb.RawScanRequest(start_key=whole[0], limit=limit, end_key=value, **context, **cf)
        made = {"raw_scan": scan}
    elif name == "gets":
        made = {"raw_batch_get": kvrpcpb.RawBatchGetRequest(keys=whole, **context, **cf)}
    elif name == "deletes":
        made = {"raw_batch_delete": kvrpcpb.RawBatchDeleteRequest(keys=whole, **context, **cf, **for_cas)}
    else:
        pairs = [kvrpcpb.KvPair(key=key, value=key[::-1]) for key in whole]
        ttls = [raw["ttl"]] if raw["ttl"] else []
        puts = kvrpcpb.RawBatchPutRequest(pairs=pairs, ttls=ttls, **context, **cf, **ttl, **for_cas)
        made = {"raw_batch_put": puts}
    request.MergeFrom(tikvpb.BatchCommandsRequest.Request(**made))


@given(st.data())
def test_requests_are_those_of_protobuf(program: Program, data: st.DataObject) -> None:
    region, conf_ver, version, peer, store = (data.draw(NUMBERS) for _ in range(5))
    role, witness, retry, api = (data.draw(st.integers(0, most)) for most in (3, 1, 1, 2))
    limit_ms, keyspace = data.draw(NUMBERS), data.draw(st.integers(0, 2**32 - 1))
    context = kvrpcpb.Context(
        region_id=region,
        region_epoch=metapb.RegionEpoch(conf_ver=conf_ver, version=version),
        peer=metapb.Peer(id=peer, store_id=store, role=metapb.PeerRole.Name(role), is_witness=bool(witness)),
        max_execution_duration_ms=limit_ms,
        is_retry_request=bool(retry),
        api_version=kvrpcpb.APIVersion.Name(api),
        keyspace_id=keyspace,
    )
    raw: dict[str, Any] = {
        "cf": data.draw(TEXTS),
        "ttl": data.draw(NUMBERS),
        "cas": data.draw(st.integers(0, 1)),
        "context": context,
    }
    numbers = (region, conf_ver, version, peer, store, role, witness, limit_ms, retry, api, keyspace)
    line = ["requests", *map(str, numbers), shown(raw["cf"].encode()), str(raw["ttl"]), str(raw["cas"])]
    expected = tikvpb.BatchCommandsRequest()
    names = st.sampled_from(["get", "delete", "put", "scan", "gets", "deletes", "puts"])
    keys = st.lists(st.tuples(BYTES, BYTES), min_size=1, max_size=3)
    for name, some, value, limit in data.draw(
        st.lists(st.tuples(names, keys, BYTES, st.integers(0, 2**32 - 1)), min_size=1, max_size=4)
    ):
        line.append(command(name, some, value, limit))
        said(expected.requests.add(), name, some, value, limit, raw)
        expected.request_ids.append(6 + len(expected.requests))
    assert tikvpb.BatchCommandsRequest.FromString(bytes.fromhex(program.ask(" ".join(line)))) == expected


# ---- what comes


def varint(number: int) -> bytes:
    more = b""
    while number >= 128:
        more += bytes([number & 127 | 128])
        number >>= 7
    return more + bytes([number])


@st.composite
def strange_fields(draw: st.DrawFn) -> bytes:
    """Fields of numbers that none of the messages has, of every type of the wire."""
    parts = []
    for number, kind in draw(st.lists(st.tuples(st.integers(200, 254), st.sampled_from([0, 1, 2, 5])), max_size=2)):
        size = {0: 0, 1: 8, 5: 4}.get(kind, 0)
        text = draw(st.binary(max_size=5))
        body = varint(draw(NUMBERS)) if kind == 0 else varint(len(text)) + text if kind == 2 else bytes(size)
        parts.append(varint(number << 3 | kind) + body)
    return b"".join(parts)


@st.composite
def peers(draw: st.DrawFn) -> metapb.Peer:
    role = metapb.PeerRole.Name(draw(st.integers(0, 3)))
    return metapb.Peer(id=draw(NUMBERS), store_id=draw(NUMBERS), role=role, is_witness=draw(st.booleans()))


@st.composite
def regions(draw: st.DrawFn) -> metapb.Region:
    return metapb.Region(
        id=draw(NUMBERS),
        start_key=draw(BYTES),
        end_key=draw(BYTES),
        region_epoch=metapb.RegionEpoch(conf_ver=draw(NUMBERS), version=draw(NUMBERS)),
        peers=draw(st.lists(peers(), max_size=3)),
    )


@st.composite
def errors(draw: st.DrawFn) -> errorpb.Error:
    error = errorpb.Error(message=draw(TEXTS))
    telling = ["not_leader", "epoch_not_match", "server_is_busy"]
    kind = draw(st.sampled_from(telling) | st.sampled_from([field.name for field in errorpb.Error.DESCRIPTOR.fields]))
    if kind == "not_leader":
        error.not_leader.region_id = draw(NUMBERS)
        if draw(st.booleans()):
            error.not_leader.leader.CopyFrom(draw(peers()))
    elif kind == "epoch_not_match":
        error.epoch_not_match.current_regions.extend(draw(st.lists(regions(), max_size=2)))
        error.epoch_not_match.SetInParent()
    elif kind == "server_is_busy":
        error.server_is_busy.reason, error.server_is_busy.backoff_ms = draw(TEXTS), draw(NUMBERS)
    elif kind != "message":
        getattr(error, kind).SetInParent()
    return error


def peer_words(peer: metapb.Peer) -> list[str]:
    return [f"{peer.id}/{peer.store_id}/{peer.role:d}/{peer.is_witness:d}"]


def error_words(error: errorpb.Error) -> str:
    kind = next((field.number for field, _ in error.ListFields() if field.name != "message"), 1)
    words = [str(kind), shown(error.message.encode()), str(error.server_is_busy.backoff_ms)]
    words += peer_words(error.not_leader.leader)
    for region in error.epoch_not_match.current_regions:
        epoch = region.region_epoch
        words += [
            str(region.id),
            shown(region.start_key),
            shown(region.end_key),
            str(epoch.conf_ver),
            str(epoch.version),
        ]
        words += [word for peer in region.peers for word in peer_words(peer)]
    return " ".join(words)


@given(errors(), strange_fields())
def test_errors_of_regions(program: Program, error: errorpb.Error, strange: bytes) -> None:
    assert program.ask(f"error {shown(error.SerializeToString() + strange)}") == error_words(error)


@st.composite
def responses(draw: st.DrawFn) -> Any:
    name = draw(st.sampled_from([*NAMES, "empty"]))
    response = tikvpb.BatchCommandsResponse.Response()
    body = getattr(response, name)
    body.SetInParent()
    fields = body.DESCRIPTOR.fields_by_name
    if "region_error" in fields and draw(st.booleans()):
        body.region_error.CopyFrom(draw(errors()))
    if "error" in fields:
        body.error = draw(TEXTS)
    if name == "raw_get":
        body.value, body.not_found = draw(BYTES), draw(st.booleans())
    if name in LISTS:
        pairs = body.kvs if "kvs" in fields else body.pairs
        for key, value, broken in draw(st.lists(st.tuples(BYTES, BYTES, st.booleans()), max_size=3)):
            pair = pairs.add(key=key, value=value)
            if broken:
                pair.error.abort = "no"
    return response


def answer_words(number: int, response: Any) -> str:
    name = response.WhichOneof("cmd")
    command = response.DESCRIPTOR.fields_by_name[name].number
    body = getattr(response, name)
    fields = body.DESCRIPTOR.fields_by_name
    has_error = "region_error" in fields and body.HasField("region_error")
    region_error = body.region_error.SerializeToString() if has_error else b""
    own_error = body.error.encode() if "error" in fields else b""
    not_found, value = (body.not_found, body.value) if name == "raw_get" else (False, b"")
    pairs: Any = (body.kvs if "kvs" in fields else body.pairs) if name in LISTS else []
    listed = "".join(f"{shown(p.key)}={shown(p.value)}={p.HasField('error'):d}," for p in pairs)
    words = [number, command, int(has_error), shown(region_error), shown(own_error), int(not_found), shown(value)]
    return " ".join(map(str, [*words, f"{listed};"]))


@given(st.lists(st.tuples(NUMBERS, responses()), max_size=4), strange_fields())
def test_batches_of_answers(program: Program, answers: list[tuple[int, Any]], strange: bytes) -> None:
    batch = tikvpb.BatchCommandsResponse(transport_layer_load=7, responses=[one for _, one in answers])
    batch.request_ids.extend(number for number, _ in answers)
    batch.health_feedback.feedback_seq_no = 3
    expected = "".join(answer_words(number, one) for number, one in answers)
    assert program.ask(f"answers {shown(batch.SerializeToString() + strange)}") == expected


def batch_of(answers: list[tuple[int, Any]]) -> bytes:
    batch = tikvpb.BatchCommandsResponse(responses=[one for _, one in answers])
    batch.request_ids.extend(number for number, _ in answers)
    return batch.SerializeToString()


@given(st.lists(st.tuples(NUMBERS, responses()), min_size=1, max_size=3), st.data())
def test_half_a_batch_is_refused(program: Program, answers: list[tuple[int, Any]], data: st.DataObject) -> None:
    whole = batch_of(answers)
    assert program.ask(f"answers {shown(whole[: data.draw(st.integers(1, len(whole) - 1))])}") == "bad"


@given(st.lists(st.tuples(NUMBERS, responses()), min_size=1, max_size=3), st.data())
def test_a_damaged_batch_harms_nobody(program: Program, answers: list[tuple[int, Any]], data: st.DataObject) -> None:
    """Nothing is read beyond its end, which the sanitizer watches; and the next batch is read as ever."""
    whole = bytearray(batch_of(answers))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    program.ask(f"answers {shown(bytes(whole))}")
    expected = "".join(answer_words(number, one) for number, one in answers)
    assert program.ask(f"answers {shown(batch_of(answers))}") == expected


@pytest.mark.parametrize(
    "message",
    [
        "0a ff ff ff ff 0f",  # a response of four gigabytes
        "0a ff ff ff ff ff ff ff ff ff 01",  # of 2^64 - 1 bytes
        "0a ff ff ff ff ff ff ff ff ff ff 01",  # a length that never ends
        "0a 05 6a 03",  # longer than what is there
        "0a 02 6a 7f 12 01 01",  # a body longer than its response
        "0a 04 9a 01 01 12 12 01 01",  # a pair that ends in its head
        "12 05 01 02",  # ids longer than the message
        "12 02 80 80",  # an id without end
        "0a 00",  # a response without an id
        "12 01 07",  # an id without a response
        "00 01",  # field 0
        "0b 0c",  # a group
    ],
)
def test_hostile_lengths(program: Program, message: str) -> None:
    assert program.ask(f"answers {bytes.fromhex(message).hex()}") == "bad"

"""What comes over the streams that stores open to each other, and should not, while clients write.

Whatever it is, the store answers or closes, stays up, keeps its memory, its term and its leader, and serves on. What
single messages do to a group is in ``tests/unit/test_hostile_raft.py``; here they take the way over sockets.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import struct
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from hostile import PREFACE, SETTINGS, connect, frame, headers, heard, memory_mib
from pdhelp import still_leaders
from processes import no_traceback, until
from rawclient import RawClient, channel, region_error
from writers import Writers

from ycsbpy.minicluster import MiniCluster
from ycsbpy.minicluster.raft import MessageType
from ycsbpy.proto import eraftpb_pb2 as eraftpb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.minicluster import RunningStore

STREAMS = ("Raft", "BatchRaft", "Snapshot")
HALF_OPEN = 250
STRANGER = metapb.Peer(id=9001, store_id=9000)
FAR_TERM = 1 << 40
MORE_MIB = 150


@pytest.fixture(scope="module")
def three() -> Iterator[MiniCluster]:
    with MiniCluster(region_heartbeat_s=1.0) as cluster:
        cluster.wait_replicated(60.0)
        still_leaders(cluster.pd_address)
        yield cluster
        no_traceback(cluster)


@pytest.fixture
def untouched(three: MiniCluster) -> Iterator[Writers]:
    """What a test does to the stores changes nothing: nobody ends, grows, or hears of another term; writes go on."""
    before = {store.id: memory_mib(store.process.pid) for store in three.stores}
    with Writers(three, clients=2) as writers:
        writers.go_on(20)
        yield writers
        writers.go_on(20, within_s=60.0)
    assert writers.missing() == []
    for store in three.stores:
        assert store.process.returncode is None, store.name
        assert memory_mib(store.process.pid) < before[store.id] + MORE_MIB
    with RawClient(three.pd_address) as client:
        assert until(lambda: read_in_term(client, 1000), 30.0)
    no_traceback(three)


def read_in_term(client: RawClient, term: int) -> bool:
    """Whether the Region's leader answers a read by one who knows of this term; it refuses one that is long past."""
    name, _ = region_error(client.store("RawGet", client.context(b"user", term=term), key=b"user"))
    assert name != "stale_command", "the term has been raised"
    return not name


def ended(store: RunningStore, method: str, *messages: bytes) -> grpc.StatusCode:
    """Open a stream, send these messages, and wait for how it ends."""
    with channel(store.address) as opened:
        call = opened.stream_unary(f"/tikvpb.Tikv/{method}")
        try:
            call(iter(messages), timeout=30)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


# ---- bytes ----


def lengths(claimed: int) -> bytes:
    """A field of bytes that claims to be so long."""
    out, number = bytearray(b"\x0a"), claimed
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes((number,)) + b"abc"


GARBAGE = {
    "ones": b"\xff" * 1000,
    "zeros": bytes(1000),
    "noise": random.Random(4).randbytes(5000),
    "a field of 4 GiB": lengths(1 << 32),
    "a field of 2^63": lengths(1 << 63),
    "nested without end": b"\x0a\x7f" * 500,
    "half a message": tikvpb.BatchRaftMessage(msgs=[raft_serverpb.RaftMessage(region_id=2)]).SerializeToString()[:-1],
}


@pytest.mark.parametrize("method", STREAMS)
def test_garbage_ends_its_stream(three: MiniCluster, untouched: Writers, method: str) -> None:
    refused = (grpc.StatusCode.INTERNAL, grpc.StatusCode.FAILED_PRECONDITION)
    for store, (what, data) in itertools.product(three.stores, GARBAGE.items()):
        assert ended(store, method, data) in refused, what


@pytest.mark.parametrize("method", STREAMS)
def test_messages_that_lie_about_their_length(three: MiniCluster, untouched: Writers, method: str) -> None:
    for store in three.stores:
        with connect(store.address) as connection:
            head = PREFACE + SETTINGS + headers(f"/tikvpb.Tikv/{method}")
            connection.sendall(head + frame(0, 0, 1, b"\x00\xff\xff\xff\xff" + b"x" * 100))
            assert heard(connection, 0.5)  # not waited for: the status comes at once
        with connect(store.address) as connection, contextlib.suppress(OSError):
            connection.sendall(head + frame(0, 0, 1, b"x", length=(1 << 24) - 1))
            heard(connection, 0.5)


# ---- messages ----


def raft_message(cluster: MiniCluster, store: RunningStore, **changes: Any) -> raft_serverpb.RaftMessage:
    """A message for the Region's replica on a store, in the Region's epoch, from a Peer that is none."""
    with RawClient(cluster.pd_address) as client:
        region, _ = client.region(b"user")
    to = next(peer for peer in region.peers if peer.store_id == store.id)
    message = eraftpb.Message(msg_type=changes.pop("kind"), to=to.id, sender=STRANGER.id, term=FAR_TERM, index=1)
    made = raft_serverpb.RaftMessage(
        region_id=region.id, region_epoch=region.region_epoch, from_peer=STRANGER, to_peer=to, message=message
    )
    made.MergeFrom(raft_serverpb.RaftMessage(**changes))
    return made


ODDITIES: dict[str, dict[str, Any]] = {
    "of no peer, a term far ahead": {},
    "of an unknown Region": {"region_id": 4242},
    "to a Peer that is not here": {"to_peer": metapb.Peer(id=4242)},
    "of a removed Peer": {"region_epoch": metapb.RegionEpoch(conf_ver=1, version=1)},
    "that nobody sends": {"from_peer": metapb.Peer(id=0)},
}


@pytest.mark.parametrize("what", ODDITIES)
@pytest.mark.parametrize("kind", [MessageType.HEARTBEAT, MessageType.APPEND, MessageType.REQUEST_VOTE, 77])
def test_messages_of_strangers(three: MiniCluster, untouched: Writers, what: str, kind: int) -> None:
    with RawClient(three.pd_address) as client:
        _, leader = client.region(b"user")
        for store in three.stores:
            message = raft_message(three, store, kind=int(kind), **ODDITIES[what])
            batch = tikvpb.BatchRaftMessage(msgs=[message] * 50)
            assert ended(store, "BatchRaft", batch.SerializeToString()) is grpc.StatusCode.OK
            assert ended(store, "Raft", message.SerializeToString()) is grpc.StatusCode.OK
        assert client.region(b"user")[1] == leader


@pytest.mark.parametrize("method", ["Raft", "BatchRaft"])
def test_messages_for_another_store_end_their_stream(three: MiniCluster, untouched: Writers, method: str) -> None:
    """So a sender that has an old address hears of it, and asks PD for the new one."""
    first, other = three.stores[:2]
    data = raft_message(three, other, kind=int(MessageType.HEARTBEAT))
    message = data if method == "Raft" else tikvpb.BatchRaftMessage(msgs=[data])
    assert ended(first, method, message.SerializeToString()) is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("region_id", [2, 4242])
def test_snapshots_of_strangers(three: MiniCluster, untouched: Writers, region_id: int) -> None:
    for store in three.stores:
        message = raft_message(three, store, kind=int(MessageType.SNAPSHOT))
        data = raft_serverpb.RaftSnapshotData(region=metapb.Region(id=region_id), version=2)
        message.message.snapshot.data = data.SerializeToString()
        message.message.snapshot.metadata.index = message.message.snapshot.metadata.term = FAR_TERM
        first = raft_serverpb.SnapshotChunk(message=message).SerializeToString()
        code = ended(store, "Snapshot", first, b"\x12\x00")
        assert code is grpc.StatusCode.FAILED_PRECONDITION


# ---- what is opened and left ----


def test_streams_that_are_opened_and_left(three: MiniCluster, untouched: Writers) -> None:
    left = threading.Event()

    def silence(first: bytes) -> Iterator[bytes]:
        if first:
            yield first
        left.wait()

    with contextlib.ExitStack() as stack:
        stack.callback(left.set)
        for store, method, first in itertools.product(three.stores, STREAMS, (b"", b"\x12\x00")):
            opened = stack.enter_context(channel(store.address))
            for _ in range(4):
                call = opened.stream_unary(f"/tikvpb.Tikv/{method}").future(silence(first))
                stack.callback(call.cancel)
        untouched.go_on(50, within_s=60.0)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="silent"),
        pytest.param(PREFACE[:9], id="half a preface"),
        *(
            pytest.param(
                PREFACE + SETTINGS + headers(f"/tikvpb.Tikv/{method}") + frame(0, 0, 1, struct.pack(">BI", 0, 1 << 20)),
                id=f"half a {method} message",
            )
            for method in STREAMS
        ),
    ],
)
def test_hundreds_of_half_open_connections(three: MiniCluster, untouched: Writers, head: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(HALF_OPEN):
            for store in three.stores:
                connection = stack.enter_context(connect(store.address))
                connection.sendall(head)
        untouched.go_on(50, within_s=60.0)


def test_what_strangers_make_a_store_begin_is_bounded(three: MiniCluster, untouched: Writers) -> None:
    store = three.stores[0]
    heartbeat = raft_message(three, store, kind=int(MessageType.HEARTBEAT))
    batch = tikvpb.BatchRaftMessage()
    for number in range(2000):
        batch.msgs.append(heartbeat)
        batch.msgs[-1].region_id = 10_000 + number
    assert ended(store, "BatchRaft", batch.SerializeToString()) is grpc.StatusCode.OK
    made = store.process.log.read_text().count("a replica is made here")
    assert 0 < made <= 300

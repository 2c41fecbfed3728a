"""What comes over a Raft stream and should not: a store drops it, and no group suffers but the one it speaks for."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import TYPE_CHECKING

import pytest
from raftkit import Cluster, put

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.raft import MessageType
from ycsbpy.minicluster.store import transport as transports
from ycsbpy.minicluster.store.commands import encode
from ycsbpy.minicluster.store.multiraft import MultiRaft
from ycsbpy.minicluster.store.snapshots import BadSnapshotError, chunks
from ycsbpy.minicluster.store.transport import RaftService, Transport
from ycsbpy.proto import eraftpb_pb2 as eraftpb
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import grpc

STRANGER = Peer(99, 9)
HUGE = (0, 1, 2, 5, 6, 7, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
KINDS = [*map(int, MessageType), 77, -1]


def on_three(folder: Path, test: Callable[[Cluster], Awaitable[None]]) -> None:
    async def main() -> None:
        cluster = Cluster(folder)
        cluster.begin()
        await cluster.write(b"a")
        await test(cluster)

    asyncio.run(main())


def letter(region: Region, sender: Peer, to: Peer, message: eraftpb.Message) -> raft_serverpb.RaftMessage:
    made = raft_serverpb.RaftMessage(
        region_id=region.id, from_peer=wire.peer_to_pb(sender), to_peer=wire.peer_to_pb(to), message=message
    )
    made.region_epoch.conf_ver, made.region_epoch.version = region.epoch.conf_ver, region.epoch.version
    return made


def noise(chance: random.Random) -> eraftpb.Message:
    """A message of any kind, with numbers at all the borders."""
    message = eraftpb.Message(msg_type=chance.choice(KINDS), to=chance.choice((3, 4, 5, 0)))
    for name in ("term", "log_term", "index", "commit", "reject_hint", "request_snapshot", "commit_term"):
        setattr(message, name, chance.choice(HUGE))
    message.reject = chance.random() < 0.3
    message.context = chance.randbytes(chance.choice((0, 3, 8)))
    for _ in range(chance.choice((0, 0, 1, 3))):
        entry = eraftpb.Entry(term=chance.choice(HUGE), index=chance.choice(HUGE), data=chance.randbytes(5))
        message.entries.append(entry.SerializeToString() if chance.random() < 0.8 else chance.randbytes(9))
    if chance.random() < 0.2:
        message.snapshot.metadata.index = chance.choice(HUGE)
        message.snapshot.metadata.conf_state.voters.extend([3, 3, 4])
        message.snapshot.metadata.conf_state.learners.append(4)
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_raises_no_term(tmp_path: Path, kind: int) -> None:
    async def test(cluster: Cluster) -> None:
        term = cluster.leader().raw.term
        for store in cluster.nodes:
            peer = cluster.peer(store)
            message = eraftpb.Message(msg_type=kind, to=peer.peer.id, sender=STRANGER.id, term=1 << 40, index=9)
            peer.host.receive(letter(peer.region, STRANGER, peer.peer, message))
        await cluster.ticks(30)
        assert {cluster.peer(store).raw.term for store in cluster.nodes} == {term}
        assert all(STRANGER.id not in cluster.peer(store).heard for store in cluster.nodes)

    on_three(tmp_path, test)


def test_a_message_for_a_later_replica_destroys_none_while_no_peers_have_changed(tmp_path: Path) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        for store, kind in itertools.product(cluster.nodes, (MessageType.HEARTBEAT, MessageType.REQUEST_VOTE)):
            peer = cluster.peer(store)
            message = eraftpb.Message(msg_type=int(kind), to=4242, sender=STRANGER.id, term=7)
            peer.host.receive(letter(peer.region, STRANGER, Peer(4242, store), message))
            assert cluster.peer(store) is peer
            assert len(cluster.nodes[store].rows()) == 1

    on_three(tmp_path, test)


@pytest.mark.parametrize("kind", [MessageType.PROPOSE, MessageType.READ_INDEX, MessageType.TRANSFER_LEADER])
def test_what_only_the_leaders_own_store_asks_for_is_not_taken_from_others(tmp_path: Path, kind: MessageType) -> None:
    """Not even from one that has the right to speak: a member here, and one whom this replica may not know yet."""

    async def test(cluster: Cluster) -> None:
        leader = cluster.leader()
        last = leader.storage.last
        member = next(peer for peer in leader.region.peers if peer.id != leader.peer.id)
        newer = Region(2, epoch=Epoch(9, 1))
        for region, sender in ((leader.region, member), (newer, STRANGER)):
            message = eraftpb.Message(msg_type=int(kind), to=leader.peer.id, sender=sender.id)
            message.entries.append(eraftpb.Entry(data=encode(put(b"forged"), leader.region.epoch)).SerializeToString())
            leader.host.receive(letter(region, sender, leader.peer, message))
        await cluster.ticks(3)
        assert leader.is_leader
        assert leader.raw.transferee == 0
        assert leader.storage.last == last
        assert b"forged" not in cluster.nodes[leader.host.store_id].rows()

    on_three(tmp_path, test)


def test_an_earlier_replica_of_a_store_is_a_stranger_too(tmp_path: Path) -> None:
    async def test(cluster: Cluster) -> None:
        term = cluster.leader().raw.term
        peer = cluster.leader()
        earlier = Peer(1, 2 if peer.host.store_id != 2 else 3)
        vote = eraftpb.Message(msg_type=int(MessageType.REQUEST_VOTE), to=peer.peer.id, sender=1, term=1 << 40)
        vote.context = b"CampaignTransfer"
        peer.host.receive(letter(peer.region, earlier, peer.peer, vote))
        await cluster.settle()
        assert peer.is_leader
        assert peer.raw.term == term

    on_three(tmp_path, test)


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_a_stranger_changes_nothing(tmp_path: Path, seed: int) -> None:
    async def test(cluster: Cluster) -> None:
        chance = random.Random(seed)
        term = cluster.leader().raw.term
        for _ in range(2000):
            peer = cluster.peer(chance.choice(list(cluster.nodes)))
            region = peer.region
            if chance.random() < 0.3:
                region = Region(2, epoch=Epoch(chance.choice((0, 1)), chance.choice((0, 1, 7))))
            message = letter(region, STRANGER, peer.peer, noise(chance))
            message.message.sender = chance.choice((STRANGER.id, 3, 4, 5))
            peer.host.receive(message)
        await cluster.settle()
        await cluster.write(b"b")
        await cluster.until(lambda: cluster.same([1, 2, 3]))
        assert {cluster.peer(store).raw.term for store in cluster.nodes} == {term}

    on_three(tmp_path, test)


@pytest.mark.parametrize("seed", range(5))
def test_noise_in_a_members_name_stops_no_other_group(tmp_path: Path, seed: int) -> None:
    """A member can do its own group any harm; its store goes on, and so do the others' groups."""

    async def test(cluster: Cluster) -> None:
        (other,) = await cluster.split(b"m")
        await cluster.until(
            lambda: all(2 in node.raft.peers and other in node.raft.peers for node in cluster.nodes.values())
        )
        chance = random.Random(seed)
        for _ in range(1000):
            peer = cluster.peer(chance.choice(list(cluster.nodes)), other)
            sender = chance.choice(peer.region.peers)
            message = letter(peer.region, sender, peer.peer, noise(chance))
            message.message.sender = sender.id
            peer.host.receive(message)
            await asyncio.sleep(0)
        await cluster.ticks(5)
        assert all(not node.died for node in cluster.nodes.values())
        await cluster.write(b"x")
        await cluster.until(lambda: cluster.same([1, 2, 3]))

    on_three(tmp_path, test)


def test_messages_for_nobody_make_a_bounded_number_of_replicas(tmp_path: Path) -> None:
    async def test(cluster: Cluster) -> None:
        raft = cluster.nodes[1].raft
        for number in range(2 * MultiRaft.MAX_EMPTY):
            region = Region(1000 + number, epoch=Epoch(1, 1))
            heartbeat = eraftpb.Message(msg_type=int(MessageType.HEARTBEAT), term=6)
            raft.receive(letter(region, STRANGER, Peer(50, 1), heartbeat))
            vote = eraftpb.Message(msg_type=int(MessageType.REQUEST_VOTE), term=6)
            raft.receive(letter(region, STRANGER, Peer(50, 1), vote))
        assert len(raft.peers) <= 1 + MultiRaft.MAX_EMPTY
        await cluster.write(b"b")

    on_three(tmp_path, test)


# ---- snapshots ----


def snapshot_for(cluster: Cluster, store: int, **changes: object) -> raft_serverpb.RaftMessage:
    """The message that begins a snapshot of Region 2 for a store's replica, from its leader."""
    peer = cluster.peer(store)
    leader = cluster.leader()
    region = changes.get("region", peer.region)
    assert isinstance(region, Region)
    message = eraftpb.Message(msg_type=int(MessageType.SNAPSHOT), to=peer.peer.id, sender=leader.peer.id, term=1 << 40)
    data = raft_serverpb.RaftSnapshotData(region=wire.region_to_pb(region), version=2)
    message.snapshot.data = data.SerializeToString()
    message.snapshot.metadata.index = message.snapshot.metadata.term = 1 << 30
    sender = changes.get("sender", leader.peer)
    assert isinstance(sender, Peer)
    return letter(peer.region, sender, peer.peer, message)


@pytest.mark.parametrize("what", ["of another Region", "of a stranger", "without this replica", "not by its message"])
def test_snapshots_that_are_none_of_this_replicas(tmp_path: Path, what: str) -> None:
    async def test(cluster: Cluster) -> None:
        peer = next(cluster.peer(store) for store in cluster.nodes if not cluster.peer(store).is_leader)
        store, region, term = peer.host.store_id, peer.region, peer.raw.term
        others = tuple(each for each in region.peers if each.id != peer.peer.id)
        message = {
            "of another Region": lambda: snapshot_for(
                cluster, store, region=Region(77, epoch=region.epoch, peers=region.peers)
            ),
            "of a stranger": lambda: snapshot_for(cluster, store, sender=STRANGER),
            "without this replica": lambda: snapshot_for(
                cluster, store, region=Region(2, epoch=region.epoch, peers=others)
            ),
            "not by its message": lambda: snapshot_for(cluster, store),
        }[what]()
        if what == "not by its message":
            message.message.msg_type = int(MessageType.HEARTBEAT)
        snapshots = peer.host.snapshots
        with pytest.raises(BadSnapshotError):
            snapshots.receive(message)
        assert snapshots.receiving == 0
        await cluster.settle()
        assert peer.raw.term == term

    on_three(tmp_path, test)


def test_a_snapshot_with_an_impossible_configuration_stops_that_group_only(tmp_path: Path) -> None:
    async def test(cluster: Cluster) -> None:
        (other,) = await cluster.split(b"m")
        await cluster.until(lambda: all(other in node.raft.peers for node in cluster.nodes.values()))
        await cluster.write(b"x", region_id=other)
        peer = next(cluster.peer(store) for store in cluster.nodes if not cluster.peer(store).is_leader)
        message = snapshot_for(cluster, peer.host.store_id)
        message.message.snapshot.metadata.conf_state.voters.append(3)
        message.message.snapshot.metadata.conf_state.learners.append(3)
        snapshots = peer.host.snapshots
        spool = snapshots.receive(message)
        for chunk in chunks({}):
            spool.add(chunk)
        snapshots.received(spool)
        assert peer.removed  # as after any contradiction
        await cluster.settle()
        assert not cluster.nodes[peer.host.store_id].died
        leader = cluster.leader(other)
        future = leader.host.propose(leader.replica, leader.region.epoch.version, put(b"y"))
        await cluster.until(future.done)
        future.result()

    on_three(tmp_path, test)


# ---- streams ----


class Stream:
    """A stream that another store has opened: it sends ``messages``, then nothing, for ever."""

    def __init__(self, *messages: bytes) -> None:
        self.messages = list(messages)
        self.ended_with: grpc.StatusCode | None = None
        self.why = ""

    async def read(self) -> bytes:
        if self.messages:
            return self.messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.ended_with, self.why = code, details


def test_a_snapshot_whose_sender_falls_silent_gives_its_place_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RaftService, "SNAPSHOT_SILENCE_S", 0.01)

    async def test(cluster: Cluster) -> None:
        peer = next(cluster.peer(store) for store in cluster.nodes if not cluster.peer(store).is_leader)
        first = raft_serverpb.SnapshotChunk(message=snapshot_for(cluster, peer.host.store_id))
        stream = Stream(first.SerializeToString())
        handler = RaftService(peer.host, {}).streams()["/tikvpb.Tikv/Snapshot"]
        await handler(None, stream)  # type: ignore[arg-type]
        assert stream.why == "the snapshot is refused: nothing came for 0.01 s"
        assert peer.host.snapshots.receiving == 0
        assert list((tmp_path / str(peer.host.store_id)).glob("snap/*")) == []

    on_three(tmp_path, test)


def test_a_message_for_another_store_ends_its_stream(tmp_path: Path) -> None:
    async def test(cluster: Cluster) -> None:
        peer = cluster.leader()
        heard: dict[int, int] = {}
        message = letter(peer.region, STRANGER, Peer(3, 77), eraftpb.Message())
        stream = Stream(message.SerializeToString())
        await RaftService(peer.host, heard).streams()["/tikvpb.Tikv/Raft"](None, stream)  # type: ignore[arg-type]
        assert stream.why == f"to store 77, this is store {peer.host.store_id}"
        assert heard == {}

    on_three(tmp_path, test)


# ---- the way out ----


def test_a_store_that_nobody_here_knows_is_not_looked_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stranger is told goes to whatever store it says it is on; one of ours is looked for until it is there."""
    monkeypatch.setattr(transports, "RETRY_S", 0)
    looked_for: list[int] = []
    often = asyncio.Event()

    async def resolve(store_id: int) -> str:
        looked_for.append(store_id)
        if len(looked_for) > 20:
            often.set()
        raise LookupError("PD does not know it")

    async def test(cluster: Cluster) -> None:
        leader = cluster.leader()
        ours = next(peer for peer in leader.region.peers if peer.id != leader.peer.id)
        transport = Transport(leader.host, resolve)
        for peer in (STRANGER, ours):
            transport.post(peer.store_id, b"", 2, peer.id)
        transport.flush()
        await often.wait()
        await transport.close()
        assert looked_for.count(STRANGER.store_id) == 1
        assert set(looked_for) == {STRANGER.store_id, ours.store_id}

    on_three(tmp_path, test)


def test_what_strangers_say_of_themselves_is_forgotten_when_they_fall_silent(tmp_path: Path) -> None:
    async def resolve(_store_id: int) -> str:
        raise LookupError

    async def test(cluster: Cluster) -> None:
        leader = cluster.leader()
        ours = next(peer.store_id for peer in leader.region.peers if peer.id != leader.peer.id)
        transport = Transport(leader.host, resolve)
        now_ns = cluster.clock.now_ns()
        transport.heard.update({ours: now_ns, **{9000 + number: now_ns for number in range(100)}})
        transport.tick()
        assert len(transport.heard) == 101
        cluster.clock.advance(3 * NS_PER_SECOND)
        transport.tick()
        assert list(transport.heard) == [ours]

    on_three(tmp_path, test)

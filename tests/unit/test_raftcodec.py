"""Raft's values as eraftpb's and raft_serverpb's bytes, against vectors that were put together by hand.

The vectors follow the field numbers of TiKV's files and nothing of ours, so they hold for any other implementation too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Epoch, Peer, Region
from ycsbpy.minicluster.raft import (
    ConfChange,
    ConfChangeSingle,
    ConfChangeTransition,
    ConfChangeType,
    ConfChangeV2,
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Snapshot,
)
from ycsbpy.minicluster.store.engine import CF_RAFT, PUT, MemoryEngine
from ycsbpy.minicluster.store.peerstorage import APPLYING, NORMAL, TOMBSTONE, PeerStorage, state_mutation
from ycsbpy.minicluster.store.raftcodec import (
    ProtobufConfChanges,
    entry_bytes,
    entry_from_bytes,
    hard_state_to_pb,
    message_from_pb,
    message_to_pb,
)
from ycsbpy.proto import eraftpb_pb2 as eraftpb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb
from ycsbpy.proto import tikvpb_pb2 as tikvpb

if TYPE_CHECKING:
    from google.protobuf.message import Message as Protobuf

NORMAL_ENTRY = "10061807220161"  # term 6, index 7, data "a"
EMPTY_ENTRY = "10061806"

ENTRIES: dict[str, tuple[Entry, str]] = {
    "a normal one": (Entry(6, 7, EntryType.NORMAL, b"a"), NORMAL_ENTRY),
    "a leader's first, without data": (Entry(6, 6), EMPTY_ENTRY),
    "a change, with context": (
        Entry(6, 8, EntryType.CONF_CHANGE_V2, b"\x12\x02\x08\x01", b"k"),
        "08021006180822041202080132016b",
    ),
    "numbers of more than one byte": (Entry(300, 1 << 40), "10ac0218808080808020"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_entries(name: str) -> None:
    entry, golden = ENTRIES[name]
    assert entry_bytes(entry).hex() == golden
    assert entry_from_bytes(bytes.fromhex(golden)) == entry
    assert eraftpb.Entry.FromString(bytes.fromhex(golden)).SerializeToString().hex() == golden


MESSAGES: dict[str, tuple[Message, str]] = {
    "an append of one entry": (
        Message(MessageType.APPEND, 4, 3, 6, 6, 6, [ENTRIES["a normal one"][0]], commit=6),
        "0803100418032006280630063a07" + NORMAL_ENTRY + "4006",
    ),
    "its answer": (Message(MessageType.APPEND_RESPONSE, 3, 4, 6, index=7, commit=6), "080410031804200630074006"),
    "a refusal with a hint": (
        Message(MessageType.APPEND_RESPONSE, 3, 4, 6, log_term=5, index=9, reject=True, reject_hint=5),
        "08041003180420062805300950015805",
    ),
    "a heartbeat of a round": (
        Message(MessageType.HEARTBEAT, 4, 3, 6, commit=7, context=(9).to_bytes(8)),
        "0808100418032006400762080000000000000009",
    ),
    "a request for a vote": (
        Message(MessageType.REQUEST_VOTE, 4, 3, 7, 6, 7, commit=7, commit_term=6),
        "08051004180320072806300740077806",
    ),
    "a request for a pre-vote": (
        Message(MessageType.REQUEST_PRE_VOTE, 4, 3, 7, 6, 7),
        "081110041803200728063007",
    ),
    "an order to campaign": (Message(MessageType.TIMEOUT_NOW, 4, 3, 6), "080e100418032006"),
    "a snapshot": (
        Message(MessageType.SNAPSHOT, 4, 3, 6, snapshot=Snapshot(9, 6, ConfState(voters=(3, 4), learners=(5,)), b"x")),
        "08071004180320064a120a0178120d0a070a02030412010510091806",
    ),
    "one with priority": (
        Message(MessageType.REQUEST_VOTE, 4, 3, 7, priority=2),
        "08051004180320077002800102",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str) -> None:
    message, golden = MESSAGES[name]
    assert message_to_pb(message).SerializeToString(deterministic=True).hex() == golden
    assert message_from_pb(eraftpb.Message.FromString(bytes.fromhex(golden))) == message


CHANGES: dict[str, tuple[ConfChange | ConfChangeV2, EntryType, str]] = {
    "one, in the old form": (
        ConfChange(ConfChangeType.REMOVE_NODE, 4, b"k"),
        EntryType.CONF_CHANGE,
        "1001180422016b",
    ),
    "two at once": (
        ConfChangeV2(
            (
                ConfChangeSingle(ConfChangeType.ADD_NODE, 7),
                ConfChangeSingle(ConfChangeType.ADD_LEARNER_NODE, 4),
            ),
            ConfChangeTransition.EXPLICIT,
            b"k",
        ),
        EntryType.CONF_CHANGE_V2,
        "0802120210071204080210041a016b",
    ),
    "none: the joint state is left": (ConfChangeV2(), EntryType.CONF_CHANGE_V2, ""),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_the_configuration(name: str) -> None:
    change, kind, golden = CHANGES[name]
    codec = ProtobufConfChanges()
    assert codec.encode(change).hex() == golden
    decoded = codec.decode(kind, bytes.fromhex(golden))
    assert decoded == (change.as_v2() if isinstance(change, ConfChange) else change)


def test_a_hard_state() -> None:
    assert hard_state_to_pb(HardState(6, 3, 7)).SerializeToString().hex() == "080610031807"


SERVER: dict[str, tuple[Protobuf, str]] = {
    "a message of a Region": (
        raft_serverpb.RaftMessage(
            region_id=2,
            from_peer=metapb.Peer(id=3, store_id=1),
            to_peer=metapb.Peer(id=4, store_id=2),
            message=message_to_pb(MESSAGES["an order to campaign"][0]),
            region_epoch=metapb.RegionEpoch(conf_ver=5, version=2),
        ),
        "08021204080310011a04080410022208080e1004180320062a0408051002",
    ),
    "word of a removal": (
        raft_serverpb.RaftMessage(region_id=2, to_peer=metapb.Peer(id=4, store_id=2), is_tombstone=True),
        "08021a04080410023001",
    ),
    "a request to sleep": (
        raft_serverpb.RaftMessage(
            region_id=2, extra_msg=raft_serverpb.ExtraMessage(type=raft_serverpb.MsgHibernateRequest)
        ),
        "080252020804",
    ),
    "a message with the Region's range": (
        raft_serverpb.RaftMessage(region_id=2, start_key=b"b", end_key=b"m"),
        "08023a016242016d",
    ),
    "a batch": (
        tikvpb.BatchRaftMessage(msgs=[raft_serverpb.RaftMessage(region_id=2), raft_serverpb.RaftMessage(region_id=3)]),
        "0a0208020a020803",
    ),
    "a chunk of a snapshot": (
        raft_serverpb.SnapshotChunk(message=raft_serverpb.RaftMessage(region_id=2), data=b"xyz"),
        "0a020802120378797a",
    ),
    "a snapshot's data": (
        raft_serverpb.RaftSnapshotData(
            region=metapb.Region(id=2),
            file_size=9,
            version=2,
            meta=raft_serverpb.SnapshotMeta(cf_files=[raft_serverpb.SnapshotCFFile(cf="default")]),
        ),
        "0a020802100920022a0b0a090a0764656661756c74",
    ),
}


@pytest.mark.parametrize("name", SERVER)
def test_messages_between_stores(name: str) -> None:
    message, golden = SERVER[name]
    assert message.SerializeToString(deterministic=True).hex() == golden
    assert type(message).FromString(bytes.fromhex(golden)) == message


# ---- what is kept on disk ----

REGION = Region(2, b"b", b"m", Epoch(5, 2), (Peer(3, 1),))
REGION_BYTES = "08021201621a016d2204080510022a0408031001"


@pytest.mark.parametrize(("state", "head"), [(NORMAL, ""), (APPLYING, "0801"), (TOMBSTONE, "0802")])
def test_what_is_kept_of_a_region(state: raft_serverpb.PeerState, head: str) -> None:
    kind, cf, key, value = state_mutation(REGION, state)
    assert (kind, cf, key) == (PUT, CF_RAFT, b"region/" + (2).to_bytes(8))
    assert value.hex() == head + "1214" + REGION_BYTES
    assert wire.region_from_pb(raft_serverpb.RegionLocalState.FromString(value).region) == REGION


def test_what_is_kept_of_a_log() -> None:
    storage = PeerStorage(MemoryEngine(), 2)
    kept = {key: value.hex() for _, _, key, value in storage.begin_mutations(REGION)}
    number = (2).to_bytes(8)
    assert kept[b"state/" + number] == "0a04080518051005"  # term 5, commit 5; last index 5
    assert kept[b"apply/" + number] == "0805120408051005"  # applied 5; truncated at 5 in term 5
    entry = ENTRIES["a normal one"][0]
    kept = {key: value.hex() for _, _, key, value in storage.append_mutations([entry], HardState(6, 3, 5))}
    assert kept[b"log/" + number + (7).to_bytes(8)] == NORMAL_ENTRY
    assert kept[b"state/" + number] == "0a060806100318051007"

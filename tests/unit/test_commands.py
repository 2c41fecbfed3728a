"""Commands as bytes."""

from __future__ import annotations

import pytest

from ycsbpy.minicluster.model import Epoch, Peer, SplitIds
from ycsbpy.minicluster.peerchange import PeerChange
from ycsbpy.minicluster.raft import ConfChangeType
from ycsbpy.minicluster.store.commands import ChangePeers, Command, CompactLog, Split, Write, decode, encode
from ycsbpy.minicluster.store.engine import CF_DEFAULT, CF_RAFT, CF_WRITE, DELETE, DELETE_RANGE, PUT
from ycsbpy.minicluster.store.rawkv import CompareAndSwap
from ycsbpy.proto import commandpb_pb2 as commandpb

EPOCH = Epoch(3, 1 << 40)

COMMANDS: list[Command] = [
    Write([(PUT, CF_DEFAULT, b"k", b"v"), (DELETE, CF_WRITE, b"l", b""), (DELETE_RANGE, CF_DEFAULT, b"", b"z")], 4),
    CompareAndSwap(CF_DEFAULT, b"k", None, b"v", False, 0, 1000),
    CompareAndSwap(CF_WRITE, b"k", b"", b"", True, 9, 1000),
    Split((b"c", b"g"), (SplitIds(7, (8, 9)), SplitIds(10, (11, 12))), False, True),
    CompactLog(1 << 50, 7),
    ChangePeers((PeerChange(ConfChangeType.REMOVE_NODE, Peer(5, 6)),)),
    ChangePeers(()),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_there_and_back(command: Command) -> None:
    assert decode(encode(command, EPOCH)) == (EPOCH, command)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"no command",
        commandpb.Command(kinds=bytes([PUT << 4 | CF_RAFT]), keys=[b"region/"], values=[b""]).SerializeToString(),
        commandpb.Command(kinds=bytes([3 << 4]), keys=[b"k"], values=[b""]).SerializeToString(),
        commandpb.Command(kinds=b"\0\0", keys=[b"k"], values=[b""]).SerializeToString(),
        commandpb.Command(swap=commandpb.Swap(cf=CF_RAFT)).SerializeToString(),
    ],
)
def test_what_is_no_command_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(data)

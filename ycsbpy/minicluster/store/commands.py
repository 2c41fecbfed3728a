"""What can be proposed to a Region, and the bytes of it in the log.

A command is data, and applying it depends on nothing but the data it is applied to: no clock, no chance. That is what
lets replicas that apply the same commands in the same order stay equal. With each goes the Region's epoch of when it
was proposed, so that all replicas alike refuse what was meant for a Region as it no longer is.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from google.protobuf.message import DecodeError

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import Epoch, SplitIds
from ycsbpy.minicluster.peerchange import PeerChange
from ycsbpy.minicluster.raft import ConfChangeType
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.engine import DATA_CFS, DELETE_RANGE, Mutation
from ycsbpy.minicluster.store.rawkv import CasResult, CompareAndSwap, StorageError
from ycsbpy.proto import commandpb_pb2 as commandpb

__all__ = [
    "ChangePeers",
    "Command",
    "CompactLog",
    "Outcome",
    "Result",
    "Split",
    "Write",
    "decode",
    "encode",
    "size_of",
]


class Write(NamedTuple):
    """Puts, deletes and range deletes, all or none; ``size`` is the bytes of their keys and values."""

    mutations: list[Mutation]
    size: int


class Split(NamedTuple):
    """Split the Region at ``keys``, giving the new pieces these ids.

    The right-most piece keeps the Region's own id if ``right_derive``, else the left-most. With ``share_size`` the
    pieces share the estimate of the parent's size; a split at keys that a user chose says nothing of where the data is.
    """

    keys: tuple[bytes, ...]
    ids: tuple[SplitIds, ...]
    right_derive: bool = True
    share_size: bool = True


class CompactLog(NamedTuple):
    """Forget the log up to its entry ``last``, which is of this term."""

    last: int
    term: int


class ChangePeers(NamedTuple):
    """Change the Region's Peers; without changes leave the joint state. It goes with Raft's configuration change."""

    changes: tuple[PeerChange, ...]


Command: TypeAlias = Write | CompareAndSwap | Split | CompactLog | ChangePeers

Result: TypeAlias = CasResult | None
"""What a command that was done has to say."""

Outcome: TypeAlias = CasResult | RegionError | StorageError | None
"""What became of a command: its result, or why it was not done."""

_KINDS = frozenset(what << 4 | cf for what in range(DELETE_RANGE + 1) for cf in DATA_CFS)


def size_of(command: Command) -> int:
    """Bytes that a command counts for among what is under way: only writes come in sizes that matter."""
    return command.size if isinstance(command, Write) else 0


def encode(command: Command, epoch: Epoch) -> bytes:
    """The bytes of a command that was made for a Region of this epoch."""
    message = commandpb.Command(version=epoch.version, conf_ver=epoch.conf_ver)
    if isinstance(command, Write):
        whats, families, keys, values = zip(*command.mutations, strict=True)
        message.kinds = bytes([what << 4 | cf for what, cf in zip(whats, families, strict=True)])
        message.keys.extend(keys)
        message.values.extend(values)
    elif isinstance(command, CompareAndSwap):
        swap = message.swap
        swap.cf, swap.key, swap.value, swap.delete = command.cf, command.key, command.value, command.delete
        swap.ttl, swap.now_s = command.ttl, command.now_s
        swap.previous_exists, swap.previous = command.previous is not None, command.previous or b""
    elif isinstance(command, Split):
        split = message.split
        split.keys.extend(command.keys)
        split.right_derive, split.share_size = command.right_derive, command.share_size
        for ids in command.ids:
            split.ids.add(region_id=ids.region_id, peer_ids=ids.peer_ids)
    elif isinstance(command, CompactLog):
        message.compact_log.index, message.compact_log.term = command.last, command.term
    else:
        message.change_peers.SetInParent()
        for change in command.changes:
            message.change_peers.changes.add(change_type=int(change.change_type), peer=wire.peer_to_pb(change.peer))
    return message.SerializeToString()


def decode(data: bytes) -> tuple[Epoch, Command]:
    """The command of some bytes, and the epoch it was made for. Raises ``ValueError`` for bytes that are none."""
    try:
        message = commandpb.Command.FromString(data)
    except DecodeError as error:
        raise ValueError("not a command") from error
    return Epoch(message.conf_ver, message.version), _command(message)


def _command(message: commandpb.Command) -> Command:
    if message.kinds:
        return _write(message)
    if message.HasField("swap"):
        swap = message.swap
        previous = swap.previous if swap.previous_exists else None
        if swap.cf not in DATA_CFS:
            raise ValueError(f"column family {swap.cf}")
        return CompareAndSwap(swap.cf, swap.key, previous, swap.value, swap.delete, swap.ttl, swap.now_s)
    if message.HasField("split"):
        split = message.split
        ids = tuple(SplitIds(each.region_id, tuple(each.peer_ids)) for each in split.ids)
        return Split(tuple(split.keys), ids, split.right_derive, split.share_size)
    if message.HasField("compact_log"):
        return CompactLog(message.compact_log.index, message.compact_log.term)
    if message.HasField("change_peers"):
        return ChangePeers(
            tuple(
                PeerChange(ConfChangeType(change.change_type), wire.peer_from_pb(change.peer))
                for change in message.change_peers.changes
            )
        )
    raise ValueError("a command that this store does not know")


def _write(message: commandpb.Command) -> Write:
    kinds, keys, values = message.kinds, list(message.keys), list(message.values)
    if not (len(kinds) == len(keys) == len(values) and _KINDS.issuperset(kinds)):
        raise ValueError("a write whose parts do not fit together")
    mutations = [(kind >> 4, kind & 15, key, value) for kind, key, value in zip(kinds, keys, values, strict=True)]
    return Write(mutations, sum(map(len, keys)) + sum(map(len, values)))

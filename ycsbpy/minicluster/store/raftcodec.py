"""Raft's values as the bytes of TiKV's eraftpb, there and back.

The core knows no protobuf. An entry is encoded once: the bytes go into the log and into every append, and a follower
writes them into its own log as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from ycsbpy.minicluster.raft import (
    ConfChange,
    ConfChangeSingle,
    ConfChangeTransition,
    ConfChangeType,
    ConfChangeV2,
    ConfState,
    Entry,
    EntryType,
    Message,
    Snapshot,
)
from ycsbpy.minicluster.store.encoding import varint
from ycsbpy.proto import eraftpb_pb2 as eraftpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.raft import HardState

__all__ = [
    "ProtobufConfChanges",
    "entry_bytes",
    "entry_from_bytes",
    "hard_state_to_pb",
    "message_from_pb",
    "message_to_pb",
]

TOO_HIGH = 1 << 63
_KINDS = frozenset(map(int, EntryType))


def entry_bytes(entry: Entry) -> bytes:
    """The bytes of an entry, made once."""
    wire = entry.wire
    if wire is None:
        parts = [b"\x08" + varint(entry.entry_type)] if entry.entry_type else []
        parts += [b"\x10", varint(entry.term), b"\x18", varint(entry.index)]
        if entry.data:
            parts += [b"\x22", varint(len(entry.data)), entry.data]
        if entry.context:
            parts += [b"\x32", varint(len(entry.context)), entry.context]
        wire = entry.wire = b"".join(parts)
    return wire


def entry_from_bytes(wire: bytes) -> Entry:
    """The entry of some bytes. Raises ``ValueError`` for bytes that are none."""
    try:
        message = eraftpb.Entry.FromString(wire)
    except DecodeError as error:
        raise ValueError("not an entry") from error
    if int(message.entry_type) not in _KINDS:
        raise ValueError(f"an entry of type {message.entry_type}")
    return Entry(message.term, message.index, message.entry_type, message.data, message.context, wire)


def message_to_pb(message: Message) -> eraftpb.Message:
    """A message between nodes as eraftpb has it."""
    made = eraftpb.Message(
        msg_type=message.msg_type,
        to=message.to,
        sender=message.sender,
        term=message.term,
        log_term=message.log_term,
        index=message.index,
        commit=message.commit,
        commit_term=message.commit_term,
        request_snapshot=message.request_snapshot,
        reject=message.reject,
        reject_hint=message.reject_hint,
        context=message.context,
    )
    if message.entries:
        made.entries.extend(map(entry_bytes, message.entries))
    if message.snapshot is not None:
        made.snapshot.CopyFrom(_snapshot_to_pb(message.snapshot))
    if message.priority:
        made.priority = message.priority
        made.deprecated_priority = max(message.priority, 0)
    return made


def message_from_pb(message: eraftpb.Message) -> Message:
    """The message of its protobuf form. Raises ``ValueError`` for entries that are none, and for numbers that no group
    comes to: with them, one more would not fit into a message any more."""
    if max(message.term, message.log_term, message.index, message.commit, message.reject_hint) >= TOO_HIGH:
        raise ValueError("a term or an index of 2^63 or more")
    return Message(
        message.msg_type,
        message.to,
        message.sender,
        message.term,
        message.log_term,
        message.index,
        [entry_from_bytes(wire) for wire in message.entries],
        message.commit,
        message.commit_term,
        _snapshot_from_pb(message.snapshot) if message.HasField("snapshot") else None,
        message.request_snapshot,
        message.reject,
        message.reject_hint,
        message.context,
        message.priority or message.deprecated_priority,
    )


def hard_state_to_pb(state: HardState) -> eraftpb.HardState:
    """What a node promised, as eraftpb has it."""
    return eraftpb.HardState(term=state.term, vote=state.vote, commit=state.commit)


def _snapshot_to_pb(snapshot: Snapshot) -> eraftpb.Snapshot:
    made = eraftpb.Snapshot(data=snapshot.data)
    meta = made.metadata
    meta.index, meta.term = snapshot.index, snapshot.term
    state = snapshot.conf_state
    meta.conf_state.voters.extend(state.voters)
    meta.conf_state.learners.extend(state.learners)
    meta.conf_state.voters_outgoing.extend(state.voters_outgoing)
    meta.conf_state.learners_next.extend(state.learners_next)
    meta.conf_state.auto_leave = state.auto_leave
    return made


def _snapshot_from_pb(snapshot: eraftpb.Snapshot) -> Snapshot:
    meta = snapshot.metadata
    state = meta.conf_state
    conf_state = ConfState(
        tuple(state.voters),
        tuple(state.learners),
        tuple(state.voters_outgoing),
        tuple(state.learners_next),
        state.auto_leave,
    )
    return Snapshot(meta.index, meta.term, conf_state.sorted(), snapshot.data)


class ProtobufConfChanges:
    """Configuration changes in entries: ``eraftpb.ConfChange`` and ``ConfChangeV2``."""

    def encode(self, change: ConfChange | ConfChangeV2) -> bytes:
        """See ``ConfChangeCodec``."""
        if isinstance(change, ConfChange):
            return eraftpb.ConfChange(
                change_type=int(change.change_type),  # type: ignore[arg-type]
                node_id=change.node_id,
                context=change.context,
            ).SerializeToString()
        made = eraftpb.ConfChangeV2(transition=int(change.transition), context=change.context)  # type: ignore[arg-type]
        for single in change.changes:
            made.changes.add(change_type=int(single.change_type), node_id=single.node_id)
        return made.SerializeToString()

    def decode(self, entry_type: int, data: bytes) -> ConfChangeV2:
        """See ``ConfChangeCodec``."""
        try:
            if entry_type == EntryType.CONF_CHANGE:
                old = eraftpb.ConfChange.FromString(data)
                return ConfChange(ConfChangeType(old.change_type), old.node_id, old.context).as_v2()
            message = eraftpb.ConfChangeV2.FromString(data)
        except DecodeError as error:
            raise ValueError("not a configuration change") from error
        changes = tuple(ConfChangeSingle(ConfChangeType(one.change_type), one.node_id) for one in message.changes)
        return ConfChangeV2(changes, ConfChangeTransition(message.transition), message.context)

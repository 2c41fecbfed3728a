"""The values that Raft groups exchange and store: entries, messages, hard states, snapshots, configurations.

They carry the fields of ``eraftpb`` one to one, under the same numbers, so translating to protobuf and back is a copy;
nothing here knows protobuf. Field names are eraftpb's, save ``from``, which Python keeps for itself: ``sender``.

Entries are shared between logs, messages and storage without copies. Whoever holds one must not change it, with one
exception: ``Entry.wire`` is a place where the first one to encode an entry may keep the bytes for the next.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final, Protocol

__all__ = [
    "CAMPAIGN_TRANSFER",
    "ENTRY_OVERHEAD",
    "NO_LIMIT",
    "NO_NODE",
    "VOTE_REQUESTS",
    "ConfChange",
    "ConfChangeCodec",
    "ConfChangeSingle",
    "ConfChangeTransition",
    "ConfChangeType",
    "ConfChangeV2",
    "ConfState",
    "Entry",
    "EntryType",
    "HardState",
    "Message",
    "MessageType",
    "ReadState",
    "Role",
    "Snapshot",
    "SoftState",
    "entry_size",
    "is_local",
    "is_response",
]

NO_NODE: Final = 0
"""No node has this id: nobody was voted for, no leader is known."""

NO_LIMIT: Final = (1 << 64) - 1
"""A size that limits nothing."""

ENTRY_OVERHEAD: Final = 12
"""Bytes that an entry counts for beside its data and context, where sizes are limited."""

CAMPAIGN_TRANSFER: Final = b"CampaignTransfer"
"""Context of a vote request made on the leader's own wish; it is what lets it pass the voters' leases."""


class EntryType(enum.IntEnum):
    """``eraftpb.EntryType``."""

    NORMAL = 0
    CONF_CHANGE = 1
    CONF_CHANGE_V2 = 2


class MessageType(enum.IntEnum):
    """``eraftpb.MessageType``; some never leave the node (``is_local``)."""

    HUP = 0
    BEAT = 1
    PROPOSE = 2
    APPEND = 3
    APPEND_RESPONSE = 4
    REQUEST_VOTE = 5
    REQUEST_VOTE_RESPONSE = 6
    SNAPSHOT = 7
    HEARTBEAT = 8
    HEARTBEAT_RESPONSE = 9
    UNREACHABLE = 10
    SNAP_STATUS = 11
    CHECK_QUORUM = 12
    TRANSFER_LEADER = 13
    TIMEOUT_NOW = 14
    READ_INDEX = 15
    READ_INDEX_RESP = 16
    REQUEST_PRE_VOTE = 17
    REQUEST_PRE_VOTE_RESPONSE = 18


class Role(enum.IntEnum):
    """What a node is in its term."""

    FOLLOWER = 0
    CANDIDATE = 1
    LEADER = 2
    PRE_CANDIDATE = 3


class ConfChangeType(enum.IntEnum):
    """``eraftpb.ConfChangeType``."""

    ADD_NODE = 0
    REMOVE_NODE = 1
    ADD_LEARNER_NODE = 2


class ConfChangeTransition(enum.IntEnum):
    """``eraftpb.ConfChangeTransition``: whether a change goes through a joint configuration, and who ends that.

    ``AUTO`` uses the simple protocol for one change and otherwise means ``IMPLICIT``; ``IMPLICIT`` is joint, and the
    leader leaves it by itself; ``EXPLICIT`` is joint until an empty change is proposed.
    """

    AUTO = 0
    IMPLICIT = 1
    EXPLICIT = 2


@dataclass(slots=True)
class Entry:
    """One entry of a log (``eraftpb.Entry``). ``wire`` is the caller's: its encoded form, kept by who encodes it."""

    term: int = 0
    index: int = 0
    entry_type: int = 0
    data: bytes = b""
    context: bytes = b""
    wire: bytes | None = field(default=None, compare=False, repr=False)


def entry_size(entry: Entry) -> int:
    """Bytes that an entry counts for where sizes are limited."""
    return len(entry.data) + len(entry.context) + ENTRY_OVERHEAD


@dataclass(frozen=True, slots=True)
class ConfState:
    """A configuration as it is stored and sent (``eraftpb.ConfState``); ids in ascending order.

    ``voters_outgoing`` is empty unless the configuration is joint. ``learners_next`` are voters of the outgoing half
    that become learners when it is left.
    """

    voters: tuple[int, ...] = ()
    learners: tuple[int, ...] = ()
    voters_outgoing: tuple[int, ...] = ()
    learners_next: tuple[int, ...] = ()
    auto_leave: bool = False

    def sorted(self) -> ConfState:
        """The same configuration with ids in ascending order: two that mean the same are then equal."""
        return ConfState(
            tuple(sorted(self.voters)),
            tuple(sorted(self.learners)),
            tuple(sorted(self.voters_outgoing)),
            tuple(sorted(self.learners_next)),
            self.auto_leave,
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State that replaces the log up to ``index`` (``eraftpb.Snapshot`` with its metadata beside ``data``)."""

    index: int = 0
    term: int = 0
    conf_state: ConfState = field(default_factory=ConfState)
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class HardState:
    """What must be durable before a node answers (``eraftpb.HardState``)."""

    term: int = 0
    vote: int = 0
    commit: int = 0


@dataclass(frozen=True, slots=True)
class SoftState:
    """What changes without being stored: who leads, as far as this node knows, and what the node itself is."""

    leader_id: int = NO_NODE
    role: Role = Role.FOLLOWER


@dataclass(frozen=True, slots=True)
class ReadState:
    """An answered read request: what was applied up to ``index`` is new enough for the read named by ``context``."""

    index: int
    context: bytes


@dataclass(slots=True)
class Message:
    """One message between nodes of a group (``eraftpb.Message``).

    ``priority`` stands for both of eraftpb's fields of that meaning: write the old one too where it is positive, and
    read whichever is set.
    """

    msg_type: int = 0
    to: int = 0
    sender: int = 0
    term: int = 0
    log_term: int = 0
    index: int = 0
    entries: list[Entry] = field(default_factory=list)
    commit: int = 0
    commit_term: int = 0
    snapshot: Snapshot | None = None
    request_snapshot: int = 0
    reject: bool = False
    reject_hint: int = 0
    context: bytes = b""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ConfChangeSingle:
    """One step of a configuration change (``eraftpb.ConfChangeSingle``)."""

    change_type: ConfChangeType
    node_id: int


@dataclass(frozen=True, slots=True)
class ConfChangeV2:
    """A configuration change (``eraftpb.ConfChangeV2``). Without changes it leaves a joint configuration."""

    changes: tuple[ConfChangeSingle, ...] = ()
    transition: ConfChangeTransition = ConfChangeTransition.AUTO
    context: bytes = b""

    def leaves_joint(self) -> bool:
        """Whether this ends a joint configuration."""
        return self.transition == ConfChangeTransition.AUTO and not self.changes

    def enters_joint(self) -> bool:
        """Whether this begins one. A single step under ``AUTO`` is made without."""
        return self.transition != ConfChangeTransition.AUTO or len(self.changes) > 1

    def auto_leave(self) -> bool:
        """Whether the leader is to end the joint configuration by itself."""
        return self.transition != ConfChangeTransition.EXPLICIT


@dataclass(frozen=True, slots=True)
class ConfChange:
    """The older form, of one step (``eraftpb.ConfChange``)."""

    change_type: ConfChangeType
    node_id: int
    context: bytes = b""

    def as_v2(self) -> ConfChangeV2:
        """The same change in the newer form."""
        return ConfChangeV2((ConfChangeSingle(self.change_type, self.node_id),), context=self.context)


class ConfChangeCodec(Protocol):
    """How configuration changes are written into ``Entry.data``. The store's is protobuf, as TiKV has it."""

    def encode(self, change: ConfChange | ConfChangeV2) -> bytes:
        """The bytes of a change; a ``ConfChange`` goes into entries of type ``CONF_CHANGE``, the other into V2."""
        ...

    def decode(self, entry_type: int, data: bytes) -> ConfChangeV2:
        """The change in an entry. No bytes at all are the change that leaves a joint configuration.

        Raises ValueError for bytes that are none.
        """
        ...


VOTE_REQUESTS: Final = frozenset({MessageType.REQUEST_VOTE, MessageType.REQUEST_PRE_VOTE})

_LOCAL: Final = frozenset(
    {
        MessageType.HUP,
        MessageType.BEAT,
        MessageType.UNREACHABLE,
        MessageType.SNAP_STATUS,
        MessageType.CHECK_QUORUM,
    }
)
_RESPONSES: Final = frozenset(
    {
        MessageType.APPEND_RESPONSE,
        MessageType.REQUEST_VOTE_RESPONSE,
        MessageType.HEARTBEAT_RESPONSE,
        MessageType.UNREACHABLE,
        MessageType.REQUEST_PRE_VOTE_RESPONSE,
    }
)


def is_local(msg_type: int) -> bool:
    """Whether a message of this type never comes from another node."""
    return msg_type in _LOCAL


def is_response(msg_type: int) -> bool:
    """Whether a message of this type answers one of ours, and so comes from a member or from nobody we asked."""
    return msg_type in _RESPONSES

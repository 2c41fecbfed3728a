"""Raft without I/O: one group's replica as a value that is ticked, stepped and drained.

It follows the protocol of TiKV's and etcd's Raft libraries message by message (what the entries say is the caller's
own matter): pre-vote, check-quorum, leader lease and read index, learners, simple and joint configuration changes,
leadership transfer, snapshots, appends that follow each other without waiting. ``rawnode`` has the contract with its
callers in numbered steps; read that first.

::

    rawnode        RawNode, Ready: what callers use
    core           ticks and messages → the handlers below
    election       campaigning, voting, giving leadership away
    membership     proposals and configuration changes
    reads          heartbeats, lease reads, read index
    replication    appends and snapshots, and their answers
    state          one node's variables and its roles
    ---            below: parts that know nothing of the protocol as a whole
    log, storage   the log: what is in memory, what is stored, and the marks on it
    tracker, progress, confchange, quorum     members, what the leader knows of each, who decides
    lease, readonly                           until when a leader may trust itself, and reads that wait
    messages, config, errors                  the words
"""

from __future__ import annotations

from ycsbpy.minicluster.raft.config import Config, ReadOnlyOption
from ycsbpy.minicluster.raft.errors import (
    CompactedError,
    ConfChangeError,
    LogCorruptionError,
    ProposalDroppedError,
    RaftConfigError,
    RaftError,
    StorageError,
    TemporarilyUnavailableError,
    UnavailableError,
)
from ycsbpy.minicluster.raft.messages import (
    NO_LIMIT,
    NO_NODE,
    VOTE_REQUESTS,
    ConfChange,
    ConfChangeCodec,
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
    ReadState,
    Role,
    Snapshot,
    SoftState,
)
from ycsbpy.minicluster.raft.progress import Progress, ProgressState
from ycsbpy.minicluster.raft.rawnode import RawNode, Ready
from ycsbpy.minicluster.raft.storage import MemoryStorage, Storage

__all__ = [
    "NO_LIMIT",
    "NO_NODE",
    "VOTE_REQUESTS",
    "CompactedError",
    "ConfChange",
    "ConfChangeCodec",
    "ConfChangeError",
    "ConfChangeSingle",
    "ConfChangeTransition",
    "ConfChangeType",
    "ConfChangeV2",
    "ConfState",
    "Config",
    "Entry",
    "EntryType",
    "HardState",
    "LogCorruptionError",
    "MemoryStorage",
    "Message",
    "MessageType",
    "Progress",
    "ProgressState",
    "ProposalDroppedError",
    "RaftConfigError",
    "RaftError",
    "RawNode",
    "ReadOnlyOption",
    "ReadState",
    "Ready",
    "Role",
    "Snapshot",
    "SoftState",
    "Storage",
    "StorageError",
    "TemporarilyUnavailableError",
    "UnavailableError",
]

"""What can go wrong in a Raft group.

::

    RaftError                     (ClusterError)
    ├── RaftConfigError           two settings clash, or one is out of range
    ├── ProposalDroppedError      not proposed: nothing was appended, and it may be tried again
    ├── ConfChangeError           a configuration change that the configuration does not allow
    ├── StorageError              the storage could not give what was asked for
    │   ├── CompactedError            older than what the log still has
    │   ├── UnavailableError          newer than what the log has
    │   └── TemporarilyUnavailableError   a snapshot that is not at hand now; ask again later
    └── LogCorruptionError        an invariant does not hold; the group must stop, or it would spread the damage
"""

from __future__ import annotations

from ycsbpy.errors import ClusterError

__all__ = [
    "CompactedError",
    "ConfChangeError",
    "LogCorruptionError",
    "ProposalDroppedError",
    "RaftConfigError",
    "RaftError",
    "StorageError",
    "TemporarilyUnavailableError",
    "UnavailableError",
]


class RaftError(ClusterError):
    """Base of what a Raft group raises."""


class RaftConfigError(RaftError):
    """The settings of a group are wrong; the message names the setting, or the pair that clashes."""


class ProposalDroppedError(RaftError):
    """A proposal was not appended to any log."""


class ConfChangeError(RaftError):
    """A configuration change is not allowed from the present configuration."""


class StorageError(RaftError):
    """Base of what a storage raises for entries or snapshots that it does not have."""


class CompactedError(StorageError):
    """The entries asked for have been compacted away."""


class UnavailableError(StorageError):
    """The entries asked for are not in the log."""


class TemporarilyUnavailableError(StorageError):
    """A snapshot is still being made; asking again later will do."""


class LogCorruptionError(RaftError):
    """The log or the state contradicts itself or the leader: durable data was lost, or there is a bug."""

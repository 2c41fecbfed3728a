"""Region, Peer, Store and epoch: the words that PD and the stores share, as immutable values.

A Region is a range of keys that is replicated as one; its Peers are the replicas, each on another Store. Two counters
say which of two descriptions of a Region is the newer: ``conf_ver`` grows when the peers change, ``version`` when the
range does. Nothing here does I/O; ``ycsbpy.minicluster.wire`` turns these values into protobuf messages and back.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "COMPATIBLE_VERSION",
    "Epoch",
    "NodeState",
    "Peer",
    "Region",
    "Role",
    "SplitIds",
    "Store",
    "StoreState",
    "split_region",
    "valid_split_keys",
]

COMPATIBLE_VERSION = "8.5.0"
"""The TiKV whose protocol we speak. PD gates features on the versions of its stores, so a store has to name one."""


class Role(enum.IntEnum):
    """What a Peer is in its Region's Raft group; the numbers are ``metapb.PeerRole``'s, as are the names on JSON."""

    VOTER = 0
    LEARNER = 1
    INCOMING_VOTER = 2
    DEMOTING_VOTER = 3


class StoreState(enum.IntEnum):
    """``metapb.StoreState``."""

    UP = 0
    OFFLINE = 1
    TOMBSTONE = 2


class NodeState(enum.IntEnum):
    """``metapb.NodeState``, the newer and finer form of ``StoreState``."""

    PREPARING = 0
    SERVING = 1
    REMOVING = 2
    REMOVED = 3


@dataclass(frozen=True, slots=True)
class Epoch:
    """How often a Region's peers (``conf_ver``) and range (``version``) have changed; both start at 1."""

    conf_ver: int = 1
    version: int = 1


@dataclass(frozen=True, slots=True)
class Peer:
    """One replica of a Region. Its id is new each time, so a replica that comes back is another Peer."""

    id: int
    store_id: int
    role: Role = Role.VOTER
    is_witness: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """The keys in ``[start, end)``, an empty ``end`` meaning no end, and who replicates them."""

    id: int
    start: bytes = b""
    end: bytes = b""
    epoch: Epoch = Epoch()
    peers: tuple[Peer, ...] = ()

    def contains(self, key: bytes) -> bool:
        """Whether ``key`` is in ``[start, end)``."""
        return self.start <= key and (not self.end or key < self.end)

    def touches(self, key: bytes) -> bool:
        """Whether ``key`` is in ``[start, end]``: where a scan of this Region may begin."""
        return self.start <= key and (not self.end or key <= self.end)

    def overlaps(self, start: bytes, end: bytes) -> bool:
        """Whether it shares keys with ``[start, end)``; an empty end is the end of all keys."""
        return (not end or self.start < end) and (not self.end or start < self.end)

    def peer_on(self, store_id: int) -> Peer | None:
        """The Peer on that store, or ``None``."""
        return next((peer for peer in self.peers if peer.store_id == store_id), None)


@dataclass(frozen=True, slots=True)
class Store:
    """A store as it describes itself to PD, and what PD has decided about it. Times: seconds, heartbeat nanoseconds."""

    id: int
    address: str
    state: StoreState = StoreState.UP
    labels: tuple[tuple[str, str], ...] = ()
    version: str = COMPATIBLE_VERSION
    peer_address: str = ""
    status_address: str = ""
    git_hash: str = ""
    start_timestamp: int = 0
    deploy_path: str = ""
    last_heartbeat: int = 0
    physically_destroyed: bool = False
    node_state: NodeState = NodeState.PREPARING


@dataclass(frozen=True, slots=True)
class SplitIds:
    """Ids for one Region that a split makes: its own, and one for each Peer, in the order of the parent's peers."""

    region_id: int
    peer_ids: tuple[int, ...] = field(default=())


def valid_split_keys(region: Region, keys: Sequence[bytes]) -> list[bytes]:
    """Return the keys at which ``region`` can be split: inside it, not at its start, ascending, each once."""
    return sorted({key for key in keys if key and key > region.start and region.contains(key)})


def split_region(
    region: Region, keys: Sequence[bytes], ids: Sequence[SplitIds], *, right_derive: bool = True
) -> list[Region]:
    """Split ``region`` at ``keys``; return the pieces in key order.

    The last one keeps the Region's id and peers, as is TiKV's default (``right-derive-when-split``), or else the first
    one does. Each piece has the same stores and roles; the version grows by the number of new pieces for all of them,
    so that every cached description of the parent is older than each of its children. Raises ``ValueError`` unless the
    keys are valid (``valid_split_keys``), ascending, and there is one ``SplitIds`` with as many peers for each.
    """
    if not keys or list(keys) != valid_split_keys(region, keys):
        raise ValueError(f"split keys of region {region.id} are not ascending keys inside it")
    if len(ids) != len(keys) or any(len(each.peer_ids) != len(region.peers) for each in ids):
        raise ValueError(f"region {region.id} needs {len(keys)} new ids with {len(region.peers)} peers each")
    epoch = Epoch(region.epoch.conf_ver, region.epoch.version + len(keys))
    ranges = list(itertools.pairwise([region.start, *keys, region.end]))
    own = ranges.pop() if right_derive else ranges.pop(0)
    pieces = []
    for (start, end), new in zip(ranges, ids, strict=True):
        peers = tuple(replace(peer, id=peer_id) for peer, peer_id in zip(region.peers, new.peer_ids, strict=True))
        pieces.append(Region(new.region_id, start, end, epoch, peers))
    derived = replace(region, start=own[0], end=own[1], epoch=epoch)
    pieces.insert(len(pieces) if right_derive else 0, derived)
    return pieces

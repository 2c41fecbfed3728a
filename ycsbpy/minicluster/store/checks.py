"""May this store serve this request? The region errors of TiKV, found in TiKV's order.

Pure: a request's context and the store's replicas in, the replica out, or a ``RegionError`` that carries the message
for the answer's ``region_error``. The order matters to clients: a request for another store must hear of that before
it hears that its Region is not here, and a follower says who leads before anybody compares epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster import wire
from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.model import Region
    from ycsbpy.minicluster.store.regions import Replica, ReplicaMap

__all__ = [
    "MAX_ENTRY_BYTES",
    "RegionError",
    "admit",
    "check_entry_size",
    "check_epoch",
    "check_key",
    "check_range_end",
    "check_scan_start",
    "deadline_exceeded",
    "disk_full",
    "not_leader",
    "region_not_found",
    "server_is_busy",
    "stale_command",
]

MAX_ENTRY_BYTES = 8 << 20  # raft-entry-max-size
MAX_SIBLINGS = 10


class RegionError(Exception):
    """The store will not serve a request for its Region; ``error`` goes into the answer."""

    def __init__(self, error: errorpb.Error) -> None:
        super().__init__(error.message)
        self.error = error


def admit(replicas: ReplicaMap, context: kvrpcpb.Context) -> Replica:
    """Return the replica that ``context`` asks for, if it may answer now. Raises ``RegionError``."""
    region_id = context.region_id
    if context.peer.store_id != replicas.store_id:
        error = errorpb.Error(message=f"to store id {context.peer.store_id}, mine {replicas.store_id}")
        error.store_not_match.request_store_id = context.peer.store_id
        error.store_not_match.actual_store_id = replicas.store_id
        raise RegionError(error)
    replica = replicas.get(region_id)
    if replica is None:
        raise region_not_found(region_id)
    if context.peer.id != replica.peer.id:
        error = errorpb.Error(message=f"mismatch peer id {context.peer.id} != {replica.peer.id}")
        error.mismatch_peer_id.request_peer_id = context.peer.id
        error.mismatch_peer_id.store_peer_id = replica.peer.id
        raise RegionError(error)
    if not replica.is_leader:
        replica.group.wake()  # its leader may be gone without anybody having noticed
        raise not_leader(replica)
    if context.term and replica.term > context.term + 1:
        raise stale_command()
    if not context.HasField("region_epoch"):
        raise RegionError(errorpb.Error(message="missing epoch!"))
    check_epoch(replicas, replica, context.region_epoch.version)
    return replica


def check_epoch(replicas: ReplicaMap, replica: Replica, version: int) -> None:
    """Raise ``epoch_not_match`` unless a request made for ``version`` of the Region's range fits the current one.

    Reads and writes care about the range only, so conf_ver is not compared. The error tells the Region as it is now
    and, to a client that is behind, its left neighbours: those that were split off since.
    """
    region = replica.region
    current = region.epoch.version
    if version == current:
        return
    error = errorpb.Error(
        message=f"current epoch of region {region.id} is conf_ver: {region.epoch.conf_ver} version: {current}, "
        f"but you sent version: {version}"
    )
    siblings = replicas.neighbours(replica, min(current - version, MAX_SIBLINGS)) if version < current else []
    error.epoch_not_match.current_regions.extend(wire.region_to_pb(each) for each in [region, *siblings])
    raise RegionError(error)


def check_key(region: Region, key: bytes) -> None:
    """Raise ``key_not_in_region`` unless the Region holds ``key``."""
    if not region.contains(key):
        raise _key_not_in_region(region, key)


def check_scan_start(region: Region, key: bytes) -> None:
    """Raise ``key_not_in_region`` unless a scan of the Region, in either direction, may begin at ``key``."""
    if not region.touches(key):
        raise _key_not_in_region(region, key)


def check_range_end(region: Region, key: bytes) -> None:
    """Raise ``key_not_in_region`` if a range that ends before ``key`` (empty: has no end) reaches beyond the Region."""
    if region.end and (not key or key > region.end):
        raise _key_not_in_region(region, key)


def check_entry_size(region: Region, size: int) -> None:
    """Raise ``raft_entry_too_large`` for a write of more bytes than one log entry may have."""
    if size > MAX_ENTRY_BYTES:
        error = errorpb.Error(message=f"raft entry is too large, region {region.id}, entry size {size}")
        error.raft_entry_too_large.region_id = region.id
        error.raft_entry_too_large.entry_size = size
        raise RegionError(error)


def region_not_found(region_id: int) -> RegionError:
    """This store has no replica of that Region."""
    error = errorpb.Error(message=f"region {region_id} not found")
    error.region_not_found.region_id = region_id
    return RegionError(error)


def not_leader(replica: Replica) -> RegionError:
    """Another Peer leads; the answer names it, if this replica knows it."""
    region_id = replica.region.id
    hint = f"Some({replica.leader})" if replica.leader is not None else "None"
    error = errorpb.Error(message=f"peer is not leader for region {region_id}, leader may {hint}")
    error.not_leader.region_id = region_id
    if replica.leader is not None:
        error.not_leader.leader.CopyFrom(wire.peer_to_pb(replica.leader))
    return RegionError(error)


def stale_command() -> RegionError:
    """The term has gone on since the request was made, or a proposal was lost with its leader: nobody knows."""
    error = errorpb.Error(message="stale command")
    error.stale_command.SetInParent()
    return RegionError(error)


def deadline_exceeded() -> RegionError:
    """The request waited longer than its ``max_execution_duration_ms``; it was not executed."""
    error = errorpb.Error(message="Deadline is exceeded")
    error.server_is_busy.reason = "deadline is exceeded"
    return RegionError(error)


def server_is_busy(reason: str) -> RegionError:
    """The store has as much to do as it takes; the request was not executed."""
    error = errorpb.Error(message="server is busy")
    error.server_is_busy.reason = reason
    return RegionError(error)


def disk_full(store_id: int, reason: str) -> RegionError:
    """The store's disk has no room for writes."""
    error = errorpb.Error(message=f"store ids [{store_id}], errmsg {reason}")
    error.disk_full.store_id.append(store_id)
    error.disk_full.reason = reason
    return RegionError(error)


def _key_not_in_region(region: Region, key: bytes) -> RegionError:
    error = errorpb.Error(
        message=f"key {key.hex().upper()} is not in region key range [{region.start.hex().upper()}, "
        f"{region.end.hex().upper()}) for region {region.id}"
    )
    error.key_not_in_region.key = key
    error.key_not_in_region.region_id = region.id
    error.key_not_in_region.start_key = region.start
    error.key_not_in_region.end_key = region.end
    return RegionError(error)

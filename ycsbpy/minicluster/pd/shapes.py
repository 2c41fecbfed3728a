"""The JSON shapes of PD's HTTP interface, made of PD's state. Pure, and without the HTTP server."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.model import Peer, Role
from ycsbpy.minicluster.pd.state import DOWN_AFTER_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.minicluster.pd.regiontree import RegionInfo
    from ycsbpy.minicluster.pd.state import SlowTrend, StoreInfo, StoreLoad
    from ycsbpy.proto import pdpb_pb2 as pdpb

__all__ = ["duration", "member", "plain", "region", "region_stats", "size", "store", "timestamp"]

Json: TypeAlias = dict[str, Any]

ROLE_NAMES = {
    Role.VOTER: "Voter",
    Role.LEARNER: "Learner",
    Role.INCOMING_VOTER: "IncomingVoter",
    Role.DEMOTING_VOTER: "DemotingVoter",
}
EMPTY_REGION_MIB = 1
LEAST_WEIGHT = 1e-6


def size(count: int) -> str:
    """Bytes as PD prints them: four significant digits and a binary unit, ``97.59GiB``."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1024 or unit == "PiB":
            return f"{value:.4g}{unit}"
        value /= 1024
    raise AssertionError


def duration(ns: int) -> str:
    """Nanoseconds as Go prints a duration: ``3m9.721498266s``."""
    if ns < NS_PER_SECOND:
        return f"{ns / 1e6:g}ms" if ns else "0s"
    minutes, rest = divmod(ns, 60 * NS_PER_SECOND)
    seconds, fraction = divmod(rest, NS_PER_SECOND)
    text = f"{seconds}" + (f".{fraction:09d}".rstrip("0") if fraction else "") + "s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def timestamp(wall_ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339, in UTC."""
    seconds, fraction = divmod(wall_ns, NS_PER_SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{fraction:09d}".rstrip("0") if fraction else "") + "Z"


def plain(value: float) -> float | int:
    """A number as PD prints it: without a fraction where it has none."""
    return int(value) if value == int(value) else value


def member(message: pdpb.Member) -> Json:
    """A PD member."""
    return {
        "name": message.name,
        "member_id": message.member_id,
        "peer_urls": list(message.peer_urls),
        "client_urls": list(message.client_urls),
        "deploy_path": message.deploy_path,
        "binary_version": message.binary_version,
        "git_hash": message.git_hash,
    }


def store(
    info: StoreInfo, load: StoreLoad, now_wall_ns: int, *, region_score: float | None = None, down_after_ns: int = 0
) -> Json:
    """A store and its status. Without a ``region_score`` it is that of equal disks: size by weight."""
    meta = _store_meta(info, now_wall_ns, down_after_ns)
    return {"store": meta, "status": _store_status(info, load, region_score)}


def region(info: RegionInfo) -> Json:
    """A Region as its leader last reported it."""
    each = info.region
    shape: Json = {
        "id": each.id,
        "start_key": each.start.hex().upper(),
        "end_key": each.end.hex().upper(),
        "epoch": _without_zeros({"conf_ver": each.epoch.conf_ver, "version": each.epoch.version}),
        "peers": [_peer(peer) for peer in each.peers],
        "leader": _peer(info.leader) if info.leader is not None else {"role_name": ""},
    }
    if info.down_peers:
        shape["down_peers"] = [
            _without_zeros({"down_seconds": down.down_seconds}) | {"peer": _peer(down.peer)} for down in info.down_peers
        ]
    if info.pending_peers:
        shape["pending_peers"] = [_peer(peer) for peer in info.pending_peers]
    return shape | {
        "cpu_usage": 0,
        "written_bytes": info.bytes_written,
        "read_bytes": info.bytes_read,
        "written_keys": info.keys_written,
        "read_keys": info.keys_read,
        "approximate_size": info.size_mib,
        "approximate_keys": info.approximate_keys,
        "approximate_kv_size": 0,
        "approximate_columnar_kv_size": 0,
    }


def region_stats(regions: Sequence[RegionInfo], count: int | None = None) -> Json:
    """Sums over Regions, in all and for each store; ``count`` alone when nothing but that was asked for."""
    leaders: Counter[int] = Counter()
    leader_size: Counter[int] = Counter()
    leader_keys: Counter[int] = Counter()
    peers: Counter[int] = Counter()
    peer_size: Counter[int] = Counter()
    peer_keys: Counter[int] = Counter()
    for info in regions:
        if info.leader is not None:
            leaders[info.leader.store_id] += 1
            leader_size[info.leader.store_id] += info.size_mib
            leader_keys[info.leader.store_id] += info.approximate_keys
        for peer in info.region.peers:
            peers[peer.store_id] += 1
            peer_size[peer.store_id] += info.size_mib
            peer_keys[peer.store_id] += info.approximate_keys
    shape: Json = {
        "count": len(regions) if count is None else count,
        "empty_count": sum(info.size_mib <= EMPTY_REGION_MIB for info in regions),
        "storage_size": sum(info.size_mib for info in regions),
        "user_storage_size": 0,
        "user_columnar_storage_size": 0,
        "storage_keys": sum(info.approximate_keys for info in regions),
        "store_leader_count": _by_store(leaders),
        "store_peer_count": _by_store(peers),
        "store_leader_size": _by_store(leader_size),
        "store_leader_keys": _by_store(leader_keys),
        "store_peer_size": _by_store(peer_size),
    }
    if peer_keys:
        shape["store_peer_keys"] = _by_store(peer_keys)
    return shape


def _store_meta(info: StoreInfo, now_wall_ns: int, down_after_ns: int) -> Json:
    meta = info.meta
    return _without_zeros(
        {
            "id": meta.id,
            "address": meta.address,
            "state": int(meta.state),
            "labels": [{"key": key, "value": value} for key, value in meta.labels],
            "version": meta.version,
            "peer_address": meta.peer_address,
            "status_address": meta.status_address,
            "git_hash": meta.git_hash,
            "start_timestamp": meta.start_timestamp,
            "deploy_path": meta.deploy_path,
            "last_heartbeat": meta.last_heartbeat,
            "physically_destroyed": meta.physically_destroyed,
            "node_state": int(meta.node_state),
            "state_name": info.state_name(now_wall_ns, down_after_ns or DOWN_AFTER_NS),
        }
    )


def _store_status(info: StoreInfo, load: StoreLoad, region_score: float | None) -> Json:
    stats = info.stats
    if region_score is None:
        region_score = load.region_size / max(info.region_weight, LEAST_WEIGHT)
    status: Json = {
        "capacity": size(stats.capacity if stats else 0),
        "available": size(stats.available if stats else 0),
        "used_size": size(stats.used_size if stats else 0),
        "leader_count": load.leaders,
        "leader_weight": plain(info.leader_weight),
        "leader_score": plain(load.leaders / max(info.leader_weight, LEAST_WEIGHT)),
        "leader_size": load.leader_size,
        "region_count": load.regions,
        "region_weight": plain(info.region_weight),
        "region_score": plain(region_score),
        "region_size": load.region_size,
    }
    status |= _without_zeros(
        {"learner_count": load.learners, "witness_count": load.witnesses, "pending_peer_count": load.pending}
    )
    if stats is None:
        return status
    status |= _without_zeros(
        {
            "slow_score": stats.slow_score,
            "network_slow_score": {str(store_id): score for store_id, score in stats.network_slow_scores},
            "slow_trend": _trend(stats.slow_trend),
            "sending_snap_count": stats.sending_snap_count,
            "receiving_snap_count": stats.receiving_snap_count,
            "is_busy": stats.is_busy,
        }
    )
    started_ns = stats.start_time * NS_PER_SECOND
    status["start_ts"] = timestamp(started_ns)
    status["last_heartbeat_ts"] = timestamp(info.meta.last_heartbeat)
    if info.meta.last_heartbeat > started_ns:
        status["uptime"] = duration(info.meta.last_heartbeat - started_ns)
    return status


def _trend(trend: SlowTrend | None) -> Json:
    return {} if trend is None else {name: plain(value) for name, value in trend._asdict().items()}


def _peer(peer: Peer) -> Json:
    shape: Json = {"role_name": ROLE_NAMES[peer.role]}
    if peer.role is Role.LEARNER:
        shape["is_learner"] = True
    return shape | _without_zeros(
        {"id": peer.id, "store_id": peer.store_id, "role": int(peer.role), "is_witness": peer.is_witness}
    )


def _without_zeros(shape: Json) -> Json:
    return {name: value for name, value in shape.items() if value}


def _by_store(counts: Counter[int]) -> dict[str, int]:
    return {str(store_id): count for store_id, count in sorted(counts.items(), key=lambda item: str(item[0]))}

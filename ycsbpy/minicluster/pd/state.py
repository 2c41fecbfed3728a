"""What PD knows and decides, without a transport: stores, Regions, ids and timestamps.

Every change goes through a method here, which checks it by PD's rules and raises ``PdError`` with the type that PD's
answer carries, so that the gRPC service and the HTTP face are translations and nothing else. Whoever wants the state to
outlive the process hands in a ``StateSink``: it is told of a change before the change is visible.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ycsbpy.clock import NS_PER_SECOND, Clock
from ycsbpy.minicluster.model import NodeState, Region, Role, SplitIds, Store, StoreState
from ycsbpy.minicluster.pd.gcpoints import GcPoints
from ycsbpy.minicluster.pd.globalconfig import GlobalConfig
from ycsbpy.minicluster.pd.metastore import Change, KeptItems, MetaStore
from ycsbpy.minicluster.pd.regiontree import RegionInfo, RegionTree, StaleRegionError
from ycsbpy.minicluster.pd.tso import TimestampOracle
from ycsbpy.minicluster.pd.watermarks import Watermarks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "DOWN_AFTER_NS",
    "ClusterState",
    "ErrorType",
    "NoSink",
    "PdError",
    "Restored",
    "SlowTrend",
    "StateSink",
    "StoreInfo",
    "StoreLoad",
    "StoreStats",
]

DISCONNECTED_AFTER_NS = 20 * NS_PER_SECOND
DOWN_AFTER_NS = 30 * 60 * NS_PER_SECOND


class ErrorType(enum.IntEnum):
    """``pdpb.ErrorType``, those that we raise."""

    UNKNOWN = 1
    NOT_BOOTSTRAPPED = 2
    STORE_TOMBSTONE = 3
    ALREADY_BOOTSTRAPPED = 4
    REGION_NOT_FOUND = 6
    INVALID_VALUE = 10
    DATA_COMPACTED = 11
    REGIONS_NOT_CONTAIN_ALL_KEY_RANGE = 12


class PdError(Exception):
    """A request that PD answers with an error in the header."""

    def __init__(self, kind: ErrorType, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class SlowTrend(NamedTuple):
    """How a store's latency (cause) and its throughput (result) change, as it says itself. Nothing is decided by it."""

    cause_value: float
    cause_rate: float
    result_value: float
    result_rate: float


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a store said of itself in its last heartbeat. Sizes in bytes."""

    capacity: int = 0
    available: int = 0
    used_size: int = 0
    region_count: int = 0
    start_time: int = 0
    sending_snap_count: int = 0
    receiving_snap_count: int = 0
    applying_snap_count: int = 0
    is_busy: bool = False
    bytes_written: int = 0
    keys_written: int = 0
    bytes_read: int = 0
    keys_read: int = 0
    slow_score: int = 0
    interval: tuple[int, int] = (0, 0)
    slow_trend: SlowTrend | None = None
    network_slow_scores: tuple[tuple[int, int], ...] = ()
    """(store id, score), by id."""


@dataclass(slots=True)
class StoreInfo:
    """A store, its last statistics, and the weights that PD's scores are divided by."""

    meta: Store
    stats: StoreStats | None = None
    leader_weight: float = 1.0
    region_weight: float = 1.0

    def state_name(self, now_wall_ns: int, down_after_ns: int = DOWN_AFTER_NS) -> str:
        """``Up``, ``Disconnected``, ``Down``, ``Offline`` or ``Tombstone``, as PD's HTTP interface has it; a store that
        is silent for longer than ``max-store-down-time`` is down."""
        if self.meta.state is StoreState.UP:
            silent_ns = now_wall_ns - self.meta.last_heartbeat
            if silent_ns > down_after_ns:
                return "Down"
            if silent_ns > DISCONNECTED_AFTER_NS:
                return "Disconnected"
        return self.meta.state.name.capitalize()


class StateSink(Protocol):
    """Where changes go that have to outlive the process."""

    def save_bootstrap(self, wall_ns: int) -> None: ...

    def save_store(self, store: StoreInfo) -> None: ...

    def drop_store(self, store_id: int) -> None: ...

    def save_region(self, info: RegionInfo, displaced: Sequence[RegionInfo]) -> None: ...

    def save_next_id(self, bound: int) -> None: ...

    def save_timestamp(self, bound_ms: int) -> None: ...

    def save_items(self, change: Change) -> None:
        """Keep what a change of the ``MetaStore`` has left of its keys, and the change itself in place of the last."""

    def keep(self, name: str, value: Any) -> None:
        """Keep what is plain JSON, by name."""


class NoSink:
    """A sink for clusters that live as long as their processes."""

    def save_bootstrap(self, wall_ns: int) -> None:
        """Forget it."""

    def save_store(self, store: StoreInfo) -> None:
        """Forget it."""

    def drop_store(self, store_id: int) -> None:
        """Forget it."""

    def save_region(self, info: RegionInfo, displaced: Sequence[RegionInfo]) -> None:
        """Forget it."""

    def save_next_id(self, bound: int) -> None:
        """Forget it."""

    def save_timestamp(self, bound_ms: int) -> None:
        """Forget it."""

    def save_items(self, change: Change) -> None:
        """Forget it."""

    def keep(self, name: str, value: Any) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a ``StateSink`` kept: the state to start with instead of an empty one."""

    bootstrapped_wall_ns: int | None
    stores: Sequence[StoreInfo] = ()
    regions: Sequence[RegionInfo] = ()
    next_id: int = 1
    timestamp_ms: int = 0
    items: KeptItems | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What ``StateSink.keep`` was given, by name."""


@dataclass(slots=True)
class StoreLoad:
    """What PD believes a store holds, from the Regions' heartbeats. Sizes in MiB."""

    regions: int = 0
    leaders: int = 0
    learners: int = 0
    witnesses: int = 0
    pending: int = 0
    region_size: int = 0
    leader_size: int = 0


class ClusterState:
    """The state of one cluster, from nothing (not bootstrapped) on."""

    ID_BLOCK = 1000

    def __init__(
        self,
        cluster_id: int,
        clock: Clock,
        *,
        max_replicas: int = 3,
        sink: StateSink | None = None,
        restored: Restored | None = None,
    ) -> None:
        self.cluster_id = cluster_id
        self.clock = clock
        self.max_replicas = max_replicas
        self.regions = RegionTree()
        self.stores: dict[int, StoreInfo] = {}
        self.bootstrapped_wall_ns: int | None = None
        self._sink: StateSink = sink if sink is not None else NoSink()
        self._next_id = self._id_bound = restored.next_id if restored else 1
        self.tso = TimestampOracle(clock, restored.timestamp_ms if restored else 0, self._sink.save_timestamp)
        facts = restored.facts if restored else {}
        self.gc = GcPoints(clock, facts.get("gc"), partial(self._sink.keep, "gc"))
        self.watermarks = Watermarks(facts.get("watermarks"), partial(self._sink.keep, "watermarks"))
        self.meta = MetaStore(restored.items if restored else None, self._sink.save_items)
        self.global_config = GlobalConfig(self.meta)
        if restored is not None:
            self.bootstrapped_wall_ns = restored.bootstrapped_wall_ns
            now = clock.wall_ns()  # silence is counted from now on: PD could not hear anybody while it was away
            self.stores = {
                store.meta.id: replace(store, meta=replace(store.meta, last_heartbeat=now)) for store in restored.stores
            }
            for info in restored.regions:
                self.regions.put(info)

    # ---- ids ----

    def alloc_ids(self, count: int = 1) -> int:
        """Reserve ``count`` ids, which stores, Regions and Peers share; return the last, as ``AllocID`` answers."""
        if count < 1:
            raise PdError(ErrorType.UNKNOWN, "id count should be positive")
        last = self._next_id + count - 1
        if last >= self._id_bound:
            self._id_bound = last + self.ID_BLOCK
            self._sink.save_next_id(self._id_bound)
        self._next_id = last + 1
        return last

    # ---- bootstrap and stores ----

    @property
    def bootstrapped(self) -> bool:
        """Whether a first store has made the cluster."""
        return self.bootstrapped_wall_ns is not None

    def require_bootstrapped(self) -> None:
        """Raise the error that PD answers to everything that needs a cluster before there is one."""
        if not self.bootstrapped:
            raise PdError(ErrorType.NOT_BOOTSTRAPPED, "cluster is not bootstrapped")

    def bootstrap(self, store: Store, region: Region) -> None:
        """Make the cluster from its first store and that store's Region, which covers all keys."""
        if self.bootstrapped:
            raise PdError(ErrorType.ALREADY_BOOTSTRAPPED, "cluster is already bootstrapped")
        problem = _bootstrap_problem(store, region)
        if problem:
            raise PdError(ErrorType.UNKNOWN, f"{problem} for bootstrap {self.cluster_id}")
        now = self.clock.wall_ns()
        self._sink.save_bootstrap(now)
        self.bootstrapped_wall_ns = now
        # Such a Region has a single voter, so who leads it is known before its first heartbeat.
        self._put_region(RegionInfo(region, leader=region.peers[0]))
        self._keep_store(StoreInfo(replace(store, state=StoreState.UP, node_state=NodeState.SERVING)))

    def put_store(self, store: Store) -> None:
        """Register a store, or what has changed about it; each store does it at each start."""
        self.require_bootstrapped()
        if store.id == 0:
            raise PdError(ErrorType.UNKNOWN, "invalid put store: its id is 0")
        known = self.stores.get(store.id)
        if known is not None and known.meta.node_state is NodeState.REMOVED:
            raise PdError(ErrorType.STORE_TOMBSTONE, "store is tombstone")
        _check_version(store.version, self.cluster_version)
        self._check_address(store)
        if known is None:
            self._keep_store(StoreInfo(replace(store, state=StoreState.UP, node_state=NodeState.SERVING)))
            return
        labels = dict(known.meta.labels) | dict(store.labels)
        meta = replace(
            known.meta,
            address=store.address,
            peer_address=store.peer_address,
            status_address=store.status_address,
            version=store.version,
            git_hash=store.git_hash,
            start_timestamp=store.start_timestamp,
            deploy_path=store.deploy_path,
            labels=tuple(labels.items()),
        )
        self._keep_store(replace(known, meta=meta))

    def store(self, store_id: int) -> StoreInfo:
        """The store with this id."""
        self.require_bootstrapped()
        info = self.stores.get(store_id)
        if info is None:
            raise PdError(ErrorType.UNKNOWN, f"invalid store ID {store_id}, not found")
        return info

    def store_heartbeat(self, store_id: int, stats: StoreStats) -> StoreInfo:
        """Note that a store lives and what it says of itself."""
        self.require_bootstrapped()
        info = self.stores.get(store_id)
        if info is None:
            raise PdError(ErrorType.UNKNOWN, f"store {store_id} not found")
        if info.meta.node_state is NodeState.REMOVED:
            raise PdError(ErrorType.STORE_TOMBSTONE, "store is tombstone")
        info.meta = replace(info.meta, last_heartbeat=self.clock.wall_ns())
        info.stats = stats
        return info

    def take_store_offline(self, store_id: int, *, physically_destroyed: bool = False) -> None:
        """A store is to go: its replicas move away, and then it is buried. Its heartbeats go on until then."""
        info = self.store(store_id)
        if info.meta.node_state is NodeState.REMOVED:
            raise PdError(ErrorType.STORE_TOMBSTONE, f"store {store_id} has been removed")
        if info.meta.state is not StoreState.OFFLINE:
            staying = [
                other
                for other in self.stores.values()
                if other.meta.state is StoreState.UP and other.meta.id != store_id
            ]
            if len(staying) < self.max_replicas and not physically_destroyed:
                raise PdError(
                    ErrorType.UNKNOWN,
                    f"can not remove store {store_id} since the number of up stores would be {len(staying)} "
                    f"while need {self.max_replicas}",
                )
        meta = replace(
            info.meta,
            state=StoreState.OFFLINE,
            node_state=NodeState.REMOVING,
            physically_destroyed=physically_destroyed or info.meta.physically_destroyed,
        )
        self._keep_store(replace(info, meta=meta))

    def put_store_up(self, store_id: int) -> None:
        """A store that was to go stays."""
        info = self.store(store_id)
        if info.meta.node_state is NodeState.REMOVED:
            raise PdError(ErrorType.STORE_TOMBSTONE, f"store {store_id} has been removed")
        if info.meta.physically_destroyed:
            raise PdError(ErrorType.UNKNOWN, f"store {store_id} has been physically destroyed")
        meta = replace(info.meta, state=StoreState.UP, node_state=NodeState.SERVING)
        self._keep_store(replace(info, meta=meta))

    def bury_store(self, store_id: int) -> None:
        """A store that holds nothing any more is gone for good."""
        info = self.store(store_id)
        meta = replace(info.meta, state=StoreState.TOMBSTONE, node_state=NodeState.REMOVED)
        self._keep_store(replace(info, meta=meta))

    def remove_tombstones(self) -> list[int]:
        """Forget the stores that are gone; return their ids."""
        gone = [each.meta.id for each in self.stores.values() if each.meta.state is StoreState.TOMBSTONE]
        for store_id in gone:
            self._sink.drop_store(store_id)
            del self.stores[store_id]
        return gone

    def set_store_labels(self, store_id: int, labels: dict[str, str], *, force: bool = False) -> None:
        """Add labels to a store, or with ``force`` put them in the place of all it has."""
        info = self.store(store_id)
        merged = labels if force else dict(info.meta.labels) | labels
        self._keep_store(replace(info, meta=replace(info.meta, labels=tuple(merged.items()))))

    def set_store_weights(self, store_id: int, leader: float, region: float) -> None:
        """Set what a store's scores are divided by."""
        if leader < 0 or region < 0:
            raise PdError(ErrorType.UNKNOWN, f"invalid weight {min(leader, region)}, it must not be negative")
        info = self.store(store_id)
        self._keep_store(replace(info, leader_weight=leader, region_weight=region))

    @property
    def cluster_version(self) -> str:
        """The lowest version among the stores that are not gone; ``0.0.0`` before there is one."""
        versions = [info.meta.version for info in self.stores.values() if info.meta.node_state is not NodeState.REMOVED]
        return min(versions, key=_version_key) if versions else "0.0.0"

    # ---- Regions ----

    def region_heartbeat(self, info: RegionInfo) -> None:
        """Take a leader's report of its Region; raise ``PdError`` if it is malformed or older than what is known."""
        self.require_bootstrapped()
        problem = _report_problem(info)
        if problem:
            raise PdError(ErrorType.UNKNOWN, problem)
        self._put_region(info)

    def report_split(self, regions: Iterable[Region]) -> None:
        """Take the Regions that a split made, in key order; each keeps its leader's store, sizes come by heartbeat."""
        self.require_bootstrapped()
        pieces = list(regions)
        known = next((self.regions.get(piece.id) for piece in pieces if self.regions.get(piece.id)), None)
        leader_store = known.leader.store_id if known is not None and known.leader is not None else 0
        for piece in pieces:
            leader = piece.peer_on(leader_store) or (piece.peers[0] if len(piece.peers) == 1 else None)
            size = known.approximate_size // len(pieces) if known is not None else 0
            keys = known.approximate_keys // len(pieces) if known is not None else 0
            self._put_region(RegionInfo(piece, leader, approximate_size=size, approximate_keys=keys))

    def ask_split(self, region: Region, count: int) -> list[SplitIds]:
        """Hand out ids for the ``count`` Regions that a split of ``region`` is about to make."""
        self.require_bootstrapped()
        known = self.regions.get(region.id)
        if known is None:
            raise PdError(ErrorType.REGION_NOT_FOUND, f"region {region.id} not found")
        if region.epoch.version < known.region.epoch.version or region.epoch.conf_ver < known.region.epoch.conf_ver:
            raise PdError(ErrorType.UNKNOWN, f"region {region.id} is stale: {region.epoch}, known {known.region.epoch}")
        return [SplitIds(self.alloc_ids(), tuple(self.alloc_ids() for _ in region.peers)) for _ in range(count)]

    def batch_scan(
        self, ranges: Sequence[tuple[bytes, bytes]], limit: int = 0, *, contain_all: bool = False
    ) -> list[RegionInfo]:
        """The Regions of several ranges, which must be in order and apart; each Region once.

        With ``contain_all`` a hole in what is known is an error, not a gap in the answer.
        """
        self.require_bootstrapped()
        found: dict[int, RegionInfo] = {}
        for index, (start, end) in enumerate(ranges):
            if index and start < ranges[index - 1][1]:
                raise PdError(ErrorType.UNKNOWN, "invalid key range, ranges overlapped")
            if end and start > end:
                raise PdError(ErrorType.UNKNOWN, "invalid key range, start key > end key")
            part = self.regions.scan(start, end, limit)
            if contain_all:
                _require_no_hole(start, end, part, cut=0 < limit <= len(part))
            found.update((info.region.id, info) for info in part)
            if 0 < limit <= len(found):
                break
        return list(found.values())[: limit if limit > 0 else None]

    def leading_stores(self) -> set[int]:
        """The stores that lead Regions and are not gone."""
        leading = {info.leader.store_id for info in self.regions if info.leader is not None}
        return {
            store_id for store_id in leading & self.stores.keys()
            if self.stores[store_id].meta.node_state is not NodeState.REMOVED
        }  # fmt: skip

    def loads(self) -> dict[int, StoreLoad]:
        """What each store holds, one entry for every known store."""
        loads = {store_id: StoreLoad() for store_id in self.stores}
        for info in self.regions:
            pending = Counter(peer.store_id for peer in info.pending_peers)
            for peer in info.region.peers:
                load = loads.setdefault(peer.store_id, StoreLoad())
                load.regions += 1
                load.region_size += info.size_mib
                load.learners += peer.role is Role.LEARNER
                load.witnesses += peer.is_witness
                load.pending += pending[peer.store_id]
            if info.leader is not None:
                load = loads.setdefault(info.leader.store_id, StoreLoad())
                load.leaders += 1
                load.leader_size += info.size_mib
        return loads

    # ---- inside ----

    def _keep_store(self, info: StoreInfo) -> None:
        self._sink.save_store(info)
        self.stores[info.meta.id] = info

    def _put_region(self, info: RegionInfo) -> None:
        try:
            displaced = self.regions.check(info)
        except StaleRegionError as error:
            raise PdError(ErrorType.UNKNOWN, str(error)) from None
        known = self.regions.get(info.region.id)
        if info.leader is None and known is not None:
            info = replace(info, leader=known.leader)
        if known is None or known.region != info.region or displaced:
            self._sink.save_region(info, displaced)
        self.regions.put(info)

    def _check_address(self, store: Store) -> None:
        for other in self.stores.values():
            meta = other.meta
            if meta.id == store.id or meta.node_state is NodeState.REMOVED or meta.physically_destroyed:
                continue
            taken = {meta.address, meta.peer_address} - {""}
            if store.address in taken or (store.peer_address and store.peer_address in taken):
                raise PdError(
                    ErrorType.UNKNOWN,
                    f"duplicated store address: {store.address} of store {store.id}, already registered by {meta.id}",
                )


def _bootstrap_problem(store: Store, region: Region) -> str:
    if store.id == 0:
        return "invalid zero store id"
    if region.start or region.end:
        return "invalid first region key range, must all be empty"
    if region.id == 0:
        return "invalid zero region id"
    if len(region.peers) != 1:
        return f"invalid first region peer count {len(region.peers)}, must be 1"
    if region.peers[0].store_id != store.id:
        return f"invalid peer store id {region.peers[0].store_id} != {store.id}"
    return "invalid zero peer id" if region.peers[0].id == 0 else ""


def _report_problem(info: RegionInfo) -> str:
    if info.leader is None:
        return "invalid request leader, it is missing"
    if info.region.id == 0:
        return "invalid request region, its id is 0"
    return "" if info.region.peers else "invalid region, zero region peer count"


def _version_key(version: str) -> tuple[int, ...]:
    """``v8.5.0-alpha`` → (8, 5, 0); raises ``ValueError`` for what is no version."""
    numbers = version.removeprefix("v").partition("-")[0].partition("+")[0].split(".")
    if len(numbers) != 3:
        raise ValueError(version)
    return tuple(int(number) for number in numbers)


def _check_version(version: str, cluster_version: str) -> None:
    try:
        key = _version_key(version)
    except ValueError:
        raise PdError(ErrorType.UNKNOWN, f"invalid put store, error: {version!r} is not a version") from None
    if key[:2] < _version_key(cluster_version)[:2]:
        raise PdError(ErrorType.UNKNOWN, f"version should compatible with version  {cluster_version}, got {version}")


def _require_no_hole(start: bytes, end: bytes, part: Sequence[RegionInfo], *, cut: bool) -> None:
    reached = start
    for info in part:
        if info.region.start > reached:
            break
        reached = info.region.end
        if not reached:
            return
    else:
        if cut or not end or reached >= end:
            return
    raise PdError(
        ErrorType.REGIONS_NOT_CONTAIN_ALL_KEY_RANGE,
        f"key range[{start.hex()}, {end.hex()}) found a hole region at {reached.hex()}",
    )

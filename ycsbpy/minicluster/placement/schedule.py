"""The settings of PD's scheduling, by PD's names (``[schedule]`` and ``[replication]`` of its configuration).

``QUICK`` are the paces of a playground: nobody who watches one wants to wait four seconds for each replica that moves.
``FAITHFUL`` are PD's own. They differ in pace only; what is decided is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

__all__ = ["FAITHFUL", "QUICK", "Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times in seconds, sizes in MiB, store limits in replicas a minute."""

    max_replicas: int = 3
    location_labels: tuple[str, ...] = ()
    max_snapshot_count: int = 64
    max_pending_peer_count: int = 64
    patrol_region_interval: float = 0.01
    max_store_down_time: float = 1800.0
    leader_schedule_limit: int = 4
    region_schedule_limit: int = 2048
    replica_schedule_limit: int = 64
    merge_schedule_limit: int = 8
    add_peer_limit: float = 15.0
    remove_peer_limit: float = 15.0
    tolerant_size_ratio: float = 0.0
    low_space_ratio: float = 0.8
    high_space_ratio: float = 0.7
    enable_remove_down_replica: bool = True
    enable_replace_offline_replica: bool = True
    enable_make_up_replica: bool = True
    enable_remove_extra_replica: bool = True
    enable_location_replacement: bool = True
    enable_joint_consensus: bool = True
    enable_tikv_split_region: bool = True
    halt_scheduling: bool = False
    balance_leader_batch: int = 4
    """Leaders that balance-leader moves in one round."""
    scheduler_interval_min: float = 0.01
    scheduler_interval_max: float = 5.0
    paused: frozenset[str] = field(default_factory=frozenset)
    """Schedulers that are removed or paused, by name."""

    def with_(self, **changes: object) -> Schedule:
        """The same, with some settings changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


FAITHFUL = Schedule()
QUICK = Schedule(
    patrol_region_interval=0.1,
    max_store_down_time=60.0,
    add_peer_limit=600.0,
    remove_peer_limit=600.0,
    low_space_ratio=1.0,  # a laptop's disk is fuller than a server's, and TiUP's playground sets the same
    merge_schedule_limit=0,  # a playground is there to see Regions split
    scheduler_interval_min=0.1,
    scheduler_interval_max=1.0,
)

"""A picture of the cluster that does not change while a decision is made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ycsbpy.minicluster.placement.schedule import FAITHFUL, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ycsbpy.minicluster.pd.regiontree import RegionInfo

__all__ = ["Cluster", "StoreView"]


@dataclass(frozen=True, slots=True)
class StoreView:
    """One store. ``state`` is PD's name for it: Up, Disconnected, Down, Offline or Tombstone. Sizes in MiB but for
    ``capacity`` and ``available``, which are bytes. ``can_add`` and ``can_remove`` are what its limits allow now."""

    id: int
    state: str = "Up"
    regions: int = 0
    leaders: int = 0
    region_size: int = 0
    pending: int = 0
    snapshots: int = 0
    capacity: int = 0
    available: int = 0
    region_weight: float = 1.0
    leader_weight: float = 1.0
    busy: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    can_add: bool = True
    can_remove: bool = True
    region_influence: int = 0
    """MiB that operators under way bring (or, below zero, take)."""
    leader_influence: int = 0

    @property
    def up(self) -> bool:
        """Heartbeats come, and it is to stay."""
        return self.state == "Up"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Stores by id, Regions in key order, settings, and where new ids come from."""

    stores: Mapping[int, StoreView]
    regions: Sequence[RegionInfo]
    new_id: Callable[[], int]
    schedule: Schedule = FAITHFUL
    busy_regions: frozenset[int] = frozenset()
    """Regions with an operator under way."""

    def state_of(self, store_id: int) -> str:
        """PD's name for the state of a store; one that nobody knows is as good as gone."""
        store = self.stores.get(store_id)
        return store.state if store is not None else "Tombstone"

    def average_region_size(self) -> float:
        """MiB; PD's floor is 1."""
        if not self.regions:
            return 1.0
        return max(1.0, sum(info.size_mib for info in self.regions) / len(self.regions))

    def tolerant_ratio(self) -> float:
        """How many average Regions of difference are let be (``tolerant-size-ratio``; 0 is automatic)."""
        if self.schedule.tolerant_size_ratio > 0:
            return self.schedule.tolerant_size_ratio
        most = max((store.regions for store in self.stores.values()), default=0)
        return max(1.0, 0.005 * most)

    def tolerant_size(self) -> int:
        """MiB of difference that are let be."""
        return math.floor(self.average_region_size() * self.tolerant_ratio())

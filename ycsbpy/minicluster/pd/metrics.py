"""PD's metrics under PD's names, for Prometheus and the dashboards that know them. Made when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, UnknownMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from ycsbpy.minicluster.pd.httpregions import region_problems
from ycsbpy.minicluster.placement.limits import StoreLimits
from ycsbpy.minicluster.placement.scores import leader_score, region_score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from ycsbpy.minicluster.pd.parts import Pd

__all__ = ["exposition"]

STATES = {"up": "Up", "disconnected": "Disconnected", "down": "Down", "offline": "Offline", "tombstone": "Tombstone"}
MIB = 1 << 20


def exposition(pd: Pd) -> tuple[bytes, str]:
    """The text of ``/metrics`` and its content type."""
    registry = CollectorRegistry()
    registry.register(_Collector(pd))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Collector:
    def __init__(self, pd: Pd) -> None:
        self._pd = pd

    def collect(self) -> Iterator[Metric]:
        """All metrics, as they are now."""
        role = GaugeMetricFamily("pd_tso_role", "Whether this PD gives out timestamps.", labels=["dc"])
        role.add_metric(["global"], 1)
        yield role
        if not self._pd.state.bootstrapped:
            return
        yield self._cluster()
        yield self._stores()
        yield self._limits()
        yield self._regions()
        yield self._operators()

    def _cluster(self) -> Metric:
        family = GaugeMetricFamily("pd_cluster_status", "Status of the cluster.", labels=["type", "engine", "store"])
        stores = self._pd.coordinator.view().stores.values()
        present = [store for store in stores if store.state != "Tombstone"]
        sums = {
            "region_count": sum(store.regions for store in present),
            "leader_count": sum(store.leaders for store in present),
            "storage_size": sum(info.size_mib for info in self._pd.state.regions) * MIB,
            "storage_capacity": sum(store.capacity for store in present),
            "store_unhealth_count": 0,
            "store_low_space_count": 0,
            "store_serving_count": sum(store.state in ("Up", "Disconnected", "Down") for store in present),
            "store_removing_count": sum(store.state == "Offline" for store in present),
        }
        sums |= {f"store_{name}_count": sum(each.state == state for each in stores) for name, state in STATES.items()}
        for name, value in sums.items():
            family.add_metric([name, "tikv", "0"], value)
        return family

    def _stores(self) -> Metric:
        family = GaugeMetricFamily(
            "pd_scheduler_store_status", "Status of each store.", labels=["address", "store", "type"]
        )
        low = self._pd.coordinator.schedule.low_space_ratio
        loads = self._pd.state.loads()
        for store in self._pd.coordinator.view().stores.values():
            if store.state == "Tombstone":
                continue
            info = self._pd.state.stores[store.id]
            values = {
                "region_count": store.regions,
                "leader_count": store.leaders,
                "region_score": region_score(store, 0, low),
                "leader_score": leader_score(store),
                "region_size": store.region_size,
                "leader_size": loads[store.id].leader_size,
                "learner_count": loads[store.id].learners,
                "witness_count": loads[store.id].witnesses,
                "store_available": store.available,
                "store_used": info.stats.used_size if info.stats else 0,
                "store_capacity": store.capacity,
            }
            for name, value in values.items():
                family.add_metric([info.meta.address, str(store.id), name], value)
        return family

    def _limits(self) -> Metric:
        family = GaugeMetricFamily("pd_cluster_store_limit", "Store limits, a minute.", labels=["store", "type"])
        for store_id in self._pd.state.stores:
            for kind in StoreLimits.TYPES:
                family.add_metric([str(store_id), kind], self._pd.coordinator.limits.rate(store_id, kind))
        return family

    def _regions(self) -> Metric:
        family = GaugeMetricFamily("pd_regions_status", "Regions with something wrong.", labels=["type"])
        for name, test in region_problems(self._pd).items():
            full = name if name.endswith("region") else f"{name}-region"
            family.add_metric([f"{full}-count"], sum(test(info) for info in self._pd.state.regions))
        return family

    def _operators(self) -> Metric:
        # Not a counter family: the client library would add "_total" to a name that PD's own has not.
        family = UnknownMetricFamily("pd_schedule_operators_count", "Operators.", labels=["type", "event"])
        for (desc, event), count in sorted(self._pd.coordinator.operators.events.items()):
            family.add_metric([desc, event], count)
        return family

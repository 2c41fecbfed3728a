"""What is asked of PD about Regions, by gRPC or by HTTP, and takes a while: split at these keys, scatter those Regions.

A split is answered when the stores have reported the new Regions, or not within a minute; what fails is tried again as
often as the caller allows, after a pause that doubles. A scatter is answered when its operators have been started.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ycsbpy.clock import NS_PER_SECOND
from ycsbpy.minicluster.placement.filters import is_replicated
from ycsbpy.minicluster.placement.operators import ImpossibleError, Kind, Operator, Priority, Status, split
from ycsbpy.minicluster.placement.scatter import SCATTER, Groups, scatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ycsbpy.minicluster.pd.coordinator import Coordinator
    from ycsbpy.minicluster.pd.regiontree import RegionInfo

__all__ = ["JobError", "RegionJobs", "Scattered", "SplitDone"]

MAX_RETRIES = 30
WATCH_NS = NS_PER_SECOND // 10
SPLIT_PATIENCE_NS = 60 * NS_PER_SECOND


class JobError(Exception):
    """Nothing of what was asked can be begun; the text is PD's."""


@dataclass(frozen=True, slots=True)
class SplitDone:
    """``percentage`` is of the keys at which a Region begins now; ``region_ids`` are those Regions."""

    percentage: int
    region_ids: list[int]


@dataclass(slots=True)
class Scattered:
    """How many Regions were seen to, and which were not, with the reason."""

    done: int = 0
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def percentage(self) -> int:
        """Of the Regions that were seen to."""
        return 100 - 100 * len(self.failed) // max(1, self.done + len(self.failed))


class RegionJobs:
    """The jobs of one PD."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._state = coordinator.state
        self._clock = coordinator.state.clock
        self._groups = Groups()

    # ---- single operators ----

    def start(self, operator: Operator) -> bool:
        """Start an operator that somebody asked for, in the place of one that PD had thought of itself."""
        operator.kind |= Kind.ADMIN
        operator.priority = Priority.HIGH
        return self._add(operator)

    def find(self, region_id: int) -> Operator | None:
        """A Region's operator: the one that runs, or the last one that ended."""
        operators = self._coordinator.operators
        return operators.running.get(region_id) or operators.last_by_region.get(region_id)

    def _add(self, operator: Operator) -> bool:
        info = self._state.regions.get(operator.region_id)
        return info is not None and self._coordinator.operators.add(operator, info, self._clock.wall_ns())

    async def _pause(self, attempt: int) -> None:
        await self._clock.sleep_until_ns(self._clock.now_ns() + min(WATCH_NS << attempt, 60 * NS_PER_SECOND))

    # ---- splits ----

    async def split(self, keys: Sequence[bytes], retry_limit: int = 0) -> SplitDone:
        """Have Regions begin at ``keys``. A key at which one begins already is none that this call has split at."""
        left = list(dict.fromkeys(keys))
        asked = len(left)
        made: dict[bytes, int] = {}
        attempts = min(max(retry_limit, 0), MAX_RETRIES) + 1
        for attempt in range(attempts if asked else 0):
            made |= await self._split_once(left)
            left = [key for key in left if key not in made]
            if not left or attempt == attempts - 1:
                break
            await self._pause(attempt)
        return SplitDone(100 - 100 * len(left) // asked if asked else 0, list(made.values()))

    async def _split_once(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Split, and wait until it is seen; return key → the Region that begins there."""
        started: list[tuple[Operator, list[bytes]]] = []
        for info, wanted in self._by_region(keys):
            operator = split(info, "region-splitter", "USEKEY", wanted)
            if self._add(operator):
                started.append((operator, wanted))
        deadline = self._clock.now_ns() + SPLIT_PATIENCE_NS
        while True:
            asked = [key for _, wanted in started for key in wanted]
            found = {key: region_id for key in asked if (region_id := self._beginning_at(key))}
            # One that has finished may still lack a report of what it made; one that was given up brings no more.
            waiting = any(
                operator.status in (Status.RUNNING, Status.SUCCESS) and not found.keys() >= set(wanted)
                for operator, wanted in started
            )
            if not waiting or self._clock.now_ns() >= deadline:
                return found
            await self._clock.sleep_until_ns(self._clock.now_ns() + WATCH_NS)

    def _by_region(self, keys: Iterable[bytes]) -> list[tuple[RegionInfo, list[bytes]]]:
        """The keys by the Region that can be split at them."""
        cluster = self._coordinator.view()
        groups: dict[int, tuple[RegionInfo, list[bytes]]] = {}
        for key in keys:
            info = self._state.regions.find(key)
            if info is None or info.leader is None or info.region.start == key or not is_replicated(info, cluster):
                continue
            groups.setdefault(info.region.id, (info, []))[1].append(key)
        return list(groups.values())

    def _beginning_at(self, key: bytes) -> int:
        """The Region that begins at ``key``, 0 if none does."""
        info = self._state.regions.find(key)
        return info.region.id if info is not None and info.region.start == key else 0

    # ---- scatter ----

    async def scatter(self, region_ids: Sequence[int], group: str = "", retry_limit: int = 0) -> Scattered:
        """Spread Regions over the stores. Raises ``JobError`` if there is none of them."""
        known = [region_id for region_id in dict.fromkeys(region_ids) if self._state.regions.get(region_id) is not None]
        if not known:
            raise JobError(
                f"[PD:region:ErrRegionNotFound]region {region_ids[0]} not found"
                if len(region_ids) == 1
                else "[PD:scatter:ErrEmptyRegion]empty region"
            )
        result = Scattered(
            failed={each: f"failed to find region {each}" for each in region_ids if each not in set(known)}
        )
        left = known
        attempts = min(max(retry_limit, 0), MAX_RETRIES) + 1
        for attempt in range(attempts):
            left = [region_id for region_id in left if not self._scatter_into(result, region_id, group)]
            if not left or attempt == attempts - 1:
                break
            await self._pause(attempt)
        return result

    def _scatter_into(self, result: Scattered, region_id: int, group: str) -> bool:
        try:
            self.scatter_one(region_id, group)
        except (ImpossibleError, JobError) as error:
            result.failed[region_id] = str(error)
            return False
        result.failed.pop(region_id, None)
        result.done += 1
        return True

    def scatter_one(self, region_id: int, group: str = "") -> None:
        """Spread one Region of a group. Raises ``ImpossibleError``, or ``JobError`` if its operator cannot start."""
        info = self._state.regions.get(region_id)
        if info is None:
            raise ImpossibleError(f"failed to find region {region_id}")
        running = self._coordinator.operators.running.get(region_id)
        if running is not None and running.priority >= Priority.HIGH:
            if (running.desc, running.group) == (SCATTER, group):
                return
            raise ImpossibleError(f"the operator of region {region_id} already exist")
        operator = scatter(self._coordinator.view(), info, self._groups.of(group, self._clock.wall_ns()))
        if operator is None:
            return
        operator.group = group
        if not self._add(operator):
            raise JobError("operator canceled because cannot add an operator to the execute queue")

"""What PD knows about each Region, ordered by start key.

A plain sorted list with binary search: a mini-cluster has at most some thousands of Regions, and a list of so many
start keys is searched in a microsecond and changed in ten. What is kept never overlaps, but it may have holes: while
a split is being reported, the left half can be missing for a moment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.minicluster.model import Peer, Region

__all__ = ["DownPeer", "RegionInfo", "RegionTree", "StaleRegionError"]

MIB = 1 << 20


class StaleRegionError(Exception):
    """A report about a Region that is older than what PD knows already."""


@dataclass(frozen=True, slots=True)
class DownPeer:
    """A Peer that its leader has not heard of for so many seconds."""

    peer: Peer
    down_seconds: int


@dataclass(frozen=True, slots=True)
class RegionInfo:
    """A Region as its leader last reported it. Sizes in bytes; flows are of the last interval."""

    region: Region
    leader: Peer | None = None
    term: int = 0
    down_peers: tuple[DownPeer, ...] = ()
    pending_peers: tuple[Peer, ...] = ()
    approximate_size: int = 0
    approximate_keys: int = 0
    bytes_written: int = 0
    keys_written: int = 0
    bytes_read: int = 0
    keys_read: int = 0

    @property
    def size_mib(self) -> int:
        """The size as PD counts it: whole MiB, but 1 for anything above nothing."""
        return max(1, self.approximate_size // MIB) if self.approximate_size > 0 else 0


class RegionTree:
    """Regions by start key and by id; no two of them overlap."""

    def __init__(self) -> None:
        self._starts: list[bytes] = []
        self._by_start: dict[bytes, RegionInfo] = {}
        self._by_id: dict[int, RegionInfo] = {}

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[RegionInfo]:
        """In key order."""
        return (self._by_start[start] for start in self._starts)

    def get(self, region_id: int) -> RegionInfo | None:
        """The Region with this id, or ``None``."""
        return self._by_id.get(region_id)

    def find(self, key: bytes) -> RegionInfo | None:
        """The Region that holds ``key``, or ``None`` where there is a hole."""
        index = bisect_right(self._starts, key) - 1
        if index < 0:
            return None
        info = self._by_start[self._starts[index]]
        return info if info.region.contains(key) else None

    def find_previous(self, key: bytes) -> RegionInfo | None:
        """The Region that ends where the one that holds ``key`` starts, or ``None``."""
        here = self.find(key)
        if here is None:
            return None
        index = bisect_left(self._starts, here.region.start) - 1
        if index < 0:
            return None
        info = self._by_start[self._starts[index]]
        return info if info.region.end == here.region.start else None

    def scan(self, start: bytes, end: bytes, limit: int = 0) -> list[RegionInfo]:
        """The Regions that hold keys of ``[start, end)``, in order; ``limit`` of them, or all for ``limit`` <= 0."""
        index = bisect_right(self._starts, start) - 1
        if index < 0 or not self._by_start[self._starts[index]].region.contains(start):
            index += 1
        found: list[RegionInfo] = []
        while index < len(self._starts) and (limit <= 0 or len(found) < limit):
            first_key = self._starts[index]
            if end and first_key >= end:
                break
            found.append(self._by_start[first_key])
            index += 1
        return found

    def overlapping(self, region: Region) -> list[RegionInfo]:
        """The known Regions with other ids that hold keys of ``region``."""
        return [info for info in self.scan(region.start, region.end) if info.region.id != region.id]

    def check(self, info: RegionInfo) -> list[RegionInfo]:
        """Return the Regions that ``info`` would displace; raise ``StaleRegionError`` when it is the older one.

        PD's rules: a Region is stale when one that overlaps it has a higher version, or when the same Region is known
        with a higher version, conf_ver or, both epochs being equal or older, term (a term of 0 says nothing).
        """
        region, epoch = info.region, info.region.epoch
        overlaps = self.overlapping(region)
        for other in overlaps:
            if epoch.version < other.region.epoch.version:
                raise StaleRegionError(_stale(region, other.region))
        known = self._by_id.get(region.id)
        if known is not None:
            older = epoch.version < known.region.epoch.version or epoch.conf_ver < known.region.epoch.conf_ver
            if older or 0 < info.term < known.term:
                raise StaleRegionError(_stale(region, known.region))
        return overlaps

    def put(self, info: RegionInfo) -> list[RegionInfo]:
        """Take ``info`` as the truth about its Region; return what it displaced. Raises ``StaleRegionError``."""
        displaced = self.check(info)
        for other in displaced:
            self._remove(other)
        known = self._by_id.get(info.region.id)
        if known is not None and known.region.start != info.region.start:
            self._remove(known)
            known = None
        if known is None:
            insort(self._starts, info.region.start)
        self._by_start[info.region.start] = info
        self._by_id[info.region.id] = info
        return displaced

    def _remove(self, info: RegionInfo) -> None:
        start = info.region.start
        del self._by_id[info.region.id]
        del self._by_start[start]
        del self._starts[bisect_left(self._starts, start)]


def _stale(region: Region, known: Region) -> str:
    return f"region is stale: region {region.id} {region.epoch}, known is region {known.id} {known.epoch}"

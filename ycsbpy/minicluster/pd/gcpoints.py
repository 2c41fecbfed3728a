"""The points in time up to which old versions may be thrown away: one for the cluster, and one for each service that
still needs some. PD 8.5's rules; raw data has no versions, so nothing is thrown away here, but the tools that ask for
safe points (backups, change feeds, TiDB) get the answers they count on.

A service's safe point holds for a time to live. The lowest of all is what the others may go up to; ``gc_worker``, the
one that collects, is among them for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ycsbpy.clock import NS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from ycsbpy.clock import Clock

__all__ = ["FOR_EVER", "GC_WORKER", "GcPoints", "GcPointsError", "ServicePoint"]

GC_WORKER = "gc_worker"
FOR_EVER = (1 << 63) - 1
"""The moment at which what never expires does."""


class GcPointsError(Exception):
    """A safe point that PD does not take; the text is PD's."""


class ServicePoint(NamedTuple):
    """``safe_point`` is a timestamp of PD's; ``expires_s`` seconds since the epoch."""

    service_id: str
    expires_s: int
    safe_point: int


class GcPoints:
    """``kept`` is what ``keep`` was given last, in an earlier life."""

    def __init__(self, clock: Clock, kept: dict[str, Any] | None, keep: Callable[[dict[str, Any]], None]) -> None:
        self._clock = clock
        self._keep = keep
        self._points = {each[0]: ServicePoint(*each) for each in (kept or {}).get("services", [])}
        self.safe_point: int = (kept or {}).get("safe_point", 0)
        """The cluster's, which only grows."""

    def now_s(self) -> int:
        """Seconds since the epoch."""
        return self._clock.wall_ns() // NS_PER_SECOND

    def advance(self, safe_point: int) -> int:
        """Move the cluster's safe point forwards, never back; return what it is now."""
        if safe_point > self.safe_point:
            self._save(safe_point, self._points)
        return self.safe_point

    def services(self) -> list[ServicePoint]:
        """Those that are registered, expired ones included until somebody looks for the lowest."""
        return sorted(self._points.values())

    def lowest(self) -> ServicePoint:
        """The lowest safe point in force. ``gc_worker`` gets one if it has none: the lowest of the others, or 0."""
        now = self.now_s()
        points = {name: point for name, point in self._points.items() if point.expires_s >= now}
        if GC_WORKER not in points:
            least = min((point.safe_point for point in points.values()), default=0)
            points[GC_WORKER] = ServicePoint(GC_WORKER, FOR_EVER, least)
        if points != self._points:
            self._save(self.safe_point, points)
        return min(points.values(), key=lambda point: (point.safe_point, point.service_id != GC_WORKER))

    def update(self, service_id: str, ttl_s: int, safe_point: int) -> ServicePoint:
        """Set a service's safe point, or take it away with a time to live of 0 or below; return the lowest.

        One below the lowest is not taken, which the service sees by the answer. Raises ``GcPointsError``.
        """
        if ttl_s <= 0:
            self.remove(service_id)
        lowest = self.lowest()
        if ttl_s <= 0 or safe_point < lowest.safe_point:
            return lowest
        if not service_id:
            raise GcPointsError("service id of service safepoint cannot be empty")
        expires = min(self.now_s() + ttl_s, FOR_EVER)
        if service_id == GC_WORKER and expires != FOR_EVER:
            raise GcPointsError("TTL of gc_worker's service safe point must be infinity")
        self._save(self.safe_point, self._points | {service_id: ServicePoint(service_id, expires, safe_point)})
        return self.lowest()

    def remove(self, service_id: str) -> None:
        """Forget a service's safe point, if there is one. Raises ``GcPointsError`` for ``gc_worker``'s."""
        if service_id == GC_WORKER:
            raise GcPointsError("cannot remove service safe point of gc_worker")
        if service_id in self._points:
            self._save(self.safe_point, {name: each for name, each in self._points.items() if name != service_id})

    def _save(self, safe_point: int, points: dict[str, ServicePoint]) -> None:
        self._keep({"safe_point": safe_point, "services": sorted(points.values())})
        self.safe_point, self._points = safe_point, points

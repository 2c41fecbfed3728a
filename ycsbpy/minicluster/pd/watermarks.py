"""Timestamps that PD keeps for others: up to where all stores' data is settled, and up to where stale reads may go.

Our stores resolve nothing, so only what somebody else reports is ever seen here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["UNKNOWN_TS", "Watermarks"]

UNKNOWN_TS = (1 << 64) - 1
"""PD's timestamp of a store that has nothing to say about it: one it does not know, or one without leaders."""


class Watermarks:
    """``kept`` is what ``keep`` was given last, in an earlier life. Timestamps are PD's, as one integer."""

    def __init__(self, kept: dict[str, Any] | None, keep: Callable[[dict[str, Any]], None]) -> None:
        self._keep = keep
        self._of_store: dict[int, int] = {}
        self.min_resolved: int = (kept or {}).get("min_resolved", 0)
        """The cluster's, which only grows."""
        self.external: int = (kept or {}).get("external", 0)

    def report(self, store_id: int, resolved: int, leading: Iterable[int]) -> None:
        """A store's data is settled up to ``resolved``; ``leading`` are the stores whose word counts."""
        self._of_store[store_id] = resolved
        lowest = min((self._of_store.get(each, 0) for each in leading), default=0)
        if lowest > self.min_resolved:
            self._keep({"min_resolved": lowest, "external": self.external})
            self.min_resolved = lowest

    def of_store(self, store_id: int, leading: Iterable[int]) -> int:
        """What a store has reported."""
        return self._of_store.get(store_id, 0) if store_id in set(leading) else UNKNOWN_TS

    def set_external(self, timestamp: int, now: int) -> str:
        """Take a later external timestamp that is not beyond ``now``; return what is wrong with it, or nothing."""
        if timestamp > now:
            return "the external timestamp should not be larger than global ts"
        if timestamp <= self.external:
            return "the external timestamp should be larger than current external timestamp"
        self._keep({"min_resolved": self.min_resolved, "external": timestamp})
        self.external = timestamp
        return ""

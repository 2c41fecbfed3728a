"""How many replicas a store may take or give in a minute: PD's store limit, a bucket of tokens that fills with time."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StoreLimits", "cost"]

SMALL_REGION_MIB = 20
NS_PER_MINUTE = 60_000_000_000
UNLIMITED = 100_000_000.0
"""A rate from which on PD does not count any more."""


def cost(size_mib: int) -> float:
    """What moving one replica takes out of the bucket: a token, or a fifth of it for a small Region."""
    return 1.0 if size_mib >= SMALL_REGION_MIB else 0.2


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_ns: int


class StoreLimits:
    """The buckets of all stores. Rates are replicas a minute; ``default`` holds for stores without one of their own."""

    TYPES = ("add-peer", "remove-peer")

    def __init__(self, add_peer: float, remove_peer: float) -> None:
        self.default = {"add-peer": add_peer, "remove-peer": remove_peer}
        self._own: dict[tuple[int, str], float] = {}
        self._buckets: dict[tuple[int, str], _Bucket] = {}

    def rate(self, store_id: int, kind: str) -> float:
        """What is in force."""
        return self._own.get((store_id, kind), self.default[kind])

    def set(self, rate: float, kind: str | None = None, store_id: int | None = None) -> None:
        """Set a rate: for one store or for all and those to come, for one direction or for both."""
        for each in self.TYPES if kind is None else (kind,):
            if store_id is None:
                self.default[each] = rate
                for key in [key for key in self._own if key[1] == each]:
                    del self._own[key]
            else:
                self._own[store_id, each] = rate
            for key in [key for key in self._buckets if key[1] == each and store_id in (None, key[0])]:
                del self._buckets[key]

    def forget(self, store_id: int) -> None:
        """A store is gone."""
        for table in (self._own, self._buckets):
            for key in [key for key in table if key[0] == store_id]:
                del table[key]

    def available(self, store_id: int, kind: str, now_ns: int, tokens: float = 1.0) -> bool:
        """Whether so many tokens are there."""
        return self.rate(store_id, kind) >= UNLIMITED or self._filled(store_id, kind, now_ns).tokens >= tokens - 1e-9

    def take(self, store_id: int, kind: str, now_ns: int, tokens: float) -> None:
        """Take tokens out; the bucket may go below zero, then the next one waits longer."""
        if self.rate(store_id, kind) < UNLIMITED:
            self._filled(store_id, kind, now_ns).tokens -= tokens

    def _filled(self, store_id: int, kind: str, now_ns: int) -> _Bucket:
        rate = self.rate(store_id, kind)
        most = max(1.0, rate / 60)
        bucket = self._buckets.setdefault((store_id, kind), _Bucket(most, now_ns))
        bucket.tokens = min(most, bucket.tokens + (now_ns - bucket.at_ns) * rate / NS_PER_MINUTE)
        bucket.at_ns = now_ns
        return bucket

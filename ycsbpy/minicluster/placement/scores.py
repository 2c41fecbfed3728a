"""How full a store is, as PD scores it, and how far apart stores are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ycsbpy.minicluster.placement.view import StoreView

__all__ = ["isolation", "leader_score", "region_score"]

GIB = 1 << 30
_K, _M = 1.0, 256.0


def region_score(store: StoreView, delta: float = 0.0, low_space_ratio: float = 0.8) -> float:
    """PD's ``region-score-formula-version`` v2: in proportion to the size of the Regions, steeper the less is free.

    ``delta`` is MiB to be added first. With equal disks, twice the size is twice the score.
    """
    size = store.region_size + delta
    capacity, available = store.capacity / GIB, store.available / GIB
    floor = max(50.0, capacity * (1 - low_space_ratio))
    if available >= capacity or capacity < 1:
        score = size
    elif available > floor:
        slope = (math.log(capacity) - math.log(available - floor + 1)) / (capacity - available + floor - 1)
        score = (_K + _M * slope) * size
    else:
        score = (_K + _M * math.log(capacity) / capacity) * size + 1e10 * (floor - available) / floor
    return score / max(store.region_weight, 1e-6)


def leader_score(store: StoreView, delta: float = 0.0) -> float:
    """``leader-schedule-policy`` count: leaders by weight."""
    return (store.leaders + delta) / max(store.leader_weight, 1e-6)


def isolation(labels: Sequence[str], store: StoreView, others: Iterable[StoreView]) -> float:
    """How well a store is kept apart from others by location labels, the first label counting most (PD's
    ``DistinctScore``)."""
    score = 0.0
    for other in others:
        if other.id == store.id:
            continue
        for index, label in enumerate(labels):
            if store.labels.get(label) != other.labels.get(label):
                score += 100.0 ** (len(labels) - index - 1)
                break
    return score

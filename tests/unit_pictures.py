"""Two small pictures of a cluster: one in which all is well, one in which a replica is missing."""

from __future__ import annotations

from dataclasses import replace

from ycsbpy.cluster.picture import PeerFacts, Picture, RegionFacts, StoreFacts

__all__ = ["GOOD", "WRONG"]

GOOD = Picture(
    {store: StoreFacts(store, f"127.0.0.1:{20160 + store}", regions=1) for store in (1, 2, 3)},
    (RegionFacts(10, peers=tuple(PeerFacts(100 + store, store) for store in (1, 2, 3)), leader=1),),
    schedulers=("balance-region-scheduler",),
)
WRONG = replace(GOOD, regions=(replace(GOOD.regions[0], peers=GOOD.regions[0].peers[:2]),))

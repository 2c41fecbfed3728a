"""Start a cluster, load it, add stores, and prove that Regions moved there and nothing was lost, in twenty lines."""

from __future__ import annotations

import sys

import ycsbpy
from ycsbpy.cluster import Playground, verify_balance, verify_replication

RECORDS = 10_000


def main(backend: str = "auto") -> None:
    """Grow a cluster from three stores to five."""
    with Playground(kv=3, backend=backend, region_split_size=1 << 20, say=print) as playground:
        pd = playground.endpoints
        given = {"recordcount": RECORDS, "threadcount": 16, "dataintegrity": "true", "tikv.pd": ",".join(pd)}
        loaded = ycsbpy.load("workloada", properties=given)
        before = verify_replication(pd, timeout_s=60)
        print(f"{loaded.accounting.ok} records in {len(before.picture.regions)} Regions: {before.why or 'replicated'}")
        new = [one.store_id for one in playground.scale_out(2)]
        after = verify_balance(pd, new_stores=new)
        for store in after.picture.tikv_stores:
            print(f"store {store.id}: {store.regions} Regions, {store.leaders} leaders")
        print(after.why or "balanced")
        reads = {"requestdistribution": "sequential", "operationcount": RECORDS}
        read = ycsbpy.run("workloadc", properties={**given, **reads})
        print(f"{read.accounting.ok} records are there, with their values")


if __name__ == "__main__":
    main(*sys.argv[1:])

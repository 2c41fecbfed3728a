"""Start a playground, load it, add stores, and see where Regions and leaders are: an experiment in twenty lines."""

from __future__ import annotations

import subprocess
import sys

from ycsbpy.cluster import Playground


def show(playground: Playground, when: str) -> None:
    """Print what each store holds."""
    print(when)
    for row in playground.display().rows:
        if row.store_id:
            print(f"  store {row.store_id:>3} {row.state:<5} {row.regions} Regions, {row.leaders} leaders")


def main(backend: str = "auto") -> None:
    """Grow a cluster from three stores to five."""
    with Playground(kv=3, backend=backend, say=print) as playground:
        pd = f"tikv.pd={','.join(playground.endpoints)}"
        subprocess.run([sys.executable, "-m", "ycsbpy", "load", "-P", "workloada", "-p", pd], check=True)
        show(playground, "three stores")
        playground.scale_out(2)
        show(playground, "five stores")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Clusters: which one to use, and those that are started here, over TiUP, plain binaries or the mini-cluster.

::

    topology    what is asked for and what there is: values
    locate      which cluster a command is to use
    process     children that cannot be left behind · reaper: what is left of them
    ports · statedir   what playgrounds of one user share: ports, and a folder each
    backends/   base (the contract) · minicluster · binaries · tiup
    host        the process that owns a playground · control: how it is spoken to
    playground  Playground: all this for a program
    pdhttp · picture · verdict · waiting   what PD says, what to think of it, and until when
    verification   verify_replication, verify_balance: all that for a program
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ycsbpy.cluster.playground import Playground
    from ycsbpy.cluster.topology import Display, Instance, Spec, Topology
    from ycsbpy.cluster.verification import verify_balance, verify_replication
    from ycsbpy.cluster.waiting import Judged

__all__ = ["Display", "Instance", "Judged", "Playground", "Spec", "Topology", "verify_balance", "verify_replication"]

WHERE = {
    "Display": "topology",
    "Instance": "topology",
    "Judged": "waiting",
    "Playground": "playground",
    "Spec": "topology",
    "Topology": "topology",
    "verify_balance": "verification",
    "verify_replication": "verification",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for and no more: the command line's start passes by here."""
    if name not in WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{WHERE[name]}"), name)

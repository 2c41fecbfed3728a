"""An embedded TiKV in the small: one PD process and store processes that unmodified TiKV clients can use.

It is for learning, tests and demos, so that ``ycsbpy load`` works on a machine with nothing else on it; benchmarks
belong on a real cluster. It speaks PD's and TiKV's own protocols on every side, as the public protocol definitions
and the servers' source have them, not as one client happens to use them.

::

    model      Region, Peer, Store and their epochs: values, no I/O
    wire       the same values as protobuf messages, there and back
    rpc        gRPC servers without generated code
    pd/        state, regiontree, tso, shapes (pure) · pdservice (gRPC) · httpapi · front (both on one port) · pdserver
    store/     regions, checks, rawkv, commands (pure) · engine (RocksDB) · proposals (the way of a write) ·
               rawservice, batch, storeservice (gRPC) · pdlink (heartbeats) · node · storeserver
    lifecycle  what a child process owes its owner: a ready line, and to go when the owner goes
    server     the processes as commands
    cluster    MiniCluster: starts the processes, waits until they are ready, leaves nothing behind
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ycsbpy.minicluster.cluster import MiniCluster

__all__ = ["MiniCluster"]


def __getattr__(name: str) -> Any:
    """Import what starts processes when it is asked for: the processes themselves come by here too."""
    if name == "MiniCluster":
        from ycsbpy.minicluster.cluster import MiniCluster

        return MiniCluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

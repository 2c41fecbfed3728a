"""What each replica of a stopped mini-cluster holds, read from the stores' own files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ycsbpy.minicluster.store.engine import CF_DEFAULT, RocksEngine
from ycsbpy.minicluster.store.peerstorage import region_states
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["replica_digests"]


def replica_digests(stores: list[Path]) -> dict[int, dict[str, str]]:
    """Region → the folder's name of each store that has a replica of it → a digest of all rows in its range."""
    found: dict[int, dict[str, str]] = {}
    for folder in stores:
        engine = RocksEngine(folder / "db")
        try:
            for state in list(region_states(engine)):
                if state.state == raft_serverpb.Normal:
                    digest = hashlib.sha256()
                    for key, value in engine.rows(CF_DEFAULT, state.region.start_key, state.region.end_key):
                        digest.update(len(key).to_bytes(8, "big") + key + len(value).to_bytes(8, "big") + value)
                    found.setdefault(state.region.id, {})[folder.name] = digest.hexdigest()
        finally:
            engine.close()
    return found

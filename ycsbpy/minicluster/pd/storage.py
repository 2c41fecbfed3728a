"""What of PD's state outlives its process: one SQLite file in its folder.

A real PD keeps it in etcd. SQLite is in Python's standard library, its transactions are atomic, and what it has
written before it answers survives the end of the process (with ``synchronous`` off it may not survive the end of the
machine, which is what the stores of a mini-cluster promise too). Messages are kept as they are on the wire.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.pd.regiontree import RegionInfo
from ycsbpy.minicluster.pd.state import Restored, StoreInfo
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Storage"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stores (id TEXT PRIMARY KEY, meta BLOB NOT NULL, leader_weight REAL, region_weight REAL);
CREATE TABLE IF NOT EXISTS regions (id TEXT PRIMARY KEY, described BLOB NOT NULL);
"""


class Storage:
    """A ``StateSink``, and what it kept the last time. Raises ``ClusterError`` where the file can't be used."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "pd.sqlite"
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise ClusterError(f"PD's state in {self._path} cannot be used: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # ---- facts ----

    def fact(self, name: str) -> Any:
        """A value kept by name, ``None`` if there is none."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep(self, name: str, value: Any) -> None:
        """Keep a value by name."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    # ---- the way back ----

    def restore(self) -> Restored | None:
        """The state as it was, ``None`` for a new cluster."""
        stores = [
            StoreInfo(wire.store_from_pb(metapb.Store.FromString(meta)), None, leader, region)
            for meta, leader, region in self._db.execute("SELECT meta, leader_weight, region_weight FROM stores")
        ]
        regions = [self._region(blob) for (blob,) in self._db.execute("SELECT described FROM regions")]
        known = {name: self.fact(name) for name in ("bootstrapped_ns", "next_id", "timestamp_ms")}
        facts = {name: self.fact(name) for name in ("gc", "watermarks", "global_config")}
        if all(value is None for value in (known | facts).values()):
            return None
        return Restored(
            bootstrapped_wall_ns=known["bootstrapped_ns"],
            stores=stores,
            regions=regions,
            next_id=known["next_id"] or 1,
            timestamp_ms=known["timestamp_ms"] or 0,
            facts=facts,
        )

    def _region(self, blob: bytes) -> RegionInfo:
        message = pdpb.Region.FromString(blob)
        leader = wire.peer_from_pb(message.leader) if message.HasField("leader") else None
        return RegionInfo(wire.region_from_pb(message.region), leader)

    # ---- the sink ----

    def save_bootstrap(self, wall_ns: int) -> None:
        """See ``StateSink``."""
        self.keep("bootstrapped_ns", wall_ns)

    def save_next_id(self, bound: int) -> None:
        """See ``StateSink``."""
        self.keep("next_id", bound)

    def save_timestamp(self, bound_ms: int) -> None:
        """See ``StateSink``."""
        self.keep("timestamp_ms", bound_ms)

    def save_store(self, store: StoreInfo) -> None:
        """See ``StateSink``."""
        meta = wire.store_to_pb(replace(store.meta, last_heartbeat=0)).SerializeToString()
        self._db.execute(
            "INSERT OR REPLACE INTO stores VALUES (?, ?, ?, ?)",
            (str(store.meta.id), meta, store.leader_weight, store.region_weight),
        )

    def drop_store(self, store_id: int) -> None:
        """See ``StateSink``."""
        self._db.execute("DELETE FROM stores WHERE id = ?", (str(store_id),))

    def save_region(self, info: RegionInfo, displaced: Sequence[RegionInfo]) -> None:
        """See ``StateSink``."""
        message = pdpb.Region(region=wire.region_to_pb(info.region))
        if info.leader is not None:
            message.leader.CopyFrom(wire.peer_to_pb(info.leader))
        self._db.execute("BEGIN")
        for other in displaced:
            self._db.execute("DELETE FROM regions WHERE id = ?", (str(other.region.id),))
        self._db.execute(
            "INSERT OR REPLACE INTO regions VALUES (?, ?)", (str(info.region.id), message.SerializeToString())
        )
        self._db.execute("COMMIT")

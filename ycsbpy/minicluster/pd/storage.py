"""What of PD's state outlives its process: one SQLite file in its folder.

A real PD keeps it in etcd. SQLite is in Python's standard library, its transactions are atomic, and what it has
written before it answers survives the end of the process (with ``synchronous`` off it may not survive the end of the
machine, which is what the stores of a mini-cluster promise too). Messages are kept as they are on the wire.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ycsbpy.errors import ClusterError
from ycsbpy.minicluster import wire
from ycsbpy.minicluster.pd.metastore import Change, Event, Item, KeptItems
from ycsbpy.minicluster.pd.regiontree import RegionInfo
from ycsbpy.minicluster.pd.state import Restored, StoreInfo
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Storage"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stores (id TEXT PRIMARY KEY, meta BLOB NOT NULL, leader_weight REAL, region_weight REAL);
CREATE TABLE IF NOT EXISTS regions (id TEXT PRIMARY KEY, described BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    key BLOB PRIMARY KEY, value BLOB NOT NULL, create_revision INTEGER, mod_revision INTEGER, version INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_change (
    number INTEGER PRIMARY KEY, revision INTEGER, key BLOB NOT NULL,
    value BLOB, create_revision INTEGER, version INTEGER,
    old_value BLOB, old_create_revision INTEGER, old_mod_revision INTEGER, old_version INTEGER
);
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
        facts = {name: self.fact(name) for name in ("gc", "watermarks")}
        items = self._items()
        if items is None and all(value is None for value in (known | facts).values()):
            return None
        return Restored(
            bootstrapped_wall_ns=known["bootstrapped_ns"],
            stores=stores,
            regions=regions,
            next_id=known["next_id"] or 1,
            timestamp_ms=known["timestamp_ms"] or 0,
            items=items,
            facts=facts,
        )

    def _items(self) -> KeptItems | None:
        rows = self._db.execute("SELECT * FROM last_change ORDER BY number").fetchall()
        if not rows:
            return None
        revision = rows[0][1]
        events = []
        for _, _, key, value, created, version, *old in rows:
            after = None if value is None else Item(key, value, created, revision, version)
            before = None if old[0] is None else Item(key, *old)
            events.append(Event(key, before, after))
        items = [Item(*row) for row in self._db.execute("SELECT * FROM items")]
        return KeptItems(items, Change(revision, tuple(events)))

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

    def save_items(self, change: Change) -> None:
        """See ``StateSink``."""
        nothing = (None,) * 5
        with self._transaction():
            self._db.execute("DELETE FROM last_change")
            for number, (key, before, after) in enumerate(change.events):
                if after is None:
                    self._db.execute("DELETE FROM items WHERE key = ?", (key,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?)", after)
                _, value, created, _, version = after or nothing
                self._db.execute(
                    "INSERT INTO last_change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (number, change.revision, key, value, created, version, *(before or nothing)[1:]),
                )

    def save_region(self, info: RegionInfo, displaced: Sequence[RegionInfo]) -> None:
        """See ``StateSink``."""
        message = pdpb.Region(region=wire.region_to_pb(info.region))
        if info.leader is not None:
            message.leader.CopyFrom(wire.peer_to_pb(info.leader))
        with self._transaction():
            for other in displaced:
                self._db.execute("DELETE FROM regions WHERE id = ?", (str(other.region.id),))
            self._db.execute(
                "INSERT OR REPLACE INTO regions VALUES (?, ?)", (str(info.region.id), message.SerializeToString())
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

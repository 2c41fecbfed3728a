"""A driver of one's own: SQLite behind ycsbpy's contract, one blocking connection per client thread."""

import json
import sqlite3
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import ycsbpy
from ycsbpy import Outcome, Result


class SqliteDriver(ycsbpy.SyncDriver):
    """Rows as JSON in one table per YCSB table."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    @classmethod
    def from_config(cls, config: ycsbpy.Config) -> Self:
        return cls(Path(tempfile.gettempdir()) / f"{config.text('table')}.sqlite")

    def open(self) -> None:
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value TEXT) WITHOUT ROWID")

    def close(self) -> None:
        self._connection().close()

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = sqlite3.connect(self._path, timeout=30)
        found: sqlite3.Connection = self._local.connection
        return found

    def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        found = self._connection().execute("SELECT value FROM rows WHERE key = ?", (self._key(table, key),)).fetchone()
        return Result(Outcome.OK, row=self._row(found[0], fields)) if found else Result(Outcome.NOT_FOUND)

    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        first, end = self._key(table, start_key), self._key(table, b"\xff")
        query = "SELECT value FROM rows WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
        found = self._connection().execute(query, (first, end, count)).fetchall()
        return Result(Outcome.OK, rows=[self._row(value, fields) for (value,) in found])

    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        text = json.dumps({name: value.decode("latin-1") for name, value in values.items()})
        with self._connection() as connection:
            connection.execute("INSERT OR REPLACE INTO rows VALUES (?, ?)", (self._key(table, key), text))
        return Result(Outcome.OK)

    def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        read = self.read(table, key, None)
        return self.insert(table, key, {**read.row, **values}) if read.row is not None else read

    def delete(self, table: str, key: bytes) -> Result:
        with self._connection() as connection:
            connection.execute("DELETE FROM rows WHERE key = ?", (self._key(table, key),))
        return Result(Outcome.OK)

    @staticmethod
    def _key(table: str, key: bytes) -> bytes:
        return table.encode() + b"\0" + key

    @staticmethod
    def _row(text: str, fields: Sequence[str] | None) -> dict[str, bytes]:
        row = {name: value.encode("latin-1") for name, value in json.loads(text).items()}
        return row if fields is None else {name: row[name] for name in fields if name in row}


with tempfile.TemporaryDirectory() as folder:
    driver = SqliteDriver(Path(folder) / "example.sqlite")
    driver.open()
    ycsbpy.load("workloada", driver=driver, recordcount=500)
    summary = ycsbpy.run("workloada", driver=driver, recordcount=500, operationcount=1000, threadcount=4)
    driver.close()
    assert summary.accounting.not_found == 0
    assert summary.accounting.done == 1000
    print(ycsbpy.table(summary))

"""Records in a SQLite file: a driver whose calls block, so that ycsbpy calls it from one thread for each client."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, ClassVar

from ycsbpy import Outcome, Property, Result, SyncDriver
from ycsbpy.config import Kind
from ycsbpy.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from ycsbpy import Config

PATH = Property("sqlite.path", Kind.PATH, "example.sqlite", "The file that holds the records.")


class SqliteDriver(SyncDriver):
    """``ycsbpy run example-sqlite -p sqlite.path=FILE``."""

    name: ClassVar[str] = "example-sqlite"
    properties: ClassVar[Sequence[Property]] = (PATH,)

    def __init__(self, path: str, fields: Sequence[str]) -> None:
        self._path = path
        self._fields = list(fields)
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    @classmethod
    def from_config(cls, config: Config) -> Self:
        prefix, count = config.text("fieldnameprefix"), config.integer("fieldcount")
        return cls(config.text("sqlite.path"), [f"{prefix}{number}" for number in range(count)])

    def open(self) -> None:
        try:
            with closing(sqlite3.connect(self._path)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS records (place TEXT, key BLOB, value TEXT, PRIMARY KEY (place, key))"
                )
        except sqlite3.Error as error:
            raise DriverError(f"{self._path}: {error}") from error

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()
        self._local = threading.local()

    def describe(self) -> Mapping[str, str]:
        return {"client": f"SQLite {sqlite3.sqlite_version}", "file": self._path}

    def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        query = "SELECT value FROM records WHERE place = ? AND key = ?"
        try:
            found = self._connection().execute(query, (table, key)).fetchone()
        except sqlite3.Error as error:
            return _failed(error)
        return Result(Outcome.NOT_FOUND) if found is None else Result(Outcome.OK, row=self._row(found[0], fields))

    def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        query = "SELECT key, value FROM records WHERE place = ? AND key >= ? ORDER BY key LIMIT ?"
        try:
            found = self._connection().execute(query, (table, start_key, max(0, count))).fetchall()
        except sqlite3.Error as error:
            return _failed(error)
        rows = [self._row(value, fields) for _, value in found]
        return Result(Outcome.OK, rows=rows, keys=[key for key, _ in found])

    def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return self._write("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (table, key, _text(values)))

    def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        read = self.read(table, key, None)
        if read.row is None:
            return read
        return self._write(
            "UPDATE records SET value = ? WHERE place = ? AND key = ?", (_text({**read.row, **values}), table, key)
        )

    def delete(self, table: str, key: bytes) -> Result:
        return self._write("DELETE FROM records WHERE place = ? AND key = ?", (table, key))

    def _write(self, statement: str, arguments: tuple[object, ...]) -> Result:
        """SQLite rolls back what it does not commit, so an error means that nothing was written."""
        try:
            with self._connection() as connection:
                connection.execute(statement, arguments)
        except sqlite3.Error as error:
            return _failed(error)
        return Result(Outcome.OK)

    def _connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._path, timeout=30, check_same_thread=False)  # closed by another thread
            found.execute("PRAGMA synchronous = NORMAL")  # a commit survives the process, not a power cut
            self._local.connection = found
            self._opened.append(found)
        return found

    def _row(self, text: str, fields: Sequence[str] | None) -> dict[str, bytes]:
        values = json.loads(text)
        wanted = [name for name in self._fields if name in values and (fields is None or name in fields)]
        return {name: values[name].encode("latin-1") for name in wanted}


def _text(values: Mapping[str, bytes]) -> str:
    return json.dumps({name: value.decode("latin-1") for name, value in values.items()})


def _failed(error: sqlite3.Error) -> Result:
    return Result(Outcome.FAILED, error=type(error).__name__.lower(), detail=str(error))

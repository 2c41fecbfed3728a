"""A record as TiKV stores it: which key, which bytes, and where a table ends. The layout is go-ycsb's.

Key: the table, a colon, the key. Value: the native row codec (``encode_row``), one column per field, numbered in
field order. Both tools read what the other wrote.

The first colon of a stored key ends the table's name, so a table's name may not hold one: the rows of a table ``a:b``
would lie inside table ``a``, whose scans and keys would then reach them. Keys may hold colons. (Data that go-ycsb
wrote with ``table=a:b`` is read with ``table=a`` and ``keyprefix=b:user``: the bytes are the same.)
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ycsbpy._native.generators import decode_row, encode_row
from ycsbpy.errors import DriverError, PropertyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ycsbpy.config import Config

__all__ = ["RowCodec", "field_names", "record_key", "table_prefix", "table_range"]

_SPARE_COLUMNS = 1024
"""Columns past the configured ones that an update carries along: data loaded with more fields than this run knows."""


def field_names(config: Config) -> list[str]:
    """The fields of a record, in order: ``fieldnameprefix`` and a number from 0."""
    prefix = config.text("fieldnameprefix")
    return [f"{prefix}{number}" for number in range(config.integer("fieldcount"))]


@lru_cache(maxsize=256)
def table_prefix(table: str) -> bytes:
    """What all keys of a table begin with. Raises ``PropertyError`` for a name that cannot be kept apart from
    others."""
    if ":" in table:
        inside, _, rest = table.partition(":")
        raise PropertyError(
            "table",
            f'"{table}" holds a colon, which ends the name of a table on TiKV; '
            f'for the same keys set table to "{inside}" and begin keyprefix with "{rest}:"',
        )
    try:
        return f"{table}:".encode()
    except UnicodeEncodeError:
        raise PropertyError("table", f"{table!a} cannot be written as UTF-8") from None


def record_key(table: str, key: bytes) -> bytes:
    """The key of a record on TiKV."""
    return table_prefix(table) + key


def table_range(table: str, start_key: bytes) -> tuple[bytes, bytes]:
    """First key of a scan, and the one before which it must stop: the end of the table."""
    prefix = table_prefix(table)
    return prefix + start_key, prefix[:-1] + b";"  # the byte after the colon


class RowCodec:
    """Fields ↔ bytes, for records with the given fields.

    ``decode`` and ``merge`` raise ``ValueError`` for bytes that are no row.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        """Raises ``DriverError`` if a name occurs twice."""
        self._names = list(fields)
        self._columns = {name: column for column, name in enumerate(fields)}
        if len(self._columns) != len(self._names):
            raise DriverError("two fields have the same name")
        first_spare = len(self._names)
        # A name that holds a NUL and its column cannot be a field's: properties files know no NUL.
        self._all_names = [
            *self._names,
            *(f"\0{column}" for column in range(first_spare, first_spare + _SPARE_COLUMNS)),
        ]
        self._all_columns = {name: column for column, name in enumerate(self._all_names)}

    def encode(self, values: Mapping[str, bytes]) -> bytes:
        """The row that holds ``values``. Raises ``DriverError`` for a field that is not one of the record's."""
        try:
            return encode_row(values, self._columns)
        except KeyError as error:
            raise DriverError(f"field {error} is not one of the {len(self._names)} fields of a record") from None

    def decode(self, data: bytes, fields: Sequence[str] | None = None) -> dict[str, bytes]:
        """The fields of a row, in field order; only those in ``fields`` if it is not None."""
        return decode_row(data, self._names, fields)

    def merge(self, data: bytes, values: Mapping[str, bytes]) -> bytes:
        """The row ``data`` with the fields in ``values`` changed. Columns that are not configured are kept."""
        row = decode_row(data, self._all_names)
        if len(encode_row(row, self._all_columns)) != len(data):  # decoding left something out
            raise ValueError(f"the row holds columns past {len(self._all_names)}, or one twice")
        row.update(values)
        try:
            return encode_row(row, self._all_columns)
        except KeyError as error:
            raise DriverError(f"field {error} is not one of the {len(self._names)} fields of a record") from None

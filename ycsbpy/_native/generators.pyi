"""Drawing of YCSB operations (C++: ``ext/generators``; definition: ``docs/drawing.md``).

Nothing here does I/O or looks at a clock. Objects are not safe to share between threads, except that `OperationSource`
may be copied by `clone()` for another thread: the copies share the insert and delete counters and the acknowledged
prefix.
"""

from collections.abc import Mapping, Sequence
from typing import Final, final

@final
class Operation:
    """One operation, drawn. Plain attributes; a workload of one's own may build it, `values` in field order."""

    def __init__(
        self,
        number: int,
        kind: int,
        key: bytes,
        *,
        key_number: int = 0,
        fields: Sequence[str] | None = None,
        values: Mapping[str, bytes] | None = None,
        scan_length: int = 0,
    ) -> None: ...
    number: int
    """Operation number, from 0 (in a load: record number minus ``insertstart``)."""
    kind: int
    """An ``OpKind``, as a plain integer."""
    key: bytes
    """Without the table."""
    key_number: int
    """The record's number before hashing."""
    fields: Sequence[str] | None
    """Fields to read; ``None`` is all."""
    values: Mapping[str, bytes] | None
    """Fields to write."""
    scan_length: int

DOMAIN_LOAD: Final[int]
DOMAIN_RUN: Final[int]
DOMAIN_WARMUP: Final[int]

@final
class OperationSource:
    """Draws operations. Raises ``ValueError`` for parameters that contradict each other (the caller checked them
    before)."""

    def __init__(
        self,
        *,
        seed: int,
        recordcount: int,
        insertstart: int,
        insertcount: int,
        operationcount: int,
        proportions: Sequence[float],
        requestdistribution: str,
        hotspotdatafraction: float,
        hotspotopnfraction: float,
        exponential_percentile: float,
        exponential_frac: float,
        minscanlength: int,
        maxscanlength: int,
        scanlengthdistribution: str,
        fieldnames: Sequence[str],
        minfieldlength: int,
        fieldlength: int,
        fieldlengthdistribution: str,
        fieldlengthhistogram: Sequence[int],
        fieldlengthblocksize: int,
        readallfields: bool,
        readallfieldsbyname: bool,
        writeallfields: bool,
        dataintegrity: bool,
        keyprefix: str,
        zeropadding: int,
        insertorder: str,
    ) -> None:
        """Names and meanings are those of the properties; `proportions` has one number per `OpKind`, in its order;
        `fieldlengthhistogram` the counts per bucket (empty unless the distribution is ``histogram``); `insertorder` may
        also be ``hashed-big-endian``, which is go-ycsb's ``hashed``."""

    def clone(self) -> OperationSource: ...
    def draw(self, domain: int, number: int) -> Operation:
        """Operation `number` of a domain. Inserts and deletes of run and warm-up take their key from the shared
        counters, so drawing one twice gives two different keys. Raises ``ValueError`` for a domain that there is
        not."""

    def draw_as(self, kind: int, domain: int, number: int) -> Operation:
        """Operation `number` as one of `kind`, whatever the mix would make it: a row of a batch, for all of which its
        first operation decides. Raises ``ValueError`` for a scan and for a kind that there is not."""

    def acknowledge(self, key_number: int, ok: bool) -> None:
        """Say how the insert of record `key_number` in run or warm-up ended; keys at or past the first one that is
        neither acknowledged nor failed are never drawn. Numbers below ``recordcount`` and numbers that were never
        handed out are ignored."""

    @property
    def limit(self) -> int:
        """Positions below this one can be drawn (see ``docs/drawing.md`` 4)."""

    @property
    def inserted(self) -> int:
        """Insert keys handed out so far."""

    def expected_values(self, key: bytes, fields: Sequence[str]) -> dict[str, bytes]:
        """What ``dataintegrity`` says the fields of a record hold."""

    def digest(self, domain: int, first: int, count: int, row: bool = False) -> int:
        """Draw `count` operations without making Python objects and return a 64-bit digest of all their bytes; with
        `row`, values are written in the row codec, as the native driver does. Releases the GIL; inserts are
        acknowledged at once. Digests of parts add up, modulo 2^64, to that of the whole (what is digested:
        ``ext/generators/digest.hpp``)."""

def fnv64(number: int) -> int: ...
def key_name(number: int, *, prefix: str, zeropadding: int, order: str) -> bytes: ...
def encode_row(values: Mapping[str, bytes], columns: Mapping[str, int]) -> bytes:
    """go-ycsb's row format: per field 0x08, zigzag varint of the column, 0x02, zigzag varint of the length, the bytes;
    one zero byte for an empty row. Fields are written in column order. Raises ``KeyError`` for a field not in
    `columns`."""

def decode_row(data: bytes, names: Sequence[str], fields: Sequence[str] | None = None) -> dict[str, bytes]:
    """The reverse, in the order of `names`; columns out of `names` are left out, any order is read. Raises
    ``ValueError`` saying at which byte."""

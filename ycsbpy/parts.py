"""The parts of a workload as objects: distributions of keys and lengths, key names, fields and rows.

Each can be used by itself, for a workload or a generator of one's own, and draws natively. Put together by ``compose``
they are properties, so what is composed is checked, reported and repeatable as if it had been written into a file, and
runs in the native engine: no Python is executed for an operation.

    import ycsbpy
    from ycsbpy import parts

    properties = parts.compose(
        mix=parts.Mix(read=0.7, update=0.2, scan=0.1),
        keys=parts.HotspotKeys(data=0.1, operations=0.9),
        names=parts.KeyNames(prefix="device", digits=12, order="ordered"),
        fields=parts.Fields(count=4, length=parts.UniformLength(16, 256)),
        scans=parts.UniformLength(1, 50),
    )
    ycsbpy.load(properties=properties, recordcount=100_000, threadcount=64)

What each law is, exactly: ``docs/drawing.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ycsbpy._native.generators import key_name
from ycsbpy.config import make_config
from ycsbpy.drivers.rowcodec import RowCodec
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ConstantLength",
    "ExactZipfianKeys",
    "ExponentialKeys",
    "Fields",
    "HistogramLength",
    "HotspotKeys",
    "KeyNames",
    "Keys",
    "LatestKeys",
    "Length",
    "Mix",
    "RowCodec",
    "SequentialKeys",
    "UniformKeys",
    "UniformLength",
    "ZipfianKeys",
    "ZipfianLength",
    "compose",
]

Properties = dict[str, object]


@dataclass(frozen=True, slots=True)
class Mix:
    """How often each kind of operation comes, as shares of their sum."""

    read: float = 0.0
    update: float = 0.0
    insert: float = 0.0
    scan: float = 0.0
    read_modify_write: float = 0.0
    delete: float = 0.0

    def properties(self) -> Properties:
        """As properties."""
        return {
            "readproportion": self.read,
            "updateproportion": self.update,
            "insertproportion": self.insert,
            "scanproportion": self.scan,
            "readmodifywriteproportion": self.read_modify_write,
            "deleteproportion": self.delete,
        }


# ---- which record


@dataclass(frozen=True, slots=True)
class Keys:
    """A law by which records are asked for; use one of its kinds."""

    law: ClassVar[str]

    def properties(self) -> Properties:
        """As properties."""
        return {"requestdistribution": self.law}

    def draw(self, records: int, seed: int, count: int) -> Iterator[int]:
        """Draw ``count`` numbers of ``records`` records, from 0. Raises ``PropertyError`` for what is not possible and
        ``ValueError`` where there are no records."""
        if records < 1:
            raise ValueError("there are no records to draw from")
        drawn = {"recordcount": records, "operationcount": count, "fieldlength": 1, "fieldcount": 1}
        workload = _workload(seed, {**drawn, **Mix(read=1).properties(), **self.properties()})
        return (workload.draw(Phase.RUN, number).key_number for number in range(count))


@dataclass(frozen=True, slots=True)
class UniformKeys(Keys):
    """All records alike."""

    law: ClassVar[str] = "uniform"


@dataclass(frozen=True, slots=True)
class ZipfianKeys(Keys):
    """A popular few, scattered over the table: YCSB's law, with its constant of 0.99."""

    law: ClassVar[str] = "zipfian"


@dataclass(frozen=True, slots=True)
class ExactZipfianKeys(Keys):
    """A popular few, scattered over the table, each record with a rank of its own (no two share one, as YCSB's do)."""

    law: ClassVar[str] = "zipfian-exact"


@dataclass(frozen=True, slots=True)
class LatestKeys(Keys):
    """The newest records most often, by the exact Zipf law for as many as there are."""

    law: ClassVar[str] = "latest"


@dataclass(frozen=True, slots=True)
class SequentialKeys(Keys):
    """One record after the other."""

    law: ClassVar[str] = "sequential"


@dataclass(frozen=True, slots=True)
class HotspotKeys(Keys):
    """A share ``operations`` of the operations goes to the share ``data`` of the records."""

    law: ClassVar[str] = "hotspot"
    data: float = 0.2
    operations: float = 0.8

    def properties(self) -> Properties:
        """As properties."""
        return {
            "requestdistribution": self.law,
            "hotspotdatafraction": self.data,
            "hotspotopnfraction": self.operations,
        }


@dataclass(frozen=True, slots=True)
class ExponentialKeys(Keys):
    """``percentile`` per cent of the operations go to the newest share ``fraction`` of the records."""

    law: ClassVar[str] = "exponential"
    percentile: float = 95.0
    fraction: float = 0.8571428571

    def properties(self) -> Properties:
        """As properties."""
        return {
            "requestdistribution": self.law,
            "exponential.percentile": self.percentile,
            "exponential.frac": self.fraction,
        }


# ---- how long


@dataclass(frozen=True, slots=True)
class Length:
    """A law of lengths, of values in bytes or of scans in records; use one of its kinds."""

    def of_values(self) -> Properties:
        """As properties of the length of values."""
        raise NotImplementedError

    def of_scans(self) -> Properties:
        """As properties of the length of scans. Raises ``ValueError`` where scans do not have this law."""
        raise ValueError(f"scans have no {type(self).__name__}")

    def draw(self, seed: int, count: int) -> Iterator[int]:
        """Draw ``count`` lengths. Raises ``PropertyError`` for what is not possible."""
        workload = _workload(seed, {"recordcount": count, "fieldcount": 1, **self.of_values()})
        for number in range(count):
            values = workload.draw(Phase.LOAD, number).values
            assert values is not None
            yield len(values["field0"])


@dataclass(frozen=True, slots=True)
class ConstantLength(Length):
    """Always the same."""

    length: int

    def of_values(self) -> Properties:
        """As properties of the length of values."""
        return {"fieldlengthdistribution": "constant", "fieldlength": self.length}

    def of_scans(self) -> Properties:
        """As properties of the length of scans."""
        return UniformLength(self.length, self.length).of_scans()


@dataclass(frozen=True, slots=True)
class UniformLength(Length):
    """All lengths from ``least`` to ``most`` alike."""

    law: ClassVar[str] = "uniform"
    least: int
    most: int

    def of_values(self) -> Properties:
        """As properties of the length of values."""
        return {"fieldlengthdistribution": self.law, "minfieldlength": self.least, "fieldlength": self.most}

    def of_scans(self) -> Properties:
        """As properties of the length of scans."""
        return {"scanlengthdistribution": self.law, "minscanlength": self.least, "maxscanlength": self.most}


@dataclass(frozen=True, slots=True)
class ZipfianLength(UniformLength):
    """Short ones more often, by the exact Zipf law from ``least`` to ``most``."""

    law: ClassVar[str] = "zipfian"


@dataclass(frozen=True, slots=True)
class HistogramLength(Length):
    """As often as a file says: a first line ``BlockSize``, tab, bytes; then lines of bucket, tab, count."""

    file: str

    def of_values(self) -> Properties:
        """As properties of the length of values."""
        return {"fieldlengthdistribution": "histogram", "fieldlengthhistogram": self.file}


# ---- what they are


@dataclass(frozen=True, slots=True)
class KeyNames:
    """How a record's number becomes its key. ``order`` is ``hashed``, which spreads neighbours, or ``ordered``."""

    prefix: str = "user"
    digits: int = 1
    order: str = "hashed"

    def key(self, number: int) -> bytes:
        """The key of record ``number``. Raises ``ValueError`` for an order that there is not."""
        return key_name(number, prefix=self.prefix, zeropadding=self.digits, order=self.order)

    def properties(self) -> Properties:
        """As properties."""
        return {"keyprefix": self.prefix, "zeropadding": self.digits, "insertorder": self.order}


@dataclass(frozen=True, slots=True)
class Fields:
    """A record's fields: ``count`` of them, named by ``prefix`` and a number, with values of ``length``. ``checked``
    values follow from key and field, so that reads can be checked."""

    count: int = 10
    length: Length = field(default_factory=lambda: ConstantLength(100))
    prefix: str = "field"
    checked: bool = False

    def names(self) -> list[str]:
        """The names, in order."""
        return [f"{self.prefix}{number}" for number in range(self.count)]

    def codec(self) -> RowCodec:
        """Rows of these fields as TiKV keeps them, go-ycsb's encoding."""
        return RowCodec(self.names())

    def properties(self) -> Properties:
        """As properties."""
        made = {"fieldcount": self.count, "fieldnameprefix": self.prefix, "dataintegrity": self.checked}
        return {**made, **self.length.of_values()}


def compose(
    *,
    mix: Mix,
    keys: Keys | None = None,
    names: KeyNames | None = None,
    fields: Fields | None = None,
    scans: Length | None = None,
) -> Properties:
    """The properties of a workload of these parts, for ``load`` and ``run``; what is left out is YCSB's default.

    Raises ``PropertyError`` for values that are none, and ``ValueError`` for scans of a law that they do not have.
    """
    made = mix.properties()
    for part in (keys, names, fields):
        if part is not None:
            made |= part.properties()
    if scans is not None:
        made |= scans.of_scans()
    make_config(made)
    return made


def _workload(seed: int, properties: Mapping[str, object]) -> CoreWorkload:
    return CoreWorkload.from_config(make_config(properties), seed)

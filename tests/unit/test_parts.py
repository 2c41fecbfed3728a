"""Parts of workloads: composed they are what the same properties are, and alone they draw the same."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ycsbpy
from ycsbpy import parts
from ycsbpy.config import make_config
from ycsbpy.errors import PropertyError
from ycsbpy.runner.engine import runs_natively
from ycsbpy.workload.base import Phase
from ycsbpy.workload.core import CoreWorkload
from ycsbpy.workload.registry import make_workload

if TYPE_CHECKING:
    from pathlib import Path

KEYS = [
    parts.UniformKeys(),
    parts.ZipfianKeys(),
    parts.ExactZipfianKeys(),
    parts.LatestKeys(),
    parts.SequentialKeys(),
    parts.HotspotKeys(0.25, 0.75),
    parts.ExponentialKeys(90, 0.5),
]


def test_what_is_composed_is_what_the_properties_say() -> None:
    made = parts.compose(
        mix=parts.Mix(read=0.5, scan=0.25, insert=0.25),
        keys=parts.HotspotKeys(0.1, 0.9),
        names=parts.KeyNames("device", 12, "ordered"),
        fields=parts.Fields(4, parts.ZipfianLength(16, 256), "f"),
        scans=parts.UniformLength(1, 50),
    )
    by_name = {
        "readproportion": "0.5", "updateproportion": "0", "scanproportion": "0.25", "insertproportion": "0.25",
        "requestdistribution": "hotspot", "hotspotdatafraction": "0.1", "hotspotopnfraction": "0.9",
        "keyprefix": "device", "zeropadding": "12", "insertorder": "ordered", "fieldcount": "4",
        "fieldnameprefix": "f", "fieldlengthdistribution": "zipfian", "minfieldlength": "16", "fieldlength": "256",
        "scanlengthdistribution": "uniform", "minscanlength": "1", "maxscanlength": "50",
    }  # fmt: skip
    counts = {"recordcount": 1000, "operationcount": 1000}
    one, other = (CoreWorkload.from_config(make_config({**each, **counts}), 7) for each in (made, by_name))
    assert one.settings == other.settings
    assert one.source.digest(Phase.RUN, 0, 1000) == other.source.digest(Phase.RUN, 0, 1000)


def test_what_is_composed_runs_in_the_engine() -> None:
    config = make_config({**parts.compose(mix=parts.Mix(read=1)), "recordcount": 10, "tikv.pd": "x:1"})
    native = pytest.importorskip("ycsbpy.drivers.tikv_native").TikvNativeDriver
    assert runs_natively(native.from_config(config), make_workload(config, 1))


def test_it_loads_and_runs() -> None:
    made = parts.compose(mix=parts.Mix(read=1), fields=parts.Fields(3, parts.ConstantLength(7), checked=True))
    driver = ycsbpy.MemoryDriver()
    ycsbpy.load(driver=driver, properties=made, recordcount=100)
    summary = ycsbpy.run(driver=driver, properties=made, recordcount=100, operationcount=300)
    assert (summary.accounting.ok, summary.integrity_violations) == (300, 0)


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: type(keys).__name__)
@given(records=st.integers(1, 2000), seed=st.integers(0, 2**64 - 1))
def test_keys_are_of_the_records_and_repeatable(keys: parts.Keys, records: int, seed: int) -> None:
    drawn = list(keys.draw(records, seed, 50))
    assert all(0 <= number < records for number in drawn)
    assert drawn == list(keys.draw(records, seed, 50))


def test_the_laws_are_what_their_names_say() -> None:
    count = 20_000
    shares = {type(keys): Counter(keys.draw(100, 3, count)) for keys in KEYS}
    assert max(shares[parts.UniformKeys].values()) < 0.02 * count
    assert max(shares[parts.ZipfianKeys].values()) > 0.03 * count
    assert shares[parts.LatestKeys].most_common(1)[0][0] == 99
    assert set(shares[parts.SequentialKeys].values()) == {count // 100}
    assert sum(shares[parts.HotspotKeys][number] for number in range(25)) / count == pytest.approx(0.75, abs=0.02)
    assert sum(shares[parts.ExponentialKeys][number] for number in range(50, 100)) / count == pytest.approx(
        0.9, abs=0.02
    )


def test_lengths(tmp_path: Path) -> None:
    assert set(parts.ConstantLength(7).draw(1, 20)) == {7}
    assert set(parts.UniformLength(3, 5).draw(1, 200)) == {3, 4, 5}
    short = Counter(parts.ZipfianLength(1, 100).draw(1, 2000))
    assert short[1] > 5 * short[10]
    file = tmp_path / "lengths.txt"
    file.write_text("BlockSize\t10\n0\t1\n2\t1\n")
    assert set(parts.HistogramLength(str(file)).draw(1, 200)) == {10, 30}
    assert parts.ConstantLength(9).of_scans() == parts.UniformLength(9, 9).of_scans()
    with pytest.raises(ValueError, match="scans have no HistogramLength"):
        parts.compose(mix=parts.Mix(scan=1), scans=parts.HistogramLength(str(file)))


def test_key_names_and_rows() -> None:
    assert parts.KeyNames("k", 5, "ordered").key(42) == b"k00042"
    assert parts.KeyNames().key(1) == b"user8517097267634966620"
    fields = parts.Fields(2)
    codec = fields.codec()
    assert codec.decode(codec.encode({"field0": b"a", "field1": b""})) == {"field0": b"a", "field1": b""}


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda: parts.compose(mix=parts.Mix(read=2)), "readproportion"),
        (lambda: parts.compose(mix=parts.Mix(read=1), names=parts.KeyNames(order="sorted")), "insertorder"),
        (lambda: parts.compose(mix=parts.Mix(read=1), fields=parts.Fields(0)), "fieldcount"),
        (lambda: parts.UniformLength(9, 3).draw(1, 1).__next__(), "fieldlength"),
    ],
)
def test_what_is_none_is_refused_by_name(made: object, name: str) -> None:
    assert callable(made)
    with pytest.raises(PropertyError, match=name):
        made()
    with pytest.raises(ValueError, match="no records"):
        parts.UniformKeys().draw(0, 1, 1)

"""The native drawing of operations against the plain model of ``docs/drawing.md``, byte for byte."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_sources import DISTRIBUTIONS
from oracle import LOAD, RUN, WARMUP, Oracle

from ycsbpy._native import generators
from ycsbpy._native.generators import OperationSource

A_MILLION = 1_000_000
DIGEST_OF_A_MILLION = 4541482438775573862
"""Of the first operations of workload A with seed 42."""
READ, UPDATE, INSERT, SCAN, RMW, DELETE = range(6)

DEFAULTS: dict[str, Any] = {
    "seed": 42,
    "recordcount": 1000,
    "insertstart": 0,
    "insertcount": 1000,
    "operationcount": 100_000,
    "proportions": (0.95, 0.05, 0.0, 0.0, 0.0, 0.0),
    "requestdistribution": "uniform",
    "hotspotdatafraction": 0.2,
    "hotspotopnfraction": 0.8,
    "exponential_percentile": 95.0,
    "exponential_frac": 0.8571428571,
    "minscanlength": 1,
    "maxscanlength": 1000,
    "scanlengthdistribution": "uniform",
    "fieldnames": tuple(f"field{number}" for number in range(10)),
    "minfieldlength": 1,
    "fieldlength": 100,
    "fieldlengthdistribution": "constant",
    "fieldlengthhistogram": (),
    "fieldlengthblocksize": 1,
    "readallfields": True,
    "readallfieldsbyname": False,
    "writeallfields": False,
    "dataintegrity": False,
    "keyprefix": "user",
    "zeropadding": 1,
    "insertorder": "hashed",
}

WORKLOADS: dict[str, dict[str, Any]] = {
    "a": {"proportions": (0.5, 0.5, 0.0, 0.0, 0.0, 0.0), "requestdistribution": "zipfian"},
    "b": {"proportions": (0.95, 0.05, 0.0, 0.0, 0.0, 0.0), "requestdistribution": "zipfian"},
    "c": {"proportions": (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), "requestdistribution": "zipfian"},
    "d": {"proportions": (0.95, 0.0, 0.05, 0.0, 0.0, 0.0), "requestdistribution": "latest"},
    "e": {"proportions": (0.0, 0.0, 0.05, 0.95, 0.0, 0.0), "requestdistribution": "zipfian", "maxscanlength": 100},
    "f": {"proportions": (0.5, 0.0, 0.0, 0.0, 0.5, 0.0), "requestdistribution": "zipfian"},
}
"""As Cooper et al. published them, with the defaults above."""

EVERY_KIND = (0.2, 0.2, 0.2, 0.15, 0.15, 0.1)


def parameters(**changes: Any) -> dict[str, Any]:
    assert changes.keys() <= DEFAULTS.keys()
    return {**DEFAULTS, **changes}


def seen(operation: oracle.Drawn | generators.Operation) -> tuple[object, ...]:
    """All that an operation says, in a form that compares."""
    fields, values = operation.fields, operation.values
    return (
        operation.number,
        operation.kind,
        operation.key,
        operation.key_number,
        None if fields is None else list(fields),
        None if values is None else list(values.items()),
        operation.scan_length,
    )


@dataclass
class Both:
    """The model, and the native source with two clones, drawn from in step; `order` says when inserts are answered."""

    model: Oracle
    natives: tuple[OperationSource, ...]
    order: random.Random
    failing: float = 0.0
    outstanding: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, *, order: random.Random | None = None, failing: float = 0.0, **changes: Any) -> Both:
        arguments = parameters(**changes)
        source = OperationSource(**arguments)
        return cls(Oracle(**arguments), (source, source.clone(), source.clone()), order or random.Random(7), failing)

    def compare(self, domain: int, number: int, kind: int | None = None) -> None:
        """``kind``: of a row of a batch, for all of which the first one decides."""
        native, expected = self.natives[number % 3], self.model.draw(domain, number, kind)
        drawn = native.draw(domain, number) if kind is None else native.draw_as(kind, domain, number)
        assert seen(drawn) == seen(expected)
        if expected.kind == INSERT and domain != LOAD:
            self.outstanding.append(expected.key_number)

    def answer_some(self, kept: int) -> None:
        """Answer inserts in any order until `kept` are left without an answer."""
        while len(self.outstanding) > kept:
            key_number = self.outstanding.pop(self.order.randrange(len(self.outstanding)))
            ok = self.order.random() >= self.failing
            self.model.acknowledge(key_number, ok)
            self.natives[key_number % 3].acknowledge(key_number, ok)
        for native in self.natives:
            assert native.limit == self.model.limit
            assert native.inserted == self.model.inserted


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_hundred_thousand_operations_of_each_workload(workload: str) -> None:
    both = Both.of(**WORKLOADS[workload])
    for number in range(100_000):
        both.compare(RUN, number)
        both.answer_some(kept=16)
    both.answer_some(kept=0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"insertstart": 700, "insertcount": 300, "insertorder": "ordered", "zeropadding": 12},
        {"dataintegrity": True, "fieldlength": 64},
        {"fieldlengthdistribution": "zipfian"},
    ],
    ids=["plain", "part", "integrity", "zipfian"],
)
def test_ten_thousand_rows_of_a_load(changes: dict[str, Any]) -> None:
    count = 10_000 if not changes else 1_000
    both = Both.of(**{**changes, "recordcount": 700 + count})
    for number in range(count):
        both.compare(LOAD, number)


def test_a_record_is_the_same_whichever_part_of_a_load_writes_it() -> None:
    whole = OperationSource(**parameters(recordcount=100, insertcount=100))
    part = OperationSource(**parameters(recordcount=100, insertstart=60, insertcount=40))
    for number in range(40):
        assert seen(whole.draw(LOAD, 60 + number))[1:] == seen(part.draw(LOAD, number))[1:]


@pytest.mark.parametrize("failing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_kind_of_operation_under_every_law_of_keys(distribution: str, failing: float) -> None:
    both = Both.of(
        proportions=EVERY_KIND, requestdistribution=distribution, recordcount=500, insertcount=300, insertstart=100,
        fieldlength=20, failing=failing,
    )  # fmt: skip
    for number in range(3000):
        both.compare(RUN if number % 10 else WARMUP, number)
        both.answer_some(kept=number % 37)


@pytest.mark.parametrize("kind", [READ, UPDATE, INSERT, RMW, DELETE])
@pytest.mark.parametrize("distribution", ["zipfian", "zipfian-exact", "latest", "sequential"])
def test_rows_of_batches_are_of_the_kind_that_they_are_told(kind: int, distribution: str) -> None:
    both = Both.of(
        proportions=EVERY_KIND, requestdistribution=distribution, recordcount=500, insertcount=500, fieldlength=20,
        readallfields=False,
    )  # fmt: skip
    for number in range(400):
        both.compare(RUN if number % 10 else WARMUP, number, kind)
        both.answer_some(kept=number % 37)
    for number in range(50):
        both.compare(LOAD, number, INSERT)


@pytest.mark.parametrize("kind", [-1, SCAN, 6, 255])
def test_no_row_of_a_batch_is_of_another_kind(kind: int) -> None:
    with pytest.raises(ValueError, match=f"no row of a batch is of kind {kind}"):
        OperationSource(**parameters()).draw_as(kind, RUN, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"readallfields": False},
        {"readallfieldsbyname": True},
        {"writeallfields": True},
        {"readallfields": False, "writeallfields": True, "dataintegrity": True},
        {"dataintegrity": True, "fieldlength": 3},
        {"fieldlengthdistribution": "uniform", "minfieldlength": 0},
        {"fieldlengthdistribution": "uniform", "minfieldlength": 100},
        {"fieldlengthdistribution": "zipfian", "minfieldlength": 10},
        {"fieldlengthdistribution": "zipfian", "minfieldlength": 100},
        {"fieldlengthdistribution": "histogram", "fieldlengthhistogram": (5, 0, 3, 1), "fieldlengthblocksize": 7},
        {"fieldlength": 0},
        {"scanlengthdistribution": "zipfian"},
        {"scanlengthdistribution": "zipfian", "minscanlength": 9, "maxscanlength": 9, "readallfields": False},
        {"minscanlength": 5, "maxscanlength": 5, "readallfields": False},
        {"insertorder": "ordered", "zeropadding": 10, "keyprefix": ""},
        {"zeropadding": 24, "keyprefix": "schlüssel-"},
        {"seed": 2**64 - 1},
        {"fieldnames": ("only",)},
        {"requestdistribution": "hotspot", "hotspotdatafraction": 0.0},
        {"requestdistribution": "hotspot", "hotspotdatafraction": 1.0, "hotspotopnfraction": 0.0},
        {"requestdistribution": "hotspot", "hotspotopnfraction": 1.0},
        {"requestdistribution": "exponential", "exponential_percentile": 99.9, "exponential_frac": 0.001},
        {"requestdistribution": "exponential", "exponential_percentile": 50.5, "exponential_frac": 0.5},
        {"requestdistribution": "sequential", "recordcount": 1, "insertcount": 1},
        {"requestdistribution": "zipfian", "operationcount": 0},
        {"requestdistribution": "latest", "recordcount": 1, "insertcount": 1},
        {"recordcount": 2**31 + 1, "insertcount": 2**31 + 1, "requestdistribution": "zipfian"},
        {"recordcount": 2**40, "insertcount": 2**40, "requestdistribution": "latest"},
        {"recordcount": 2**60, "insertcount": 2**59, "insertstart": 2**59, "requestdistribution": "exponential"},
        {"recordcount": 2**60, "insertcount": 2**60, "requestdistribution": "zipfian", "operationcount": 2**60},
        {"recordcount": 0, "insertcount": 0, "requestdistribution": "zipfian", "operationcount": 0},
        {"requestdistribution": "zipfian-exact", "operationcount": 0},
        {"requestdistribution": "zipfian-exact", "recordcount": 1, "insertcount": 1, "operationcount": 0},
        {"recordcount": 2**31 + 1, "insertcount": 2**31 + 1, "requestdistribution": "zipfian-exact"},
        {"recordcount": 2**60, "insertcount": 2**60, "requestdistribution": "zipfian-exact", "operationcount": 2**60},
    ],
    ids=lambda changes: " ".join(f"{name}={value}" for name, value in changes.items()),
)
def test_each_parameter(changes: dict[str, Any]) -> None:
    both = Both.of(**{"proportions": EVERY_KIND, **changes})
    for number in range(1000):
        both.compare(RUN, number)
        both.answer_some(kept=4)


def test_an_answer_about_a_record_that_this_run_did_not_insert_changes_nothing() -> None:
    both = Both.of(recordcount=1000, insertcount=900)
    for key_number in (0, 899, 999):
        both.natives[0].acknowledge(key_number, True)
        both.natives[0].acknowledge(key_number, False)
    both.answer_some(kept=0)
    assert both.model.limit == 900


def test_deletes_may_empty_the_table() -> None:
    both = Both.of(proportions=(0.3, 0, 0.1, 0, 0, 0.6), recordcount=20, insertcount=20)
    for number in range(500):
        both.compare(RUN, number)
        both.answer_some(kept=2)


@st.composite
def any_parameters(draw: st.DrawFn) -> dict[str, Any]:
    """Parameters that the configuration would let pass."""
    recordcount = draw(st.integers(1, 50) | st.integers(1, 2**60))
    insertstart = draw(st.integers(0, recordcount - 1))
    shares = st.just(0.0) | st.floats(0, 1, allow_subnormal=False)
    proportions = draw(st.tuples(*[shares] * 6).filter(any))
    law = draw(st.sampled_from(["constant", "uniform", "zipfian", "histogram"]))
    fieldlength = draw(st.integers(0, 40))
    counts = draw(st.lists(st.integers(0, 2**40), min_size=1, max_size=5).filter(any))
    frac = draw(st.floats(0.001, 0.99))
    low = draw(st.integers(1, 1000))
    return {
        "seed": draw(st.integers(0, 2**64 - 1)),
        "recordcount": recordcount,
        "insertstart": insertstart,
        "insertcount": draw(st.integers(1, recordcount - insertstart)),
        "operationcount": draw(st.integers(0, 2**60)),
        "proportions": proportions,
        "requestdistribution": draw(st.sampled_from(DISTRIBUTIONS)),
        "hotspotdatafraction": draw(st.floats(0, 1)),
        "hotspotopnfraction": draw(st.floats(0, 1)),
        "exponential_percentile": draw(st.floats(frac * 100 + 0.1, 99.9)),
        "exponential_frac": frac,
        "minscanlength": low,
        "maxscanlength": draw(st.integers(low, 2**31 - 1)),
        "scanlengthdistribution": draw(st.sampled_from(["uniform", "zipfian"])),
        "fieldnames": tuple(f"f{number}" for number in range(draw(st.integers(1, 12)))),
        "minfieldlength": draw(st.integers(0, fieldlength)),
        "fieldlength": fieldlength,
        "fieldlengthdistribution": law,
        "fieldlengthhistogram": counts if law == "histogram" else (),
        "fieldlengthblocksize": draw(st.integers(1, 20)),
        "readallfields": draw(st.booleans()),
        "readallfieldsbyname": draw(st.booleans()),
        "writeallfields": draw(st.booleans()),
        "dataintegrity": law == "constant" and draw(st.booleans()),
        "keyprefix": draw(st.sampled_from(["user", "", "k:", "x" * 40])),
        "zeropadding": draw(st.integers(0, 30)),
        "insertorder": draw(st.sampled_from(["hashed", "ordered"])),
    }


@settings(max_examples=300)
@given(any_parameters(), st.randoms(use_true_random=False), st.sampled_from([0.0, 0.2, 0.9]), st.integers(0, 20))
def test_any_parameters_and_any_order_of_answers(
    changes: dict[str, Any], order: random.Random, failing: float, kept: int
) -> None:
    both = Both.of(order=order, failing=failing, **changes)
    for number in range(120):
        both.compare(RUN if number % 5 else WARMUP, number)
        both.answer_some(kept)
    for number in range(3):
        both.compare(LOAD, number)


ORDERS = ("hashed", "ordered", "hashed-big-endian")


@given(st.integers(0, 2**63 - 1), st.integers(0, 30), st.sampled_from(ORDERS))
def test_key_names(number: int, zeropadding: int, order: str) -> None:
    model = Oracle(**parameters(zeropadding=zeropadding, insertorder=order))
    assert generators.fnv64(number) == oracle.fnv(number)
    assert generators.key_name(number, prefix="user", zeropadding=zeropadding, order=order) == model.key(number)


def test_expected_values() -> None:
    for length in (0, 1, 12, 100, 1000):
        both = Both.of(dataintegrity=True, fieldlength=length)
        for number in range(50):
            key = both.model.key(number)
            names = both.model.fieldnames
            assert both.natives[0].expected_values(key, names) == both.model.expected_values(key, names)


def test_the_model_knows_what_java_does() -> None:
    """Facts from Java: YCSB's first keys, ``String.hashCode``, and a value made of it."""
    assert [oracle.fnv(number) for number in (0, 1)] == [6284781860667377211, 8517097267634966620]
    assert oracle.java_hash(b"hello") == 99162322
    assert oracle.java_hash(b"polygenelubricants") == -(2**31)
    head = b"user1:field0:"
    assert oracle.deterministic_value(b"user1", "field0", 100).startswith(head + str(oracle.java_hash(head)).encode())


def test_a_difference_would_be_seen() -> None:
    """The comparison can fail: with another seed, nearly every operation differs."""
    model, native = Oracle(**parameters(seed=1)), OperationSource(**parameters(seed=2))
    differing = sum(seen(model.draw(RUN, number)) != seen(native.draw(RUN, number)) for number in range(1000))
    assert differing > 900


def test_the_model_is_what_it_was() -> None:
    """Should the page change, recorded seeds lose their meaning: that is a new profile, not an edit."""
    digest = hashlib.sha256()
    for workload in WORKLOADS.values():
        model = Oracle(**parameters(**workload))
        for domain in (LOAD, RUN, WARMUP):
            for number in range(200):
                operation = model.draw(domain, number)
                digest.update(repr(seen(operation)).encode())
                if operation.kind == INSERT and domain != LOAD:
                    model.acknowledge(operation.key_number, ok=True)
    assert digest.hexdigest() == "da5dab740bcb07b753f002ac43286ef2b8f21b6262752c666814fbea620c1182"


def test_a_million_operations_are_the_same_for_any_number_of_workers() -> None:
    source = OperationSource(**parameters(operationcount=A_MILLION, **WORKLOADS["a"]))
    assert source.digest(RUN, 0, A_MILLION) == DIGEST_OF_A_MILLION
    assert source.clone().digest(RUN, 0, A_MILLION) == DIGEST_OF_A_MILLION

    def piece(first: int) -> int:
        return source.clone().digest(RUN, first, A_MILLION // 64)

    starts = range(0, A_MILLION, A_MILLION // 64)
    alone = [piece(first) for first in starts]
    for workers in (2, 4, 64):
        with ThreadPoolExecutor(workers) as pool:
            assert list(pool.map(piece, starts)) == alone
    assert len(set(alone)) == len(alone)

"""Drawing of operations: kinds, fields, lengths, bytes and keys, as laws and as facts.

Which records are asked for is in ``test_key_choice.py``; that every byte is as ``docs/drawing.md`` says, in
``test_against_oracle.py``.
"""

from __future__ import annotations

import gc
import threading
from itertools import pairwise
from typing import Any

import pytest
from chisquare import assert_follows, histogram, p_value, rank_edges, uniform_law, zipf_law
from hypothesis import given
from hypothesis import strategies as st
from op_sources import (
    DELETE,
    INSERT,
    INSERT_ONLY,
    READ,
    READ_MODIFY_WRITE,
    SCAN,
    SCAN_ONLY,
    UPDATE,
    source,
)

from ycsbpy._native.generators import (
    DOMAIN_LOAD,
    DOMAIN_RUN,
    DOMAIN_WARMUP,
    Operation,
    OperationSource,
    fnv64,
    key_name,
)

UPDATE_ONLY = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
RMW_ONLY = (0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
ALL_KINDS = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def draws(drawn: OperationSource, count: int, domain: int = DOMAIN_RUN) -> list[Operation]:
    return [drawn.draw(domain, number) for number in range(count)]


# -- the mix --


@pytest.mark.parametrize(
    "proportions",
    [
        (0.5, 0.5, 0.0, 0.0, 0.0, 0.0),
        (0.95, 0.0, 0.05, 0.0, 0.0, 0.0),
        (3.0, 1.0, 4.0, 1.0, 5.0, 9.0),
        (0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
    ],
)
def test_mix(proportions: tuple[float, ...]) -> None:
    counts = histogram((op.kind for op in draws(source(proportions=proportions), 200_000)), 6)
    law = [p / sum(proportions) for p in proportions]
    used = [kind for kind in range(6) if law[kind]]
    assert not any(counts[kind] for kind in range(6) if kind not in used)
    skewed = [law[kind] + (0.01 if place == 0 else -0.01 / (len(used) - 1)) for place, kind in enumerate(used)]
    assert_follows([counts[kind] for kind in used], [law[kind] for kind in used], skewed)


def test_a_kind_of_proportion_zero_is_never_drawn() -> None:
    for kind in range(6):
        only = tuple(float(other == kind) for other in range(6))
        assert {op.kind for op in draws(source(proportions=only), 1000)} == {kind}


# -- lengths --


@pytest.mark.parametrize(("low", "high"), [(1, 100), (1, 2), (5, 7), (1, 1000)])
@pytest.mark.parametrize("distribution", ["uniform", "zipfian"])
def test_scan_lengths(distribution: str, low: int, high: int) -> None:
    drawn = source(proportions=SCAN_ONLY, minscanlength=low, maxscanlength=high, scanlengthdistribution=distribution)
    n = high - low + 1
    counts = histogram((op.scan_length - low for op in draws(drawn, 500_000)), n)
    if distribution == "uniform":
        tilted = [(1 + 0.05 * (2 * i - n + 1) / n) / n for i in range(n)]
        assert_follows(counts, uniform_law(n), tilted)
    else:
        each = range(1, n + 2)
        assert_follows(counts, zipf_law(n, 0.99, each), zipf_law(n, 0.95, each))


@pytest.mark.parametrize("distribution", ["uniform", "zipfian", "constant"])
def test_a_scan_length_without_choice(distribution: str) -> None:
    drawn = source(proportions=SCAN_ONLY, minscanlength=7, maxscanlength=7, scanlengthdistribution=distribution)
    assert {op.scan_length for op in draws(drawn, 1000)} == {7}


def value_lengths(count: int, **changes: Any) -> list[int]:
    drawn = source(proportions=UPDATE_ONLY, **changes)
    return [len(value) for op in draws(drawn, count) for value in (op.values or {}).values()]


def test_constant_field_lengths() -> None:
    assert set(value_lengths(1000)) == {100}
    assert set(value_lengths(10, fieldlength=0)) == {0}
    assert set(value_lengths(3, fieldlength=100_003)) == {100_003}


@pytest.mark.parametrize(("low", "high"), [(1, 100), (0, 9), (50, 51)])
def test_uniform_field_lengths(low: int, high: int) -> None:
    lengths = value_lengths(200_000, fieldlengthdistribution="uniform", minfieldlength=low, fieldlength=high)
    n = high - low + 1
    tilted = [(1 + 0.1 * (2 * i - n + 1) / n) / n for i in range(n)]
    assert_follows(histogram((length - low for length in lengths), n), uniform_law(n), tilted)


@pytest.mark.parametrize(("low", "high"), [(1, 100), (0, 9), (50, 51)])
def test_zipfian_field_lengths(low: int, high: int) -> None:
    lengths = value_lengths(300_000, fieldlengthdistribution="zipfian", minfieldlength=low, fieldlength=high)
    n = high - low + 1
    each = range(1, n + 2)
    counts = histogram((length - low for length in lengths), n)
    assert_follows(counts, zipf_law(n, 0.99, each), zipf_law(n, 0.95, each))


@pytest.mark.parametrize("buckets", [[1, 1], [1, 0, 0, 3], [5, 1, 7, 2, 0, 1], [0, 0, 1]])
def test_histogram_field_lengths(buckets: list[int]) -> None:
    """Bucket b stands for (b + 1) blocks, the last one too, and has the share that the file gives it."""
    lengths = value_lengths(
        100_000, fieldlengthdistribution="histogram", fieldlengthhistogram=buckets, fieldlengthblocksize=10
    )
    assert all(length % 10 == 0 for length in lengths)
    counts = histogram((length // 10 - 1 for length in lengths), len(buckets))
    law = [count / sum(buckets) for count in buckets]
    assert not any(count for count, p in zip(counts, law, strict=True) if p == 0)
    used = [place for place, p in enumerate(law) if p]
    if len(used) > 1:  # peers count bucket 0 once too often
        favoured = [(buckets[place] + (place == used[0])) / (sum(buckets) + 1) for place in used]
        assert_follows([counts[place] for place in used], [law[place] for place in used], favoured)


# -- fields and values --


def test_fields_that_are_read() -> None:
    names = [f"field{i}" for i in range(10)]
    assert {op.fields for op in draws(source(), 100)} == {None}
    by_name = draws(source(readallfieldsbyname=True), 100)
    assert all(list(op.fields or ()) == names for op in by_name)
    one = [op.fields for op in draws(source(readallfields=False), 50_000)]
    chosen = [names.index(fields[0]) for fields in one if fields is not None and len(fields) == 1]
    assert len(chosen) == len(one)
    assert_follows(histogram(chosen, 10), uniform_law(10), [0.11, 0.09, *[0.1] * 8])


@pytest.mark.parametrize("kind", [UPDATE, READ_MODIFY_WRITE])
def test_fields_that_are_written(kind: int) -> None:
    names = [f"field{i}" for i in range(10)]
    only = UPDATE_ONLY if kind == UPDATE else RMW_ONLY
    written = [list(op.values or {}) for op in draws(source(proportions=only), 50_000)]
    assert {len(fields) for fields in written} == {1}
    assert_follows(
        histogram((names.index(fields[0]) for fields in written), 10), uniform_law(10), [0.11, 0.09, *[0.1] * 8]
    )
    everything = draws(source(proportions=only, writeallfields=True), 100)
    assert all(list(op.values or {}) == names for op in everything)


def test_what_each_kind_carries() -> None:
    for op in draws(source(proportions=ALL_KINDS, readallfieldsbyname=True), 3000):
        assert (op.fields is not None) == (op.kind in {READ, SCAN, READ_MODIFY_WRITE})
        assert (op.values is not None) == (op.kind in {UPDATE, INSERT, READ_MODIFY_WRITE})
        assert (op.scan_length > 0) == (op.kind == SCAN)
        assert op.key == f"user{op.key_number}".encode()
    for op in draws(source(), 100, DOMAIN_LOAD):
        assert op.kind == INSERT
        assert op.key_number == op.number
        assert list(op.values or {}) == [f"field{i}" for i in range(10)]


def test_bytes_are_evenly_printable() -> None:
    """Each of 64 characters as often as any other, at each place of a value, and no value twice."""
    drawn = source(fieldlength=37)
    values = [value for op in draws(drawn, 3000, DOMAIN_LOAD) for value in (op.values or {}).values()]
    assert len(set(values)) == len(values)
    uneven = [(1 + 0.1 * (-1) ** i) / 64 for i in range(64)]
    for place in (0, 7, 8, 15, 31, 36):
        assert_follows(histogram((value[place] - 0x20 for value in values), 64), uniform_law(64), uneven)
    pairs = histogram(((value[0] - 0x20) // 8 * 8 + (value[8] - 0x20) // 8 for value in values), 64)
    assert_follows(pairs, uniform_law(64), uneven)


def test_deterministic_values() -> None:
    drawn = source(dataintegrity=True, fieldlength=50, insertorder="hashed")
    for op in draws(drawn, 100, DOMAIN_LOAD):
        assert op.values == drawn.expected_values(op.key, [f"field{i}" for i in range(10)])
        assert all(value.startswith(op.key + b":" + name.encode() + b":") for name, value in (op.values or {}).items())
    assert drawn.expected_values(b"user0", ["field9", "field1"]).keys() == {"field9", "field1"}


# -- one seed, one sequence --


def seen(op: Operation) -> tuple[Any, ...]:
    return op.number, op.kind, op.key, op.key_number, op.fields, op.values, op.scan_length


def test_operations_are_functions_of_seed_domain_and_number() -> None:
    mix = (1.0, 1.0, 0.0, 1.0, 1.0, 0.0)
    first, second = source(proportions=mix), source(proportions=mix)
    forward = [seen(op) for op in draws(first, 500)]
    backward = [seen(second.draw(DOMAIN_RUN, number)) for number in reversed(range(500))][::-1]
    assert forward == backward
    assert forward != [seen(op) for op in draws(source(proportions=mix, seed=1), 500)]
    assert forward != [seen(op) for op in draws(first, 500, DOMAIN_WARMUP)]


def test_a_record_is_the_same_however_the_load_is_cut() -> None:
    whole = [op.values for op in draws(source(100), 100, DOMAIN_LOAD)]
    part = source(100, insertstart=40, insertcount=60)
    assert [op.values for op in draws(part, 60, DOMAIN_LOAD)] == whole[40:]
    assert part.draw(DOMAIN_LOAD, 0).key_number == 40


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.sampled_from([DOMAIN_LOAD, DOMAIN_RUN, DOMAIN_WARMUP]))
def test_any_seed_and_number_will_do(seed: int, number: int, domain: int) -> None:
    drawn = source(10, seed=seed)
    op = drawn.draw(domain, number)
    assert op.number == number
    assert seen(op) == seen(drawn.clone().draw(domain, number))


# -- digest --

MASK = 2**64 - 1


def mix64(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def digest_of(op: Operation, names: list[str]) -> int:
    """As ``ext/generators/digest.hpp`` defines it."""
    reads = op.kind in {READ, SCAN, READ_MODIFY_WRITE}
    field = (names.index(op.fields[0]) + 1 if op.fields else 0) if reads else MASK
    values = op.values or {}
    words = (op.number, op.kind, op.key_number, field, op.scan_length, len(values))
    data = b"".join(word.to_bytes(8, "little") for word in words) + op.key
    for name, value in values.items():
        data += names.index(name).to_bytes(4, "little") + len(value).to_bytes(4, "little") + value
    size = len(data)
    data += bytes(-size % 32)
    total = size
    for lane in range(4):
        plain = twice = 0
        for at in range(8 * lane, len(data), 32):
            plain += int.from_bytes(data[at : at + 8], "little")
            twice += plain
        total += plain * (mix64(2 * lane + 1) | 1) + twice * (mix64(2 * lane + 2) | 1)
    return mix64(total & MASK)


@pytest.mark.parametrize("domain", [DOMAIN_LOAD, DOMAIN_RUN])
def test_digest_is_of_the_operations_that_are_drawn(domain: int) -> None:
    changes: dict[str, Any] = {
        "proportions": (1.0, 1.0, 1.0, 1.0, 1.0, 0.0), "readallfields": False, "fieldlengthdistribution": "uniform",
    }  # fmt: skip
    drawn = source(**changes)
    expected = 0
    for number in range(300):
        op = drawn.draw(domain, number)
        expected += digest_of(op, [f"field{i}" for i in range(10)])
        if op.kind == INSERT:
            drawn.acknowledge(op.key_number, ok=True)
    assert source(**changes).digest(domain, 0, 300) == expected & MASK


def test_digest_of_rows_differs_and_parts_add_up() -> None:
    drawn = source(proportions=UPDATE_ONLY)
    whole = drawn.digest(DOMAIN_RUN, 0, 1000, row=True)
    assert whole != drawn.digest(DOMAIN_RUN, 0, 1000)
    parts = [drawn.digest(DOMAIN_RUN, first, 100, row=True) for first in range(0, 1000, 100)]
    assert sum(parts) & MASK == whole


def test_digest_lets_other_threads_run() -> None:
    """Threads digest and draw from one source at once; nothing of theirs is mixed up."""
    drawn = source(requestdistribution="latest")
    expected = drawn.digest(DOMAIN_RUN, 0, 200_000)
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(drawn.digest(DOMAIN_RUN, 0, 200_000))) for _ in range(3)]
    for thread in threads:
        thread.start()
    here = [seen(op) for op in draws(drawn, 2000)]
    for thread in threads:
        thread.join()
    assert results == [expected] * 3
    assert here == [seen(op) for op in draws(drawn, 2000)]


# -- keys --


def test_keys_are_those_of_java_ycsb() -> None:
    assert fnv64(0) == 6284781860667377211
    assert fnv64(1) == 8517097267634966620
    assert key_name(0, prefix="user", zeropadding=1, order="hashed") == b"user6284781860667377211"
    assert key_name(1, prefix="user", zeropadding=1, order="hashed") == b"user8517097267634966620"
    assert key_name(1, prefix="user", zeropadding=1, order="ordered") == b"user1"
    assert key_name(1, prefix="user", zeropadding=8, order="ordered") == b"user00000001"


def test_keys_are_those_of_go_ycsb() -> None:
    """What its util.Hash64 printed."""
    golden = {0: 6284781860667377211, 1: 6284782960179005422, 42: 6284810447969710697, 1000000: 2740105236383194386}
    for number, hashed in golden.items():
        key = key_name(number, prefix="user", zeropadding=1, order="hashed-big-endian")
        assert key == f"user{hashed}".encode()


@given(
    st.integers(0, 2**64 - 1),
    st.text(max_size=30),
    st.integers(0, 100),
    st.sampled_from(["hashed", "ordered", "hashed-big-endian"]),
)
def test_key_names(number: int, prefix: str, zeropadding: int, order: str) -> None:
    swapped = int.from_bytes(number.to_bytes(8, "little"), "big")
    shown = {"hashed": fnv64(number), "ordered": number, "hashed-big-endian": fnv64(swapped)}[order]
    key = key_name(number, prefix=prefix, zeropadding=zeropadding, order=order)
    assert key == (prefix + str(shown).zfill(zeropadding)).encode()
    drawn = source(0, keyprefix=prefix, zeropadding=zeropadding, insertorder=order)
    assert drawn.draw(DOMAIN_LOAD, number).key == key


def test_a_million_hashed_keys_are_distinct() -> None:
    assert len(set(map(fnv64, range(1_000_000)))) == 1_000_000


def go_ycsb_fnv64(number: int) -> int:
    """With the highest byte first, so that the one which changes is mixed in last."""
    code = 0xCBF29CE484222325
    for byte in number.to_bytes(8, "big"):
        code = ((code ^ byte) * 1099511628211) & MASK
    return code if code < 2**63 else 2**64 - code


@pytest.mark.parametrize("regions", [16, 64, 256])
def test_neighbouring_records_are_far_apart(regions: int) -> None:
    """Consecutive inserts go to all parts of the key range, not one after the other to the same (as go-ycsb's do)."""

    def same_as_before(codes: list[int]) -> float:
        parts = [code * regions >> 63 for code in codes]
        return sum(a == b for a, b in pairwise(parts)) / (len(parts) - 1)

    assert same_as_before([fnv64(number) for number in range(50_000)]) < 1.1 / regions
    assert same_as_before([go_ycsb_fnv64(number) for number in range(50_000)]) > 0.9


# -- Operation, and what is refused --


def test_operations_can_be_made() -> None:
    op = Operation(3, UPDATE, b"k", values={"a": b"1"})
    assert seen(op) == (3, UPDATE, b"k", 0, None, {"a": b"1"}, 0)
    op.fields, op.scan_length, op.key = ["a"], 5, b"other"
    assert seen(op) == (3, UPDATE, b"other", 0, ["a"], {"a": b"1"}, 5)
    assert repr(op).startswith("Operation(3, 1, b'other', ")
    assert gc.is_tracked(op)
    with pytest.raises(TypeError):
        Operation(3, UPDATE, "k")  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        Operation(-1, UPDATE, b"k")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"insertcount": 1001}, "recordcount"),
        ({"recordcount": 2**60 + 1}, "recordcount"),
        ({"proportions": (0.0,) * 6}, "proportions"),
        ({"proportions": (1.0, -1.0, 0.0, 0.0, 0.0, 0.0)}, "proportions"),
        ({"proportions": (1.0,)}, "proportions"),
        ({"proportions": (float("inf"), *[0.0] * 5)}, "proportions"),
        ({"proportions": (float("nan"), *[0.0] * 5)}, "proportions"),
        (
            {"requestdistribution": "zipf"},
            'requestdistribution: "zipf" is none of uniform, zipfian, zipfian-exact, latest',
        ),
        ({"requestdistribution": "hotspot", "hotspotdatafraction": 1.5}, "hotspotdatafraction"),
        ({"requestdistribution": "hotspot", "hotspotopnfraction": float("nan")}, "hotspotopnfraction"),
        ({"requestdistribution": "exponential", "exponential_percentile": 50.0}, "exponential.frac"),
        ({"requestdistribution": "exponential", "exponential_percentile": 101.0}, "exponential.percentile"),
        ({"minscanlength": 0}, "minscanlength"),
        ({"minscanlength": 10, "maxscanlength": 9}, "minscanlength"),
        ({"scanlengthdistribution": "histogram"}, "scanlengthdistribution"),
        ({"fieldnames": []}, "fieldcount"),
        ({"fieldnames": ["a", "a"]}, "fieldnames"),
        ({"fieldlength": 2**30 + 1}, "fieldlength"),
        ({"fieldlengthdistribution": "normal"}, "fieldlengthdistribution"),
        ({"fieldlengthdistribution": "uniform", "minfieldlength": 101}, "minfieldlength"),
        ({"fieldlengthdistribution": "histogram"}, "fieldlengthhistogram"),
        ({"fieldlengthdistribution": "histogram", "fieldlengthhistogram": [0, 0]}, "fieldlengthhistogram"),
        ({"fieldlengthdistribution": "uniform", "dataintegrity": True}, "dataintegrity"),
        ({"zeropadding": 5000}, "zeropadding"),
        ({"insertorder": "random"}, 'insertorder: "random" is none of hashed, ordered'),
    ],
)
def test_contradicting_parameters_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        source(**changes)


def test_a_domain_that_there_is_not() -> None:
    for domain in (0, 4, -1):
        with pytest.raises(ValueError, match="no domain"):
            source().draw(domain, 0)
        with pytest.raises(ValueError, match="no domain"):
            source().digest(domain, 0, 1)


def test_a_source_that_was_not_initialised_is_refused() -> None:
    empty = OperationSource.__new__(OperationSource)
    for use in (lambda: empty.draw(2, 0), lambda: empty.limit, empty.clone, lambda: empty.expected_values(b"", [])):
        with pytest.raises(ValueError, match="parameters"):
            use()


def test_the_tests_own_arithmetic() -> None:
    """The significance of chi-square values out of printed tables; bins of ranks end where the table does."""
    for chi_square, degrees, p in ((3.841, 1, 0.05), (23.928, 1, 1e-6), (27.631, 2, 1e-6), (21.666, 9, 0.01)):
        assert abs(p_value(chi_square, degrees) / p - 1) < 1e-3
    assert abs(p_value(1000, 1000) - 0.4941) < 1e-3
    for n in (1, 2, 3, 10, 1000):
        edges = rank_edges(n)
        assert edges[0] == 1
        assert edges[-1] == n + 1
        assert abs(sum(zipf_law(n, 0.99, edges)) - 1) < 1e-12


# -- inserts and deletes --


def test_deletes_take_the_oldest_once() -> None:
    drawn = source(50, proportions=(1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    deleted, front = [], 0
    for number in range(400):
        op = drawn.draw(DOMAIN_RUN, number)
        if op.kind == DELETE:
            deleted.append(op.key_number)
            front = min(front + 1, 50)
        else:
            assert op.key_number >= front
    assert deleted[:50] == list(range(50))
    assert set(deleted[50:]) == {50}


def test_inserts_are_numbered_in_order_over_clones() -> None:
    first = source(10, proportions=INSERT_ONLY)
    second = first.clone()
    numbers = [(first if i % 3 else second).draw(DOMAIN_RUN, i).key_number for i in range(100)]
    assert numbers == list(range(10, 110))
    assert first.inserted == second.inserted == 100
    second.acknowledge(10, ok=True)
    assert first.limit == 11

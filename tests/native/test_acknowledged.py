"""Reads never ask for a record that an insert has not finished yet, nor for one whose insert failed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from op_sources import DISTRIBUTIONS, INSERT, INSERT_ONLY, READ, source

from ycsbpy._native.generators import DOMAIN_RUN, DOMAIN_WARMUP

READ_AND_INSERT = (0.5, 0.0, 0.5, 0.0, 0.0, 0.0)
LOADED = 40


@given(st.data(), st.sampled_from(DISTRIBUTIONS))
def test_any_order_of_completion(data: st.DataObject, distribution: str) -> None:
    drawn = source(LOADED, requestdistribution=distribution, proportions=READ_AND_INSERT, operationcount=200)
    sources = [drawn, drawn.clone()]
    outstanding: list[int] = []
    ended: dict[int, bool] = {}
    number = 0
    for step in data.draw(st.lists(st.integers(0, 999), max_size=150)):
        if step % 3 or not outstanding:
            op = sources[step % 2].draw(DOMAIN_RUN, number)
            number += 1
            limit = LOADED
            while ended.get(limit) is not None:
                limit += 1
            assert drawn.limit == limit
            if op.kind == INSERT:
                assert op.key_number == LOADED + drawn.inserted - 1
                outstanding.append(op.key_number)
            else:
                assert op.kind == READ
                assert op.key_number < limit
                assert ended.get(op.key_number, True)
        else:
            key_number = outstanding.pop(step % len(outstanding))
            ended[key_number] = step % 7 != 0  # few enough that a hundred draws find another
            sources[step % 2].acknowledge(key_number, ok=ended[key_number])


def test_an_insert_that_hangs_holds_the_limit_and_loses_nothing() -> None:
    """Far more inserts end behind it than the ring of the counter holds."""
    drawn = source(10, proportions=INSERT_ONLY)
    count = 200_000
    for number in range(count):
        drawn.draw(DOMAIN_RUN, number)
    for key_number in range(count + 9, 10, -1):
        drawn.acknowledge(key_number, ok=True)
    assert drawn.limit == 10
    drawn.acknowledge(10, ok=True)
    assert drawn.limit == count + 10


def test_failed_inserts_let_the_limit_pass() -> None:
    drawn = source(10, proportions=READ_AND_INSERT, requestdistribution="latest")
    inserts = [op.key_number for op in (drawn.draw(DOMAIN_WARMUP, i) for i in range(200)) if op.kind == INSERT]
    for key_number in inserts:
        drawn.acknowledge(key_number, ok=key_number % 3 == 0)
    assert drawn.limit == 10 + len(inserts)
    read = {op.key_number for op in (drawn.draw(DOMAIN_RUN, i) for i in range(3000)) if op.kind == READ}
    assert all(key_number % 3 == 0 or key_number < 10 for key_number in read)
    assert max(read) >= 10


def test_sequential_passes_over_holes() -> None:
    drawn = source(2, proportions=READ_AND_INSERT, requestdistribution="sequential")
    for number in range(100):
        op = drawn.draw(DOMAIN_WARMUP, number)
        if op.kind == INSERT:
            drawn.acknowledge(op.key_number, ok=op.key_number % 2 == 0)
    live = drawn.limit
    for number in range(300):
        op = drawn.draw(DOMAIN_RUN, number)
        if op.kind == READ:
            expected = number % live
            while expected >= 2 and expected % 2:
                expected = (expected + 1) % live
            assert op.key_number == expected


def test_words_that_mean_nothing_are_ignored() -> None:
    drawn = source(10, proportions=INSERT_ONLY)
    drawn.acknowledge(9, ok=False)  # loaded
    drawn.acknowledge(10, ok=True)  # not handed out yet
    drawn.acknowledge(2**64 - 1, ok=False)
    assert drawn.limit == 10
    drawn.draw(DOMAIN_RUN, 0)
    drawn.acknowledge(10, ok=True)
    drawn.acknowledge(10, ok=False)  # it has ended
    assert drawn.limit == 11
    assert drawn.inserted == 1

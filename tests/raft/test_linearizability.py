"""The checker is checked: histories known to be good and bad, and against trying all orders."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raft.linearizability import Operation, linearizable, offending_key, step


def op(text: str, *, key: int = 0) -> Operation:
    """``"1-3 w5"``: wrote 5 between 1 and 3; ``"1-? w5"`` unknown; ``"r5"`` or ``"r_"`` read; ``"c5>6 ok"``, ``no``."""
    times, what, *outcome = text.split()
    called, _, returned = times.partition("-")
    made = Operation("", key, float(called), None if returned == "?" else float(returned))
    if what[0] == "r":
        made.kind, made.result = "read", None if what[1:] == "_" else int(what[1:])
    elif what[0] == "w":
        made.kind, made.value = "write", int(what[1:])
    else:
        expected, _, value = what[1:].partition(">")
        made.kind, made.value = "cas", int(value)
        made.expected = None if expected == "_" else int(expected)
        made.result = outcome[0] == "ok" if outcome else None
    return made


GOOD = {
    "nothing": [],
    "a read of the beginning": ["1-2 r_"],
    "one after the other": ["1-2 w1", "3-4 r1", "5-6 w2", "7-8 r2"],
    "a read beside a write sees either": ["1-5 w1", "2-3 r_", "2-4 r1"],
    "reads overlap and see both": ["1-9 w1", "2-3 r_", "4-5 r1"],
    "writes beside each other in any order": ["1-5 w1", "1-5 w2", "6-7 r1"],
    "an unknown write that never was": ["1-? w1", "2-3 r_", "4-5 r_"],
    "an unknown write that was": ["1-? w1", "2-3 r1"],
    "an unknown write much later": ["1-? w1", "2-3 w2", "4-5 r2", "6-7 r1"],
    "compare and set": ["1-2 c_>1 ok", "3-4 c1>2 ok", "5-6 c1>3 no", "7-8 r2"],
    "of two that compare, one": ["1-2 w1", "3-9 c1>2 ok", "3-9 c1>3 no", "10-11 r2"],
    "an unknown compare and set explains a failed one": ["1-2 w1", "3-? c1>2", "4-5 c1>3 no", "6-7 r2"],
    "return and call at the same moment": ["1-2 w1", "2-3 r_"],
    "an order that is not that of the calls": ["1-10 w1", "2-4 r2", "1-10 w2", "5-7 r1", "11-12 r1"],
}
BAD = {
    "a value from nowhere": ["1-2 r7"],
    "a stale read": ["1-2 w1", "3-4 w2", "5-6 r1"],
    "a lost write": ["1-2 w1", "3-4 r_"],
    "new, then old": ["1-9 w1", "2-3 r1", "4-5 r_"],
    "two readers disagree on the order": ["1-2 w1", "1-2 w2", "3-4 r1", "5-6 r2", "7-8 r1"],
    "a read before the write was called": ["1-2 r1", "3-4 w1"],
    "an unknown write undone": ["1-? w1", "2-3 r1", "4-5 r_"],
    "an unknown write before its call": ["1-2 r1", "3-? w1"],
    "both of two that compare": ["1-2 w1", "3-9 c1>2 ok", "3-9 c1>3 ok"],
    "a compare that should have set": ["1-2 w1", "3-4 c1>2 no"],
    "a set that should not have": ["1-2 w1", "3-4 c2>3 ok"],
}


@pytest.mark.parametrize("name", GOOD)
def test_good_histories(name: str) -> None:
    assert linearizable(map(op, GOOD[name]))


@pytest.mark.parametrize("name", BAD)
def test_bad_histories(name: str) -> None:
    assert not linearizable(map(op, BAD[name]))


def test_registers_are_independent() -> None:
    good = [op("1-2 w1", key=1), op("3-4 r_", key=2)]
    assert offending_key(good) is None
    assert offending_key([*good, op("5-6 r1", key=2)]) == 2


def test_a_long_history_is_quick() -> None:
    """Ten clients at a time; without the memory this would not end."""
    history = []
    for number in range(500):
        history.append(op(f"{number * 10}-{number * 10 + 95} w{number}"))
        history.append(op(f"{number * 10 + 5}-{number * 10 + 6} r{number}"))
    assert linearizable(history)


def by_brute_force(operations: list[Operation]) -> bool:
    """Try every subset of the unknown operations, in every order."""
    known = [one for one in operations if one.returned is not None]
    unknown = [one for one in operations if one.returned is None]
    for count in range(len(unknown) + 1):
        for chosen in itertools.combinations(unknown, count):
            for order in itertools.permutations([*known, *chosen]):
                if _possible(order):
                    return True
    return False


def _possible(order: tuple[Operation, ...]) -> bool:
    state: int | None = None
    for place, one in enumerate(order):
        if any(later.returned is not None and later.returned < one.called for later in order[place + 1 :]):
            return False
        possible, state = step(one, state)
        if not possible:
            return False
    return True


VALUES = st.sampled_from([None, 1, 2])


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    called = draw(st.integers(0, 8))
    fields: dict[str, Any] = {"key": 0, "called": called, "returned": called + draw(st.integers(1, 6))}
    kind = draw(st.sampled_from(["read", "write", "cas"]))
    if kind == "read":
        return Operation(kind, result=draw(VALUES), **fields)
    if draw(st.booleans()):
        fields["returned"] = None
    if kind == "write":
        return Operation(kind, value=draw(st.sampled_from([1, 2])), **fields)
    result = None if fields["returned"] is None else draw(st.booleans())
    return Operation(kind, value=draw(st.sampled_from([1, 2])), expected=draw(VALUES), result=result, **fields)


@given(st.lists(operations(), max_size=6))
@settings(max_examples=400)
def test_it_agrees_with_trying_all_orders(history: list[Operation]) -> None:
    assert linearizable(history) == by_brute_force(history)

"""Numbers as PD's HTTP interface takes them, out of paths, queries and bodies."""

from __future__ import annotations

from typing import Any

import pytest

from ycsbpy.minicluster.pd.httpkit import MAX_AMOUNT, RequestError, amount, integer, natural, naturals, number
from ycsbpy.minicluster.pd.httpkit import wanted_number as wanted

HUGE = 10**400
INFINITE, NONE = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("text", "whole", "signed"),
    [
        ("0", 0, 0), ("17", 17, 17), ("-5", None, -5), ("--5", None, None), ("²", None, None), ("", None, None),
        ("Up", None, None), ("1.0", None, None), ("1_0", None, None), (" 1", None, None), ("9" * 21, None, None),
    ],
)  # fmt: skip
def test_numbers_in_paths_and_queries(text: str, whole: int | None, signed: int | None) -> None:
    assert (number(text), integer(text)) == (whole, signed)


@pytest.mark.parametrize(
    ("value", "measure", "whole"),
    [
        (0, 0.0, 0), (5.0, 5.0, 5), (0.5, 0.5, None), (-1, None, None), (True, None, None), ("5", None, None),
        (None, None, None), ([1], None, None), (HUGE, None, None), (INFINITE, None, None), (NONE, None, None),
        (1e300, None, None), (2**64 - 1, None, 2**64 - 1), (2**64, None, None), (2**63, MAX_AMOUNT, 2**63),
    ],
)  # fmt: skip
def test_numbers_in_bodies(value: Any, measure: float | None, whole: int | None) -> None:
    assert (amount(value), natural(value)) == (measure, whole)
    assert naturals([1, value]) == (None if whole is None else [1, whole])


def test_lists_and_missing_numbers() -> None:
    assert naturals([]) is naturals("1") is naturals(None) is naturals([True]) is None
    assert wanted({"x": 3.0}, "x") == 3
    for values in ({}, {"x": HUGE}, {"x": INFINITE}):
        with pytest.raises(RequestError, match="missing or invalid x"):
            wanted(values, "x")

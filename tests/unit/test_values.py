"""Typed values: what is taken, what is refused, and what the refusal suggests."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ycsbpy.config.values import AllowedErrors, Bounds, Kind, Latency, MeasurementInterval, Value, parse_value, shown

CHOICES = Bounds(choices=("uniform", "zipfian", "V1"))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.INT, "0", 0),
        (Kind.INT, " 1000\t", 1000),
        (Kind.INT, "+5", 5),
        (Kind.INT, "-5", -5),
        (Kind.INT, "9223372036854775808", 2**63),
        (Kind.FLOAT, "0.95", 0.95),
        (Kind.FLOAT, ".5", 0.5),
        (Kind.FLOAT, "1.", 1.0),
        (Kind.FLOAT, "1e-3", 0.001),
        (Kind.FLOAT, "-2", -2.0),
        (Kind.BOOL, "true", True),
        (Kind.BOOL, "TRUE ", True),
        (Kind.BOOL, "yes", True),
        (Kind.BOOL, "0", False),
        (Kind.BOOL, "off", False),
        (Kind.CHOICE, "zipfian", "zipfian"),
        (Kind.CHOICE, " Zipfian ", "zipfian"),
        (Kind.CHOICE, "v1", "V1"),
        (Kind.TEXT, " kept as it is ", " kept as it is "),
        (Kind.TEXT, "", ""),
        (Kind.PATH, " hist.txt ", "hist.txt"),
        (Kind.LIST, "a:1, b:2,,", ("a:1", "b:2")),
        (Kind.LIST, "", ()),
        (Kind.INTERVAL, "10", MeasurementInterval(seconds=10)),
        (Kind.INTERVAL, "0.5", MeasurementInterval(seconds=0.5)),
        (Kind.INTERVAL, "op", MeasurementInterval(latency=Latency.OP)),
        (Kind.INTERVAL, "Both", MeasurementInterval(latency=Latency.BOTH)),
        (Kind.ERRORS, "3", AllowedErrors(count=3)),
        (Kind.ERRORS, "0.5%", AllowedErrors(percent=0.5)),
        (Kind.ERRORS, "100 %", AllowedErrors(percent=100)),
    ],
)
def test_what_is_taken(kind: Kind, text: str, value: Value) -> None:
    parsed = parse_value(kind, text, CHOICES)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (Kind.INT, "", "is empty; write a whole number"),
        (Kind.INT, "1e3", '"1e3" is not a whole number; write 1000'),
        (Kind.INT, "1.5e3", '"1.5e3" is not a whole number; write 1500'),
        (Kind.INT, "1000.0", '"1000.0" is not a whole number; write 1000'),
        (Kind.INT, "1,000,000", '"1,000,000" is not a whole number; write 1000000'),
        (Kind.INT, "1_000", '"1_000" is not a whole number; write 1000'),
        (Kind.INT, "1_0", '"1_0" is not a whole number; write 10'),
        (Kind.INT, "10k", '"10k" is not a whole number; write 10000'),
        (Kind.INT, "1.5M", '"1.5M" is not a whole number; write 1500000'),
        (Kind.INT, "1.5", '"1.5" is not a whole number'),
        (Kind.INT, "1e30", '"1e30" is not a whole number'),
        (Kind.INT, "0x10", '"0x10" is not a whole number'),
        (Kind.INT, "ten", '"ten" is not a whole number'),
        (Kind.INT, "٣", '"٣" is not a whole number'),
        (Kind.INT, "9" * 65, f'"{"9" * 37}…" is not a whole number'),
        (Kind.FLOAT, "", "is empty; write a number"),
        (Kind.FLOAT, "nan", '"nan" is not a number'),
        (Kind.FLOAT, "inf", '"inf" is not a number'),
        (Kind.FLOAT, "1e999", '"1e999" is not a number'),
        (Kind.FLOAT, "0,95", '"0,95" is not a number; write 0.95'),
        (Kind.FLOAT, "95%", '"95%" is not a number; write 0.95'),
        (Kind.FLOAT, "1_0", '"1_0" is not a number'),
        (Kind.BOOL, "maybe", '"maybe" is neither true nor false'),
        (Kind.BOOL, "", '"" is neither true nor false'),
        (Kind.CHOICE, "zipfain", '"zipfain" is not one of its choices; did you mean "zipfian"?'),
        (Kind.CHOICE, "x", '"x" is not one of its choices; choose from uniform, zipfian, V1'),
        (Kind.INTERVAL, "soon", '"soon" is neither seconds nor op, intended or both'),
        (Kind.ERRORS, "-1", "-1 is too small; the least is 0"),
        (Kind.ERRORS, "some", '"some" is not a whole number'),
        (Kind.ERRORS, "101%", '"101%" is not between 0% and 100%'),
        (Kind.ERRORS, "-1%", '"-1%" is not between 0% and 100%'),
        (Kind.ERRORS, "%", "is empty; write a number"),
        (Kind.TEXT, "\udcff", "is not UTF-8"),
    ],
)
def test_what_is_refused(kind: Kind, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_value(kind, text, CHOICES)


@pytest.mark.parametrize(
    ("kind", "text", "bounds", "reason"),
    [
        (Kind.INT, "-1", Bounds(minimum=0), "-1 is too small; the least is 0"),
        (Kind.INT, str(2**60 + 1), Bounds(maximum=2**60), f"{2**60 + 1} is too large; the most is {2**60}"),
        (Kind.FLOAT, "1.5", Bounds(minimum=0, maximum=1), "1.5 is too large; the most is 1; write 0.015 for 1.5 %"),
        (Kind.FLOAT, "95", Bounds(minimum=0, maximum=1), "95 is too large; the most is 1; write 0.95 for 95 %"),
        (Kind.FLOAT, "101", Bounds(minimum=0, maximum=1), "101 is too large; the most is 1"),
        (Kind.INTERVAL, "-1", Bounds(minimum=0), "-1 is too small; the least is 0"),
        (Kind.TEXT, "", Bounds(minimum=1), "is empty"),
        (Kind.TEXT, "abc", Bounds(maximum=2), "has 3 characters; the most is 2"),
        (Kind.LIST, " , ", Bounds(minimum=1), "is empty"),
        (Kind.LIST, "a", Bounds(minimum=2), "has 1 items; the least is 2"),
    ],
)
def test_bounds(kind: Kind, text: str, bounds: Bounds, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_value(kind, text, bounds)


def test_bounds_are_inclusive() -> None:
    bounds = Bounds(minimum=1, maximum=3)
    assert [parse_value(Kind.INT, text, bounds) for text in ("1", "3")] == [1, 3]


def test_an_error_is_one_line_whatever_was_written() -> None:
    with pytest.raises(ValueError, match=r"is not a whole number$") as caught:
        parse_value(Kind.INT, "1\n2\x1b[31m\u2028" + "x" * 1000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 100


@given(
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.builds(AllowedErrors, count=st.integers(0, 2**40))
    | st.builds(AllowedErrors, percent=st.floats(0, 100))
    | st.builds(MeasurementInterval, latency=st.sampled_from(Latency))
    | st.builds(MeasurementInterval, seconds=st.floats(0, 1e9))
)
def test_what_is_shown_is_read_back(value: Value) -> None:
    kinds: dict[type, Kind] = {
        int: Kind.INT,
        float: Kind.FLOAT,
        bool: Kind.BOOL,
        AllowedErrors: Kind.ERRORS,
        MeasurementInterval: Kind.INTERVAL,
    }
    assert parse_value(kinds[type(value)], shown(value)) == value


@pytest.mark.parametrize(
    ("allowed", "errors", "started", "fine"),
    [
        ("0", 0, 1000, True),
        ("0", 1, 1000, False),
        ("5", 5, 10, True),
        ("5", 6, 1_000_000, False),
        ("0.1%", 1, 1000, True),
        ("0.1%", 2, 1000, False),
        ("0%", 0, 0, True),
        ("100%", 7, 7, True),
    ],
)
def test_allowed_errors(allowed: str, errors: int, started: int, fine: bool) -> None:
    value = parse_value(Kind.ERRORS, allowed)
    assert isinstance(value, AllowedErrors)
    assert value.allows(errors, started) is fine

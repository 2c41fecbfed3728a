"""From what a user wrote to a typed value, and what to tell the user when it is not one.

Peers turn a malformed number into the default without a word (``recordcount=1e3`` runs with 0 records), so here each
kind of property has one strict parser. It raises ``ValueError`` with the rest of a sentence ("is not a whole number;
write 1000"): whoever calls it knows the property's name and the place it was written at.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ycsbpy.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "AllowedErrors",
    "Bounds",
    "Kind",
    "Latency",
    "MeasurementInterval",
    "Value",
    "parse_value",
    "printable",
    "shown",
]


class Kind(enum.Enum):
    """What a property holds; the value is how the documentation calls it."""

    INT = "whole number"
    FLOAT = "number"
    BOOL = "true or false"
    CHOICE = "one of"
    TEXT = "text"
    PATH = "file"
    LIST = "comma-separated list"
    INTERVAL = "seconds, or op, intended or both"
    ERRORS = "N or N%"


class Latency(enum.StrEnum):
    """Which latency a table shows, by Java YCSB's names."""

    OP = "op"
    """Service time: sent to answered."""
    INTENDED = "intended"
    """Response time: intended start to answered."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class MeasurementInterval:
    """Value of ``measurement.interval``: go-ycsb's seconds between status lines, or Java YCSB's choice of latency."""

    seconds: float | None = None
    latency: Latency | None = None

    def __str__(self) -> str:
        if self.latency is not None:
            return self.latency.value
        return "" if self.seconds is None else shown(self.seconds)


@dataclass(frozen=True, slots=True)
class AllowedErrors:
    """How many operations may be failed or unknown before the exit code is 1: a count, or a share of those started."""

    count: int = 0
    percent: float | None = None

    def allows(self, errors: int, started: int) -> bool:
        """Tell whether `errors` failed or unknown operations among `started` are within what is allowed."""
        if self.percent is None:
            return errors <= self.count
        return errors * 100 <= self.percent * started

    def __str__(self) -> str:
        return str(self.count) if self.percent is None else f"{shown(self.percent)}%"


Value = int | float | bool | str | tuple[str, ...] | MeasurementInterval | AllowedErrors
"""What a property can hold once it is parsed."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[0-9]{1,3}([,_' ][0-9]{3})+|[0-9]+(_[0-9]+)+")
_SUFFIXED = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKmMgG])")
_SUFFIX = {"k": 10**3, "m": 10**6, "g": 10**9}
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_LONGEST_NUMBER = 64  # characters; longer ones are no counts, and int() has a limit of its own


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a value must keep to: `choices`, or inclusive limits of a number or of the length of a text or list."""

    choices: Sequence[str] = ()
    minimum: float | None = None
    maximum: float | None = None


def parse_value(kind: Kind, text: str, bounds: Bounds = Bounds()) -> Value:
    """Parse `text`. Raises ``ValueError`` saying what is wrong, and what would be right where that can be guessed.

    Space around a value is dropped, except from a text.
    """
    return _PARSERS[kind](text if kind is Kind.TEXT else text.strip(), bounds)


def shown(value: Value) -> str:
    """Write a value as a user would: the reverse of ``parse_value``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def printable(text: str, longest: int = 200) -> str:
    """What somebody wrote, as a message shows it: on one line, without control characters, and not too long."""
    short = text if len(text) <= longest else text[: longest - 3] + "…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short)


def _quoted(text: str) -> str:
    return f'"{printable(text, 40)}"'


def _integer(text: str, bounds: Bounds) -> int:
    if not text:
        raise ValueError("is empty; write a whole number")
    if not _INTEGER.fullmatch(text) or len(text) > _LONGEST_NUMBER:
        guess = _meant_integer(text)
        raise ValueError(f"{_quoted(text)} is not a whole number{'' if guess is None else f'; write {guess}'}")
    value = int(text)
    _check_range(value, bounds)
    return value


def _meant_integer(text: str) -> int | None:
    """The whole number that somebody may have meant by ``1e3``, ``1000.0``, ``1,000``, ``1_000`` or ``1k``."""
    if len(text) > _LONGEST_NUMBER:
        return None
    if _GROUPED.fullmatch(text):
        return int(re.sub(r"[^0-9]", "", text))
    scale = 1
    if suffixed := _SUFFIXED.fullmatch(text):
        text, scale = suffixed[1], _SUFFIX[suffixed[2].lower()]
    if not _NUMBER.fullmatch(text):
        return None
    try:
        exact = Decimal(text) * scale
    except InvalidOperation:
        return None
    if exact.adjusted() > 20 or exact != exact.to_integral_value():
        return None
    return int(exact)


def _number(text: str, bounds: Bounds) -> float:
    if not text:
        raise ValueError("is empty; write a number")
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        guess = _meant_number(text)
        raise ValueError(f"{_quoted(text)} is not a number{'' if guess is None else f'; write {guess}'}")
    value = float(text)
    try:
        _check_range(value, bounds)
    except ValueError as error:
        if bounds.maximum == 1 and 1 < value <= 100:
            raise ValueError(f"{error}; write {shown(value / 100)} for {shown(value)} %") from None
        raise
    return value


def _meant_number(text: str) -> str | None:
    """The number that somebody may have meant by ``95%`` or ``0,95``."""
    if text.endswith("%") and _NUMBER.fullmatch(text[:-1].strip()):
        return shown(float(text[:-1]) / 100)
    if text.count(",") == 1 and _NUMBER.fullmatch(pointed := text.replace(",", ".")):
        return pointed
    return None


def _check_range(value: float, bounds: Bounds) -> None:
    if bounds.minimum is not None and value < bounds.minimum:
        raise ValueError(f"{shown(value)} is too small; the least is {shown(bounds.minimum)}")
    if bounds.maximum is not None and value > bounds.maximum:
        raise ValueError(f"{shown(value)} is too large; the most is {shown(bounds.maximum)}")


def _boolean(text: str, _bounds: Bounds) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(f"{_quoted(text)} is neither true nor false") from None


def _choice(text: str, bounds: Bounds) -> str:
    for choice in bounds.choices:
        if choice.lower() == text.lower():
            return choice

    hint = did_you_mean(text, bounds.choices) or f"; choose from {', '.join(bounds.choices)}"
    raise ValueError(f"{_quoted(text)} is not one of its choices{hint}")


def _interval(text: str, bounds: Bounds) -> MeasurementInterval:
    for latency in Latency:
        if latency.value == text.lower():
            return MeasurementInterval(latency=latency)
    try:
        return MeasurementInterval(seconds=_number(text, bounds))
    except ValueError as error:
        if _NUMBER.fullmatch(text):
            raise
        raise ValueError(f"{_quoted(text)} is neither seconds nor op, intended or both") from error


def _errors(text: str, _bounds: Bounds) -> AllowedErrors:
    if not text.endswith("%"):
        return AllowedErrors(count=_integer(text, Bounds(minimum=0)))
    percent = _number(text[:-1].strip(), Bounds())
    if not 0 <= percent <= 100:
        raise ValueError(f"{_quoted(text)} is not between 0% and 100%")
    return AllowedErrors(percent=percent)


def _text(text: str, bounds: Bounds) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # an argument of the command line in another encoding
        raise ValueError("is not UTF-8") from None
    return _path(text, bounds)


def _path(text: str, bounds: Bounds) -> str:
    _check_length(len(text), "characters", bounds)
    return text


def _items(text: str, bounds: Bounds) -> tuple[str, ...]:
    items = tuple(item for part in text.split(",") if (item := part.strip()))
    _check_length(len(items), "items", bounds)
    return items


def _check_length(length: int, unit: str, bounds: Bounds) -> None:
    if bounds.minimum is not None and length < bounds.minimum:
        raise ValueError("is empty" if length == 0 else f"has {length} {unit}; the least is {shown(bounds.minimum)}")
    if bounds.maximum is not None and length > bounds.maximum:
        raise ValueError(f"has {length} {unit}; the most is {shown(bounds.maximum)}")


_PARSERS: dict[Kind, Callable[[str, Bounds], Value]] = {
    Kind.INT: _integer,
    Kind.FLOAT: _number,
    Kind.BOOL: _boolean,
    Kind.CHOICE: _choice,
    Kind.TEXT: _text,
    Kind.PATH: _path,
    Kind.LIST: _items,
    Kind.INTERVAL: _interval,
    Kind.ERRORS: _errors,
}

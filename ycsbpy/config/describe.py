"""What a property is, in words: for the generated page and template, and for ``ycsbpy properties``."""

from __future__ import annotations

from ycsbpy.config.schema import Property, Tool
from ycsbpy.config.values import Kind, shown

__all__ = ["kind_text", "known_to", "missing", "tools_text"]

_POWERS: dict[int, str] = {2**30: "2^30", 2**31 - 1: "2^31-1", 2**60: "2^60", 2**64 - 1: "2^64-1"}


def kind_text(entry: Property, *, code: bool = False) -> str:
    """What can be written, in words."""
    if entry.kind is Kind.CHOICE:
        return ", ".join(f"`{choice}`" if code else choice for choice in entry.choices)
    if entry.kind in (Kind.INT, Kind.FLOAT) and entry.minimum is not None and entry.maximum is not None:
        return f"{entry.kind.value}, {_bound(entry.minimum)} to {_bound(entry.maximum)}"
    return str(entry.kind.value)


def _bound(value: float) -> str:
    return _POWERS.get(int(value)) or shown(value)


def missing(entry: Property) -> list[str]:
    """Values that are refused for now, as a user would write or describe them."""
    return [value for one in entry.refused for value in (one.values or ("anything but the default",))]


def known_to(entry: Property) -> str:
    """Which other tools have it, as a phrase."""
    return f"also in {' and '.join(tool.value for tool in entry.tools)}" if entry.tools else "only here"


def tools_text(entry: Property) -> str:
    """The same as a list."""
    return ", ".join(tool.value for tool in Tool if tool in entry.tools) or "only here"

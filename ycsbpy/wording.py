"""Words for numbers."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """``1 Region``, ``1,000 Regions``, ``0 Regions``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"

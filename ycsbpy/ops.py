"""The words that every layer shares: what is asked of a database, and how it can end.

An operation's *kind* is YCSB's; its *outcome* is one of four. ``UNKNOWN`` is for a write whose answer was lost: the
database may or may not have done it, so it is neither a success nor a failure, and whoever adds up results keeps it
apart.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ycsbpy._native.generators import Operation

__all__ = ["OpKind", "Operation", "Outcome", "Result", "Row"]

Row = Mapping[str, bytes]
"""A record: field name → value, in field order."""


class OpKind(enum.IntEnum):
    """What is asked of the database; the numbers are those of ``ext/generators/operation.hpp``, and behind them those
    of batches: one call for several records, by go-ycsb's names."""

    READ = 0
    UPDATE = 1
    INSERT = 2
    SCAN = 3
    READ_MODIFY_WRITE = 4
    DELETE = 5
    BATCH_READ = 6
    BATCH_UPDATE = 7
    BATCH_INSERT = 8
    BATCH_READ_MODIFY_WRITE = 9
    BATCH_DELETE = 10

    @property
    def batch(self) -> OpKind:
        """What a batch of this is. Raises ``KeyError`` for a scan, of which there is none."""
        return OpKind[f"BATCH_{self.name}"]


class Outcome(enum.IntEnum):
    """How an operation that was started ended. The numbers are those of ``ext/recording/recorder.hpp``."""

    OK = 0
    NOT_FOUND = 1  # an answer, not a failure: there is no such record
    FAILED = 2  # the database certainly did not do it, or a read got no answer
    UNKNOWN = 3  # a write whose answer was lost: it may have been done


class Result(NamedTuple):
    """What a driver answers.

    ``row`` is set for a read that is ``OK``, ``rows`` for a scan that is ``OK``; ``error`` is a short, stable name of
    what went wrong (``server_is_busy``, ``timeout``, …) when the outcome is ``FAILED`` or ``UNKNOWN``, and ``detail``
    the message that came with it. ``keys`` are those of ``rows``, where the driver says them; workloads do not ask.
    """

    outcome: Outcome
    row: Row | None = None
    rows: Sequence[Row] | None = None
    error: str = ""
    detail: str = ""
    keys: Sequence[bytes] | None = None

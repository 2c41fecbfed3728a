"""What a workload is: operation number → operation. No I/O, no clock, and no state but the keys it has inserted.

Subclass ``Workload`` for one that decides each operation in Python; it runs on the asyncio and thread runners.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ycsbpy._native.generators import DOMAIN_LOAD, DOMAIN_RUN, DOMAIN_WARMUP
from ycsbpy.errors import NotSupportedError, UsageError

if TYPE_CHECKING:
    from typing import Self

    from ycsbpy.config import Config
    from ycsbpy.ops import Operation, OpKind, Result

__all__ = ["Phase", "Workload"]


class Phase(enum.IntEnum):
    """Load puts the records there; run measures; warm-up is a run that is not measured. Each draws from its own part of
    the randomness (``docs/drawing.md`` 1), so a warm-up, however long, does not change what the run does."""

    LOAD = DOMAIN_LOAD
    RUN = DOMAIN_RUN
    WARMUP = DOMAIN_WARMUP


class Workload(ABC):
    """Operations to order. One object serves one thread; ``for_thread`` gives another thread its own."""

    table: str = "usertable"
    warnings: tuple[str, ...] = ()
    """What works and is probably not what was meant, in a line each."""
    batches: bool = False
    """Whether ``draw_as`` is there, for ``batch.size``."""
    checks: bool = False
    """Whether ``check`` has anything to say; it is not called otherwise."""

    @classmethod
    def from_config(cls, config: Config, seed: int) -> Self:
        """Make the workload from properties. Raises ``UsageError`` where they do not fit."""
        raise UsageError(f"workload: {cls.__name__} cannot be made from properties; give it to ycsbpy.run as an object")

    @abstractmethod
    def draw(self, phase: Phase, number: int) -> Operation:
        """Operation ``number`` (from 0) of a phase; a pure function of the seed, the phase and the number, but for
        the keys of inserts, which come in the order of the calls."""

    def draw_as(self, kind: OpKind, phase: Phase, number: int) -> Operation:
        """Operation ``number`` as one of ``kind``: a row of a batch, for all of which the first one decides."""
        raise NotSupportedError(f"batch.size: {type(self).__name__} draws no batches; write 1")

    def completed(self, phase: Phase, operation: Operation, result: Result) -> None:  # noqa: B027  nothing, unless …
        """An operation ended. An insert that is ``OK`` may be read from now on; do not remember others."""

    def check(self, operation: Operation, result: Result) -> str:
        """Say in a line what is wrong with the answer, ``OK`` or ``NOT_FOUND``, as data; nothing if it is as it
        should be."""
        return ""

    def for_thread(self) -> Self:
        """A workload for one more thread, that shares what has been inserted; this one itself if it is thread-safe."""
        return self

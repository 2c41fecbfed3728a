"""A session store: of each few operations the first writes a session, the others read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ycsbpy
from ycsbpy import Operation, OpKind, Phase

if TYPE_CHECKING:
    from typing import Self

STEPS = 5
"""Operations on one session."""


class Sessions(ycsbpy.Workload):
    """``ycsbpy run memory -p workload=example-sessions``."""

    def __init__(self, table: str, value: bytes) -> None:
        self.table = table
        self._value = value

    @classmethod
    def from_config(cls, config: ycsbpy.Config, seed: int) -> Self:
        return cls(config.text("table"), b"x" * config.integer("fieldlength"))

    def draw(self, phase: Phase, number: int) -> Operation:
        session, step = divmod(number, STEPS)
        key = b"session%012d" % session
        if step == 0 or phase == Phase.LOAD:
            return Operation(number, OpKind.INSERT, key, values={"field0": self._value})
        return Operation(number, OpKind.READ, key)

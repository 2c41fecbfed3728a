"""A driver that delays, fails, loses answers and raises as it is told, for tests of whoever calls drivers.

Calls are numbered in the order in which they begin, from 0, and the script says what happens to which. Under it is a
``MemoryTables``, so what the database holds in the end can be compared with what the answers said. Delays are those
of the clock that is handed in; with ``VirtualClock`` a test of hours takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.drivers.base import Driver
from ycsbpy.drivers.memory import MemoryTables
from ycsbpy.errors import DriverError
from ycsbpy.ops import OpKind, Outcome, Result

if TYPE_CHECKING:
    from typing import Self

    from ycsbpy.clock import Clock
    from ycsbpy.config import Config

__all__ = ["Call", "ScriptedDriver", "Step"]

Script = Mapping[int, "Step"] | Callable[[int, OpKind], "Step | None"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one call.

    The call takes ``delay_ns``. Then, if ``outcome`` is None, it is served; otherwise it ends so, with ``error`` as
    the error's name, and a write takes effect only if ``applied``. ``raises`` breaks the contract instead.
    """

    delay_ns: int = 0
    outcome: Outcome | None = None
    error: str = "scripted"
    applied: bool = False
    raises: Exception | None = None


@dataclass(slots=True)
class Call:
    """One call as it was seen; ``ended_ns`` and ``result`` are None while it is under way, or if it raised."""

    number: int
    kind: OpKind
    table: str
    key: bytes
    started_ns: int
    ended_ns: int | None = None
    result: Result | None = None


class ScriptedDriver(Driver):
    """Serves from memory but for what ``script`` says: steps by number, or a function of number and kind.

    ``delay_ns`` is what every call takes that has no step. ``calls`` are all calls so far, in order. ``open`` raises
    ``open_error`` if one is given.
    """

    name = "scripted"

    def __init__(
        self,
        clock: Clock,
        script: Script | None = None,
        *,
        delay_ns: int = 0,
        tables: MemoryTables | None = None,
        open_error: Exception | None = None,
    ) -> None:
        self.clock = clock
        self.tables = MemoryTables() if tables is None else tables
        self.calls: list[Call] = []
        self.opened = 0
        self.closed = 0
        self._script: Script = {} if script is None else script
        self._plain = Step(delay_ns)
        self._open_error = open_error

    @classmethod
    def from_config(cls, config: Config) -> Self:
        raise DriverError("a scripted driver needs a script")

    async def open(self) -> None:
        self.opened += 1
        if self._open_error is not None:
            raise self._open_error

    async def close(self) -> None:
        self.closed += 1

    async def read(self, table: str, key: bytes, fields: Sequence[str] | None) -> Result:
        return await self._call(OpKind.READ, table, key, lambda: self.tables.read(table, key, fields))

    async def scan(self, table: str, start_key: bytes, count: int, fields: Sequence[str] | None) -> Result:
        return await self._call(
            OpKind.SCAN, table, start_key, lambda: self.tables.scan(table, start_key, count, fields)
        )

    async def insert(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return await self._call(OpKind.INSERT, table, key, lambda: self.tables.insert(table, key, values))

    async def update(self, table: str, key: bytes, values: Mapping[str, bytes]) -> Result:
        return await self._call(OpKind.UPDATE, table, key, lambda: self.tables.update(table, key, values))

    async def delete(self, table: str, key: bytes) -> Result:
        return await self._call(OpKind.DELETE, table, key, lambda: self.tables.delete(table, key))

    async def read_modify_write(
        self, table: str, key: bytes, fields: Sequence[str] | None, values: Mapping[str, bytes]
    ) -> Result:
        """One call, also to the script."""

        def serve() -> Result:
            read = self.tables.read(table, key, fields)
            return (
                read
                if read.outcome is not Outcome.OK
                else self.tables.update(table, key, values)._replace(row=read.row)
            )

        return await self._call(OpKind.READ_MODIFY_WRITE, table, key, serve)

    async def _call(self, kind: OpKind, table: str, key: bytes, serve: Callable[[], Result]) -> Result:
        call = Call(len(self.calls), kind, table, key, self.clock.now_ns())
        self.calls.append(call)
        step = self._step(call)
        if step.delay_ns:
            await self.clock.sleep_until_ns(call.started_ns + step.delay_ns)
        if step.raises is not None:
            raise step.raises
        if step.outcome is None:
            call.result = serve()
        else:
            if step.applied:
                serve()
            call.result = Result(step.outcome, error=step.error if step.outcome >= Outcome.FAILED else "")
        call.ended_ns = self.clock.now_ns()
        return call.result

    def _step(self, call: Call) -> Step:
        step = self._script(call.number, call.kind) if callable(self._script) else self._script.get(call.number)
        return self._plain if step is None else step

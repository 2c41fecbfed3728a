"""The way of a write: proposed to its Region, applied by its replicas, answered.

``Proposals`` is the seam. Here a proposal is agreed on as soon as it is made, as in a Raft group of one; what is made
in one pass of the event loop, by all connections and for all Regions, is applied together at its end, with one write
to the engine. Replication puts a log between ``propose`` and ``apply`` and changes nothing on either side.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from ycsbpy.minicluster.store.checks import RegionError, deadline_exceeded
from ycsbpy.minicluster.store.commands import Command, Entry, Outcome, StateMachine
from ycsbpy.minicluster.store.rawkv import CasResult, StorageError

if TYPE_CHECKING:
    from ycsbpy.clock import Clock
    from ycsbpy.minicluster.store.regions import Replica

__all__ = ["LocalProposals", "Proposals", "Result"]

log = logging.getLogger(__name__)

Result = CasResult | None


class Proposals(Protocol):
    """Where commands go to be agreed on."""

    def propose(self, replica: Replica, version: int, command: Command, deadline_ns: int = 0) -> asyncio.Future[Result]:
        """Propose ``command`` for a Region whose range has this version, as the caller knows it.

        The future has the command's result once a read may see it; or raises ``RegionError`` or ``StorageError`` when
        it was not done, or when nobody knows (``stale_command``). ``deadline_ns`` is monotonic time; 0 for none.
        """
        ...


class LocalProposals:
    """Applies what is proposed at the end of the loop's pass."""

    def __init__(self, machine: StateMachine, clock: Clock) -> None:
        self._machine = machine
        self._clock = clock
        self._entries: list[Entry] = []
        self._waiting: list[tuple[asyncio.Future[Result], int]] = []

    def propose(self, replica: Replica, version: int, command: Command, deadline_ns: int = 0) -> asyncio.Future[Result]:
        """See ``Proposals``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if not self._entries:
            loop.call_soon(self._apply)
        self._entries.append(Entry(replica, version, command))
        self._waiting.append((future, deadline_ns))
        return future

    def _apply(self) -> None:
        entries, waiting = self._entries, self._waiting
        self._entries, self._waiting = [], []
        now_ns = self._clock.now_ns()
        late = [index for index, (_, deadline_ns) in enumerate(waiting) if 0 < deadline_ns <= now_ns]
        for index in reversed(late):
            _settle(waiting.pop(index)[0], deadline_exceeded())
            del entries[index]
        try:
            outcomes = self._machine.apply(entries)
        except Exception as error:
            log.exception("applying %d commands failed", len(entries))
            outcomes = [StorageError(f"internal error: {error}")] * len(entries)
        for (future, _), outcome in zip(waiting, outcomes, strict=True):
            _settle(future, outcome)


def _settle(future: asyncio.Future[Result], outcome: Outcome) -> None:
    if future.done():  # its call was cancelled
        return
    if isinstance(outcome, RegionError | StorageError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)

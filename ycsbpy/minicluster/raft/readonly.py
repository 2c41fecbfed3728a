"""Reads that wait for proof that their leader still leads (Raft thesis 6.4).

A read may be answered from what is applied up to the commit index of the moment it came in, once a quorum has answered
a heartbeat that was sent after that. Heartbeats carry the number of the **round** they belong to, and answers bring it
back; one round serves all reads that came before it, and an answer to a later round also proves the earlier ones, so a
lost message costs no more than waiting for the next heartbeat.

The number travels in the messages' ``context``, which followers return untouched, whoever implements them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ycsbpy.minicluster.raft.messages import Message

__all__ = ["ReadQueue", "round_context", "round_of"]

_CONTEXT_BYTES = 8


def round_context(number: int) -> bytes:
    """What heartbeats of a round carry."""
    return number.to_bytes(_CONTEXT_BYTES, "big")


def round_of(context: bytes) -> int:
    """The round that an answer belongs to; 0 if to none of ours."""
    return int.from_bytes(context, "big") if len(context) == _CONTEXT_BYTES else 0


class ReadQueue:
    """Requests in the order they came: ``early`` ones, before anything of the term was committed, then waiting ones."""

    __slots__ = ("_waiting", "early")

    def __init__(self) -> None:
        self.early: list[Message] = []
        self._waiting: deque[tuple[int, int, Message]] = deque()

    def __len__(self) -> int:
        return len(self.early) + len(self._waiting)

    def clear(self) -> None:
        self.early = []
        self._waiting.clear()

    def add(self, number: int, index: int, request: Message) -> None:
        """A request that round ``number``, or a later one, proves; ``index`` is what was committed when it came."""
        self._waiting.append((number, index, request))

    def proven(self, number: int) -> list[tuple[int, Message]]:
        """Take out the requests that round ``number`` proves, each with its index."""
        found = []
        waiting = self._waiting
        while waiting and waiting[0][0] <= number:
            _, index, request = waiting.popleft()
            found.append((index, request))
        return found

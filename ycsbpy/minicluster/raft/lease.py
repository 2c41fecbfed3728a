"""The leader's lease: until when no other leader can have come about, by the leader's own clock.

A voter that heard from its leader votes for nobody else until ``election_tick`` of its ticks have passed. So if a
quorum heard from the leader at or after time t, any later election needs a vote of that quorum, and gets it only once
those ticks are over. Until then the leader may answer reads from its own state, without asking anybody.

When a voter heard is not known, but when the message it answers was sent is, and that is earlier, which is the safe
side. Two kinds of answers tell: an acknowledged entry of the leader's own term was first sent when it was proposed, and
a heartbeat's answer brings back the number of the round it belongs to.

What the lease must be shorter than: ``election_tick`` ticks are at least ``election_tick - 1`` whole periods, since the
first may end at once; and clocks run at different rates. Nothing else is asked of the clocks: they need not agree, but
the leader's must go on while its process is stopped. What ends a lease early: the leader bids another node to campaign,
which the voters let pass. Its message may arrive late or twice, so from then on there is no lease in this term.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Lease"]

_MOST_MARKS = 1024
"""Marks of one kind that are kept; what is not marked merely renews the lease later."""


class Lease:
    """``expires_at``: the time, in the clock's nanoseconds, before which it holds. A duration of 0 is no lease."""

    __slots__ = ("_entries", "_renewed_from", "_rounds", "duration_ns", "expires_at", "given_up")

    def __init__(self, duration_ns: int) -> None:
        self.duration_ns = duration_ns
        self.expires_at = 0
        self.given_up = False
        """Whether another node was bidden to campaign in this term."""
        self._renewed_from = -1
        self._entries: deque[tuple[int, int]] = deque()
        self._rounds: deque[tuple[int, int]] = deque()

    def reset(self) -> None:
        """A new term: nothing that was sent before counts."""
        self.given_up = False
        self.suspect()

    def suspect(self) -> None:
        """It no longer holds; only messages sent from now on can renew it."""
        self.expires_at = 0
        self._renewed_from = -1
        self._entries.clear()
        self._rounds.clear()

    def give_up(self) -> None:
        """It no longer holds and cannot be renewed before the next term."""
        self.given_up = True
        self.suspect()

    def entry_sent(self, index: int, now_ns: int) -> None:
        """Entries up to ``index`` go out for the first time now."""
        if self.duration_ns and len(self._entries) < _MOST_MARKS:
            self._entries.append((index, now_ns))

    def round_sent(self, number: int, now_ns: int) -> None:
        """Heartbeat round ``number`` goes out now."""
        if self.duration_ns and len(self._rounds) < _MOST_MARKS:
            self._rounds.append((number, now_ns))

    def entries_acked(self, index: int) -> None:
        """A quorum has the entries of this term up to ``index``."""
        self._renew(self._entries, index)

    def rounds_acked(self, number: int) -> None:
        """A quorum has answered round ``number``, or a later one."""
        self._renew(self._rounds, number)

    def _renew(self, marks: deque[tuple[int, int]], reached: int) -> None:
        sent_ns = -1
        while marks and marks[0][0] <= reached:
            sent_ns = marks.popleft()[1]
        if sent_ns > self._renewed_from and not self.given_up:
            self._renewed_from = sent_ns
            self.expires_at = sent_ns + self.duration_ns

    def holds(self, now_ns: int) -> bool:
        """Whether it holds at this time, which must have been taken after all that was reported here."""
        return now_ns < self.expires_at

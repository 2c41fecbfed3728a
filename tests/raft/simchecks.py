"""What must hold at every moment of a simulation, whatever happens (Raft paper, figure 3), and what history must say.

The checks know everything: all logs, all votes, what is on every disk. They look at what nodes hand out, not into the
core, so they hold for any implementation of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.raft import MessageType, Role

if TYPE_CHECKING:
    from raft.simnode import SimNode

    from ycsbpy.minicluster.raft import Entry, Message, Ready

__all__ = ["Checker", "Violation"]


class Violation(AssertionError):  # noqa: N818  it is a verdict, not an error of the program
    """A property does not hold. ``kind`` is a word for which, for tests that expect one."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


class Checker:
    """Told of everything that nodes do; raises Violation."""

    def __init__(self) -> None:
        self._leaders: dict[int, int] = {}
        """Term → who led in it."""
        self._votes: dict[tuple[int, int], int] = {}
        """Term and voter → candidate."""
        self._entries: dict[tuple[int, int], tuple[bytes, int, int]] = {}
        """Index and term → data, type and the term of the entry before it."""
        self._committed: dict[int, tuple[int, bytes]] = {}
        """Index → term and data, as soon as any node applies it."""
        self._last_committed = 0

    def message_sent(self, message: Message) -> None:
        """Nobody votes twice in a term."""
        if message.msg_type == MessageType.REQUEST_VOTE_RESPONSE and not message.reject:
            candidate = self._votes.setdefault((message.term, message.sender), message.to)
            if candidate != message.to:
                raise Violation(
                    "two votes",
                    f"node {message.sender} voted for {candidate} and {message.to} in term {message.term}",
                )

    def became_leader(self, node: SimNode) -> None:
        """Election safety: one leader a term. Leader completeness: it has everything committed."""
        term = node.raw.term
        other = self._leaders.setdefault(term, node.id)
        if other != node.id:
            raise Violation("two leaders", f"nodes {other} and {node.id} lead in term {term}")
        last = self._last_committed
        if not last:
            return
        committed_term = self._committed[last][0]
        log = node.raw.raft.log
        if committed_term < term and last >= log.first_index() and log.term(last) != committed_term:
            raise Violation(
                "leader incomplete",
                f"node {node.id} leads in term {term} without the committed entry {last} of term {committed_term}",
            )

    def handed_over(self, node: SimNode, ready: Ready) -> None:
        """Leader append-only, and log matching: what has the same index and term is the same, and so is all before."""
        entries = ready.entries
        if not entries:
            return
        first = entries[0].index
        if node.raw.role == Role.LEADER and node.led_since == node.raw.term and first <= node.handed:
            raise Violation("leader overwrites", f"node {node.id} replaces its entry {first} in term {node.raw.term}")
        node.handed = entries[-1].index
        log = node.raw.raft.log
        before = log.term(first - 1)
        for entry in entries:
            known = self._entries.setdefault((entry.index, entry.term), (entry.data, entry.entry_type, before))
            if known != (entry.data, entry.entry_type, before):
                raise Violation(
                    "logs differ",
                    f"entry {entry.index} of term {entry.term} on node {node.id} is {entry.data!r} after term {before},"
                    f" elsewhere {known[0]!r} after term {known[2]}",
                )
            before = entry.term

    def committed(self, node: SimNode, disks: dict[int, SimNode]) -> None:
        """What a leader says is committed is durable on a quorum, as far as it still has disks."""
        log = node.raw.raft.log
        index, term = log.committed, log.term(log.committed)
        config = node.raw.raft.tracker.config
        for voters in (config.incoming, config.outgoing):
            lacking = [one for one in voters if one in disks and not disks[one].has_durably(index, term)]
            if voters and len(lacking) >= len(voters) // 2 + 1:
                raise Violation(
                    "no quorum",
                    f"leader {node.id} commits entry {index} of term {term}, which nodes {lacking} of"
                    f" {sorted(voters)} do not have",
                )

    def applied(self, node: SimNode, entry: Entry) -> None:
        """State-machine safety: everybody applies the same at an index, each once and in order."""
        if entry.index != node.applied + 1:
            raise Violation("out of order", f"node {node.id} applies {entry.index} after {node.applied}")
        known = self._committed.setdefault(entry.index, (entry.term, entry.data))
        if known != (entry.term, entry.data):
            raise Violation(
                "states differ",
                f"node {node.id} applies {entry.data!r} of term {entry.term} at {entry.index}, others"
                f" {known[1]!r} of term {known[0]}",
            )
        self._last_committed = max(self._last_committed, entry.index)

    def restored(self, node: SimNode, index: int, term: int) -> None:
        """A snapshot stands for committed entries, and never takes a node back."""
        if index < node.applied:
            raise Violation("went back", f"node {node.id} takes a snapshot at {index} after applying {node.applied}")
        known = self._committed.get(index)
        if known is not None and known[0] != term:
            raise Violation("states differ", f"a snapshot of term {term} at {index}, others have term {known[0]}")

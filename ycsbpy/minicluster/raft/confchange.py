"""Configurations, and which one may follow which (Raft thesis, chapter 4).

Two ways lead from one configuration to the next. A **simple** change alters at most one voter: any majority of the old
voters then shares a node with any majority of the new ones. Anything more goes through a **joint** configuration, in
which both the old voters (``outgoing``) and the new ones (``incoming``) must agree, and which is left by a change of
its own. Unlike in the paper a configuration counts from when its entry is *applied*, not from when it is appended, so
at most one change may be unapplied at a time; the core sees to that.

A voter that is to become a learner in a joint change still votes in the outgoing half. It waits in ``learners_next``
and turns into a learner when the joint configuration is left, so that nobody is voter and learner at once.

Functions here take a configuration and give the next; none changes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.minicluster.raft.errors import ConfChangeError
from ycsbpy.minicluster.raft.messages import ConfChangeType, ConfState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.minicluster.raft.messages import ConfChangeSingle, ConfChangeV2

__all__ = ["Configuration", "after", "check", "enter_joint", "leave_joint", "simple"]

_NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who takes part, and as what."""

    incoming: frozenset[int] = _NOBODY
    outgoing: frozenset[int] = _NOBODY
    learners: frozenset[int] = _NOBODY
    learners_next: frozenset[int] = _NOBODY
    auto_leave: bool = False

    @classmethod
    def of(cls, state: ConfState) -> Configuration:
        """The configuration that was stored. Raises ConfChangeError for one that cannot be."""
        config = cls(
            frozenset(state.voters),
            frozenset(state.voters_outgoing),
            frozenset(state.learners),
            frozenset(state.learners_next),
            state.auto_leave,
        )
        check(config)
        return config

    def state(self) -> ConfState:
        """The same to be stored."""
        return ConfState(
            tuple(sorted(self.incoming)),
            tuple(sorted(self.learners)),
            tuple(sorted(self.outgoing)),
            tuple(sorted(self.learners_next)),
            self.auto_leave,
        )

    def is_joint(self) -> bool:
        return bool(self.outgoing)

    def is_singleton(self) -> bool:
        """Whether one voter decides alone."""
        return len(self.incoming) == 1 and not self.outgoing

    def is_voter(self, node_id: int) -> bool:
        return node_id in self.incoming or node_id in self.outgoing

    def voters(self) -> frozenset[int]:
        """Voters of either half."""
        return self.incoming | self.outgoing

    def members(self) -> frozenset[int]:
        """Everybody that entries are sent to."""
        return self.incoming | self.outgoing | self.learners

    def __str__(self) -> str:
        def ids(nodes: frozenset[int]) -> str:
            return "(" + " ".join(map(str, sorted(nodes))) + ")"

        text = f"voters={ids(self.incoming)}"
        if self.outgoing:
            text += f"&&{ids(self.outgoing)}"
        if self.learners:
            text += f" learners={ids(self.learners)}"
        if self.learners_next:
            text += f" learners_next={ids(self.learners_next)}"
        return text + (" autoleave" if self.auto_leave else "")


def check(config: Configuration) -> None:
    """Raise ConfChangeError unless the parts of a configuration fit together. The empty one does."""
    both = config.learners & config.voters()
    if both:
        raise ConfChangeError(f"{min(both)} is both a learner and a voter")
    astray = config.learners_next - config.outgoing
    if astray:
        raise ConfChangeError(f"{min(astray)} is to become a learner but is no outgoing voter")
    kept = config.learners_next & config.incoming
    if kept:
        raise ConfChangeError(f"{min(kept)} is to become a learner but is an incoming voter")
    if config.outgoing and not config.incoming:
        raise ConfChangeError("a joint configuration needs incoming voters")
    if config.auto_leave and not config.outgoing:
        raise ConfChangeError("only a joint configuration can be left")


def after(config: Configuration, change: ConfChangeV2) -> Configuration:
    """The configuration that a change leads to. Raises ConfChangeError where it is not allowed."""
    if change.leaves_joint():
        return leave_joint(config)
    if change.enters_joint():
        return enter_joint(config, change.changes, auto_leave=change.auto_leave())
    return simple(config, change.changes)


def simple(config: Configuration, changes: Sequence[ConfChangeSingle]) -> Configuration:
    """Change at most one voter, and any learners, at once."""
    if config.is_joint():
        raise ConfChangeError("a simple change is not possible in a joint configuration")
    changed = _apply(config, changes)
    if len(config.incoming ^ changed.incoming) > 1:
        raise ConfChangeError("more than one voter changes without a joint configuration")
    check(changed)
    return changed


def enter_joint(config: Configuration, changes: Sequence[ConfChangeSingle], *, auto_leave: bool) -> Configuration:
    """Begin a joint configuration: the present voters go out, the changed ones come in."""
    if config.is_joint():
        raise ConfChangeError("the configuration is joint already")
    if not config.incoming:
        raise ConfChangeError("a configuration without voters cannot become joint")
    base = Configuration(config.incoming, config.incoming, config.learners, _NOBODY, auto_leave)
    changed = _apply(base, changes)
    check(changed)
    return changed


def leave_joint(config: Configuration) -> Configuration:
    """End a joint configuration: the incoming voters alone decide from now on."""
    if not config.is_joint():
        raise ConfChangeError("the configuration is not joint")
    changed = Configuration(config.incoming, learners=config.learners | config.learners_next)
    check(changed)
    return changed


def _apply(config: Configuration, changes: Sequence[ConfChangeSingle]) -> Configuration:
    """Apply single steps to the incoming half, in order. A step for node 0 is one that was withdrawn."""
    incoming, learners, learners_next = set(config.incoming), set(config.learners), set(config.learners_next)
    for change in changes:
        node = change.node_id
        if not node:
            continue
        if change.change_type == ConfChangeType.ADD_LEARNER_NODE and node in learners:
            continue
        incoming.discard(node)
        learners.discard(node)
        learners_next.discard(node)
        if change.change_type == ConfChangeType.ADD_NODE:
            incoming.add(node)
        elif change.change_type == ConfChangeType.ADD_LEARNER_NODE:
            (learners_next if node in config.outgoing else learners).add(node)
    if not incoming:
        raise ConfChangeError("no voter would be left")
    return Configuration(
        frozenset(incoming), config.outgoing, frozenset(learners), frozenset(learners_next), config.auto_leave
    )

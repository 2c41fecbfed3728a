"""A group of Raft nodes over a network that tests cut, and disks that they may stop. Nothing happens by itself.

Messages are delivered in the order they were sent, by ``pump``, until nobody has anything to say. Disks are as fast as
memory unless ``hold_disk`` stops one. Time is ticks, given by ``tick``; the clock of all nodes is ``Network.now``.
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ycsbpy.minicluster.raft import (
    ConfChange,
    ConfChangeError,
    ConfChangeSingle,
    ConfChangeTransition,
    ConfChangeType,
    ConfChangeV2,
    Config,
    ConfState,
    Entry,
    EntryType,
    MemoryStorage,
    Message,
    MessageType,
    RawNode,
    ReadState,
    Role,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ycsbpy.minicluster.raft import Ready

__all__ = ["Member", "Network", "TextCodec", "changes", "describe", "entries"]

TICK_NS = 100_000_000
"""A tick of all networks, in the time that leases are measured in."""

_KINDS = {
    "v": ConfChangeType.ADD_NODE,
    "l": ConfChangeType.ADD_LEARNER_NODE,
    "r": ConfChangeType.REMOVE_NODE,
}


def changes(text: str) -> tuple[ConfChangeSingle, ...]:
    """``"v1 l2 r3"``: make 1 a voter, 2 a learner, and remove 3."""
    return tuple(ConfChangeSingle(_KINDS[word[0]], int(word[1:])) for word in text.split())


def describe(change: ConfChangeV2) -> str:
    """The reverse of ``changes``."""
    letters = {kind: letter for letter, kind in _KINDS.items()}
    return " ".join(f"{letters[one.change_type]}{one.node_id}" for one in change.changes)


class TextCodec:
    """Configuration changes as a line of text: ``AUTO v1 l2``."""

    def encode(self, change: ConfChange | ConfChangeV2) -> bytes:
        if isinstance(change, ConfChange):
            change = change.as_v2()
        return f"{ConfChangeTransition(change.transition).name} {describe(change)}".encode()

    def decode(self, entry_type: int, data: bytes) -> ConfChangeV2:
        if not data:
            return ConfChangeV2()
        transition, _, text = data.decode().partition(" ")
        try:
            return ConfChangeV2(changes(text), ConfChangeTransition[transition])
        except KeyError:
            raise ValueError(f"not a change: {data!r}") from None


def entries(*terms: int, first: int = 1) -> list[Entry]:
    """Entries of these terms, from index ``first`` on; the data says which is which."""
    return [Entry(term, index, data=f"{term}.{index}".encode()) for index, term in enumerate(terms, first)]


@dataclass
class Member:
    """One node with its disk, and what it has applied, learnt and been told."""

    node: RawNode
    storage: MemoryStorage
    applied: list[Entry] = field(default_factory=list)
    """Entries with data that were applied."""
    reads: list[ReadState] = field(default_factory=list)
    inbox: list[Message] = field(default_factory=list)
    """Everything that was delivered to it."""
    held: list[Ready] | None = None
    """Readies whose writes wait for the disk; None while the disk works."""

    @property
    def data(self) -> list[bytes]:
        return [entry.data for entry in self.applied]

    @property
    def committed(self) -> int:
        return self.node.raft.log.committed

    @property
    def log(self) -> list[tuple[int, int]]:
        """Index and term of all entries that are not compacted."""
        log = self.node.raft.log
        return [(entry.index, entry.term) for entry in log.slice(log.first_index(), log.last_index() + 1)]


class Network:
    """Nodes with ids 1 to ``count``, all voters but ``learners``, with these settings where they are not the default.

    Nodes are made ``fresh``, so that tests may begin with an election; ``restart`` makes them anew as they would be.
    """

    def __init__(
        self,
        count: int = 3,
        *,
        learners: Iterable[int] = (),
        storages: dict[int, MemoryStorage] | None = None,
        **settings: Any,
    ) -> None:
        self.settings = {"tick_ns": TICK_NS, **settings}
        self.now = 0
        learners = tuple(learners)
        voters = tuple(node for node in range(1, count + 1) if node not in learners)
        self.members: dict[int, Member] = {}
        self.queue: deque[Message] = deque()
        self.log: list[Message] = []
        """Every message that anybody sent, lost or not."""
        self._cut: set[tuple[int, int]] = set()
        self._ignored: set[int] = set()
        self._filters: list[Callable[[Message], bool]] = []
        for node in range(1, count + 1):
            given = (storages or {}).get(node)
            self.add(node, given or MemoryStorage(ConfState(voters, learners)), fresh=True)

    def add(self, node: int, storage: MemoryStorage | None = None, **settings: Any) -> Member:
        """Start a node, on an empty disk if none is given."""
        storage = storage or MemoryStorage()
        config = Config(node, **{**self.settings, **settings})
        raw = RawNode(config, storage, TextCodec(), clock=lambda: self.now, random_tick=self._random_tick)
        self.members[node] = Member(raw, storage)
        return self.members[node]

    def _random_tick(self, low: int, high: int) -> int:
        """Elections come after ``low`` ticks plus the place of the node in the group, so tests know who is first."""
        return min(low + len(self.members), high - 1)

    def __getitem__(self, node: int) -> Member:
        return self.members[node]

    def raft(self, node: int) -> RawNode:
        return self.members[node].node

    @property
    def leader(self) -> int:
        """The one leader; fails where there are none or several."""
        (leader,) = self.leaders
        return leader

    @property
    def leaders(self) -> list[int]:
        return [node for node, member in self.members.items() if member.node.role == Role.LEADER]

    # faults

    def cut(self, one: int, other: int, *, both: bool = True) -> None:
        """Lose everything from one to the other, and the other way."""
        self._cut.add((one, other))
        if both:
            self._cut.add((other, one))

    def isolate(self, node: int) -> None:
        for other in self.members:
            if other != node:
                self.cut(node, other)

    def ignore(self, *types: MessageType) -> None:
        """Lose all messages of these types."""
        self._ignored.update(types)

    def filter(self, passes: Callable[[Message], bool]) -> None:
        """Lose messages that do not pass."""
        self._filters.append(passes)

    def recover(self) -> None:
        """The network is whole again."""
        self._cut.clear()
        self._ignored.clear()
        self._filters.clear()

    def hold_disk(self, node: int) -> None:
        """Writes of this node are not durable before ``release_disk``."""
        self.members[node].held = []

    def release_disk(self, node: int) -> None:
        """Writes that waited are durable now."""
        member = self.members[node]
        held, member.held = member.held or [], None
        for ready in held:
            self._persist(member, ready)

    def crash(self, node: int) -> None:
        """The node is gone; its disk has what was durable."""
        member = self.members.pop(node)
        self.stopped = getattr(self, "stopped", {})
        self.stopped[node] = member

    def restart(self, node: int, **settings: Any) -> Member:
        """A node comes back from its disk; what it had applied is applied again."""
        if node in self.members:
            self.crash(node)
        return self.add(node, self.stopped.pop(node).storage, **settings)

    # driving

    def deliver(self, message: Message) -> None:
        """Hand one message to its receiver now, whatever is cut."""
        member = self.members.get(message.to)
        if member is not None:
            member.inbox.append(message)
            member.node.step(message)

    def passes(self, message: Message) -> bool:
        return (
            (message.sender, message.to) not in self._cut
            and message.msg_type not in self._ignored
            and all(passes(message) for passes in self._filters)
        )

    def pump(self) -> None:
        """Let all nodes do what they can, and deliver messages, until nobody has anything to do."""
        while True:
            for member in list(self.members.values()):
                while member.node.has_ready():
                    self.drain(member)
            if not self.queue:
                return
            message = self.queue.popleft()
            if self.passes(message):
                self.deliver(message)

    def drain(self, member: Member) -> Ready:
        """One Ready, as the contract has it."""
        ready = member.node.ready()
        self._send(ready.messages)
        if member.held is None:
            self._persist(member, ready)
        else:
            member.held.append(ready)
        member.reads += ready.read_states
        self._apply(member, ready)
        return ready

    def _send(self, messages: list[Message]) -> None:
        self.log += messages
        self.queue += messages

    def _persist(self, member: Member, ready: Ready) -> None:
        storage = member.storage
        if ready.snapshot is not None:
            storage.apply_snapshot(ready.snapshot)
        storage.append(ready.entries)
        if ready.hard_state is not None:
            storage.set_hard_state(ready.hard_state)
        member.node.persisted(ready.number)
        self._send(ready.promises)

    def _apply(self, member: Member, ready: Ready) -> None:
        node = member.node
        if ready.snapshot is not None:
            node.applied(ready.snapshot.index)
        for entry in ready.committed_entries:
            if entry.entry_type != EntryType.NORMAL:
                change = node.raft.codec.decode(entry.entry_type, entry.data)
                with contextlib.suppress(ConfChangeError):
                    member.storage.set_conf_state(node.apply_conf_change(change))
            elif entry.data:
                member.applied.append(entry)
            node.applied(entry.index)

    def tick(self, node: int, times: int = 1) -> None:
        """Ticks of one node, each followed by all that comes of it. Time goes on for all."""
        for _ in range(times):
            self.now += TICK_NS
            self.members[node].node.tick()
            self.pump()

    def tick_all(self, times: int = 1) -> None:
        """Ticks of all nodes together."""
        for _ in range(times):
            self.now += TICK_NS
            for member in list(self.members.values()):
                member.node.tick()
            self.pump()

    def elect(self, node: int) -> Member:
        """Make a node campaign, by letting all the time pass that leases need."""
        for _ in range(3):
            if self.members[node].node.role == Role.LEADER:
                break
            for member in self.members.values():
                raft = member.node.raft
                raft.contact_elapsed = raft.election_timeout
                raft.election_elapsed = max(raft.election_elapsed, raft.election_timeout)
            self.members[node].node.campaign()
            self.pump()
        assert self.members[node].node.role == Role.LEADER
        return self.members[node]

    def propose(self, node: int, *data: bytes) -> None:
        """Propose at a node, and let it be replicated."""
        for one in data:
            self.members[node].node.propose(one)
        self.pump()

    def change(self, node: int, text: str, transition: ConfChangeTransition = ConfChangeTransition.AUTO) -> None:
        """Propose a configuration change at a node, and let it be replicated and applied."""
        self.members[node].node.propose_conf_change(ConfChangeV2(changes(text), transition))
        self.pump()

    def sent(self, *types: MessageType) -> list[Message]:
        """Messages of these types that were sent since the last time this was asked."""
        found = [message for message in self.log if message.msg_type in types]
        self.log.clear()
        return found

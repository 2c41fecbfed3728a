"""A Raft group in simulated time: every delay, loss, crash and choice comes from one seed, so failures can be replayed.

    PYTHONPATH=.:tests python tests/raft/simulation.py SEED        what happens with this seed, line by line
    PYTHONPATH=.:tests python tests/raft/simulation.py FROM TO     run a range of seeds

A run has a time of trouble, in which the nemesis and the operator do as they please, and then a time of peace, in which
the group must recover: a client's write succeeds. Properties that must hold at every moment are checked as they go
(``simchecks``); the clients' history is checked to be linearizable at the end.
"""

from __future__ import annotations

import heapq
import random
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from raft.linearizability import Operation, first_anomaly, offending_key
from raft.simactors import KEYS, Client, Nemesis, Operator
from raft.simchecks import Checker, Violation
from raft.simnode import TICK, SimNode

from ycsbpy.minicluster.raft import (
    NO_LIMIT,
    ConfState,
    LogCorruptionError,
    Message,
    MessageType,
    ReadOnlyOption,
    Role,
)
from ycsbpy.minicluster.raft.confchange import Configuration
from ycsbpy.minicluster.raft.core import Raft

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Settings", "World", "run"]

PATIENCE = 60.0
"""Seconds of peace that a group may need at the most before it works again: without pre-votes, elections among nodes
whose logs differ may fail several times in a row."""

FIRST_INDEX = 5
"""Where logs of new groups begin, as TiKV has it."""


@dataclass
class Settings:
    """What kind of world a seed makes. Times in seconds, the rest probabilities or weights unless said otherwise."""

    raft: dict[str, Any] = field(default_factory=dict)
    voters: int = 3
    learners: int = 0
    drift: float = 0.05
    latency: float = 0.005
    straggling: float = 0.02
    """How many messages are late by up to two seconds."""
    loss: float = 0.02
    duplication: float = 0.02
    disk: float = 0.003
    apply: float = 0.0
    save_every: float = 1.0
    compact: float = 0.3
    clients: int = 4
    think: float = 0.1
    mix: tuple[int, int, int] = (5, 4, 2)
    """Reads, writes, compare-and-sets."""
    lease_reads: float = 0.7
    change_every: float = 2.0
    trouble_every: float = 1.0
    acts: dict[str, int] | None = None
    """How often the nemesis does what; None to draw that as well."""
    trouble: float = 15.0
    peace: float = 8.0

    @classmethod
    def draw(cls, source: random.Random) -> Settings:
        """Draw a world."""
        lease = source.random() < 0.8
        raft: dict[str, Any] = {
            "election_tick": 10,
            "heartbeat_tick": source.choice([1, 2, 3]),
            "pre_vote": source.random() < 0.75,
            "check_quorum": lease or source.random() < 0.5,
            "tick_ns": int(TICK * 1e9) if lease else 0,
            "skip_bcast_commit": source.random() < 0.5,
            "max_size_per_msg": source.choice([0, 40, 1 << 20]),
            "max_inflight_msgs": source.choice([1, 3, 256]),
            "max_committed_size_per_ready": source.choice([0, 60, NO_LIMIT]),
            "cache_bytes": source.choice([0, 100, 4 << 20]),
            "forward_proposals": False,
        }
        if lease and source.random() < 0.3:
            raft["read_only_option"] = ReadOnlyOption.LEASE_BASED
        if not raft["max_size_per_msg"]:  # many small messages at once, in any order, would be sent over and over
            raft["max_inflight_msgs"] = min(raft["max_inflight_msgs"], 8)
        return cls(
            raft,
            voters=source.choices([1, 3, 5], [1, 6, 3])[0],
            learners=source.choice([0, 0, 1]),
            latency=source.choice([0.002, 0.01, 0.05]),
            straggling=source.choice([0, 0.02, 0.1]),
            loss=source.choice([0, 0.02, 0.1, 0.2]),
            duplication=source.choice([0, 0.05]),
            disk=source.choice([0.001, 0.005, 0.03]),
            apply=source.choice([0, 0.01, 0.1]),
            save_every=source.choice([0.3, 1, 4]),
            compact=source.choice([0, 0.3, 1]),
            clients=source.choice([4, 8]),
            think=source.choice([0.01, 0.05, 0.15]),
            mix=source.choice([(5, 4, 2), (8, 2, 0), (2, 6, 2)]),
            lease_reads=source.choice([0, 0.7, 1]) if lease else 0,
            change_every=source.choice([0, 0.5, 2]),
            trouble_every=source.choice([0.4, 1, 2]),
        )


class World:
    """Time, the network, and everybody in it."""

    def __init__(
        self,
        seed: int,
        *,
        raft_type: type[Raft] = Raft,
        trace: bool = False,
        adjust: Callable[[Settings], None] | None = None,
    ) -> None:
        self.random = random.Random(seed)
        self.settings = Settings.draw(self.random)
        if adjust is not None:
            adjust(self.settings)
        self.raft_type = raft_type
        self.trace = trace
        self.now = 0.0
        self.calm = False
        self.checker = Checker()
        self.history: list[Operation] = []
        self.operations: list[Operation] = []
        self.executed: dict[int, tuple[float, bool]] = {}
        """When the first node applied each of them, and with what result, by their Python ids."""
        self.nodes: dict[int, SimNode] = {}
        self.blocked: set[tuple[int, int]] = set()
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._scheduled = 0
        self._kept: list[dict[int, int | None]] = []
        self._values: dict[int, list[int]] = {key: [] for key in range(KEYS)}
        self._last_id = 0
        self._expected: set[int] = set()
        """Nodes that will exist once somebody sends to them."""
        self._members: dict[int, frozenset[int]] = {}
        """What each node last took for the members."""
        self._alive = False
        self._last_executed = 0.0
        voters = tuple(self.new_id() for _ in range(self.settings.voters))
        learners = tuple(self.new_id() for _ in range(self.settings.learners))
        self._expected.clear()
        for node_id in voters + learners:
            node = SimNode(self, node_id, ConfState(voters, learners), index=FIRST_INDEX, term=FIRST_INDEX)
            self.nodes[node_id] = node
            node.start(fresh=True)

    # time

    def after(self, delay: float, function: Callable[..., None], *arguments: Any) -> None:
        """Have something happen later."""
        self._scheduled += 1
        heapq.heappush(self._events, (self.now + delay, self._scheduled, function, arguments))

    def run_until(self, end: float) -> None:
        """Let time go by."""
        events = self._events
        while events and events[0][0] <= end:
            self.now, _, function, arguments = heapq.heappop(events)
            try:
                function(*arguments)
            except LogCorruptionError as error:
                raise Violation("corruption", str(error)) from error
        self.now = end

    def note(self, who: object, what: object) -> None:
        """One line of the trace."""
        if self.trace:
            print(f"{self.now:9.4f}  {who}: {what}")

    # the network

    def latency(self) -> float:
        return self.random.expovariate(1 / self.settings.latency)

    def send(self, message: Message) -> None:
        """Carry a message, or lose it, or carry it late or twice."""
        self.checker.message_sent(message)
        source, settings = self.random, self.settings
        lost = (message.sender, message.to) in self.blocked or (not self.calm and source.random() < settings.loss)
        if self.trace:
            self.note(f"{message.sender} → {message.to}", f"{describe(message)}{'  LOST' if lost else ''}")
        if lost:
            if source.random() < 0.3:
                self.after(self.latency(), self._report_lost, message)
        else:
            for _ in range(2 if source.random() < settings.duplication else 1):
                late = source.uniform(0, 2) if source.random() < settings.straggling else 0.0
                self.after(self.latency() + late, self._deliver, message)
        if message.msg_type == MessageType.SNAPSHOT:
            self.after(2 * self.latency(), self._report_snapshot, message, not lost)

    def _deliver(self, message: Message) -> None:
        node = self.nodes.get(message.to)
        if node is None:
            if message.to not in self._expected:
                return
            self._expected.discard(message.to)
            node = self.nodes[message.to] = SimNode(self, message.to, ConfState())
            node.start(fresh=False)
            self.note(message.to, "is made")
        if node.up:
            node.when_awake(node.receive, message)

    def _report_lost(self, message: Message) -> None:
        node = self.nodes.get(message.sender)
        if node is not None and node.up:
            node.raw.report_unreachable(message.to)

    def _report_snapshot(self, message: Message, arrived: bool) -> None:
        node = self.nodes.get(message.sender)
        if node is not None and node.up:
            node.raw.report_snapshot(message.to, arrived=arrived)

    # nodes

    def leader(self) -> SimNode | None:
        """One that takes itself for the leader, of the highest term."""
        leaders = [node for node in self.nodes.values() if node.up and node.raw.role == Role.LEADER]
        return max(leaders, key=lambda node: node.raw.term, default=None)

    def hint(self, node_id: int) -> int:
        """Whom a node takes for the leader."""
        node = self.nodes.get(node_id)
        return (node.raw.leader_id if node is not None and node.up else 0) or self.random.choice(sorted(self.nodes))

    def new_id(self) -> int:
        self._last_id += 1
        self._expected.add(self._last_id)
        return self._last_id

    def crash(self, node: SimNode) -> None:
        node.crash()
        self.note(node.id, "crashes")
        self.after(self.random.choice([0.05, 0.5, 2]) * self.random.random(), self.restart, node)

    def restart(self, node: SimNode) -> None:
        if not node.up and self.nodes.get(node.id) is node:
            self.note(node.id, "restarts")
            node.start(fresh=False)

    def resume(self, node: SimNode, incarnation: int) -> None:
        if node.up and node.incarnation == incarnation:
            node.resume()

    def configured(self, node: SimNode) -> None:
        """A node applied a configuration: whoever is not in it goes, once a quorum of those in it know that."""
        config = node.raw.raft.tracker.config
        members = config.members()
        self.note(node.id, f"applied {config}")
        self._members[node.id] = members
        node.save()
        agree = sum(self._members.get(voter) == members for voter in config.incoming)
        if agree > len(config.incoming) // 2:
            for one in sorted(self.nodes.keys() - members):
                self.after(self.random.uniform(0, 3), self._destroy, one)

    def _destroy(self, node_id: int) -> None:
        newest = max(self.nodes.values(), key=lambda node: node.saved_applied)
        if node_id in self.nodes and node_id not in Configuration.of(newest.storage.conf_state).members():
            self.note(node_id, "is destroyed")
            self.nodes.pop(node_id).up = False

    # clients

    def ask(self, node: SimNode, operation: Operation, how: str, reply: Callable[[str], None]) -> None:
        if self.nodes.get(node.id) is node and node.up:
            node.when_awake(node.request, operation, how, reply)

    def register(self, operation: Operation) -> int:
        """A number by which nodes find an operation again."""
        self.operations.append(operation)
        return len(self.operations) - 1

    def execute(self, operation: Operation, done: bool) -> None:
        """A node applied it: note when the first one did, in the order of the log where several came at once."""
        if id(operation) not in self.executed:
            self._last_executed = max(self.now, self._last_executed + 1e-12)
            self.executed[id(operation)] = (self._last_executed, done)

    def fresh_value(self, key: int) -> int:
        values = self._values[key]
        values.append(len(values) + 1)
        return values[-1]

    def recent_value(self, key: int) -> int | None:
        values = self._values[key][-4:-1]
        return self.random.choice(values) if values else None

    def keep(self, state: dict[int, int | None]) -> bytes:
        """Put a snapshot's state where its data, a number, finds it."""
        self._kept.append(state)
        return str(len(self._kept) - 1).encode()

    def kept(self, data: bytes) -> dict[int, int | None]:
        return self._kept[int(data)]

    # the whole story

    def run(self) -> None:
        """Trouble, peace, and the verdict. Raises Violation."""
        clients = [Client(self) for _ in range(self.settings.clients)]
        Operator(self)
        Nemesis(self)
        self.run_until(self.settings.trouble)
        self.calm = True
        self.blocked.clear()
        for node in list(self.nodes.values()):
            self.restart(node)
            if node.paused:
                node.resume()
        self.note("all", "is calm")
        self.after(self.settings.peace / 2, self._prove_life, clients)
        self.run_until(self.settings.trouble + self.settings.peace)
        until = self.now + PATIENCE
        while not self._alive and self.now < until:
            self.run_until(self.now + 1)
        if not self._alive:
            raise Violation("stuck", "no write succeeded although the trouble was over")
        self.history += [client.running for client in clients if client.running and client.running.kind != "read"]
        happened = [self._settled(one) for one in self.history if one.returned is not None or id(one) in self.executed]
        key = offending_key(happened)
        if key is not None:
            raise Violation("not linearizable", tell(first_anomaly([one for one in happened if one.key == key])))

    def _settled(self, operation: Operation) -> Operation:
        """What a client does not know, the world does: when its operation was applied for the first time. Nobody can
        have seen it before, and every read that begins later has to see it, so that is when it happened. (To let the
        checker find out when, or whether, would be right as well, and often take too long.)"""
        if operation.returned is not None:
            return operation
        applied, done = self.executed[id(operation)]
        return replace(operation, called=applied, returned=applied, result=done)

    def _prove_life(self, clients: list[Client]) -> None:
        """Write through the leader, again and again, until it works, with nobody else in the way."""
        for client in clients:
            client.stopped = True
        leader = self.leader()
        if self._alive:
            return
        self.after(0.5, self._prove_life, clients)
        if leader is not None:
            operation = Operation("write", 0, self.now, value=self.fresh_value(0))
            self.history.append(operation)
            leader.request(operation, "", lambda status: self._lives(operation, status))

    def _lives(self, operation: Operation, status: str) -> None:
        if status == "done":
            operation.returned = self.now
            self._alive = True
        else:
            self.history.remove(operation)


def tell(history: list[Operation]) -> str:
    """The end of a history of one register, one operation a line."""
    lines = [f"register {history[0].key}"]
    for one in history[-25:]:
        until = "?" if one.returned is None else f"{one.returned:.4f}"
        what = {"read": "", "write": f" {one.value}", "cas": f" {one.expected} > {one.value}"}[one.kind]
        result = "" if one.kind == "write" or one.returned is None else f" = {one.result}"
        lines.append(f"  {one.called:.4f} - {until}  {one.kind}{what}{result}  {one.note}")
    return "\n".join(lines)


def describe(message: Message) -> str:
    """A message on one line, without what is not set."""
    skip = {"msg_type", "to", "sender", "entries", "snapshot"}
    fields = [
        f"{name}={value!r}" for name in message.__slots__ if name not in skip and (value := getattr(message, name))
    ]
    if message.entries:
        first, last = message.entries[0], message.entries[-1]
        fields.append(f"entries={first.term}.{first.index}..{last.term}.{last.index}")
    if message.snapshot is not None:
        fields.append(f"snapshot={message.snapshot.term}.{message.snapshot.index} {message.snapshot.conf_state}")
    return f"{MessageType(message.msg_type).name} {' '.join(fields)}"


def run(seed: int, *, raft_type: type[Raft] = Raft, adjust: Callable[[Settings], None] | None = None) -> None:
    """Simulate one seed. Raises Violation with the seed in its text."""
    try:
        World(seed, raft_type=raft_type, adjust=adjust).run()
    except Violation as violation:
        how = f"python tests/raft/simulation.py {seed}"
        raise Violation(violation.kind, f"seed {seed} ({how}): {violation}") from violation


def main(arguments: list[str]) -> None:
    """See the module."""
    if len(arguments) == 1:
        world = World(int(arguments[0]), trace=True)
        print(world.settings)
        world.run()
        print("nothing wrong")
        return
    for seed in range(int(arguments[0]), int(arguments[1])):
        try:
            run(seed)
        except Violation as violation:
            print(str(violation)[:2000])


if __name__ == "__main__":
    main(sys.argv[1:])

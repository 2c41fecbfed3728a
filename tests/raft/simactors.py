"""Who makes life hard for a simulated group: clients, an operator who changes its members, and a nemesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft.linearizability import Operation
from raft.network import changes

from ycsbpy.minicluster.raft import ConfChangeTransition, ConfChangeV2, ProposalDroppedError, Role

if TYPE_CHECKING:
    from raft.simnode import SimNode
    from raft.simulation import World

__all__ = ["Client", "Nemesis", "Operator"]

KEYS = 3
PATIENCE = 0.7
"""Seconds that a client waits; then the outcome is unknown to it."""


class Client:
    """Does one operation after the other, on the node it takes for the leader, or now and then on any."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.believed = 1
        self.running: Operation | None = None
        """An operation whose outcome it still waits for."""
        self.stopped = False
        self._number = 0
        world.after(world.random.uniform(0, 1), self.act)

    def act(self) -> None:
        if self.stopped:
            return
        world = self.world
        random = world.random
        operation = self.running = self._choose()
        self._number += 1
        number = self._number
        node = world.nodes.get(self._whom())
        world.after(PATIENCE, self._give_up, number, operation)
        if node is None:
            return
        how = "lease" if random.random() < world.settings.lease_reads else "index"

        def answer(status: str) -> None:
            world.after(world.latency(), self._answered, number, operation, status, node.id)

        world.after(world.latency(), world.ask, node, operation, how, answer)

    def _choose(self) -> Operation:
        world = self.world
        random = world.random
        key = random.randrange(KEYS)
        kind = random.choices(["read", "write", "cas"], world.settings.mix)[0]
        operation = Operation(kind, key, world.now)
        if kind != "read":
            operation.value = world.fresh_value(key)
        if kind == "cas":
            operation.expected = world.recent_value(key)
        return operation

    def _whom(self) -> int:
        random = self.world.random
        if random.random() < 0.15 or self.believed not in self.world.nodes:
            return random.choice(sorted(self.world.nodes))
        return self.believed

    def _answered(self, number: int, operation: Operation, status: str, node_id: int) -> None:
        world = self.world
        if number != self._number:
            return  # too late: it gave up
        if status == "failed":
            self.believed = world.hint(node_id)
        else:
            self.believed = node_id
            operation.returned = world.now
            world.history.append(operation)
        self._next()

    def _give_up(self, number: int, operation: Operation) -> None:
        if number != self._number:
            return
        if operation.kind != "read":  # a read without an answer says nothing
            self.world.history.append(operation)
            operation.result = None
        self.believed = self.world.random.choice(sorted(self.world.nodes))
        self._next()

    def _next(self) -> None:
        self.running = None
        self._number += 1
        self.world.after(self.world.random.expovariate(1 / self.world.settings.think), self.act)


class Operator:
    """Changes who takes part: learners come and are promoted, voters are replaced, one by one or jointly."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._next()

    def _next(self) -> None:
        pace = self.world.settings.change_every
        if pace:
            self.world.after(self.world.random.expovariate(1 / pace), self.act)

    def act(self) -> None:
        world = self.world
        self._next()
        leader = world.leader()
        if world.calm or leader is None or leader.paused:
            return
        change = self.choose(leader)
        if change is None:
            return
        world.note("operator", f"asks {leader.id} for {change}")
        try:
            leader.raw.propose_conf_change(change)
        except ProposalDroppedError as refusal:
            world.note("operator", f"refused: {refusal}")
            return
        leader.drain()

    def choose(self, leader: SimNode) -> ConfChangeV2 | None:
        random = self.world.random
        config = leader.raw.raft.tracker.config
        if config.is_joint():
            return None if config.auto_leave else ConfChangeV2()
        voters, learners = sorted(config.incoming), sorted(config.learners)
        choices = []
        if len(voters) + len(learners) < 6:
            choices += ["add learner", "add voter"]
        if learners:
            choices += ["promote", "promote", "drop learner"]
        if len(voters) > 2:
            choices += ["remove", "demote"]
        choices += ["replace", "swap"]
        choice = random.choice(choices)
        self.world.note("operator", choice)
        if choice in {"replace", "swap"}:
            return self._joint(choice, voters, learners)
        texts = {
            "add learner": lambda: f"l{self.world.new_id()}",
            "add voter": lambda: f"v{self.world.new_id()}",
            "promote": lambda: f"v{random.choice(learners)}",
            "drop learner": lambda: f"r{random.choice(learners)}",
            "remove": lambda: f"r{random.choice(voters)}",
            "demote": lambda: f"l{random.choice(voters)}",
        }
        return ConfChangeV2(changes(texts[choice]()))

    def _joint(self, choice: str, voters: list[int], learners: list[int]) -> ConfChangeV2:
        """Several voters at once, through a joint configuration."""
        random = self.world.random
        leaving = random.sample(voters, random.randint(1, max(1, len(voters) // 2)))
        coming = learners[:1] if choice == "swap" and learners else []
        while len(coming) < len(leaving):
            coming.append(self.world.new_id())
        out = "l" if choice == "swap" else "r"
        text = " ".join([f"v{node}" for node in coming] + [f"{out}{node}" for node in leaving])
        transition = random.choice([ConfChangeTransition.AUTO, ConfChangeTransition.EXPLICIT])
        return ConfChangeV2(changes(text), transition)


class Nemesis:
    """Crashes, pauses, partitions, and wishes at bad moments."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._acts = {
            "partition": self._partition,
            "one way": self._one_way,
            "isolate leader": self._isolate_leader,
            "heal": self._heal,
            "crash": self._crash,
            "crash leader": self._crash_leader,
            "crash all": self._crash_all,
            "pause": self._pause,
            "transfer": self._transfer,
            "ask for snapshot": self._request_snapshot,
            "campaign": self._campaign,
            "deafen leader": self._deafen_leader,
            "transfer from the deaf": self._transfer_from_the_deaf,
        }
        self._weights = [world.random.choice([0, 1, 2, 4]) for _ in self._acts]
        self._weights[3] = 6  # there must be some peace
        if world.settings.acts is not None:
            self._weights = [world.settings.acts.get(name, 0) for name in self._acts]
        self._next()

    def _next(self) -> None:
        self.world.after(self.world.random.expovariate(1 / self.world.settings.trouble_every), self.act)

    def act(self) -> None:
        if self.world.calm:
            return
        name = self.world.random.choices(list(self._acts), self._weights)[0]
        self.world.note("nemesis", name)
        self._acts[name]()
        self._next()

    def _some_node(self) -> SimNode | None:
        up = [node for node in self.world.nodes.values() if node.up and not node.paused]
        return self.world.random.choice(up) if up else None

    def _partition(self) -> None:
        world = self.world
        side = {node for node in world.nodes if world.random.random() < 0.5}
        world.blocked = {
            (one, other) for one in world.nodes for other in world.nodes if (one in side) != (other in side)
        }

    def _one_way(self) -> None:
        world = self.world
        for one in world.nodes:
            for other in world.nodes:
                if one != other and world.random.random() < 0.3:
                    world.blocked.add((one, other))

    def _isolate_leader(self) -> None:
        leader = self.world.leader()
        if leader is not None:
            others = [node for node in self.world.nodes if node != leader.id]
            self.world.blocked |= {(leader.id, other) for other in others} | {(other, leader.id) for other in others}

    def _deafen_leader(self) -> None:
        """It goes on sending, and does not hear that others have gone on without it."""
        leader = self.world.leader()
        if leader is not None:
            self.world.blocked |= {(other, leader.id) for other in self.world.nodes if other != leader.id}

    def _transfer_from_the_deaf(self) -> None:
        self._transfer()
        self._deafen_leader()

    def _heal(self) -> None:
        self.world.blocked.clear()

    def _crash(self) -> None:
        node = self._some_node()
        if node is not None:
            self.world.crash(node)

    def _crash_leader(self) -> None:
        leader = self.world.leader()
        if leader is not None:
            self.world.crash(leader)

    def _crash_all(self) -> None:
        for node in list(self.world.nodes.values()):
            if node.up:
                self.world.crash(node)

    def _pause(self) -> None:
        node = self.world.leader() if self.world.random.random() < 0.6 else self._some_node()
        if node is not None and node.up and not node.paused:
            node.pause()
            self.world.after(self.world.random.uniform(0.1, 3), self.world.resume, node, node.incarnation)

    def _transfer(self) -> None:
        leader = self.world.leader()
        if leader is not None and not leader.paused:
            leader.raw.transfer_leader(self.world.random.choice(sorted(self.world.nodes)))
            leader.drain()

    def _request_snapshot(self) -> None:
        node = self._some_node()
        if node is not None and node.raw.role == Role.FOLLOWER:
            node.raw.request_snapshot()
            node.drain()

    def _campaign(self) -> None:
        node = self._some_node()
        if node is not None:
            node.raw.campaign()
            node.drain()

"""One simulated node: a ``RawNode`` with a disk, a clock of its own rate, a state machine, and clients.

The disk model: what ``Ready`` hands over to be written waits in a queue and becomes durable in order, after a delay.
What was reported as durable survives a crash; what was not is lost, or part of it was written all the same: the first
writes of the queue, then term and vote of the next one, then some of its entries. The state machine is saved from time
to time, with its applied index; a crash takes it back to that, and entries are applied again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from raft.network import TextCodec
from raft.simchecks import Violation

from ycsbpy.minicluster.raft import (
    ConfChangeError,
    Config,
    ConfState,
    EntryType,
    HardState,
    LogCorruptionError,
    MemoryStorage,
    ProposalDroppedError,
    RawNode,
    Role,
    Snapshot,
    TemporarilyUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from raft.linearizability import Operation
    from raft.simulation import World

    from ycsbpy.minicluster.raft import Entry, Message, Ready

__all__ = ["TICK", "SimNode"]

TICK = 0.1
"""Seconds of a tick, by the node's own clock."""


class SimStorage(MemoryStorage):
    """The durable log, with snapshots of the saved state machine."""

    __slots__ = ("node",)

    node: SimNode

    def snapshot(self, request_index: int, to: int) -> Snapshot:
        node = self.node
        if node.saved_applied < request_index or node.world.random.random() < 0.2:
            raise TemporarilyUnavailableError("not yet")
        data = node.world.keep(dict(node.saved_state))
        return Snapshot(node.saved_applied, self.term(node.saved_applied), self.conf_state, data)


class SimNode:
    """``up`` is false after a crash, ``paused`` while its process is stopped; ``backlog`` waits for its return."""

    def __init__(self, world: World, node_id: int, conf_state: ConfState, *, index: int = 0, term: int = 0) -> None:
        self.world = world
        self.id = node_id
        self.storage = SimStorage(conf_state, index=index, term=term)
        self.storage.node = self
        self.rate = world.random.uniform(1 - world.settings.drift, 1 + world.settings.drift)
        self.up = False
        self.paused = False
        self.backlog: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.incarnation = 0
        self.saved_applied = index
        self.saved_state: dict[int, int | None] = {}
        self.led_since = 0
        """The last term it was seen to lead in."""
        self.handed = index

    def start(self, *, fresh: bool) -> None:
        """Start on what the disk has."""
        world = self.world
        self.incarnation += 1
        self.up = True
        self.applied = self.saved_applied
        self.state = dict(self.saved_state)
        self.conf_state = self.storage.conf_state
        self.writes: deque[Ready] = deque()
        self.writing = False
        self.to_apply: deque[Entry] = deque()
        self.applying = False
        self.pending: dict[int, tuple[int, Operation, Callable[[str], None]]] = {}
        self.asking: dict[bytes, tuple[Operation, Callable[[str], None]]] = {}
        self.readable: list[tuple[int, bytes]] = []
        self.role = Role.FOLLOWER
        self.commit = 0
        self.handed = self.storage.last_index()
        config = Config(self.id, applied=self.applied, fresh=fresh, **world.settings.raft)
        self.raw = RawNode(
            config,
            self.storage,
            TextCodec(),
            clock=self.clock,
            random_tick=world.random.randrange,
            raft_type=world.raft_type,
        )
        world.after(world.random.uniform(0, TICK / self.rate), self._tick, self.incarnation)
        world.after(world.random.uniform(0, 0.5), self._save, self.incarnation)

    def clock(self) -> int:
        """Nanoseconds by the node's own clock, which goes on through crashes and pauses."""
        return int((self.world.now * self.rate + self.id) * 1e9)

    # faults

    def crash(self) -> None:
        """Gone at once; of the writes that were under way, some may have been made."""
        self.up = False
        self.paused = False
        self.backlog.clear()
        random = self.world.random
        written = random.randint(0, len(self.writes))
        for _ in range(written):
            self._write(self.writes.popleft())
        if self.writes and random.random() < 0.5:
            self._tear(self.writes[0])
        self.writes.clear()

    def _tear(self, ready: Ready) -> None:
        """Part of a write: term and vote, then some entries; the commit index, which needs them, comes last."""
        if ready.snapshot is not None:
            return
        kept = self.storage.hard_state
        if ready.hard_state is not None:
            kept = HardState(ready.hard_state.term, ready.hard_state.vote, kept.commit)
        self.storage.set_hard_state(kept)
        self.storage.append(ready.entries[: self.world.random.randint(0, len(ready.entries))])

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        """What waited happens now, one thing after the other."""
        self.paused = False
        backlog, self.backlog = self.backlog, []
        for function, arguments in backlog:
            if self.up:
                function(*arguments)

    def when_awake(self, function: Callable[..., None], *arguments: Any) -> None:
        """Do something now, or when the process goes on."""
        if self.paused:
            self.backlog.append((function, arguments))
        else:
            function(*arguments)

    def has_durably(self, index: int, term: int) -> bool:
        """Whether the disk has this entry, or a snapshot that covers it."""
        storage = self.storage
        if index < storage.first_index():
            return True
        return index <= storage.last_index() and storage.term(index) == term

    # time

    def _tick(self, incarnation: int) -> None:
        if incarnation != self.incarnation or not self.up:
            return
        self.world.after(TICK / self.rate, self._tick, incarnation)
        if not self.paused:  # ticks that a pause swallowed are not made up for
            self.raw.tick()
            self.drain()

    def _save(self, incarnation: int) -> None:
        """Save the state machine, and sometimes compact the log behind it."""
        if incarnation != self.incarnation or not self.up:
            return
        random = self.world.random
        self.world.after(random.uniform(0.1, self.world.settings.save_every), self._save, incarnation)
        if self.paused:
            return
        self.save()
        if random.random() < self.world.settings.compact:
            self.storage.compact(max(self.saved_applied - random.randint(0, 5), 0))

    def save(self) -> None:
        self.saved_applied = self.applied
        self.saved_state = dict(self.state)
        self.storage.set_conf_state(self.conf_state)

    # messages

    def receive(self, message: Message) -> None:
        self.raw.step(message)
        self.drain()

    def drain(self) -> None:
        """Everything that the node wants done now."""
        raw = self.raw
        while raw.has_ready():
            ready = raw.ready()
            self._watch(ready)
            for message in ready.messages:
                self.world.send(message)
            if self.writes or ready.must_sync:
                self.writes.append(ready)
                self._start_writing()
            else:  # only a commit index, if anything: it may be written later, so a crash may find it not written
                if self.world.random.random() < 0.5:
                    self._write(ready)
                self._report(ready)
            if ready.committed_entries:
                self.to_apply.extend(ready.committed_entries)
                self._start_applying()
            for state in ready.read_states:
                self.readable.append((state.index, state.context))
            self._answer_reads()

    def _watch(self, ready: Ready) -> None:
        """Let the checker see what changed."""
        raw, checker = self.raw, self.world.checker
        role = raw.role
        if role == Role.LEADER and self.led_since != raw.term:
            self.led_since = raw.term
            self.handed = raw.raft.log.handed if not ready.entries else ready.entries[0].index - 1
            checker.became_leader(self)
        self.role = role
        checker.handed_over(self, ready)
        commit = raw.raft.log.committed
        if commit > self.commit:
            self.commit = commit
            if role == Role.LEADER:
                checker.committed(self, self.world.nodes)

    # the disk

    def _start_writing(self) -> None:
        if not self.writing:
            self.writing = True
            delay = self.world.random.expovariate(1 / self.world.settings.disk)
            self.world.after(delay, self._written, self.incarnation)

    def _written(self, incarnation: int) -> None:
        if incarnation == self.incarnation and self.up:
            self.when_awake(self._finish_write)

    def _finish_write(self) -> None:
        """One write is durable, or several that had gathered."""
        self.writing = False
        count = self.world.random.randint(1, len(self.writes))
        done = [self.writes.popleft() for _ in range(count)]
        for ready in done:
            self._write(ready)
        self._report(*done)
        if self.writes:
            self._start_writing()
        self.drain()

    def _write(self, ready: Ready) -> None:
        storage = self.storage
        snapshot = ready.snapshot
        if snapshot is not None:
            storage.apply_snapshot(snapshot)
            self.saved_applied = snapshot.index
            self.saved_state = dict(self.world.kept(snapshot.data))
        storage.append(ready.entries)
        if ready.hard_state is not None:
            storage.set_hard_state(ready.hard_state)

    def _report(self, *readies: Ready) -> None:
        self.raw.persisted(readies[-1].number)
        for ready in readies:
            if ready.snapshot is not None:
                self._restore(ready.snapshot)
            for message in ready.promises:
                self.world.send(message)

    # the state machine

    def _restore(self, snapshot: Snapshot) -> None:
        self.world.checker.restored(self, snapshot.index, snapshot.term)
        self.to_apply.clear()
        self.applied = snapshot.index
        self.state = dict(self.saved_state)
        self.conf_state = snapshot.conf_state
        self.pending = {index: one for index, one in self.pending.items() if index > snapshot.index}
        self.raw.applied(snapshot.index)
        self.world.configured(self)

    def _start_applying(self) -> None:
        if self.applying:
            return
        random, slow = self.world.random, self.world.settings.apply
        if slow and random.random() < 0.5:
            self.applying = True
            self.world.after(random.expovariate(1 / slow), self._applied, self.incarnation)
        else:
            self._apply_all()

    def _applied(self, incarnation: int) -> None:
        if incarnation == self.incarnation and self.up:
            self.when_awake(self._finish_applying)

    def _finish_applying(self) -> None:
        self.applying = False
        self._apply_all()
        self.drain()

    def _apply_all(self) -> None:
        while self.to_apply:
            self._apply(self.to_apply.popleft())
        self._answer_reads()

    def _apply(self, entry: Entry) -> None:
        self.world.checker.applied(self, entry)
        self.applied = entry.index
        done = False
        if entry.entry_type != EntryType.NORMAL:
            change = self.raw.raft.codec.decode(entry.entry_type, entry.data)
            try:
                self.conf_state = self.raw.apply_conf_change(change)
                self.world.configured(self)
            except ConfChangeError:
                pass
        elif entry.data:
            done = self._execute(self.world.operations[int(entry.data)])
        self.raw.applied(entry.index)
        waiting = self.pending.pop(entry.index, None)
        if waiting is not None:
            term, operation, reply = waiting
            if term != entry.term:
                reply("failed")  # another entry is where it was to be, so it will never be
            else:
                operation.result = done
                reply("done")

    def _execute(self, operation: Operation) -> bool:
        done = operation.kind != "cas" or self.state.get(operation.key) == operation.expected
        if done:
            self.state[operation.key] = operation.value
        self.world.execute(operation, done)
        return done

    # clients

    def request(self, operation: Operation, how: str, reply: Callable[[str], None]) -> None:
        """A client asks. ``reply`` is called with ``done``, ``failed`` (it never happens), or not at all."""
        if operation.kind == "read":
            self._read(operation, how, reply)
            return
        data = str(self.world.register(operation)).encode()
        try:
            index = self.raw.propose(data)
        except ProposalDroppedError:
            reply("failed")
            return
        self.pending[index] = (self.raw.term, operation, reply)
        self.drain()

    def _read(self, operation: Operation, how: str, reply: Callable[[str], None]) -> None:
        context = str(self.world.register(operation)).encode()
        self.asking[context] = (operation, reply)
        index = self.raw.lease_read_index(self.clock()) if how == "lease" else 0
        operation.note = f"by {'lease of' if index else 'read index on'} node {self.id}"
        if index:
            self.readable.append((index, context))
            self._answer_reads()
        elif not self.raw.read_index(context):
            del self.asking[context]
            reply("failed")
        self.drain()

    def _answer_reads(self) -> None:
        if not self.readable:
            return
        waiting = []
        for index, context in self.readable:
            if index > self.applied:
                waiting.append((index, context))
            elif context in self.asking:
                operation, reply = self.asking.pop(context)
                operation.result = self.state.get(operation.key)
                reply("done")
        self.readable = waiting


def corrupted(error: LogCorruptionError) -> Violation:
    """The core found out itself."""
    return Violation("corruption", str(error))

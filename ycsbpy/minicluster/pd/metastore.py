"""Keys and values that PD keeps for others, with etcd's revisions and a memory of the last changes.

A real PD has them in etcd, and so the rules are etcd's: each change, of one key or of several at once, is one revision
of the whole; a key knows the revision that made it, the one that changed it last, and how often it was put since it was
made. Who follows is told of all changes from a revision on, or that they are no longer remembered; the past can
be read as far as it is remembered, by undoing what came after. Keys, values and the memory are bounded.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["NO_END", "Change", "Event", "Found", "Item", "KeptItems", "MetaStore", "MetaStoreError", "inside"]

NO_END = b"\0"
"""The end of a range that has none."""


class MetaStoreError(Exception):
    """A request that can't be served, in etcd's words."""


class Item(NamedTuple):
    """A key and what is kept under it."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int


class Event(NamedTuple):
    """What happened to a key; ``after`` is ``None`` for a removal, ``before`` for one that is new."""

    key: bytes
    before: Item | None
    after: Item | None


class Change(NamedTuple):
    """All that one revision has changed."""

    revision: int
    events: tuple[Event, ...]

    @property
    def size(self) -> int:
        """Bytes that it takes to remember it."""
        return sum(_size(event.before) + _size(event.after) for event in self.events)


@dataclass(frozen=True, slots=True)
class Found:
    """The items of a range, as many as were wanted, and how many there are."""

    items: list[Item]
    count: int


@dataclass(frozen=True, slots=True)
class KeptItems:
    """What outlived an earlier process: the items, and the change that made them what they are."""

    items: Sequence[Item]
    last: Change


def inside(key: bytes, start: bytes, end: bytes) -> bool:
    """Whether ``key`` is in a range as it is asked for: without an end it is ``start`` alone."""
    if not end:
        return key == start
    return start <= key and (end == NO_END or key < end)


class MetaStore:
    """``keep`` is called with each change before it can be seen."""

    FIRST_REVISION = 1
    MAX_REQUEST_BYTES = 3 << 19
    """Of a key and its value together; etcd's default for a request."""
    MAX_KEYS = 1 << 16
    MAX_BYTES = 64 << 20
    REMEMBERED = 1024
    """Changes; fewer when they are larger than ``REMEMBERED_BYTES`` together, but never less than one."""
    REMEMBERED_BYTES = 16 << 20

    def __init__(self, kept: KeptItems | None = None, keep: Callable[[Change], None] | None = None) -> None:
        self._keep = keep
        self._items = {item.key: item for item in kept.items} if kept else {}
        self._keys = sorted(self._items)
        self._bytes = sum(map(_size, self._items.values()))
        self._history: deque[Change] = deque([kept.last] if kept else [])
        self._history_bytes = sum(change.size for change in self._history)
        self._watchers: list[Callable[[], None]] = []
        self.revision = kept.last.revision if kept else self.FIRST_REVISION
        self.compacted = self.revision
        """The first revision of which all is remembered: its change, and how things were after it."""

    # ---- reading ----

    def get(self, key: bytes) -> Item | None:
        """One item, as it is now."""
        return self._items.get(key)

    def range(self, start: bytes, end: bytes = b"", *, revision: int = 0, limit: int = 0) -> Found:
        """The items of a range in order, now or as they were at ``revision``. Raises ``MetaStoreError``."""
        if not start:
            raise MetaStoreError("etcdserver: key is not provided")
        if revision > self.revision:
            raise MetaStoreError("etcdserver: mvcc: required revision is a future revision")
        if 0 < revision < self.compacted:
            raise MetaStoreError("etcdserver: mvcc: required revision has been compacted")
        found = [self._items[key] for key in self._keys_in(start, end)]
        if 0 < revision < self.revision:
            found = self._as_it_was(found, start, end, revision)
        return Found(found[:limit] if limit > 0 else found, len(found))

    def _keys_in(self, start: bytes, end: bytes) -> Sequence[bytes]:
        if not end:
            return [start] if start in self._items else []
        until = len(self._keys) if end == NO_END else bisect_left(self._keys, end)
        return self._keys[bisect_left(self._keys, start) : until]

    def _as_it_was(self, now: list[Item], start: bytes, end: bytes, revision: int) -> list[Item]:
        then = {item.key: item for item in now}
        for change in reversed(self._history):
            if change.revision <= revision:
                break
            for event in reversed(change.events):
                if not inside(event.key, start, end):
                    continue
                if event.before is None:
                    del then[event.key]
                else:
                    then[event.key] = event.before
        return [then[key] for key in sorted(then)]

    # ---- writing ----

    def put(self, key: bytes, value: bytes) -> Item | None:
        """Put one item; return the one that was there. Raises ``MetaStoreError``."""
        (event,) = self.write([(key, value)]).events
        return event.before

    def delete(self, start: bytes, end: bytes = b"") -> list[Item]:
        """Remove the items of a range, as one revision, and return them. Raises ``MetaStoreError``."""
        gone = self.range(start, end).items
        self.write([(item.key, None) for item in gone])
        return gone

    def write(self, changes: Sequence[tuple[bytes, bytes | None]]) -> Change:
        """Put items, or with ``None`` remove them: all or nothing, as one revision. What changes nothing makes none.

        Raises ``MetaStoreError``.
        """
        change = Change(self.revision + 1, tuple(self._events(changes)))
        if not change.events:
            return change
        self._check_room(change)
        if self._keep is not None:
            self._keep(change)
        self._take(change)
        for watcher in list(self._watchers):
            watcher()
        return change

    def _events(self, changes: Sequence[tuple[bytes, bytes | None]]) -> Iterator[Event]:
        revision = self.revision + 1
        fresh: dict[bytes, Item | None] = {}
        for key, value in changes:
            before = fresh[key] if key in fresh else self._items.get(key)
            if value is None:
                after = None
                if before is None:
                    continue
            else:
                if not key:
                    raise MetaStoreError("etcdserver: key is not provided")
                if len(key) + len(value) > self.MAX_REQUEST_BYTES:
                    raise MetaStoreError("etcdserver: request is too large")
                created, version = (before.create_revision, before.version) if before else (revision, 0)
                after = Item(key, value, created, revision, version + 1)
            fresh[key] = after
            yield Event(key, before, after)

    def _check_room(self, change: Change) -> None:
        grown = sum(_size(event.after) - _size(event.before) for event in change.events)
        more = sum((event.before is None) - (event.after is None) for event in change.events)
        too_large = grown > 0 and self._bytes + grown > self.MAX_BYTES
        if too_large or (more > 0 and len(self._items) + more > self.MAX_KEYS):
            raise MetaStoreError("etcdserver: mvcc: database space exceeded")

    def _take(self, change: Change) -> None:
        for key, before, after in change.events:
            self._bytes += _size(after) - _size(before)
            if after is not None:
                if before is None:
                    insort(self._keys, key)
                self._items[key] = after
            else:
                del self._items[key]
                del self._keys[bisect_left(self._keys, key)]
        self.revision = change.revision
        self._history.append(change)
        self._history_bytes += change.size
        while len(self._history) > 1 and (
            len(self._history) > self.REMEMBERED or self._history_bytes > self.REMEMBERED_BYTES
        ):
            self._history_bytes -= self._history.popleft().size
            self.compacted = self._history[0].revision

    # ---- following ----

    def since(self, revision: int) -> list[Change] | None:
        """The changes from ``revision`` on; ``None`` if they are not all remembered."""
        if revision < self.compacted:
            return None
        return [change for change in self._history if change.revision >= revision]

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have ``watcher`` called after each change; call what is returned to end it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)


def _size(item: Item | None) -> int:
    return 0 if item is None else len(item.key) + len(item.value)

"""Configuration that PD keeps for others, by path, with a revision that grows and a memory of the last changes.

A real PD has it in etcd, below ``/global/config/``. A watcher is told of all changes from a revision on; one that asks
for a revision older than the memory reaches is told so and has to load everything again.
"""

from __future__ import annotations

import base64
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ROOT", "Change", "GlobalConfig", "PathError", "full_name", "normal_path"]

ROOT = "/global/config/"
REMEMBERED = 1024


class PathError(Exception):
    """A path outside of what is for everybody."""


class Change(NamedTuple):
    """``value`` is the new one, or for a removal (``removed``) the last one."""

    name: str
    value: bytes
    removed: bool = False


def normal_path(path: str) -> str:
    """The path meant; an empty one is the root. Raises ``PathError``."""
    if path in ("", ROOT.rstrip("/")):
        return ROOT
    if not path.startswith(ROOT):
        raise PathError(f'global config path "{path}" is not allowed')
    return path


def full_name(path: str, name: str) -> str:
    """Where an item of a path is."""
    return f"{path.rstrip('/')}/{name}" if name else path.rstrip("/")


class GlobalConfig:
    """``kept`` is what ``keep`` was given last, in an earlier life."""

    def __init__(self, kept: dict[str, Any] | None, keep: Callable[[dict[str, Any]], None]) -> None:
        self._keep = keep
        kept = kept or {}
        self._items = {name: base64.b64decode(value) for name, value in kept.get("items", {}).items()}
        self.revision: int = kept.get("revision", 1)
        self._forgotten = self.revision - 1
        """The last revision whose change is not remembered."""
        last = [Change(name, base64.b64decode(value), removed) for name, value, removed in kept.get("last", [])]
        self._history: deque[tuple[int, list[Change]]] = deque([(self.revision, last)] if last else [])
        self._watchers: list[Callable[[int, Sequence[Change]], None]] = []

    def get(self, name: str) -> bytes | None:
        """One item, by its whole name."""
        return self._items.get(name)

    def below(self, path: str) -> list[tuple[str, bytes]]:
        """The items whose names begin with ``path``, in order."""
        return sorted((name, value) for name, value in self._items.items() if name.startswith(path))

    def change(self, changes: Sequence[tuple[str, bytes | None]]) -> None:
        """Put items, or with ``None`` remove them: all at once, as one revision."""
        items, events = dict(self._items), []
        for name, value in changes:
            if value is not None:
                items[name] = value
                events.append(Change(name, value))
            elif name in items:
                events.append(Change(name, items.pop(name), removed=True))
        if not events:
            return
        revision = self.revision + 1
        self._keep(
            {
                "revision": revision,
                "items": {name: _text(value) for name, value in items.items()},
                "last": [(each.name, _text(each.value), each.removed) for each in events],
            }
        )
        self._items, self.revision = items, revision
        self._history.append((revision, events))
        if len(self._history) > REMEMBERED:
            self._forgotten = self._history.popleft()[0]
        for watcher in list(self._watchers):
            watcher(revision, events)

    def since(self, revision: int) -> list[tuple[int, list[Change]]] | None:
        """The changes from ``revision`` on; from now on for 0; ``None`` if they are not all remembered."""
        if revision <= 0:
            return []
        if revision <= self._forgotten:
            return None
        return [entry for entry in self._history if entry[0] >= revision]

    def watch(self, watcher: Callable[[int, Sequence[Change]], None]) -> Callable[[], None]:
        """Have ``watcher`` called with each change; call what is returned to end it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()

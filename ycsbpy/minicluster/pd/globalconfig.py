"""Configuration that PD keeps for others, by path: what of a ``MetaStore`` is below ``/global/config/``."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from ycsbpy.minicluster.pd.following import follow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from ycsbpy.minicluster.pd.metastore import Event, MetaStore

__all__ = ["ROOT", "Change", "GlobalConfig", "PathError", "full_name", "normal_path"]

ROOT = "/global/config/"


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
    """Names are paths and whole. Revisions are the store's, and so shared with all else that is in it."""

    def __init__(self, store: MetaStore) -> None:
        self._store = store

    @property
    def revision(self) -> int:
        """That of the last change."""
        return self._store.revision

    def get(self, name: str) -> bytes | None:
        """One item."""
        item = self._store.get(name.encode())
        return None if item is None else item.value

    def below(self, path: str) -> list[tuple[str, bytes]]:
        """The items whose names begin with ``path``, in order."""
        # Names are UTF-8, which has no byte 0xff: this is the end of all that begins with the path.
        found = self._store.range(path.encode(), path.encode() + b"\xff").items
        return [(_name(item.key), item.value) for item in found]

    def change(self, changes: Sequence[tuple[str, bytes | None]]) -> None:
        """Put items, or with ``None`` remove them: all at once, as one revision. Raises ``MetaStoreError``."""
        self._store.write([(name.encode(), value) for name, value in changes])

    async def follow(self, path: str, revision: int = 0) -> AsyncGenerator[tuple[int, list[Change]], None]:
        """The changes below ``path`` from ``revision`` on, for 0 from now on. Raises ``ForgottenError``."""
        start = path.encode()
        async with aclosing(follow(self._store, revision)) as changes:
            async for number, events in changes:
                wanted = [_change(event) for event in events if event.key.startswith(start)]
                if wanted:
                    yield number, wanted


def _change(event: Event) -> Change:
    if event.after is not None:
        return Change(_name(event.key), event.after.value)
    return Change(_name(event.key), event.before.value if event.before is not None else b"", removed=True)


def _name(key: bytes) -> str:
    return key.decode(errors="replace")  # the same place can be written as bytes, which need not be a name

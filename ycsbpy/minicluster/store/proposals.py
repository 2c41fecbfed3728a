"""The way of a write, as those who serve requests see it: proposed to its Region, applied by its replicas, answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from ycsbpy.minicluster.store.commands import Command, Result
    from ycsbpy.minicluster.store.regions import Replica

__all__ = ["Proposals"]


class Proposals(Protocol):
    """Where commands go to be agreed on."""

    def propose(self, replica: Replica, version: int, command: Command, deadline_ns: int = 0) -> asyncio.Future[Result]:
        """Propose ``command`` for a Region whose range has this version, as the caller knows it.

        The future has the command's result once a read may see it; or raises ``RegionError`` or ``StorageError`` when
        it was not done, or when nobody knows (``stale_command``). ``deadline_ns`` is monotonic time; 0 for none.
        """
        ...

"""To follow the changes of a ``MetaStore`` at one's own pace.

A follower has a place in the store's own memory instead of a queue, so that one that does not read holds nothing: when
the memory has left it behind, it is told so, and has to load everything again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ycsbpy.minicluster.pd.metastore import Change, MetaStore

__all__ = ["ForgottenError", "follow"]


class ForgottenError(Exception):
    """Not all changes from ``revision`` on are remembered, only those from ``compacted`` on."""

    def __init__(self, revision: int, compacted: int) -> None:
        super().__init__(
            f"required watch revision: {revision} is smaller than current compact/min revision {compacted}."
        )
        self.compacted = compacted


async def follow(store: MetaStore, revision: int = 0) -> AsyncGenerator[Change, None]:
    """All changes from ``revision`` on, for 0 from now on, as they come. Raises ``ForgottenError``."""
    following = revision if revision > 0 else store.revision + 1
    changed = asyncio.Event()
    end = store.watch(changed.set)
    try:
        while True:
            changed.clear()
            missed = store.since(following)
            if missed is None:
                raise ForgottenError(following, store.compacted)
            for change in missed:
                following = change.revision + 1
                yield change
            if not missed:
                await changed.wait()
    finally:
        end()

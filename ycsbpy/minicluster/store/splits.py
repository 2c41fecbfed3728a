"""Splits: when a Region has grown too large, where it is cut, and the way to it by PD.

A Region is looked at when the estimate of its size has grown by a sixteenth of ``split_size`` since the last look. Only
if the estimate is ``max_size`` or more the rows are counted, in slices, since overwritten rows make the estimate too
high; that gives the split keys, one after each ``split_size``, and a true size. The last key is dropped where the rest
would be small. The split itself is a command to all replicas, with ids from PD, which hears of the pieces afterwards.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import SplitIds, valid_split_keys
from ycsbpy.minicluster.store import encoding
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.commands import Split
from ycsbpy.minicluster.store.engine import DATA_CFS
from ycsbpy.proto import errorpb_pb2 as errorpb
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ycsbpy.minicluster.model import Region
    from ycsbpy.minicluster.store.admission import Admissions
    from ycsbpy.minicluster.store.engine import KvEngine
    from ycsbpy.minicluster.store.multiraft import MultiRaft
    from ycsbpy.minicluster.store.pdlink import PdLink
    from ycsbpy.minicluster.store.peer import RaftPeer

__all__ = ["SizeScan", "SplitOptions", "Splitter", "half_way"]

log = logging.getLogger(__name__)

SLICE_ROWS = 1000


@dataclass(frozen=True)
class SplitOptions:
    """TiKV's ``[coprocessor]`` settings, with its defaults of 8.5. Sizes in bytes.

    A Region of ``max_size`` or more (0: half again ``split_size``) is cut every ``split_size``, into at most
    ``batch_limit`` new ones at once. ``check_s`` is how often Regions are looked at.
    """

    split_size: int = 256 << 20
    max_size: int = 0
    batch_limit: int = 10
    right_derive: bool = True
    check_s: float = 10.0

    @property
    def largest(self) -> int:
        """The size from which on a Region is split."""
        return self.max_size or self.split_size // 2 * 3

    @property
    def diff(self) -> int:
        """The growth after which a Region is looked at again."""
        return max(self.split_size // 16, 1)


class SizeScan:
    """Counts rows in key order, and says where a Region of them should be cut."""

    def __init__(self, options: SplitOptions) -> None:
        self._options = options
        self.size = 0
        self.rows = 0
        self._since = 0
        self._keys: list[bytes] = []

    def add(self, key: bytes, size: int) -> None:
        """The next row: its key, and the bytes of key and value."""
        self.size += size
        self.rows += 1
        self._since += size
        limit = self._options.split_size
        if self._since > limit and len(self._keys) < self._options.batch_limit:
            self._keys.append(key)
            self._since = size if self._since - size == limit else 0  # as TiKV counts

    def split_keys(self) -> list[bytes]:
        """Where to cut; empty for a Region that is not too large."""
        options = self._options
        if self.size < options.largest:
            return []
        keys = list(self._keys)
        if keys and self._since + options.split_size < options.largest:
            keys.pop()
        return keys


def half_way(rows: Sequence[tuple[bytes, int]]) -> bytes:
    """The key at which half of the bytes are passed; empty if there is none that would leave two pieces."""
    total = sum(size for _, size in rows)
    passed = 0
    for index, (key, size) in enumerate(rows):
        if index and passed * 2 >= total:
            return key
        passed += size
    return rows[-1][0] if len(rows) > 1 else b""


class Splitter:
    """Splits Regions that this store leads."""

    def __init__(self, raft: MultiRaft, engine: KvEngine, link: PdLink, options: SplitOptions) -> None:
        self._raft = raft
        self._engine = engine
        self._link = link
        self._options = options
        self._busy: set[int] = set()

    async def run(self) -> None:
        """Look at the Regions for ever."""
        while True:
            await asyncio.sleep(self._options.check_s)
            for peer in list(self._raft.peers.values()):
                try:
                    await self._look(peer)
                except RegionError as error:
                    log.info("region %d does not split now: %s", peer.region.id, error)
                except Exception:
                    log.exception("region %d cannot be looked at", peer.region.id)

    async def _look(self, peer: RaftPeer) -> None:
        stats = peer.replica.stats
        if not peer.is_leader or peer.joint or peer.region.id in self._busy:
            return
        if stats.known and (stats.size - stats.checked < self._options.diff or stats.size < self._options.largest):
            return
        scan = await self._scan(peer)
        if scan is None:
            return
        keys = scan.split_keys()
        if keys:
            await self.split(peer, keys, pdpb.SIZE)

    async def _scan(self, peer: RaftPeer) -> SizeScan | None:
        """Count a Region's rows; ``None`` if the Region changed meanwhile."""
        region = peer.region
        scan = SizeScan(self._options)
        before = peer.replica.stats.size
        for rows in _slices(self._rows(region)):
            for key, size in rows:
                scan.add(key, size)
            await asyncio.sleep(0)
            if peer.region != region or not peer.is_leader:
                return None
        written = max(0, peer.replica.stats.size - before)
        peer.replica.stats.count(scan.size + written, scan.rows)
        self._raft.replicas.changed()
        return scan

    def _rows(self, region: Region) -> Iterator[tuple[bytes, int]]:
        for cf in DATA_CFS:
            for key, value in self._engine.rows(cf, region.start, region.end):
                yield key, len(key) + len(value)

    async def half_key(self, peer: RaftPeer) -> bytes:
        """A key half-way through a Region's data; empty if there is none."""
        rows: list[tuple[bytes, int]] = []
        for chunk in _slices(self._rows(peer.region)):
            rows += chunk
            await asyncio.sleep(0)
        return half_way(rows)

    async def split(self, peer: RaftPeer, keys: Sequence[bytes], reason: pdpb.SplitReason) -> list[Region]:
        """Split a Region at ``keys``; return the pieces in key order.

        Raises ``RegionError`` if the Region is no longer led here or has changed, and what ``PdLink.call`` raises.
        """
        region = peer.region
        valid = valid_split_keys(region, keys)
        if not valid:
            raise RegionError(errorpb.Error(message="no valid key found for split"))
        self._busy.add(region.id)
        try:
            request = pdpb.AskBatchSplitRequest(region=wire.region_to_pb(region), split_count=len(valid), reason=reason)
            answer = await self._link.call("AskBatchSplit", request, pdpb.AskBatchSplitResponse)
            ids = tuple(SplitIds(each.new_region_id, tuple(each.new_peer_ids)) for each in answer.ids)
            command = Split(tuple(valid), ids, self._options.right_derive, share_size=reason == pdpb.SIZE)
            await self._raft.propose(peer.replica, region.epoch.version, command)
        finally:
            self._busy.discard(region.id)
        found = [self._raft.peers.get(region_id) for region_id in [*(each.region_id for each in ids), region.id]]
        pieces = sorted((piece.region for piece in found if piece is not None), key=lambda piece: piece.start)
        log.info("region %d split at %d keys", region.id, len(valid))
        request_report = pdpb.ReportBatchSplitRequest(regions=[wire.region_to_pb(piece) for piece in pieces])
        await self._link.call("ReportBatchSplit", request_report, pdpb.ReportBatchSplitResponse)
        return pieces

    async def by_policy(self, peer: RaftPeer, command: pdpb.SplitRegion) -> None:
        """PD's wish: at its keys, or half-way through."""
        keys = list(command.keys)
        if command.policy != pdpb.USEKEY:
            key = await self.half_key(peer)
            keys = [key] if key else []
        if valid_split_keys(peer.region, keys):
            await self.split(peer, keys, pdpb.ADMIN)

    async def at_start(self, keys: Sequence[bytes]) -> None:
        """Split whatever Regions this store leads at ``keys``."""
        for peer in list(self._raft.peers.values()):
            if peer.is_leader and valid_split_keys(peer.region, keys):
                await self.split(peer, keys, pdpb.ADMIN)

    async def call(self, admit: Admissions, request: kvrpcpb.SplitRegionRequest) -> bytes:
        """TiKV's ``SplitRegion`` call. Keys of a client that is not raw are memcomparable in TiKV; here all are raw."""
        admitted = admit(request.context.SerializeToString(), "split_region")
        peer = self._raft.peers[admitted.replica.region.id]
        keys = list(request.split_keys) or ([request.split_key] if request.split_key else [])
        try:
            pieces = await self.split(peer, keys, pdpb.ADMIN)
        except RegionError as error:
            return encoding.region_error(error.error)
        response = kvrpcpb.SplitRegionResponse(regions=[wire.region_to_pb(piece) for piece in pieces])
        if len(pieces) == 2:
            response.left.CopyFrom(response.regions[0])
            response.right.CopyFrom(response.regions[1])
        return response.SerializeToString()


def _slices(rows: Iterable[tuple[bytes, int]]) -> Iterator[list[tuple[bytes, int]]]:
    chunk: list[tuple[bytes, int]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) >= SLICE_ROWS:
            yield chunk
            chunk = []
    yield chunk

"""A Region's data for a replica that the log can no longer help: made, sent, received, taken in.

A snapshot is the Region's rows at the index that its replica has applied: iterators of the engine, which show the data
as it was when they were made, however long the sending takes. It goes in chunks, each a list of rows, over TiKV's
Snapshot stream. The receiver spools them to a file; only when all is there does Raft hear of it. Then the rows replace
the Region's range, in many writes: the Region is marked as *applying* before the first, and if the process dies in
between, the file is taken in again at the next start.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.peerchange import conf_state_of
from ycsbpy.minicluster.raft import LogCorruptionError, Snapshot, TemporarilyUnavailableError
from ycsbpy.minicluster.store.engine import CF_NAMES, DATA_CFS, DELETE_RANGE, PUT, Mutation, Row
from ycsbpy.minicluster.store.peerstorage import APPLYING, NORMAL, PeerStorage, state_mutation
from ycsbpy.proto import commandpb_pb2 as commandpb
from ycsbpy.proto import raft_serverpb_pb2 as raft_serverpb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from ycsbpy.minicluster.model import Region
    from ycsbpy.minicluster.raft import Ready
    from ycsbpy.minicluster.store.multiraft import MultiRaft
    from ycsbpy.minicluster.store.peer import RaftPeer

__all__ = ["BadSnapshotError", "Snapshots", "Spool", "chunks"]

log = logging.getLogger(__name__)

VERSION = 2  # TiKV's number for snapshots that are streams of rows and not one message
CHUNK_BYTES = 512 << 10
MOST_AT_ONCE = 8

Views = dict[int, "Iterator[Row]"]


class BadSnapshotError(Exception):
    """A snapshot that comes in cannot be used."""


def chunks(views: Views) -> Iterator[bytes]:
    """The rows of a snapshot as chunks; the last one says how many rows there were."""
    total = 0
    for cf, rows in views.items():
        message = commandpb.SnapshotRows(cf=cf)
        size = 0
        for key, value in rows:
            message.keys.append(key)
            message.values.append(value)
            size += len(key) + len(value)
            total += 1
            if size >= CHUNK_BYTES:
                yield message.SerializeToString()
                message = commandpb.SnapshotRows(cf=cf)
                size = 0
        if message.keys:
            yield message.SerializeToString()
    yield commandpb.SnapshotRows(last=True, total=total).SerializeToString()


class Spool:
    """A snapshot that is coming in, on its way into a file. ``message`` is delivered once it is complete."""

    def __init__(self, path: Path, region: Region, message: raft_serverpb.RaftMessage) -> None:
        self.region = region
        self.message = message
        self._path = path
        self._partial = path.with_suffix(".part")
        self._file: BinaryIO = self._partial.open("wb")
        self._rows = 0
        self.complete = False

    def add(self, chunk: bytes) -> None:
        """Take one chunk. Raises ``BadSnapshotError``."""
        rows = _rows_of(chunk)
        if self.complete:
            raise BadSnapshotError("rows after the end")
        self._file.write(len(chunk).to_bytes(4) + chunk)
        self._rows += len(rows.keys)
        if rows.last:
            if rows.total != self._rows:
                raise BadSnapshotError(f"{self._rows} rows of {rows.total}")
            self.complete = True

    def keep(self) -> None:
        """All is there."""
        self._file.close()
        self._partial.replace(self._path)

    def discard(self) -> None:
        """It will not be used."""
        self._file.close()
        self._partial.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)


def _rows_of(chunk: bytes) -> commandpb.SnapshotRows:
    try:
        rows = commandpb.SnapshotRows.FromString(chunk)
    except DecodeError:
        raise BadSnapshotError("a chunk that cannot be decoded") from None
    if rows.cf not in DATA_CFS or len(rows.keys) != len(rows.values):
        raise BadSnapshotError("a chunk whose parts do not fit together")
    return rows


class Snapshots:
    """The snapshots of one store, coming and going."""

    def __init__(self, host: MultiRaft, folder: Path) -> None:
        self._host = host
        self._folder = folder
        self._views: dict[tuple[int, int], Views] = {}
        self._receiving: dict[int, Spool] = {}
        self._ingesting: dict[int, Region] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: set[RaftPeer] = set()
        self.sending = 0

    @property
    def receiving(self) -> int:
        """How many are coming in."""
        return len(self._receiving)

    @property
    def ingesting(self) -> int:
        """How many are being taken in."""
        return len(self._ingesting)

    # ---- made and sent ----

    def make(self, peer: RaftPeer, request_index: int, to: int) -> Snapshot:
        """A snapshot of what the replica has applied and written; see ``Storage.snapshot``."""
        storage = peer.storage
        if self._host.applying or self.sending >= MOST_AT_ONCE:  # the data may be behind the applied index
            self._try_again(peer)
            raise TemporarilyUnavailableError("in the middle of a pass, or too many snapshots are being sent")
        index = storage.applied
        if index < request_index:
            raise TemporarilyUnavailableError(f"applied {index}, not yet {request_index}")
        region = peer.region
        self._views[region.id, to] = {cf: self._host.engine.rows(cf, region.start, region.end) for cf in DATA_CFS}
        data = raft_serverpb.RaftSnapshotData(region=wire.region_to_pb(region), version=VERSION)
        data.file_size = peer.replica.stats.size
        for cf in DATA_CFS:
            data.meta.cf_files.add(cf=CF_NAMES[cf])
        term = peer.raw.raft.log.term(index)
        log.info("region %d: a snapshot at %d for peer %d", region.id, index, to)
        return Snapshot(index, term, conf_state_of(region), data.SerializeToString())

    def _try_again(self, peer: RaftPeer) -> None:
        """Have the leader ask for the snapshot once more when the pass is over."""
        if not self._refused:
            asyncio.get_running_loop().call_soon(self._again)
        self._refused.add(peer)

    def _again(self) -> None:
        peers, self._refused = self._refused, set()
        if self.sending >= MOST_AT_ONCE:
            return  # the answer to a heartbeat asks again
        for peer in peers:
            if not peer.removed and peer.is_leader:
                peer.raw.raft.append_due = True
                self._host.mark(peer)

    def take_views(self, region_id: int, to: int) -> Views | None:
        """What was made for a Peer, to be sent now."""
        return self._views.pop((region_id, to), None)

    # ---- received ----

    def receive(self, message: raft_serverpb.RaftMessage) -> Spool:
        """A snapshot begins to come in. Raises ``BadSnapshotError`` if it cannot be taken."""
        try:
            data = raft_serverpb.RaftSnapshotData.FromString(message.message.snapshot.data)
            region = wire.region_from_pb(data.region)
        except (DecodeError, ValueError):
            raise BadSnapshotError("a snapshot that cannot be decoded") from None
        if region.id in self._receiving or len(self._receiving) >= MOST_AT_ONCE:
            raise BadSnapshotError("another snapshot is coming in")
        if not self._host.may_take_snapshot(message, region):
            raise BadSnapshotError(f"a snapshot of region {region.id} cannot be taken here now")
        meta = message.message.snapshot.metadata
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            spool = Spool(self._path(region.id, meta.term, meta.index), region, message)
        except OSError as error:
            raise BadSnapshotError(f"no room for a snapshot: {error.strerror}") from None
        self._receiving[region.id] = spool
        return spool

    def received(self, spool: Spool) -> None:
        """The stream has ended: deliver the snapshot if all of it is there. Raises ``BadSnapshotError``."""
        self._receiving.pop(spool.region.id, None)
        if not spool.complete or not self._host.may_take_snapshot(spool.message, spool.region):
            spool.discard()
            raise BadSnapshotError("the snapshot is not complete, or not needed any more")
        spool.keep()
        peer = self._host.peers[spool.region.id]
        self._host.deliver(spool.message)
        if peer.raw.raft.log.snapshot is None:
            spool.discard()  # Raft did not need it

    def failed(self, spool: Spool) -> None:
        """The stream broke."""
        self._receiving.pop(spool.region.id, None)
        spool.discard()

    def overlaps(self, region: Region) -> bool:
        """Whether another Region's snapshot, under way, covers some of the same keys."""
        others = [spool.region for spool in self._receiving.values()] + list(self._ingesting.values())
        return any(other.id != region.id and other.overlaps(region.start, region.end) for other in others)

    def _path(self, region_id: int, term: int, index: int) -> Path:
        return self._folder / f"{region_id}-{term}-{index}.snap"

    # ---- taken in ----

    def ingest(self, peer: RaftPeer, ready: Ready) -> None:
        """Begin to replace a replica's data; what the ready promises is promised when that is done."""
        snapshot = ready.snapshot
        assert snapshot is not None
        region = wire.region_from_pb(raft_serverpb.RaftSnapshotData.FromString(snapshot.data).region)
        path = self._path(region.id, snapshot.term, snapshot.index)
        if not path.exists():
            raise LogCorruptionError(f"the snapshot at {snapshot.index} has no data")
        old = peer.region if peer.initialized else region
        mutations = [state_mutation(region, APPLYING), *peer.storage.restore_mutations(snapshot, ready.hard_state)]
        if ready.entries:
            mutations += peer.storage.append_mutations(ready.entries, None)
        for start, end in {(old.start, old.end), (region.start, region.end)}:
            mutations += [(DELETE_RANGE, cf, start, end) for cf in DATA_CFS]
        self._host.write(mutations)
        self._ingesting[region.id] = region
        task = asyncio.get_running_loop().create_task(self._ingest(peer, ready, region, path))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ingest(self, peer: RaftPeer, ready: Ready, region: Region, path: Path) -> None:
        rows = size = 0
        try:
            for mutations in _file_mutations(path):
                self._host.write(mutations)
                rows += len(mutations)
                size += sum(len(key) + len(value) for _, _, key, value in mutations)
                await asyncio.sleep(0)
        except (BadSnapshotError, OSError):
            log.exception("region %d: the snapshot in %s cannot be taken in", region.id, path)
            return  # marked as applying, and ingesting for good: it takes no part any more
        finally:
            self._ingesting.pop(region.id, None)
        self._host.write([state_mutation(region, NORMAL)])
        path.unlink(missing_ok=True)  # noqa: ASYNC240  (one system call)
        assert ready.snapshot is not None
        log.info("region %d: the snapshot at %d is in place, %d rows", region.id, ready.snapshot.index, rows)
        peer.replica.stats.count(size, rows)
        peer.log_bytes = 0
        peer.restored(region)
        peer.raw.persisted(ready.number)
        peer.raw.applied(ready.snapshot.index)
        peer.outbox(ready.promises)
        self._host.mark(peer)
        self._host.flush()

    def resume(self, region: Region) -> None:
        """At the start: take in once more what was being taken in when the process ended."""
        storage = PeerStorage(self._host.engine, region.id)
        storage.load(region)
        index, term = storage.truncated
        path = self._path(region.id, term, index)
        try:
            self._host.engine.write([(DELETE_RANGE, cf, region.start, region.end) for cf in DATA_CFS])
            for mutations in _file_mutations(path):
                self._host.engine.write(mutations)
        except (OSError, BadSnapshotError) as error:
            raise LogCorruptionError(f"region {region.id}: the snapshot in {path} cannot be read: {error}") from None
        self._host.engine.write([state_mutation(region, NORMAL)])
        path.unlink()

    def clean(self) -> None:
        """At the start: remove what a process before this one did not finish."""
        for path in self._folder.glob("*"):
            path.unlink(missing_ok=True)

    def drop(self, region_id: int) -> None:
        """A replica is gone."""
        for key in [key for key in self._views if key[0] == region_id]:
            del self._views[key]

    async def close(self) -> None:
        """Stop taking in; what is half done is done again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._views.clear()


def _file_mutations(path: Path) -> Iterator[list[Mutation]]:
    with path.open("rb") as file:
        while head := file.read(4):
            size = int.from_bytes(head)
            chunk = file.read(size)
            if len(chunk) != size:
                raise BadSnapshotError("the file ends early")
            rows = _rows_of(chunk)
            yield [(PUT, rows.cf, key, value) for key, value in zip(rows.keys, rows.values, strict=True)]

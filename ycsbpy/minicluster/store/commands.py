"""What can be proposed to a Region, and what its replicas do when a proposal is applied.

A command is data, and applying it depends on nothing but the data it is applied to: no clock, no chance. That is what
lets replicas that apply the same commands in the same order stay equal. Many commands, of all of a store's Regions,
are applied together with one write to the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import split_region
from ycsbpy.minicluster.store.checks import RegionError, check_epoch
from ycsbpy.minicluster.store.engine import CF_RAFT, PUT, Mutation
from ycsbpy.minicluster.store.rawkv import CasResult, CompareAndSwap, RawKv, StorageError
from ycsbpy.minicluster.store.regions import Replica, ReplicaMap
from ycsbpy.proto import errorpb_pb2 as errorpb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ycsbpy.minicluster.model import SplitIds

__all__ = ["Command", "Entry", "Outcome", "Split", "StateMachine", "Write", "region_key"]

REGION_PREFIX = b"region/"


class Write(NamedTuple):
    """Puts, deletes and range deletes, all or none; ``size`` is the bytes of their keys and values."""

    mutations: list[Mutation]
    size: int


class Split(NamedTuple):
    """Split the Region at ``keys``, giving the new pieces these ids; the right-most piece keeps the Region's own."""

    keys: tuple[bytes, ...]
    ids: tuple[SplitIds, ...]


Command: TypeAlias = Write | CompareAndSwap | Split

Outcome: TypeAlias = CasResult | RegionError | StorageError | None
"""What became of a command: its result (``None`` where there is nothing to say), or why it was not done."""


class Entry(NamedTuple):
    """A command for one replica, proposed when its Region's range had this ``version``."""

    replica: Replica
    version: int
    command: Command


def region_key(region_id: int) -> bytes:
    """The key, in the store's own column family, of a Region's description."""
    return REGION_PREFIX + region_id.to_bytes(8)


class StateMachine:
    """Applies commands to a store's data and to its replicas."""

    def __init__(self, kv: RawKv, replicas: ReplicaMap) -> None:
        self._kv = kv
        self._replicas = replicas

    def apply(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Apply ``entries`` in order; return what became of each. If the engine fails, none of a batch was done."""
        outcomes: list[Outcome] = []
        batch: list[Mutation] = []
        first = 0  # of the entries whose mutations are in the batch
        for index, entry in enumerate(entries):
            command = entry.command
            if isinstance(command, CompareAndSwap) and batch:  # it reads what comes before it
                self._write(batch, outcomes, first)
                batch, first = [], index
            try:
                check_epoch(self._replicas, entry.replica, entry.version)
                outcomes.append(self._one(entry.replica, command, batch))
            except (RegionError, StorageError) as refused:
                outcomes.append(refused)
        self._write(batch, outcomes, first)
        return outcomes

    def _one(self, replica: Replica, command: Command, batch: list[Mutation]) -> Outcome:
        if isinstance(command, Write):
            batch.extend(command.mutations)
            replica.stats.wrote(command.size, len(command.mutations))
            return None
        if isinstance(command, CompareAndSwap):
            result, mutations = self._kv.compare_and_swap(command)
            batch.extend(mutations)
            for _, _, key, value in mutations:
                replica.stats.wrote(len(key) + len(value), 1)
            return result
        return self._split(replica, command, batch)

    def _split(self, replica: Replica, command: Split, batch: list[Mutation]) -> Outcome:
        try:
            pieces = split_region(replica.region, command.keys, command.ids)
        except ValueError as error:
            return RegionError(errorpb.Error(message=f"no valid key found for split: {error}"))
        batch.extend(
            (PUT, CF_RAFT, region_key(piece.id), wire.region_to_pb(piece).SerializeToString()) for piece in pieces
        )
        share = len(pieces)
        stats = replica.stats
        stats.size, stats.total_keys = stats.size // share, stats.total_keys // share
        self._replicas.update(replica, pieces[-1])
        for piece in pieces[:-1]:
            peer = piece.peer_on(self._replicas.store_id)
            if peer is None:
                continue
            # The store that led the parent leads the children: nobody else has heard of them yet.
            child = Replica(piece, peer, leader=peer if replica.is_leader else None, term=replica.term)
            child.stats.size, child.stats.total_keys = stats.size, stats.total_keys
            self._replicas.add(child)
        return None

    def _write(self, batch: list[Mutation], outcomes: list[Outcome], first: int) -> None:
        if not batch:
            return
        try:
            self._kv.engine.write(batch)
        except Exception as error:  # noqa: BLE001  (rocksdict raises plain Exception)
            failed = _engine_failure(self._replicas.store_id, error)
            for index in range(first, len(outcomes)):
                if not isinstance(outcomes[index], RegionError | StorageError):
                    outcomes[index] = failed


def _engine_failure(store_id: int, error: Exception) -> RegionError | StorageError:
    text = str(error)
    if "No space left" not in text:
        return StorageError(f"engine: {text}")
    message = errorpb.Error(message=f"store ids [{store_id}], errmsg {text}")
    message.disk_full.store_id.append(store_id)
    message.disk_full.reason = text
    return RegionError(message)

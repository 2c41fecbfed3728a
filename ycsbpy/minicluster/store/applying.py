"""What committed commands do: to a Region's data, to its range, to its log.

Many commands, of all of a store's Regions, go into one batch. A swap has to read what was written before it, so it is
the one thing that makes the batch so far be written first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ycsbpy.minicluster.model import Epoch, split_region
from ycsbpy.minicluster.peerchange import change_peers
from ycsbpy.minicluster.raft import LogCorruptionError
from ycsbpy.minicluster.store.checks import RegionError
from ycsbpy.minicluster.store.commands import ChangePeers, Command, CompactLog, Outcome, Split, Write, decode
from ycsbpy.minicluster.store.peerstorage import NORMAL, state_mutation
from ycsbpy.minicluster.store.rawkv import CompareAndSwap
from ycsbpy.proto import errorpb_pb2 as errorpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.model import Region
    from ycsbpy.minicluster.raft import Entry
    from ycsbpy.minicluster.store.multiraft import WriteSet
    from ycsbpy.minicluster.store.peer import RaftPeer

__all__ = ["Applier"]


class Applier:
    """The state machine of one replica."""

    def __init__(self, peer: RaftPeer) -> None:
        self._peer = peer

    def apply(self, entry: Entry, known: tuple[Epoch, Command] | None, batch: WriteSet, *, wanted: bool) -> Outcome:
        """Apply an entry. ``known`` is what it says, where it was made here; ``wanted`` whether anybody waits."""
        if known is None:
            try:
                known = decode(entry.data)
            except ValueError as error:
                raise LogCorruptionError(f"entry {entry.index}: {error}") from error
        epoch, command = known
        peer = self._peer
        if isinstance(command, CompactLog):
            batch.mutations += peer.storage.compact_mutations(command.last, command.term)
            return None
        if epoch.version != peer.region.epoch.version:
            return peer.epoch_error(epoch.version) if wanted else None
        if isinstance(command, Write):
            batch.mutations += command.mutations
            peer.replica.stats.wrote(command.size, len(command.mutations))
            return None
        if isinstance(command, CompareAndSwap):
            return self._swap(command, batch)
        if isinstance(command, Split):
            return self._split(epoch, command, batch)
        raise LogCorruptionError(f"entry {entry.index} changes peers without saying so to Raft")

    def _swap(self, command: CompareAndSwap, batch: WriteSet) -> Outcome:
        peer = self._peer
        batch.mutations.append(peer.storage.apply_mutation(peer.storage.applied))
        batch.flush()
        result, mutations = peer.host.kv.compare_and_swap(command)
        batch.mutations += mutations
        for _, _, key, value in mutations:
            peer.replica.stats.wrote(len(key) + len(value), 1)
        return result

    def _split(self, epoch: Epoch, command: Split, batch: WriteSet) -> Outcome:
        peer = self._peer
        region = peer.region
        if epoch.conf_ver != region.epoch.conf_ver:
            return peer.epoch_error(epoch.version - 1)
        try:
            pieces = split_region(region, command.keys, command.ids, right_derive=command.right_derive)
        except ValueError as error:
            return RegionError(errorpb.Error(message=f"no valid key found for split: {error}"))
        led = peer.is_leader
        stats = peer.replica.stats
        stats.split(len(pieces), share=command.share_size)
        for piece in pieces:
            if piece.id == region.id:
                batch.mutations.append(state_mutation(piece, NORMAL))
                peer.set_region(piece)
        for piece in pieces:
            if piece.id != region.id:
                peer.host.create_child(peer, piece, batch, led=led, share=command.share_size)
        if led:
            peer.raw.raft.commit_due = True  # the others shall not wait for a heartbeat
        return None

    def changed_region(self, context: bytes) -> Region:
        """The Region after a change of Peers, which is in the context of Raft's change. Raises ``ValueError``."""
        epoch, command = decode(context)
        if not isinstance(command, ChangePeers):
            raise ValueError("a configuration change that says nothing of the Region's peers")
        region = self._peer.region
        if epoch.conf_ver != region.epoch.conf_ver:
            raise ValueError(f"for conf_ver {epoch.conf_ver}, which is {region.epoch.conf_ver}")
        return change_peers(region, command.changes)

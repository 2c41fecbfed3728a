"""Which replica a request is for, and whether it may be served: decided once for each context.

A client sends the same context (Region, epoch, peer, flags) with every request for a Region, so what was decided
about its bytes is kept, and all of it is forgotten whenever a Region, a leader or a term changes. Refusals are not
kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from ycsbpy.minicluster.store.checks import admit
from ycsbpy.minicluster.store.rawkv import StorageError
from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb

if TYPE_CHECKING:
    from ycsbpy.minicluster.store.regions import Replica, ReplicaMap

__all__ = ["Admissions", "Admitted", "BadRequestError", "ForeignClusterError", "ReadLaterError"]


class ForeignClusterError(Exception):
    """The request names another cluster than this store's; the call, or the stream it came on, ends."""


class BadRequestError(Exception):
    """The request cannot be decoded."""


class ReadLaterError(Exception):
    """The replica leads, but has to make sure of it, or to catch up, before it may answer a read."""

    def __init__(self, replica: Replica) -> None:
        super().__init__()
        self.replica = replica


class Admitted:
    """A replica that may serve requests with a certain context, and its range at the time."""

    __slots__ = ("deadline_ms", "end", "replica", "start", "version")

    def __init__(self, replica: Replica, deadline_ms: int) -> None:
        self.replica = replica
        self.start = replica.region.start
        self.end = replica.region.end
        self.version = replica.region.epoch.version
        self.deadline_ms = deadline_ms

    def holds(self, key: bytes) -> bool:
        """Whether the Region holds ``key``."""
        return self.start <= key and (not self.end or key < self.end)


class Admissions:
    """Contexts, as bytes, and what was decided about them."""

    MAX_KEPT = 4096

    def __init__(self, replicas: ReplicaMap, cluster_id: int, storage: str) -> None:
        self._replicas = replicas
        self._cluster_id = cluster_id
        self._storage = storage
        self._kept: dict[bytes, Admitted] = {}
        self.proven: Replica | None = None
        """A replica that has just made sure that it leads: reads from it need no lease."""
        replicas.on_change(self._kept.clear)

    def read(self, context: bytes, command: str) -> Admitted:
        """As a call, for a read, which needs the replica to be sure that it leads. Raises ``ReadLaterError`` too."""
        admitted = self(context, command)
        replica = admitted.replica
        if replica is not self.proven and not replica.group.may_read():
            raise ReadLaterError(replica)
        return admitted

    def __call__(self, context: bytes, command: str) -> Admitted:
        """Return what may serve a request with this context; ``command`` is its name in error texts.

        Raises ``RegionError``, ``StorageError`` for an API version that the store does not have,
        ``ForeignClusterError`` and ``BadRequestError``.
        """
        known = self._kept.get(context)
        if known is not None:
            return known
        try:
            message = kvrpcpb.Context.FromString(context)
        except DecodeError:
            raise BadRequestError("the request's context cannot be decoded") from None
        if message.cluster_id not in (0, self._cluster_id):
            raise ForeignClusterError("the cluster id of the request does not match the TiKV cluster")
        if message.api_version != kvrpcpb.V1:
            version = message.api_version
            name = kvrpcpb.APIVersion.Name(version) if version in kvrpcpb.APIVersion.values() else str(version)
            raise StorageError(
                "Api version in request does not match with TiKV storage, "
                f"cmd: {command}, storage: {self._storage}, request: {name}"
            )
        admitted = Admitted(admit(self._replicas, message), message.max_execution_duration_ms)
        if len(self._kept) >= self.MAX_KEPT:  # contexts that hold something unique, such as a trace id
            self._kept.clear()
        self._kept[context] = admitted
        return admitted

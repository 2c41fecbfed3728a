"""Who PD is: the one member of its cluster, and the versions it tells."""

from __future__ import annotations

from dataclasses import dataclass

from ycsbpy.minicluster.model import COMPATIBLE_VERSION
from ycsbpy.proto import pdpb_pb2 as pdpb

__all__ = ["Members"]


@dataclass(frozen=True)
class Members:
    """A PD cluster of one, which is its own leader. ``address`` is host:port, as clients have to dial it."""

    name: str
    member_id: int
    address: str
    deploy_path: str
    release: str
    start_timestamp: int

    @property
    def version(self) -> str:
        """TiKV's version whose protocol this is, and, as build metadata, ours."""
        return f"v{COMPATIBLE_VERSION}+ycsbpy.{self.release}"

    @property
    def leader(self) -> pdpb.Member:
        """The leader, whose first client URL is what clients go on to use."""
        return pdpb.Member(
            name=self.name,
            member_id=self.member_id,
            peer_urls=[f"http://{self.address}"],
            client_urls=[f"http://{self.address}"],
            deploy_path=self.deploy_path,
            binary_version=self.version,
            git_hash=f"ycsbpy-{self.release}",
        )

    def all(self) -> list[pdpb.Member]:
        """Every member."""
        return [self.leader]

"""A client made of nothing but messages and grpcio: what it sends is what the test says, right or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import grpc

from ycsbpy.proto import kvrpcpb_pb2 as kvrpcpb
from ycsbpy.proto import metapb_pb2 as metapb
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ycsbpy.proto import errorpb_pb2 as errorpb

__all__ = ["RawClient", "channel", "region_error"]

OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
UNARY_MESSAGES: dict[str, tuple[Any, Any]] = {
    "GetPrevRegion": (pdpb.GetRegionRequest, pdpb.GetRegionResponse),
    "GetRegionByID": (pdpb.GetRegionByIDRequest, pdpb.GetRegionResponse),
    "ReportMinResolvedTS": (pdpb.ReportMinResolvedTsRequest, pdpb.ReportMinResolvedTsResponse),
}


def channel(address: str) -> Any:
    """A connection of its own; calls take and give bytes."""
    return grpc.insecure_channel(address, options=OPTIONS)


def region_error(answer: Any) -> tuple[str, errorpb.Error]:
    """The region error of an answer, and which one it is: empty if there is none."""
    error: errorpb.Error = answer.region_error
    name = next((field.name for field, _ in error.ListFields() if field.name != "message"), "")
    assert error.message or not name
    return name, error


class RawClient:
    """Calls by name: ``pd("GetRegion", region_key=b"k")`` and ``store("RawGet", context, key=b"k")``."""

    def __init__(self, pd_address: str) -> None:
        self.pd_channel = channel(pd_address)
        self.cluster_id = self.pd("GetMembers", header=None).header.cluster_id
        self._stores: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pd_channel.close()
        for each in self._stores.values():
            each.close()

    def header(self, cluster_id: int | None = None) -> pdpb.RequestHeader:
        """A request's header, with this cluster's id if no other is given."""
        return pdpb.RequestHeader(cluster_id=self.cluster_id if cluster_id is None else cluster_id)

    def pd(self, method: str, **fields: Any) -> Any:
        """Call PD; ``header=None`` leaves the header out."""
        request_class, response_class = UNARY_MESSAGES.get(method) or (
            getattr(pdpb, f"{method}Request"),
            getattr(pdpb, f"{method}Response"),
        )
        if "header" not in fields:
            fields["header"] = self.header()
        request = request_class(**{name: value for name, value in fields.items() if value is not None})
        answer = self.pd_channel.unary_unary(f"/pdpb.PD/{method}")(request.SerializeToString(), timeout=30)
        return response_class.FromString(answer)

    def pd_stream(self, method: str, messages: Iterator[bytes]) -> Any:
        """Open one of PD's streams; its answers are bytes."""
        return self.pd_channel.stream_stream(f"/pdpb.PD/{method}")(messages, timeout=10)

    def region(self, key: bytes) -> tuple[metapb.Region, metapb.Peer]:
        """The Region that holds ``key``, and its leader."""
        answer = self.pd("GetRegion", region_key=key)
        return answer.region, answer.leader

    def context(self, key: bytes, **fields: Any) -> kvrpcpb.Context:
        """The right context for a request for ``key``; ``fields`` are set beside it."""
        region, leader = self.region(key)
        return kvrpcpb.Context(region_id=region.id, region_epoch=region.region_epoch, peer=leader, **fields)

    def store_channel(self, store_id: int) -> Any:
        """The connection to a store."""
        address = self.pd("GetStore", store_id=store_id).store.address
        if address not in self._stores:
            self._stores[address] = channel(address)
        return self._stores[address]

    def store(self, method: str, context: kvrpcpb.Context, *, at: int = 0, **fields: Any) -> Any:
        """Call the store ``at``, or else the one that ``context`` names."""
        name = "RawCAS" if method == "RawCompareAndSwap" else method
        request = getattr(kvrpcpb, f"{name}Request")(context=context, **fields)
        call = self.store_channel(at or context.peer.store_id).unary_unary(f"/tikvpb.Tikv/{method}")
        return getattr(kvrpcpb, f"{name}Response").FromString(call(request.SerializeToString(), timeout=10))

"""PD's gRPC service: requests translated for ``ClusterState``, its answers and errors translated back.

The manners of all calls are in ``calls``, what tools ask for in ``adminservice``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import grpc

from ycsbpy.minicluster import wire
from ycsbpy.minicluster.model import NodeState
from ycsbpy.minicluster.pd import answers
from ycsbpy.minicluster.pd.adminservice import AdminService
from ycsbpy.minicluster.pd.calls import Frame, known, parse
from ycsbpy.minicluster.pd.coordinator import Coordinator
from ycsbpy.minicluster.pd.regionjobs import RegionJobs
from ycsbpy.minicluster.pd.state import ClusterState, ErrorType, PdError
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ycsbpy.minicluster.pd.members import Members
    from ycsbpy.minicluster.pd.streams import HeartbeatStreams
    from ycsbpy.minicluster.rpc import Context, StreamHandler, UnaryHandler

__all__ = ["PdService"]

log = logging.getLogger(__name__)

MAX_SPLIT_COUNT = 1 << 16


class PdService:
    """The handlers, by path: ``unary`` and ``streams``."""

    def __init__(
        self,
        state: ClusterState,
        members: Members,
        heartbeats: HeartbeatStreams,
        coordinator: Coordinator | None = None,
        jobs: RegionJobs | None = None,
    ) -> None:
        self._state = state
        self._coordinator = coordinator or Coordinator(state, heartbeats)
        self._members = members
        self._heartbeats = heartbeats
        self._frame = Frame(state.cluster_id)
        self._admin = AdminService(self._frame, state, jobs or RegionJobs(self._coordinator))

    def unary(self) -> dict[str, UnaryHandler]:
        """Path → handler of the calls with one request and one answer."""
        call = self._frame.call
        table = {
            "GetMembers": call(pdpb.GetMembersRequest, pdpb.GetMembersResponse, self._get_members, any_cluster=True),
            "GetClusterInfo": call(
                pdpb.GetClusterInfoRequest, pdpb.GetClusterInfoResponse, self._get_cluster_info, any_cluster=True
            ),
            "Bootstrap": call(pdpb.BootstrapRequest, pdpb.BootstrapResponse, self._bootstrap),
            "IsBootstrapped": call(pdpb.IsBootstrappedRequest, pdpb.IsBootstrappedResponse, self._is_bootstrapped),
            "AllocID": call(pdpb.AllocIDRequest, pdpb.AllocIDResponse, self._alloc_id),
            "GetStore": call(pdpb.GetStoreRequest, pdpb.GetStoreResponse, self._get_store),
            "PutStore": call(pdpb.PutStoreRequest, pdpb.PutStoreResponse, self._put_store),
            "GetAllStores": call(pdpb.GetAllStoresRequest, pdpb.GetAllStoresResponse, self._get_all_stores),
            "StoreHeartbeat": call(pdpb.StoreHeartbeatRequest, pdpb.StoreHeartbeatResponse, self._store_heartbeat),
            "GetRegion": call(pdpb.GetRegionRequest, pdpb.GetRegionResponse, self._get_region),
            "GetPrevRegion": call(pdpb.GetRegionRequest, pdpb.GetRegionResponse, self._get_prev_region),
            "GetRegionByID": call(pdpb.GetRegionByIDRequest, pdpb.GetRegionResponse, self._get_region_by_id),
            "ScanRegions": call(pdpb.ScanRegionsRequest, pdpb.ScanRegionsResponse, self._scan_regions),
            "BatchScanRegions": call(
                pdpb.BatchScanRegionsRequest, pdpb.BatchScanRegionsResponse, self._batch_scan_regions
            ),
            "AskBatchSplit": call(pdpb.AskBatchSplitRequest, pdpb.AskBatchSplitResponse, self._ask_batch_split),
            "ReportBatchSplit": call(
                pdpb.ReportBatchSplitRequest, pdpb.ReportBatchSplitResponse, self._report_batch_split
            ),
            "GetClusterConfig": call(
                pdpb.GetClusterConfigRequest, pdpb.GetClusterConfigResponse, self._get_cluster_config
            ),
            "IsSnapshotRecovering": call(
                pdpb.IsSnapshotRecoveringRequest,
                pdpb.IsSnapshotRecoveringResponse,
                self._is_snapshot_recovering,
                any_cluster=True,
            ),
            **self._admin.unary(),
        }
        return {f"/pdpb.PD/{name}": handler for name, handler in table.items()}

    def streams(self) -> dict[str, StreamHandler]:
        """Path → handler of the bidirectional streams."""
        table = {
            "Tso": self._tso,
            "QueryRegion": self._query_region,
            "RegionHeartbeat": self._region_heartbeat,
            "ReportBuckets": self._report_buckets,
            **self._admin.streams(),
        }
        return {f"/pdpb.PD/{name}": handler for name, handler in table.items()}

    # ---- members, ids ----

    def _get_members(self, _request: pdpb.GetMembersRequest, response: pdpb.GetMembersResponse) -> None:
        for member in self._members.all():
            response.members.append(member)
        response.leader.CopyFrom(self._members.leader)
        response.etcd_leader.CopyFrom(self._members.leader)

    def _get_cluster_info(self, _request: Any, response: pdpb.GetClusterInfoResponse) -> None:
        response.service_modes.append(pdpb.PD_SVC_MODE)

    def _alloc_id(self, request: pdpb.AllocIDRequest, response: pdpb.AllocIDResponse) -> None:
        count = request.count or 1
        response.id = self._state.alloc_ids(count)
        if count > 1:
            response.count = count

    # ---- bootstrap and stores ----

    def _bootstrap(self, request: pdpb.BootstrapRequest, _response: pdpb.BootstrapResponse) -> None:
        if not request.HasField("store") or not request.HasField("region"):
            raise PdError(ErrorType.UNKNOWN, f"missing store or region meta for bootstrap {self._state.cluster_id}")
        self._state.bootstrap(known(wire.store_from_pb, request.store), known(wire.region_from_pb, request.region))

    def _is_bootstrapped(self, _request: Any, response: pdpb.IsBootstrappedResponse) -> None:
        response.bootstrapped = self._state.bootstrapped

    def _get_store(self, request: pdpb.GetStoreRequest, response: pdpb.GetStoreResponse) -> None:
        info = self._state.store(request.store_id)
        response.store.CopyFrom(wire.store_to_pb(info.meta))
        if info.stats is not None:
            response.stats.CopyFrom(answers.stats_to_pb(info.meta.id, info.stats))

    def _put_store(self, request: pdpb.PutStoreRequest, _response: pdpb.PutStoreResponse) -> None:
        self._state.put_store(known(wire.store_from_pb, request.store))
        self._coordinator.changed()

    def _get_all_stores(self, request: pdpb.GetAllStoresRequest, response: pdpb.GetAllStoresResponse) -> None:
        self._state.require_bootstrapped()
        for info in self._state.stores.values():
            if not (request.exclude_tombstone_stores and info.meta.node_state is NodeState.REMOVED):
                response.stores.append(wire.store_to_pb(info.meta))

    def _store_heartbeat(self, request: pdpb.StoreHeartbeatRequest, response: pdpb.StoreHeartbeatResponse) -> None:
        if not request.HasField("stats"):
            raise PdError(ErrorType.UNKNOWN, "invalid store heartbeat command, its stats are missing")
        info = self._state.store_heartbeat(request.stats.store_id, answers.stats_from_pb(request.stats))
        response.cluster_version = self._state.cluster_version
        response.state = int(info.meta.node_state)  # type: ignore[assignment]

    # ---- Regions ----

    def _get_region(self, request: pdpb.GetRegionRequest, response: pdpb.GetRegionResponse) -> None:
        self._state.require_bootstrapped()
        answers.fill_region(response, self._state.regions.find(request.region_key))

    def _get_prev_region(self, request: pdpb.GetRegionRequest, response: pdpb.GetRegionResponse) -> None:
        self._state.require_bootstrapped()
        answers.fill_region(response, self._state.regions.find_previous(request.region_key))

    def _get_region_by_id(self, request: pdpb.GetRegionByIDRequest, response: pdpb.GetRegionResponse) -> None:
        self._state.require_bootstrapped()
        answers.fill_region(response, self._state.regions.get(request.region_id))

    def _scan_regions(self, request: pdpb.ScanRegionsRequest, response: pdpb.ScanRegionsResponse) -> None:
        self._state.require_bootstrapped()
        for info in self._state.regions.scan(request.start_key, request.end_key, request.limit):
            entry = response.regions.add()
            answers.fill_scanned(entry, info)
            response.region_metas.append(entry.region)
            response.leaders.append(entry.leader)

    def _batch_scan_regions(
        self, request: pdpb.BatchScanRegionsRequest, response: pdpb.BatchScanRegionsResponse
    ) -> None:
        ranges = [(each.start_key, each.end_key) for each in request.ranges]
        found = self._state.batch_scan(ranges, request.limit, contain_all=request.contain_all_key_range)
        for info in found:
            answers.fill_scanned(response.regions.add(), info)

    def _ask_batch_split(self, request: pdpb.AskBatchSplitRequest, response: pdpb.AskBatchSplitResponse) -> None:
        if not request.HasField("region"):
            raise PdError(ErrorType.REGION_NOT_FOUND, "missing region for split")
        if request.split_count > MAX_SPLIT_COUNT:
            raise PdError(ErrorType.UNKNOWN, f"split count {request.split_count} is too large")
        region = known(wire.region_from_pb, request.region)
        for ids in self._state.ask_split(region, request.split_count):
            response.ids.add(new_region_id=ids.region_id, new_peer_ids=ids.peer_ids)

    def _report_batch_split(
        self, request: pdpb.ReportBatchSplitRequest, _response: pdpb.ReportBatchSplitResponse
    ) -> None:
        self._state.report_split(known(wire.region_from_pb, region) for region in request.regions)

    # ---- the rest ----

    def _get_cluster_config(self, _request: Any, response: pdpb.GetClusterConfigResponse) -> None:
        self._state.require_bootstrapped()
        response.cluster.id = self._state.cluster_id
        response.cluster.max_peer_count = self._state.max_replicas

    def _is_snapshot_recovering(self, _request: Any, response: pdpb.IsSnapshotRecoveringResponse) -> None:
        response.marked = False  # nothing here restores a cluster; a store asks before it opens its data

    # ---- streams ----

    async def _tso(self, requests: AsyncIterator[bytes], context: Context) -> None:
        async for data in requests:
            request = await parse(pdpb.TsoRequest, data, context)
            await self._frame.check_cluster(request.header.cluster_id, context)
            try:
                stamp = self._state.tso.take(request.count)
            except ValueError as error:
                await context.abort(grpc.StatusCode.UNKNOWN, str(error))
            response = pdpb.TsoResponse(header=self._frame.header, count=request.count)
            response.timestamp.physical, response.timestamp.logical = stamp
            await context.write(response.SerializeToString())

    async def _query_region(self, requests: AsyncIterator[bytes], context: Context) -> None:
        async for data in requests:
            request = await parse(pdpb.QueryRegionRequest, data, context)
            await self._frame.check_cluster(request.header.cluster_id, context)
            try:
                self._state.require_bootstrapped()
                response = answers.query_regions(self._state.regions, request)
                response.header.CopyFrom(self._frame.header)
            except PdError as error:
                response = pdpb.QueryRegionResponse(header=self._frame.error_header(error))
            await context.write(response.SerializeToString())

    async def _region_heartbeat(self, requests: AsyncIterator[bytes], context: Context) -> None:
        stream = self._heartbeats.open()
        sender = asyncio.ensure_future(stream.send_to(context.write))
        try:
            async for data in requests:
                request = await parse(pdpb.RegionHeartbeatRequest, data, context)
                if not self._state.bootstrapped:
                    error = PdError(ErrorType.NOT_BOOTSTRAPPED, "cluster is not bootstrapped")
                    await context.write(
                        pdpb.RegionHeartbeatResponse(header=self._frame.error_header(error)).SerializeToString()
                    )
                    return
                await self._frame.check_cluster(request.header.cluster_id, context)
                store = self._state.stores.get(request.leader.store_id)
                if store is None:
                    await context.abort(
                        grpc.StatusCode.UNKNOWN, f"invalid store ID {request.leader.store_id}, not found"
                    )
                elif store.meta.node_state is not NodeState.REMOVED:
                    anew = self._heartbeats.bind(store.meta.id, stream)
                    self._take_report(request, stream.put)
                    if anew:
                        self._coordinator.store_reached_anew(store.meta.id, request.region.id)
        finally:
            self._heartbeats.close(stream)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _report_buckets(self, requests: AsyncIterator[bytes], context: Context) -> None:
        """Take them: nothing is decided by them, but a store whose stream is refused would connect anew each time."""
        async for data in requests:
            request = await parse(pdpb.ReportBucketsRequest, data, context)
            await self._frame.check_cluster(request.header.cluster_id, context)
        await context.write(pdpb.ReportBucketsResponse(header=self._frame.header).SerializeToString())

    def _take_report(self, request: pdpb.RegionHeartbeatRequest, answer: Callable[[bytes], None]) -> None:
        before = self._state.regions.get(request.region.id)
        try:
            info = known(answers.report_from_pb, request)
            self._state.region_heartbeat(info)
        except PdError as error:
            log.warning("heartbeat of region %d refused: %s", request.region.id, error)
            response = pdpb.RegionHeartbeatResponse(header=self._frame.error_header(error))
            response.region_id = request.region.id
            response.target_peer.CopyFrom(request.leader)
            answer(response.SerializeToString())
            return
        self._coordinator.region_reported(info, before)

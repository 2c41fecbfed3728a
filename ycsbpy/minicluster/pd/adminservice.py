"""PD's gRPC calls for tools: split, scatter, operators, safe points, watermarks and configuration kept for others."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc

from ycsbpy.minicluster.pd import globalconfig
from ycsbpy.minicluster.pd.calls import CallError, Frame, parse
from ycsbpy.minicluster.pd.following import ForgottenError
from ycsbpy.minicluster.pd.gcpoints import GcPointsError
from ycsbpy.minicluster.pd.metastore import MetaStoreError
from ycsbpy.minicluster.pd.regionjobs import JobError, RegionJobs, Scattered
from ycsbpy.minicluster.pd.state import ClusterState, ErrorType, PdError
from ycsbpy.minicluster.placement.operators import ImpossibleError, Status
from ycsbpy.proto import pdpb_pb2 as pdpb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ycsbpy.minicluster.rpc import Context, StreamHandler, UnaryHandler

__all__ = ["AdminService"]

STATUSES = {
    Status.RUNNING: pdpb.RUNNING,
    Status.SUCCESS: pdpb.SUCCESS,
    Status.CANCEL: pdpb.CANCEL,
    Status.REPLACE: pdpb.REPLACE,
    Status.TIMEOUT: pdpb.TIMEOUT,
}


class AdminService:
    """The handlers, by path: ``unary`` and ``streams``."""

    def __init__(self, frame: Frame, state: ClusterState, jobs: RegionJobs) -> None:
        self._frame = frame
        self._state = state
        self._jobs = jobs

    def unary(self) -> dict[str, UnaryHandler]:
        """Name → handler of the calls with one request and one answer."""
        call, bare = self._frame.call, self._frame.bare_call
        return {
            "SplitRegions": call(pdpb.SplitRegionsRequest, pdpb.SplitRegionsResponse, self._split),
            "ScatterRegion": call(pdpb.ScatterRegionRequest, pdpb.ScatterRegionResponse, self._scatter),
            "SplitAndScatterRegions": call(
                pdpb.SplitAndScatterRegionsRequest, pdpb.SplitAndScatterRegionsResponse, self._split_and_scatter
            ),
            "GetOperator": call(pdpb.GetOperatorRequest, pdpb.GetOperatorResponse, self._get_operator),
            "GetGCSafePoint": call(pdpb.GetGCSafePointRequest, pdpb.GetGCSafePointResponse, self._get_safe_point),
            "UpdateGCSafePoint": call(
                pdpb.UpdateGCSafePointRequest, pdpb.UpdateGCSafePointResponse, self._update_safe_point
            ),
            "UpdateServiceGCSafePoint": call(
                pdpb.UpdateServiceGCSafePointRequest, pdpb.UpdateServiceGCSafePointResponse, self._update_service
            ),
            "ReportMinResolvedTS": call(
                pdpb.ReportMinResolvedTsRequest, pdpb.ReportMinResolvedTsResponse, self._report_resolved
            ),
            "SetExternalTimestamp": call(
                pdpb.SetExternalTimestampRequest, pdpb.SetExternalTimestampResponse, self._set_external
            ),
            "GetExternalTimestamp": call(
                pdpb.GetExternalTimestampRequest, pdpb.GetExternalTimestampResponse, self._get_external
            ),
            "GetMinTS": call(pdpb.GetMinTSRequest, pdpb.GetMinTSResponse, self._min_timestamp),
            "LoadGlobalConfig": bare(pdpb.LoadGlobalConfigRequest, pdpb.LoadGlobalConfigResponse, self._load_config),
            "StoreGlobalConfig": bare(
                pdpb.StoreGlobalConfigRequest, pdpb.StoreGlobalConfigResponse, self._store_config
            ),
        }

    def streams(self) -> dict[str, StreamHandler]:
        """Name → handler of the streams."""
        return {"WatchGlobalConfig": self._watch_config}

    # ---- Regions ----

    async def _split(self, request: pdpb.SplitRegionsRequest, response: pdpb.SplitRegionsResponse) -> None:
        self._state.require_bootstrapped()
        done = await self._jobs.split(request.split_keys, request.retry_limit)
        response.finished_percentage = done.percentage
        response.regions_id.extend(done.region_ids)

    async def _scatter(self, request: pdpb.ScatterRegionRequest, response: pdpb.ScatterRegionResponse) -> None:
        self._state.require_bootstrapped()
        if request.regions_id:
            done = await self._scattered(request.regions_id, request.group, request.retry_limit)
            response.finished_percentage = done.percentage
            response.failed_regions_id.extend(sorted(done.failed))
            return
        region_id = request.region_id or request.region.id
        if self._state.regions.get(region_id) is None:
            # PD would think up an operator for a Region that is only described to it, and then not run it.
            kind = ErrorType.UNKNOWN if request.HasField("region") else ErrorType.REGION_NOT_FOUND
            raise PdError(kind, f"region {region_id} not found")
        try:
            self._jobs.scatter_one(region_id, request.group)
        except ImpossibleError as error:
            raise CallError(str(error)) from None
        except JobError as error:
            raise PdError(ErrorType.UNKNOWN, str(error)) from None
        response.finished_percentage = 100

    async def _split_and_scatter(
        self, request: pdpb.SplitAndScatterRegionsRequest, response: pdpb.SplitAndScatterRegionsResponse
    ) -> None:
        self._state.require_bootstrapped()
        done = await self._jobs.split(request.split_keys, request.retry_limit)
        scattered = await self._scattered(done.region_ids, request.group, request.retry_limit)
        response.split_finished_percentage = done.percentage
        response.scatter_finished_percentage = scattered.percentage
        response.regions_id.extend(done.region_ids)

    async def _scattered(self, region_ids: Sequence[int], group: str, retry_limit: int) -> Scattered:
        try:
            return await self._jobs.scatter(list(region_ids), group, retry_limit)
        except JobError as error:
            raise CallError(str(error)) from None

    def _get_operator(self, request: pdpb.GetOperatorRequest, response: pdpb.GetOperatorResponse) -> None:
        self._state.require_bootstrapped()
        operator = self._jobs.find(request.region_id)
        if operator is None:
            raise PdError(ErrorType.REGION_NOT_FOUND, "Not Found")
        response.region_id = request.region_id
        response.desc = operator.desc.encode()
        response.kind = operator.kind_text().encode()
        response.status = STATUSES[operator.status]

    # ---- safe points and watermarks ----

    def _get_safe_point(self, _request: Any, response: pdpb.GetGCSafePointResponse) -> None:
        self._state.require_bootstrapped()
        response.safe_point = self._state.gc.safe_point

    def _update_safe_point(
        self, request: pdpb.UpdateGCSafePointRequest, response: pdpb.UpdateGCSafePointResponse
    ) -> None:
        self._state.require_bootstrapped()
        response.new_safe_point = self._state.gc.advance(request.safe_point)

    def _update_service(
        self, request: pdpb.UpdateServiceGCSafePointRequest, response: pdpb.UpdateServiceGCSafePointResponse
    ) -> None:
        self._state.require_bootstrapped()
        service_id = request.service_id.decode(errors="surrogateescape")
        try:
            lowest = self._state.gc.update(service_id, request.TTL, request.safe_point)
        except GcPointsError as error:
            raise CallError(str(error)) from None
        response.service_id = lowest.service_id.encode(errors="surrogateescape")
        response.TTL = lowest.expires_s - self._state.gc.now_s()
        response.min_safe_point = lowest.safe_point

    def _report_resolved(self, request: pdpb.ReportMinResolvedTsRequest, _response: Any) -> None:
        self._state.require_bootstrapped()
        if request.store_id not in self._state.stores:
            raise CallError(f"[PD:core:ErrStoreNotFound]store {request.store_id} not found")
        self._state.watermarks.report(request.store_id, request.min_resolved_ts, self._state.leading_stores())

    def _set_external(self, request: pdpb.SetExternalTimestampRequest, _response: Any) -> None:
        now = self._state.tso.take(1).number
        self._state.require_bootstrapped()
        problem = self._state.watermarks.set_external(request.timestamp, now)
        if problem:
            raise PdError(ErrorType.INVALID_VALUE, problem)

    def _get_external(self, _request: Any, response: pdpb.GetExternalTimestampResponse) -> None:
        response.timestamp = self._state.watermarks.external

    def _min_timestamp(self, _request: Any, response: pdpb.GetMinTSResponse) -> None:
        response.timestamp.physical, response.timestamp.logical = self._state.tso.take(1)

    # ---- configuration kept for others ----

    def _load_config(self, request: pdpb.LoadGlobalConfigRequest, response: pdpb.LoadGlobalConfigResponse) -> None:
        path = _path(request.config_path)
        config = self._state.global_config
        if not request.names:
            for name, payload in config.below(path):
                response.items.add(name=name, payload=payload)
            response.revision = config.revision
            return
        for name in request.names:
            value = config.get(globalconfig.full_name(path, name))
            item = response.items.add(name=name)
            if value is None:
                item.error.type = pdpb.GLOBAL_CONFIG_NOT_FOUND
                item.error.message = f"key {name} not found"
            else:
                item.payload = value

    def _store_config(self, request: pdpb.StoreGlobalConfigRequest, _response: Any) -> None:
        path = _path(request.config_path)
        changes = [
            (
                globalconfig.full_name(path, item.name),
                None if item.kind == pdpb.DELETE else item.value.encode() or item.payload,
            )
            for item in request.changes
        ]
        try:
            self._state.global_config.change(changes)
        except MetaStoreError as error:
            raise CallError(str(error)) from None

    async def _watch_config(self, requests: AsyncIterator[bytes], context: Context) -> None:
        async for data in requests:
            request = await parse(pdpb.WatchGlobalConfigRequest, data, context)
            await self._watch(request, context)
            return

    async def _watch(self, request: pdpb.WatchGlobalConfigRequest, context: Context) -> None:
        try:
            path = _path(request.config_path)
        except CallError as error:
            await context.abort(error.code, str(error))
        try:
            async with aclosing(self._state.global_config.follow(path, request.revision)) as followed:
                async for revision, changes in followed:
                    response = pdpb.WatchGlobalConfigResponse(revision=revision)
                    for change in changes:
                        kind = pdpb.DELETE if change.removed else pdpb.PUT
                        response.changes.add(name=change.name, payload=change.value, kind=kind)
                    await context.write(response.SerializeToString())
        except ForgottenError as error:
            header = self._frame.error_header(PdError(ErrorType.DATA_COMPACTED, str(error)))
            await context.write(pdpb.WatchGlobalConfigResponse(header=header).SerializeToString())
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _path(text: str) -> str:
    try:
        return globalconfig.normal_path(text)
    except globalconfig.PathError as error:
        raise CallError(str(error), grpc.StatusCode.INVALID_ARGUMENT) from None

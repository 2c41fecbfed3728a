from ycsbpy.proto import kvrpcpb_pb2 as _kvrpcpb_pb2
from ycsbpy.proto import raft_serverpb_pb2 as _raft_serverpb_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BatchCommandsEmptyRequest(_message.Message):
    __slots__ = ("test_id", "delay_time")
    TEST_ID_FIELD_NUMBER: _ClassVar[int]
    DELAY_TIME_FIELD_NUMBER: _ClassVar[int]
    test_id: int
    delay_time: int
    def __init__(self, test_id: _Optional[int] = ..., delay_time: _Optional[int] = ...) -> None: ...

class BatchCommandsEmptyResponse(_message.Message):
    __slots__ = ("test_id",)
    TEST_ID_FIELD_NUMBER: _ClassVar[int]
    test_id: int
    def __init__(self, test_id: _Optional[int] = ...) -> None: ...

class BatchCommandsRequest(_message.Message):
    __slots__ = ("requests", "request_ids", "client_send_time_ns")
    class Request(_message.Message):
        __slots__ = ("raw_get", "raw_batch_get", "raw_put", "raw_batch_put", "raw_delete", "raw_batch_delete", "raw_scan", "raw_delete_range", "raw_batch_scan", "raw_coprocessor", "get_health_feedback", "empty")
        RAW_GET_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_GET_FIELD_NUMBER: _ClassVar[int]
        RAW_PUT_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_PUT_FIELD_NUMBER: _ClassVar[int]
        RAW_DELETE_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_DELETE_FIELD_NUMBER: _ClassVar[int]
        RAW_SCAN_FIELD_NUMBER: _ClassVar[int]
        RAW_DELETE_RANGE_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_SCAN_FIELD_NUMBER: _ClassVar[int]
        RAW_COPROCESSOR_FIELD_NUMBER: _ClassVar[int]
        GET_HEALTH_FEEDBACK_FIELD_NUMBER: _ClassVar[int]
        EMPTY_FIELD_NUMBER: _ClassVar[int]
        raw_get: _kvrpcpb_pb2.RawGetRequest
        raw_batch_get: _kvrpcpb_pb2.RawBatchGetRequest
        raw_put: _kvrpcpb_pb2.RawPutRequest
        raw_batch_put: _kvrpcpb_pb2.RawBatchPutRequest
        raw_delete: _kvrpcpb_pb2.RawDeleteRequest
        raw_batch_delete: _kvrpcpb_pb2.RawBatchDeleteRequest
        raw_scan: _kvrpcpb_pb2.RawScanRequest
        raw_delete_range: _kvrpcpb_pb2.RawDeleteRangeRequest
        raw_batch_scan: _kvrpcpb_pb2.RawBatchScanRequest
        raw_coprocessor: _kvrpcpb_pb2.RawCoprocessorRequest
        get_health_feedback: _kvrpcpb_pb2.GetHealthFeedbackRequest
        empty: BatchCommandsEmptyRequest
        def __init__(self, raw_get: _Optional[_Union[_kvrpcpb_pb2.RawGetRequest, _Mapping]] = ..., raw_batch_get: _Optional[_Union[_kvrpcpb_pb2.RawBatchGetRequest, _Mapping]] = ..., raw_put: _Optional[_Union[_kvrpcpb_pb2.RawPutRequest, _Mapping]] = ..., raw_batch_put: _Optional[_Union[_kvrpcpb_pb2.RawBatchPutRequest, _Mapping]] = ..., raw_delete: _Optional[_Union[_kvrpcpb_pb2.RawDeleteRequest, _Mapping]] = ..., raw_batch_delete: _Optional[_Union[_kvrpcpb_pb2.RawBatchDeleteRequest, _Mapping]] = ..., raw_scan: _Optional[_Union[_kvrpcpb_pb2.RawScanRequest, _Mapping]] = ..., raw_delete_range: _Optional[_Union[_kvrpcpb_pb2.RawDeleteRangeRequest, _Mapping]] = ..., raw_batch_scan: _Optional[_Union[_kvrpcpb_pb2.RawBatchScanRequest, _Mapping]] = ..., raw_coprocessor: _Optional[_Union[_kvrpcpb_pb2.RawCoprocessorRequest, _Mapping]] = ..., get_health_feedback: _Optional[_Union[_kvrpcpb_pb2.GetHealthFeedbackRequest, _Mapping]] = ..., empty: _Optional[_Union[BatchCommandsEmptyRequest, _Mapping]] = ...) -> None: ...
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_IDS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SEND_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[BatchCommandsRequest.Request]
    request_ids: _containers.RepeatedScalarFieldContainer[int]
    client_send_time_ns: int
    def __init__(self, requests: _Optional[_Iterable[_Union[BatchCommandsRequest.Request, _Mapping]]] = ..., request_ids: _Optional[_Iterable[int]] = ..., client_send_time_ns: _Optional[int] = ...) -> None: ...

class BatchCommandsResponse(_message.Message):
    __slots__ = ("responses", "request_ids", "transport_layer_load", "health_feedback", "tikv_send_time_ns")
    class Response(_message.Message):
        __slots__ = ("raw_get", "raw_batch_get", "raw_put", "raw_batch_put", "raw_delete", "raw_batch_delete", "raw_scan", "raw_delete_range", "raw_batch_scan", "raw_coprocessor", "get_health_feedback", "empty")
        RAW_GET_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_GET_FIELD_NUMBER: _ClassVar[int]
        RAW_PUT_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_PUT_FIELD_NUMBER: _ClassVar[int]
        RAW_DELETE_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_DELETE_FIELD_NUMBER: _ClassVar[int]
        RAW_SCAN_FIELD_NUMBER: _ClassVar[int]
        RAW_DELETE_RANGE_FIELD_NUMBER: _ClassVar[int]
        RAW_BATCH_SCAN_FIELD_NUMBER: _ClassVar[int]
        RAW_COPROCESSOR_FIELD_NUMBER: _ClassVar[int]
        GET_HEALTH_FEEDBACK_FIELD_NUMBER: _ClassVar[int]
        EMPTY_FIELD_NUMBER: _ClassVar[int]
        raw_get: _kvrpcpb_pb2.RawGetResponse
        raw_batch_get: _kvrpcpb_pb2.RawBatchGetResponse
        raw_put: _kvrpcpb_pb2.RawPutResponse
        raw_batch_put: _kvrpcpb_pb2.RawBatchPutResponse
        raw_delete: _kvrpcpb_pb2.RawDeleteResponse
        raw_batch_delete: _kvrpcpb_pb2.RawBatchDeleteResponse
        raw_scan: _kvrpcpb_pb2.RawScanResponse
        raw_delete_range: _kvrpcpb_pb2.RawDeleteRangeResponse
        raw_batch_scan: _kvrpcpb_pb2.RawBatchScanResponse
        raw_coprocessor: _kvrpcpb_pb2.RawCoprocessorResponse
        get_health_feedback: _kvrpcpb_pb2.GetHealthFeedbackResponse
        empty: BatchCommandsEmptyResponse
        def __init__(self, raw_get: _Optional[_Union[_kvrpcpb_pb2.RawGetResponse, _Mapping]] = ..., raw_batch_get: _Optional[_Union[_kvrpcpb_pb2.RawBatchGetResponse, _Mapping]] = ..., raw_put: _Optional[_Union[_kvrpcpb_pb2.RawPutResponse, _Mapping]] = ..., raw_batch_put: _Optional[_Union[_kvrpcpb_pb2.RawBatchPutResponse, _Mapping]] = ..., raw_delete: _Optional[_Union[_kvrpcpb_pb2.RawDeleteResponse, _Mapping]] = ..., raw_batch_delete: _Optional[_Union[_kvrpcpb_pb2.RawBatchDeleteResponse, _Mapping]] = ..., raw_scan: _Optional[_Union[_kvrpcpb_pb2.RawScanResponse, _Mapping]] = ..., raw_delete_range: _Optional[_Union[_kvrpcpb_pb2.RawDeleteRangeResponse, _Mapping]] = ..., raw_batch_scan: _Optional[_Union[_kvrpcpb_pb2.RawBatchScanResponse, _Mapping]] = ..., raw_coprocessor: _Optional[_Union[_kvrpcpb_pb2.RawCoprocessorResponse, _Mapping]] = ..., get_health_feedback: _Optional[_Union[_kvrpcpb_pb2.GetHealthFeedbackResponse, _Mapping]] = ..., empty: _Optional[_Union[BatchCommandsEmptyResponse, _Mapping]] = ...) -> None: ...
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_IDS_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_LAYER_LOAD_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    TIKV_SEND_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    responses: _containers.RepeatedCompositeFieldContainer[BatchCommandsResponse.Response]
    request_ids: _containers.RepeatedScalarFieldContainer[int]
    transport_layer_load: int
    health_feedback: _kvrpcpb_pb2.HealthFeedback
    tikv_send_time_ns: int
    def __init__(self, responses: _Optional[_Iterable[_Union[BatchCommandsResponse.Response, _Mapping]]] = ..., request_ids: _Optional[_Iterable[int]] = ..., transport_layer_load: _Optional[int] = ..., health_feedback: _Optional[_Union[_kvrpcpb_pb2.HealthFeedback, _Mapping]] = ..., tikv_send_time_ns: _Optional[int] = ...) -> None: ...

class BatchRaftMessage(_message.Message):
    __slots__ = ("msgs", "last_observed_time")
    MSGS_FIELD_NUMBER: _ClassVar[int]
    LAST_OBSERVED_TIME_FIELD_NUMBER: _ClassVar[int]
    msgs: _containers.RepeatedCompositeFieldContainer[_raft_serverpb_pb2.RaftMessage]
    last_observed_time: int
    def __init__(self, msgs: _Optional[_Iterable[_Union[_raft_serverpb_pb2.RaftMessage, _Mapping]]] = ..., last_observed_time: _Optional[int] = ...) -> None: ...

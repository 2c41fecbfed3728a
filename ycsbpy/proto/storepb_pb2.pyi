from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Pair(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class Range(_message.Message):
    __slots__ = ("start_key", "end_key")
    START_KEY_FIELD_NUMBER: _ClassVar[int]
    END_KEY_FIELD_NUMBER: _ClassVar[int]
    start_key: bytes
    end_key: bytes
    def __init__(self, start_key: _Optional[bytes] = ..., end_key: _Optional[bytes] = ...) -> None: ...

class AnyRequest(_message.Message):
    __slots__ = ("context",)
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    def __init__(self, context: _Optional[bytes] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("context", "key", "cf")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    key: bytes
    cf: bytes
    def __init__(self, context: _Optional[bytes] = ..., key: _Optional[bytes] = ..., cf: _Optional[bytes] = ...) -> None: ...

class BatchGetRequest(_message.Message):
    __slots__ = ("context", "keys", "cf")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    cf: bytes
    def __init__(self, context: _Optional[bytes] = ..., keys: _Optional[_Iterable[bytes]] = ..., cf: _Optional[bytes] = ...) -> None: ...

class PutRequest(_message.Message):
    __slots__ = ("context", "key", "value", "cf", "ttl", "for_cas")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    FOR_CAS_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    key: bytes
    value: bytes
    cf: bytes
    ttl: int
    for_cas: bool
    def __init__(self, context: _Optional[bytes] = ..., key: _Optional[bytes] = ..., value: _Optional[bytes] = ..., cf: _Optional[bytes] = ..., ttl: _Optional[int] = ..., for_cas: bool = ...) -> None: ...

class BatchPutRequest(_message.Message):
    __slots__ = ("context", "pairs", "cf", "for_cas", "ttls")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    FOR_CAS_FIELD_NUMBER: _ClassVar[int]
    TTLS_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    pairs: _containers.RepeatedCompositeFieldContainer[Pair]
    cf: bytes
    for_cas: bool
    ttls: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, context: _Optional[bytes] = ..., pairs: _Optional[_Iterable[_Union[Pair, _Mapping]]] = ..., cf: _Optional[bytes] = ..., for_cas: bool = ..., ttls: _Optional[_Iterable[int]] = ...) -> None: ...

class DeleteRequest(_message.Message):
    __slots__ = ("context", "key", "cf", "for_cas")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    FOR_CAS_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    key: bytes
    cf: bytes
    for_cas: bool
    def __init__(self, context: _Optional[bytes] = ..., key: _Optional[bytes] = ..., cf: _Optional[bytes] = ..., for_cas: bool = ...) -> None: ...

class BatchDeleteRequest(_message.Message):
    __slots__ = ("context", "keys", "cf", "for_cas")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    FOR_CAS_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    cf: bytes
    for_cas: bool
    def __init__(self, context: _Optional[bytes] = ..., keys: _Optional[_Iterable[bytes]] = ..., cf: _Optional[bytes] = ..., for_cas: bool = ...) -> None: ...

class ScanRequest(_message.Message):
    __slots__ = ("context", "start_key", "limit", "key_only", "cf", "reverse", "end_key")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    START_KEY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    KEY_ONLY_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    END_KEY_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    start_key: bytes
    limit: int
    key_only: bool
    cf: bytes
    reverse: bool
    end_key: bytes
    def __init__(self, context: _Optional[bytes] = ..., start_key: _Optional[bytes] = ..., limit: _Optional[int] = ..., key_only: bool = ..., cf: _Optional[bytes] = ..., reverse: bool = ..., end_key: _Optional[bytes] = ...) -> None: ...

class BatchScanRequest(_message.Message):
    __slots__ = ("context", "ranges", "each_limit", "key_only", "cf", "reverse")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    EACH_LIMIT_FIELD_NUMBER: _ClassVar[int]
    KEY_ONLY_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    ranges: _containers.RepeatedCompositeFieldContainer[Range]
    each_limit: int
    key_only: bool
    cf: bytes
    reverse: bool
    def __init__(self, context: _Optional[bytes] = ..., ranges: _Optional[_Iterable[_Union[Range, _Mapping]]] = ..., each_limit: _Optional[int] = ..., key_only: bool = ..., cf: _Optional[bytes] = ..., reverse: bool = ...) -> None: ...

class DeleteRangeRequest(_message.Message):
    __slots__ = ("context", "start_key", "end_key", "cf")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    START_KEY_FIELD_NUMBER: _ClassVar[int]
    END_KEY_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    start_key: bytes
    end_key: bytes
    cf: bytes
    def __init__(self, context: _Optional[bytes] = ..., start_key: _Optional[bytes] = ..., end_key: _Optional[bytes] = ..., cf: _Optional[bytes] = ...) -> None: ...

class GetKeyTTLRequest(_message.Message):
    __slots__ = ("context", "key", "cf")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    key: bytes
    cf: bytes
    def __init__(self, context: _Optional[bytes] = ..., key: _Optional[bytes] = ..., cf: _Optional[bytes] = ...) -> None: ...

class CASRequest(_message.Message):
    __slots__ = ("context", "key", "value", "previous_not_exist", "previous_value", "cf", "ttl", "delete")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_NOT_EXIST_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VALUE_FIELD_NUMBER: _ClassVar[int]
    CF_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    key: bytes
    value: bytes
    previous_not_exist: bool
    previous_value: bytes
    cf: bytes
    ttl: int
    delete: bool
    def __init__(self, context: _Optional[bytes] = ..., key: _Optional[bytes] = ..., value: _Optional[bytes] = ..., previous_not_exist: bool = ..., previous_value: _Optional[bytes] = ..., cf: _Optional[bytes] = ..., ttl: _Optional[int] = ..., delete: bool = ...) -> None: ...

class ChecksumRequest(_message.Message):
    __slots__ = ("context", "algorithm", "ranges")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    algorithm: int
    ranges: _containers.RepeatedCompositeFieldContainer[Range]
    def __init__(self, context: _Optional[bytes] = ..., algorithm: _Optional[int] = ..., ranges: _Optional[_Iterable[_Union[Range, _Mapping]]] = ...) -> None: ...

class EmptyRequest(_message.Message):
    __slots__ = ("test_id",)
    TEST_ID_FIELD_NUMBER: _ClassVar[int]
    test_id: int
    def __init__(self, test_id: _Optional[int] = ...) -> None: ...

class BatchRequest(_message.Message):
    __slots__ = ("requests", "request_ids")
    class Command(_message.Message):
        __slots__ = ("Get", "Scan", "Prewrite", "Commit", "Import", "Cleanup", "BatchGet", "BatchRollback", "ScanLock", "ResolveLock", "GC", "DeleteRange", "RawGet", "RawBatchGet", "RawPut", "RawBatchPut", "RawDelete", "RawBatchDelete", "RawScan", "RawDeleteRange", "RawBatchScan", "Coprocessor", "PessimisticLock", "PessimisticRollback", "CheckTxnStatus", "TxnHeartBeat", "CheckSecondaryLocks", "RawCoprocessor", "FlashbackToVersion", "PrepareFlashbackToVersion", "Flush", "BufferBatchGet", "GetHealthFeedback", "BroadcastTxnStatus", "Empty")
        GET_FIELD_NUMBER: _ClassVar[int]
        SCAN_FIELD_NUMBER: _ClassVar[int]
        PREWRITE_FIELD_NUMBER: _ClassVar[int]
        COMMIT_FIELD_NUMBER: _ClassVar[int]
        IMPORT_FIELD_NUMBER: _ClassVar[int]
        CLEANUP_FIELD_NUMBER: _ClassVar[int]
        BATCHGET_FIELD_NUMBER: _ClassVar[int]
        BATCHROLLBACK_FIELD_NUMBER: _ClassVar[int]
        SCANLOCK_FIELD_NUMBER: _ClassVar[int]
        RESOLVELOCK_FIELD_NUMBER: _ClassVar[int]
        GC_FIELD_NUMBER: _ClassVar[int]
        DELETERANGE_FIELD_NUMBER: _ClassVar[int]
        RAWGET_FIELD_NUMBER: _ClassVar[int]
        RAWBATCHGET_FIELD_NUMBER: _ClassVar[int]
        RAWPUT_FIELD_NUMBER: _ClassVar[int]
        RAWBATCHPUT_FIELD_NUMBER: _ClassVar[int]
        RAWDELETE_FIELD_NUMBER: _ClassVar[int]
        RAWBATCHDELETE_FIELD_NUMBER: _ClassVar[int]
        RAWSCAN_FIELD_NUMBER: _ClassVar[int]
        RAWDELETERANGE_FIELD_NUMBER: _ClassVar[int]
        RAWBATCHSCAN_FIELD_NUMBER: _ClassVar[int]
        COPROCESSOR_FIELD_NUMBER: _ClassVar[int]
        PESSIMISTICLOCK_FIELD_NUMBER: _ClassVar[int]
        PESSIMISTICROLLBACK_FIELD_NUMBER: _ClassVar[int]
        CHECKTXNSTATUS_FIELD_NUMBER: _ClassVar[int]
        TXNHEARTBEAT_FIELD_NUMBER: _ClassVar[int]
        CHECKSECONDARYLOCKS_FIELD_NUMBER: _ClassVar[int]
        RAWCOPROCESSOR_FIELD_NUMBER: _ClassVar[int]
        FLASHBACKTOVERSION_FIELD_NUMBER: _ClassVar[int]
        PREPAREFLASHBACKTOVERSION_FIELD_NUMBER: _ClassVar[int]
        FLUSH_FIELD_NUMBER: _ClassVar[int]
        BUFFERBATCHGET_FIELD_NUMBER: _ClassVar[int]
        GETHEALTHFEEDBACK_FIELD_NUMBER: _ClassVar[int]
        BROADCASTTXNSTATUS_FIELD_NUMBER: _ClassVar[int]
        EMPTY_FIELD_NUMBER: _ClassVar[int]
        Get: AnyRequest
        Scan: AnyRequest
        Prewrite: AnyRequest
        Commit: AnyRequest
        Import: AnyRequest
        Cleanup: AnyRequest
        BatchGet: AnyRequest
        BatchRollback: AnyRequest
        ScanLock: AnyRequest
        ResolveLock: AnyRequest
        GC: AnyRequest
        DeleteRange: AnyRequest
        RawGet: GetRequest
        RawBatchGet: BatchGetRequest
        RawPut: PutRequest
        RawBatchPut: BatchPutRequest
        RawDelete: DeleteRequest
        RawBatchDelete: BatchDeleteRequest
        RawScan: ScanRequest
        RawDeleteRange: DeleteRangeRequest
        RawBatchScan: BatchScanRequest
        Coprocessor: AnyRequest
        PessimisticLock: AnyRequest
        PessimisticRollback: AnyRequest
        CheckTxnStatus: AnyRequest
        TxnHeartBeat: AnyRequest
        CheckSecondaryLocks: AnyRequest
        RawCoprocessor: AnyRequest
        FlashbackToVersion: AnyRequest
        PrepareFlashbackToVersion: AnyRequest
        Flush: AnyRequest
        BufferBatchGet: AnyRequest
        GetHealthFeedback: AnyRequest
        BroadcastTxnStatus: AnyRequest
        Empty: EmptyRequest
        def __init__(self, Get: _Optional[_Union[AnyRequest, _Mapping]] = ..., Scan: _Optional[_Union[AnyRequest, _Mapping]] = ..., Prewrite: _Optional[_Union[AnyRequest, _Mapping]] = ..., Commit: _Optional[_Union[AnyRequest, _Mapping]] = ..., Import: _Optional[_Union[AnyRequest, _Mapping]] = ..., Cleanup: _Optional[_Union[AnyRequest, _Mapping]] = ..., BatchGet: _Optional[_Union[AnyRequest, _Mapping]] = ..., BatchRollback: _Optional[_Union[AnyRequest, _Mapping]] = ..., ScanLock: _Optional[_Union[AnyRequest, _Mapping]] = ..., ResolveLock: _Optional[_Union[AnyRequest, _Mapping]] = ..., GC: _Optional[_Union[AnyRequest, _Mapping]] = ..., DeleteRange: _Optional[_Union[AnyRequest, _Mapping]] = ..., RawGet: _Optional[_Union[GetRequest, _Mapping]] = ..., RawBatchGet: _Optional[_Union[BatchGetRequest, _Mapping]] = ..., RawPut: _Optional[_Union[PutRequest, _Mapping]] = ..., RawBatchPut: _Optional[_Union[BatchPutRequest, _Mapping]] = ..., RawDelete: _Optional[_Union[DeleteRequest, _Mapping]] = ..., RawBatchDelete: _Optional[_Union[BatchDeleteRequest, _Mapping]] = ..., RawScan: _Optional[_Union[ScanRequest, _Mapping]] = ..., RawDeleteRange: _Optional[_Union[DeleteRangeRequest, _Mapping]] = ..., RawBatchScan: _Optional[_Union[BatchScanRequest, _Mapping]] = ..., Coprocessor: _Optional[_Union[AnyRequest, _Mapping]] = ..., PessimisticLock: _Optional[_Union[AnyRequest, _Mapping]] = ..., PessimisticRollback: _Optional[_Union[AnyRequest, _Mapping]] = ..., CheckTxnStatus: _Optional[_Union[AnyRequest, _Mapping]] = ..., TxnHeartBeat: _Optional[_Union[AnyRequest, _Mapping]] = ..., CheckSecondaryLocks: _Optional[_Union[AnyRequest, _Mapping]] = ..., RawCoprocessor: _Optional[_Union[AnyRequest, _Mapping]] = ..., FlashbackToVersion: _Optional[_Union[AnyRequest, _Mapping]] = ..., PrepareFlashbackToVersion: _Optional[_Union[AnyRequest, _Mapping]] = ..., Flush: _Optional[_Union[AnyRequest, _Mapping]] = ..., BufferBatchGet: _Optional[_Union[AnyRequest, _Mapping]] = ..., GetHealthFeedback: _Optional[_Union[AnyRequest, _Mapping]] = ..., BroadcastTxnStatus: _Optional[_Union[AnyRequest, _Mapping]] = ..., Empty: _Optional[_Union[EmptyRequest, _Mapping]] = ...) -> None: ...
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_IDS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[BatchRequest.Command]
    request_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, requests: _Optional[_Iterable[_Union[BatchRequest.Command, _Mapping]]] = ..., request_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class BatchResponse(_message.Message):
    __slots__ = ("responses", "request_ids", "health_feedback")
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_IDS_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    responses: _containers.RepeatedScalarFieldContainer[bytes]
    request_ids: _containers.RepeatedScalarFieldContainer[int]
    health_feedback: bytes
    def __init__(self, responses: _Optional[_Iterable[bytes]] = ..., request_ids: _Optional[_Iterable[int]] = ..., health_feedback: _Optional[bytes] = ...) -> None: ...
